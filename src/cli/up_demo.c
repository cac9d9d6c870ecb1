/* SPDX-License-Identifier: MIT */
/*
 * What the project "demo" is to be filled with, and how far that has come. DIR/demo.json says both:
 * it is written before the first event is sent, so that a load which was cut off goes on with the
 * same events, and again at the end, with what was loaded. Events are known again by their ids for
 * database.dedupe_window; a load that was cut off longer ago is not taken up.
 */
#include "up_demo.h"

#include "traction/base/arena.h"
#include "traction/base/clock.h"
#include "traction/base/file.h"
#include "traction/base/loop.h"
#include "traction/json.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EVENTS_MIN = 1000, EVENTS_MAX = 100000000, STATE_MAX_BYTES = 64 << 10 };
static const int64_t seed_max = INT64_C(1) << 53; /* which every JSON reader can hold */
static const int64_t hour_us = INT64_C(3600) * 1000000;
static const int64_t show_every_us = INT64_C(500) * 1000;

struct tr_up_demo {
    struct tr_demo_options options;
    int64_t window_us;  /* of dedupe */
    int64_t started_us; /* wall: when its first event may have been received */
    char *path;
    json_t *loaded; /* what demo.json says of a load that is over; NULL: unknown */
    bool needed;
    struct tr_up_access access;
    char *url;
    pthread_t thread;
    bool has_thread;
    struct tr_up_demo_progress progress;
    _Atomic bool over;
    int result; /* these: the thread's, until over */
    struct tr_error error;
    int64_t begun_us; /* monotonic */
    int64_t taken_us;
    int64_t shown_us;
};

/* Words ---------------------------------------------------------------------------------------- */

static bool read_number(const char *text, int64_t least, int64_t most, int64_t *out)
{
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (end == text || *end != '\0' || errno != 0 || number < least || number > most)
        return false;
    *out = number;
    return true;
}

static bool read_time(const char *text, int64_t *us_out)
{
    TR_CLEANUP(tr_arena_freep) struct tr_arena *arena = tr_arena_new(64 << 10);
    TR_CLEANUP(tr_freep) char *quoted = tr_printf("\"%.40s\"", text);
    struct tr_json_value value;
    return tr_json_scan(tr_slice_of(quoted), &value) && tr_event_read_time(&value, arena, us_out);
}

static int read_end(struct tr_up_demo *demo, const char *text, const struct tr_config *config,
                    struct tr_error *error)
{
    const int64_t day_us = 24 * hour_us;
    int64_t now_us = tr_clock_wall_us();
    int64_t first_us = now_us - config->event_limits.past_us + TR_DEMO_DAYS * day_us;
    int64_t end_us = now_us;
    if (text != NULL && !read_time(text, &end_us))
        return tr_error_set(error, -EINVAL,
                            "--demo-end: expected a time such as 2026-11-23T12:00:00Z, not "
                            "\"%.40s\"",
                            text);
    if (end_us > now_us)
        return tr_error_set(error, -EINVAL, "--demo-end: expected a time that is over");
    if (end_us < first_us)
        return tr_error_set(error, -EINVAL,
                            "the demo's first day would be older than limits.past allows");
    demo->options.end_us = end_us;
    return 0;
}

static int read_words(struct tr_up_demo *demo, const struct tr_up_demo_words *words,
                      const struct tr_config *config, struct tr_error *error)
{
    int64_t seed = (int64_t)demo->options.seed;
    if (!words->demo && (words->seed != NULL || words->events != NULL || words->end != NULL))
        return tr_error_set(error, -EINVAL, "--demo-%s needs --demo",
                            words->seed != NULL     ? "seed"
                            : words->events != NULL ? "events"
                                                    : "end");
    if (words->seed != NULL && !read_number(words->seed, 0, seed_max, &seed))
        return tr_error_set(error, -EINVAL, "--demo-seed: expected a number from 0 to 2^53");
    if (words->events != NULL &&
        !read_number(words->events, EVENTS_MIN, EVENTS_MAX, &demo->options.events))
        return tr_error_set(error, -EINVAL, "--demo-events: expected a number from %d to %d",
                            EVENTS_MIN, EVENTS_MAX);
    demo->options.seed = (uint64_t)seed;
    return words->demo ? read_end(demo, words->end, config, error) : 0;
}

int tr_up_demo_new(struct tr_up_demo **demo_out, const struct tr_up_demo_words *words,
                   const struct tr_config *config, struct tr_error *error)
{
    struct tr_up_demo *demo = tr_calloc(1, sizeof *demo);
    tr_demo_options_init(&demo->options);
    demo->window_us = config->writer.dedupe_window_us;
    if (config->event_limits.events < (size_t)demo->options.batch_events)
        demo->options.batch_events = (int)config->event_limits.events;
    if (config->http.body_bytes < demo->options.batch_bytes)
        demo->options.batch_bytes = config->http.body_bytes;
    int result = read_words(demo, words, config, error);
    if (result < 0)
        tr_up_demo_free(demo);
    else
        *demo_out = demo;
    return result;
}

