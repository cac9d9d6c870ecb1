/* SPDX-License-Identifier: MIT */
/* One look at what was committed for a project since the last. */
#include "live_priv.h"

#include "traction/base/alloc.h"

#include <endian.h>
#include <stdlib.h>

enum { NOTES_PAGE = 64, PERSON_BYTES = 20, LEVEL_MAX = 40 };

/* People whose keys may be visitors' who are known by now. */
struct crowd {
    const uint8_t **keys;
    int64_t *last_s;
    int *levels;
    size_t count;
};

static struct crowd crowd_of(struct tr_arena *arena, size_t room)
{
    return (struct crowd){.keys = tr_arena_alloc(arena, (room + 1) * sizeof(uint8_t *)),
                          .last_s = tr_arena_alloc(arena, (room + 1) * sizeof(int64_t)),
                          .levels = tr_arena_alloc(arena, (room + 1) * sizeof(int))};
}

static void crowd_add(struct crowd *crowd, const uint8_t *key, int64_t last_s, int level)
{
    crowd->keys[crowd->count] = key;
    crowd->last_s[crowd->count] = last_s;
    crowd->levels[crowd->count++] = level;
}

static int ask_whose(struct tr_pg *pg, int32_t project_id, const struct crowd *crowd,
                     struct tr_pg_result **result_out, struct tr_error *error)
{
    TR_CLEANUP(tr_pg_params_freep) struct tr_pg_params *params = tr_pg_params_new();
    tr_pg_bind_int4(params, project_id);
    tr_pg_array_begin(params, TR_PG_UUID);
    for (size_t i = 0; i < crowd->count; i++)
        tr_pg_array_bytes(params, crowd->keys[i], 16);
    tr_pg_array_end(params);
    tr_pg_array_begin(params, TR_PG_TIMESTAMPTZ);
    for (size_t i = 0; i < crowd->count; i++)
        tr_pg_array_int(params, crowd->last_s[i] * 1000000);
    tr_pg_array_end(params);
    return tr_pg_query(pg, tr_pg_sql("queries/live/resolve"), params, result_out, error);
}

/* Those that nobody has seen before, as whoever they are by now. */
static int see_new(struct tr_pg *pg, int32_t project_id, struct window *window,
                   const struct crowd *crowd, struct tr_error *error)
{
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *known = NULL;
    if (crowd->count == 0)
        return 0;
    int result = ask_whose(pg, project_id, crowd, &known, error);
    if (result < 0)
        return result;
    for (int row = 0; row < tr_pg_rows(known); row++)
        crowd->keys[tr_pg_get_int(known, row, 0)] =
            (const uint8_t *)tr_pg_get_bytes(known, row, 1).data;
    for (size_t i = 0; i < crowd->count; i++)
        tr_live_people_see(&window->people, crowd->keys[i], (int32_t)crowd->last_s[i],
                           crowd->levels[i]);
    return 0;
}

static int see_people(struct tr_pg *pg, int32_t project_id, struct window *window,
                      struct tr_slice people, int level, int64_t now_s, struct tr_error *error)
{
    size_t count = people.size / PERSON_BYTES;
    struct tr_arena *arena = tr_arena_new(64 << 20);
    struct crowd crowd = crowd_of(arena, count);
    for (size_t i = 0; i < count; i++) {
        const uint8_t *key = (const uint8_t *)people.data + i * PERSON_BYTES;
        uint32_t last_s;
        memcpy(&last_s, key + 16, sizeof last_s);
        int64_t at_s = be32toh(last_s) < now_s ? be32toh(last_s) : now_s;
        if (at_s <= now_s - TR_LIVE_WINDOW_S)
            continue;
        if (tr_live_people_knows(&window->people, key))
            tr_live_people_see(&window->people, key, (int32_t)at_s, level);
        else
            crowd_add(&crowd, key, at_s, level);
    }
    int result = see_new(pg, project_id, window, &crowd, error);
    tr_arena_free(arena);
    return result;
}

