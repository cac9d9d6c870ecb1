/* SPDX-License-Identifier: MIT */
/* Shared by the files of src/live only. README.md here holds the rules. */
#pragma once

#include "traction/live.h"

#include "traction/base/arena.h"
#include "traction/base/buf.h"
#include "traction/pg.h"

enum {
    TR_LIVE_WINDOW_S = 300,   /* "now" */
    TR_LIVE_SECONDS = 512,    /* remembered */
    TR_LIVE_MINUTES = 30,     /* of page views */
    TR_LIVE_KEYS = 1024,      /* names, and paths, told apart */
    TR_LIVE_SLOT_S = 30,      /* how exactly keys grow old */
    TR_LIVE_SLOTS = 10,       /* × TR_LIVE_SLOT_S is the window */
    TR_LIVE_PEOPLE = 65536,   /* remembered; beyond, a sample */
    TR_LIVE_LATENESS = 10,    /* seconds over which it is measured */
    TR_LIVE_LATENESS_MAX = 60 /* seconds */
};

/* People (people.c): who was active when, with the share of people they stand for ----------------
 */

struct person {
    uint8_t key[16];
    int32_t last_s; /* 0: an empty slot */
    uint8_t level;  /* it stands for 2^level people */
};

struct people {
    struct person *slots;
    size_t capacity; /* a power of two */
    size_t used;
    int level; /* beyond that of each: keys are kept if this many bits of them are zero */
};

void tr_live_people_init(struct people *people);
void tr_live_people_fini(struct people *people);
bool tr_live_people_knows(const struct people *people, const uint8_t key[16]);
void tr_live_people_see(struct people *people, const uint8_t key[16], int32_t last_s, int level);
/* Whoever it was, is another. */
void tr_live_people_join(struct people *people, const uint8_t from[16], const uint8_t to[16]);
/* Forgets those last seen before. */
void tr_live_people_prune(struct people *people, int32_t before_s);
struct people_count {
    double value;
    double error; /* two standard errors, relative; 0: exact */
};
struct people_count tr_live_people_count(const struct people *people, int32_t since_s);

/* Keys (keys.c): how often each was seen in the window -------------------------------------------
 */

struct key {
    char *text; /* the heap's; NULL: never used */
    size_t size;
    uint32_t hash;
    int64_t total;
    uint32_t slots[TR_LIVE_SLOTS];
};

struct keys {
    struct key *list;
    size_t count;
    int64_t slot; /* the newest, of all time */
};

void tr_live_keys_init(struct keys *keys);
void tr_live_keys_fini(struct keys *keys);
/* Lets what is too old by now go. */
void tr_live_keys_advance(struct keys *keys, int64_t now_s);
void tr_live_keys_add(struct keys *keys, struct tr_slice text, int64_t at_s, int64_t n);
/* The largest, at most room of them; returns how many. */
size_t tr_live_keys_top(const struct keys *keys, const struct key **out, size_t room);

/* The window (window.c): all that is shown of a project ------------------------------------------
 */

struct second {
    int64_t at_s;
    int64_t events;
    int64_t requests;
    int64_t failures;
    int64_t errors;
};

struct newest {
    int64_t run;
    char *text[TR_LIVE_TEXTS]; /* the heap's */
    size_t size[TR_LIVE_TEXTS];
};

struct window {
    struct second seconds[TR_LIVE_SECONDS];
    int64_t minutes[TR_LIVE_MINUTES]; /* by number of the minute, modulo */
    int64_t first_minute;
    struct keys names; /* kind and name */
    struct keys pages;
    struct people people;
    struct newest events[TR_LIVE_EVENTS]; /* a ring */
    int64_t event_count;                  /* of all time */
    int64_t lateness[TR_LIVE_LATENESS];   /* by second, modulo: of the notes found then */
    int64_t lateness_at[TR_LIVE_LATENESS];
    int64_t run; /* of the newest note */
    bool identified;
};

struct window *tr_live_window_new(void);
void tr_live_window_free(struct window *window);
/* Takes in the text of a note, of whatever shape; what does not fit is left out. now_us: when it
 * was found; first: it may have been there for long. */
void tr_live_window_note(struct window *window, int64_t run, struct tr_slice note, int64_t now_us,
                         bool first);
void tr_live_window_minutes_begin(struct window *window, int64_t now_s);
void tr_live_window_minute(struct window *window, int64_t minute, int64_t page_views);
/* The second that is the newest to be complete. */
int64_t tr_live_window_complete(const struct window *window, int64_t now_us);
const struct second *tr_live_window_second(const struct window *window, int64_t at_s);

/* Frames (frame.c) -------------------------------------------------------------------------------
 */

struct frame_facts {
    int64_t number;
    int64_t now_us;       /* what the clock says */
    int64_t looked_us;    /* when PostgreSQL was last asked: the window is as of then */
    bool stale;           /* it could not be asked since */
    int64_t events_shown; /* of window->event_count */
};
struct tr_live_frame *tr_live_frame_new(struct window *window, const struct frame_facts *facts);
/* Appends one event of a note as the two texts, freshly allocated. False: it is none. */
bool tr_live_event_text(struct tr_slice event, int64_t run, struct newest *out);

/* Reading (look.c): what was committed since the last time. < 0: PostgreSQL failed. */
int tr_live_look(struct tr_pg *pg, int32_t project_id, struct window *window, int64_t now_us,
                 struct tr_error *error);