void tr_up_demo_free(struct tr_up_demo *demo)
{
    if (demo == NULL)
        return;
    atomic_store(&demo->progress.stop, true);
    if (demo->has_thread)
        pthread_join(demo->thread, NULL);
    json_decref(demo->loaded);
    free(demo->path);
    free(demo->url);
    free(demo);
}

/* demo.json ------------------------------------------------------------------------------------ */

static json_t *time_json(int64_t us)
{
    char text[32];
    tr_cli_format_time(us, text);
    return json_string(text);
}

static json_t *marks_json(const struct tr_demo *story)
{
    size_t count;
    const struct tr_demo_mark *marks = tr_demo_marks(story, &count);
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, json_pack("{s:o,s:s,s:s}", "at", time_json(marks[i].at_us),
                                              "kind", marks[i].kind, "title", marks[i].title));
    return list;
}

static json_t *facts_json(const struct tr_demo_facts *facts)
{
    json_t *names = json_object();
    for (int i = 0; i < TR_DEMO_NAMES; i++)
        json_object_set_new(names, tr_demo_name(i), json_integer(facts->by_name[i]));
    return json_pack("{s:I,s:o,s:I}", "events", (json_int_t)facts->events, "by_name", names,
                     "bot_events", (json_int_t)facts->bot_events);
}

static json_t *outage_json(const struct tr_demo_facts *facts)
{
    return json_pack(
        "{s:o,s:o,s:s,s:I,s:I,s:I,s:I,s:I,s:I}", "from", time_json(facts->broken_from_us), "to",
        time_json(facts->broken_to_us), "route", "/api/boards", "requests",
        (json_int_t)facts->broken_saves, "failed", (json_int_t)facts->failed_saves, "people",
        (json_int_t)facts->people_hit, "tickets", (json_int_t)facts->outage_tickets, "cancelled",
        (json_int_t)facts->outage_cancelled, "monthly_lost", (json_int_t)facts->outage_monthly);
}

/* With the facts of the story once it has been told. */
static int write_state(const struct tr_up_demo *demo, const struct tr_demo *story,
                       struct tr_error *error)
{
    json_t *state =
        json_pack("{s:b,s:I,s:I,s:I,s:I,s:o}", "complete", story != NULL, "seed",
                  (json_int_t)demo->options.seed, "events_wanted", (json_int_t)demo->options.events,
                  "end_us", (json_int_t)demo->options.end_us, "started_us",
                  (json_int_t)demo->started_us, "to", time_json(demo->options.end_us));
    if (story != NULL) {
        struct tr_demo_facts facts;
        tr_demo_get_facts(story, &facts);
        json_object_set_new(state, "from", time_json(facts.from_us));
        json_object_set_new(state, "loaded", facts_json(&facts));
        json_object_set_new(state, "outage", outage_json(&facts));
        json_object_set_new(state, "marks", marks_json(story));
    }
    TR_CLEANUP(tr_freep) char *text = json_dumps(state, JSON_INDENT(1));
    json_decref(state);
    return tr_file_replace(demo->path, text, strlen(text), 0644, error);
}

static json_t *read_state(const struct tr_up_demo *demo)
{
    TR_CLEANUP(tr_freep) char *text = NULL;
    size_t size;
    if (tr_file_read_all(demo->path, STATE_MAX_BYTES, &text, &size, NULL) < 0)
        return NULL;
    return json_loadb(text, size, 0, NULL);
}

/* What there is to do -------------------------------------------------------------------------- */

static int has_events(struct tr_pg *pg, int32_t project_id, bool *found_out, struct tr_error *error)
{
    TR_CLEANUP(tr_pg_params_freep) struct tr_pg_params *params = tr_pg_params_new();
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *row = NULL;
    tr_pg_bind_int4(params, project_id);
    int result =
        tr_pg_query(pg, tr_pg_sql("queries/admin/project_has_events"), params, &row, error);
    if (result == 0)
        *found_out = tr_pg_get_bool(row, 0, 0);
    return result;
}

/* Goes on with what was begun, whatever the words of this time say. */
static int resume(struct tr_up_demo *demo, const json_t *state, bool found, struct tr_error *error)
{
    demo->options.seed = (uint64_t)json_integer_value(json_object_get(state, "seed"));
    demo->options.events = json_integer_value(json_object_get(state, "events_wanted"));
    demo->options.end_us = json_integer_value(json_object_get(state, "end_us"));
    demo->started_us = json_integer_value(json_object_get(state, "started_us"));
    if (found && tr_clock_wall_us() > demo->started_us + demo->window_us - hour_us) {
        tr_error_set(error, -ESTALE,
                     "loading the demo was cut off too long ago for it to go on: events would "
                     "count twice");
        return tr_error_hint(error, "Give another folder with --data, or start without --demo.");
    }
    if (!found)
        demo->started_us = tr_clock_wall_us();
    return write_state(demo, NULL, error);
}

