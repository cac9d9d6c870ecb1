/* SPDX-License-Identifier: MIT */
/*
 * traction up --demo: fills the project "demo" with what src/demo makes up, the way any client
 * would, over HTTP with a key. A thread sends while the server runs.
 *
 *   up_demo.c       what is to be loaded; demo.json, which says how far that has come
 *   up_demo_send.c  the thread's conversation with the server
 */
#pragma once

#include "up_priv.h"

#include "traction/demo.h"

#include <stdatomic.h>

/* As on the command line; NULL: not given. */
struct tr_up_demo_words {
    bool demo;
    const char *seed;
    const char *events;
    const char *end;
};

struct tr_up_demo;

/* Reads the words. -EINVAL: wrong usage, the message names the option. */
int tr_up_demo_new(struct tr_up_demo **demo_out, const struct tr_up_demo_words *words,
                   const struct tr_config *config, struct tr_error *error);
/* Ends the thread first, if need be. */
void tr_up_demo_free(struct tr_up_demo *demo);

/* Looks what there is to do, before the server starts: nothing if the project has events that
 * are not from a load that was cut off. */
int tr_up_demo_prepare(struct tr_up_demo *demo, const char *directory, struct tr_pg *pg,
                       int32_t project_id, struct tr_error *error);
/* Starts the thread, if there is anything to do. url: http://host:port. access is copied. */
int tr_up_demo_start(struct tr_up_demo *demo, const char *url, const struct tr_up_access *access,
                     struct tr_error *error);
/* Shows how far it is. 1 while it runs, 0 once everything is in PostgreSQL, < 0: it failed. */
int tr_up_demo_poll(struct tr_up_demo *demo, struct tr_error *error);
/* Once the load is over: its releases as annotations of the project; again changes nothing. */
int tr_up_demo_mark(const struct tr_up_demo *demo, const char *database_url,
                    struct tr_error *error);
/* The same of a list of marks (up_demo_marks.c). */
int tr_up_demo_annotate(const json_t *marks, const char *database_url, struct tr_error *error);
/* Says on stdout what the project has, once the load is over. */
void tr_up_demo_print(const struct tr_up_demo *demo);

/* The conversation ----------------------------------------------------------------------------- */

struct tr_up_demo_server {
    const char *url;
    const char *write_key;
    const char *read_key;
};

/* Shared by the thread and the one that watches it. */
struct tr_up_demo_progress {
    _Atomic int64_t accepted; /* events */
    _Atomic bool stop;
};

/* Sends everything and waits until all of it is in PostgreSQL. -ECANCELED: was told to stop. */
int tr_up_demo_send(struct tr_demo *demo, const struct tr_up_demo_server *server,
                    struct tr_up_demo_progress *progress, struct tr_error *error);