static const uint8_t *dup_key(struct tr_arena *arena, const uint8_t key[16])
{
    return memcpy(tr_arena_alloc(arena, 16), key, 16);
}

/* Somebody was identified: visitors of the last minutes may be users now. */
static int join_people(struct tr_pg *pg, int32_t project_id, struct window *window,
                       struct tr_error *error)
{
    struct people *people = &window->people;
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *known = NULL;
    struct tr_arena *arena = tr_arena_new(64 << 20);
    struct crowd crowd = crowd_of(arena, people->used);
    /* Joining may rebuild the table. */
    for (size_t i = 0; i < people->capacity; i++)
        if (people->slots[i].last_s != 0)
            crowd_add(&crowd, dup_key(arena, people->slots[i].key), people->slots[i].last_s, 0);
    int result = ask_whose(pg, project_id, &crowd, &known, error);
    for (int row = 0; result == 0 && row < tr_pg_rows(known); row++)
        tr_live_people_join(people, crowd.keys[tr_pg_get_int(known, row, 0)],
                            (const uint8_t *)tr_pg_get_bytes(known, row, 1).data);
    if (result == 0)
        window->identified = false;
    tr_arena_free(arena);
    return result;
}

static int read_page(struct tr_pg *pg, int32_t project_id, struct window *window, int64_t now_us,
                     bool first, int *rows_out, struct tr_error *error)
{
    TR_CLEANUP(tr_pg_params_freep) struct tr_pg_params *params = tr_pg_params_new();
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *notes = NULL;
    tr_pg_bind_int4(params, project_id);
    tr_pg_bind_int8(params, window->run);
    int result = tr_pg_query(pg, tr_pg_sql("queries/live/notes"), params, &notes, error);
    for (int row = 0; result == 0 && row < tr_pg_rows(notes); row++) {
        int64_t level = tr_pg_get_int(notes, row, 3);
        result = see_people(pg, project_id, window, tr_pg_get_bytes(notes, row, 2),
                            level >= 0 && level < LEVEL_MAX ? (int)level : LEVEL_MAX,
                            now_us / 1000000, error);
        if (result == 0)
            tr_live_window_note(window, tr_pg_get_int(notes, row, 0),
                                tr_pg_get_bytes(notes, row, 1), now_us, first);
    }
    *rows_out = result == 0 ? tr_pg_rows(notes) : 0;
    return result;
}

static int read_minutes(struct tr_pg *pg, int32_t project_id, struct window *window, int64_t now_us,
                        struct tr_error *error)
{
    TR_CLEANUP(tr_pg_params_freep) struct tr_pg_params *params = tr_pg_params_new();
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *minutes = NULL;
    tr_live_window_minutes_begin(window, now_us / 1000000);
    tr_pg_bind_int4(params, project_id);
    tr_pg_bind_timestamptz(params, window->first_minute * 60 * 1000000);
    int result = tr_pg_query(pg, tr_pg_sql("queries/live/minutes"), params, &minutes, error);
    for (int row = 0; result == 0 && row < tr_pg_rows(minutes); row++)
        tr_live_window_minute(window, tr_pg_get_timestamptz(minutes, row, 0) / 60000000,
                              tr_pg_get_int(minutes, row, 1));
    return result;
}

int tr_live_look(struct tr_pg *pg, int32_t project_id, struct window *window, int64_t now_us,
                 struct tr_error *error)
{
    bool first = window->run == 0;
    int rows = NOTES_PAGE;
    int result = 0;
    while (result == 0 && rows == NOTES_PAGE)
        result = read_page(pg, project_id, window, now_us, first, &rows, error);
    if (result == 0 && window->identified)
        result = join_people(pg, project_id, window, error);
    if (result == 0)
        result = read_minutes(pg, project_id, window, now_us, error);
    tr_live_people_prune(&window->people, (int32_t)(now_us / 1000000 - TR_LIVE_WINDOW_S));
    return result;
}