static int decide(struct tr_up_demo *demo, const json_t *state, bool found, struct tr_error *error)
{
    bool begun = state != NULL && !json_is_true(json_object_get(state, "complete")) &&
                 json_is_integer(json_object_get(state, "end_us"));
    demo->needed = begun || !found;
    if (begun)
        return resume(demo, state, found, error);
    if (!demo->needed)
        return 0;
    demo->started_us = tr_clock_wall_us();
    return write_state(demo, NULL, error);
}

int tr_up_demo_prepare(struct tr_up_demo *demo, const char *directory, struct tr_pg *pg,
                       int32_t project_id, struct tr_error *error)
{
    bool found = false;
    demo->path = tr_printf("%s/demo.json", directory);
    int result = has_events(pg, project_id, &found, error);
    if (result < 0)
        return result;
    demo->loaded = read_state(demo);
    return decide(demo, demo->loaded, found, error);
}

/* The thread ----------------------------------------------------------------------------------- */

static void *run(void *context)
{
    struct tr_up_demo *demo = context;
    const struct tr_up_demo_server server = {.url = demo->url,
                                             .write_key = demo->access.keys[TR_SCOPE_WRITE],
                                             .read_key = demo->access.keys[TR_SCOPE_READ]};
    TR_CLEANUP(tr_demo_freep) struct tr_demo *story = tr_demo_new(&demo->options);
    demo->result = tr_up_demo_send(story, &server, &demo->progress, &demo->error);
    if (demo->result == 0)
        demo->result = write_state(demo, story, &demo->error);
    demo->taken_us = tr_clock_mono_us() - demo->begun_us;
    atomic_store(&demo->over, true);
    return NULL;
}

int tr_up_demo_start(struct tr_up_demo *demo, const char *url, const struct tr_up_access *access,
                     struct tr_error *error)
{
    if (!demo->needed)
        return 0;
    demo->url = tr_strdup(url);
    demo->access = *access;
    demo->begun_us = tr_clock_mono_us();
    fprintf(stderr, "Loading the demo: about %" PRId64 " events of %d days\n", demo->options.events,
            TR_DEMO_DAYS);
    int result = tr_thread_start(&demo->thread, "demo", run, demo, error);
    demo->has_thread = result == 0;
    return result;
}

/* On a terminal, a line that is written over. */
static void show(struct tr_up_demo *demo, bool last)
{
    int64_t now_us = tr_clock_mono_us();
    int64_t accepted = atomic_load(&demo->progress.accepted);
    if (!isatty(STDERR_FILENO) || (!last && now_us - demo->shown_us < show_every_us))
        return;
    demo->shown_us = now_us;
    fprintf(stderr, "\r  %" PRId64 " events%s", accepted, last ? "\n" : "");
}

int tr_up_demo_poll(struct tr_up_demo *demo, struct tr_error *error)
{
    if (!demo->needed)
        return 0;
    bool over = atomic_load(&demo->over);
    show(demo, over);
    if (!over)
        return 1;
    if (demo->result < 0) {
        *error = demo->error;
        return demo->result;
    }
    json_decref(demo->loaded);
    demo->loaded = read_state(demo);
    return 0;
}

int tr_up_demo_mark(const struct tr_up_demo *demo, const char *database_url, struct tr_error *error)
{
    return demo->needed
               ? tr_up_demo_annotate(json_object_get(demo->loaded, "marks"), database_url, error)
               : 0;
}

void tr_up_demo_print(const struct tr_up_demo *demo)
{
    const json_t *loaded = json_object_get(demo->loaded, "loaded");
    if (loaded == NULL) {
        printf("The project \"demo\" has events of its own; nothing was added.\n\n");
        return;
    }
    printf("The project \"demo\" has %" JSON_INTEGER_FORMAT " events, %s to %s, of seed "
           "%" JSON_INTEGER_FORMAT,
           json_integer_value(json_object_get(loaded, "events")),
           json_string_value(json_object_get(demo->loaded, "from")),
           json_string_value(json_object_get(demo->loaded, "to")),
           json_integer_value(json_object_get(demo->loaded, "seed")));
    if (demo->needed)
        printf("; loaded in %.1f s", (double)demo->taken_us / 1e6);
    printf(".\nWhat there is to find in it: docs/demo.md; its facts: %s\n\n", demo->path);
}
