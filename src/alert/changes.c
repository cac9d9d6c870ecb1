/* SPDX-License-Identifier: MIT */
/*
 * What looks changed: states, history and notifications, gathered and committed together, so that
 * after a crash either all of it happened or none. A state that changed is in PostgreSQL before
 * anybody is told of it.
 */
#include "engine_priv.h"

#include <stdlib.h>
#include <string.h>

enum { CHANGES_BYTES = 1 << 30 };

struct state_row {
    int64_t rule_id;
    const char *series;
    struct tr_alert_state state;
    bool known;
    double value;
    int64_t n;
    int64_t seen_us;
    int64_t told_us;
};

struct history_row {
    int32_t project_id;
    int64_t rule_id;
    const char *rule;
    const char *series;
    const char *fingerprint;
    const char *change;
    int64_t at_us;
    bool known;
    double value;
    int64_t n;
    bool silenced;
};

struct notification_row {
    int32_t project_id;
    const char *receiver;
    int64_t rule_id;
    const char *group_key;
    const char *alert;
    int64_t at_us;
};

struct dropped_row {
    int64_t rule_id;
    const char *series;
};

/* A list that grows; items are plain. */
#define LIST(type)       \
    struct {             \
        type *items;     \
        size_t count;    \
        size_t capacity; \
    }
#define ADD(list, ...)                                                                           \
    do {                                                                                         \
        if ((list)->count == (list)->capacity) {                                                 \
            (list)->capacity = (list)->capacity > 0 ? 2 * (list)->capacity : 16;                 \
            (list)->items = tr_realloc((list)->items, (list)->capacity * sizeof *(list)->items); \
        }                                                                                        \
        (list)->items[(list)->count++] = (__VA_ARGS__);                                          \
    } while (0)

struct changes {
    const char *public_url;
    struct tr_arena *arena;
    uint64_t generation; /* from 1; one more with each commit */
    LIST(struct state_row) states;
    LIST(struct history_row) history;
    LIST(struct notification_row) notifications;
    LIST(struct dropped_row) dropped;
    LIST(int64_t) ended; /* rules */
};

struct changes *tr_changes_new(const char *public_url)
{
    struct changes *changes = tr_calloc(1, sizeof *changes);
    changes->public_url = public_url;
    changes->arena = tr_arena_new(CHANGES_BYTES);
    changes->generation = 1;
    return changes;
}

void tr_changes_free(struct changes *changes)
{
    if (changes == NULL)
        return;
    free(changes->states.items);
    free(changes->history.items);
    free(changes->notifications.items);
    free(changes->dropped.items);
    free(changes->ended.items);
    tr_arena_free(changes->arena);
    free(changes);
}

bool tr_changes_any(const struct changes *changes)
{
    return changes->states.count + changes->history.count + changes->notifications.count +
               changes->dropped.count + changes->ended.count >
           0;
}

void tr_changes_clear(struct changes *changes)
{
    changes->states.count = 0;
    changes->history.count = 0;
    changes->notifications.count = 0;
    changes->dropped.count = 0;
    changes->ended.count = 0;
    changes->generation++;
    tr_arena_reset(changes->arena);
}

/* Gathering ------------------------------------------------------------------------------------ */

/* The texts of a book may be gone by the time of the commit. */
static const char *keep(struct changes *changes, const char *text)
{
    return tr_arena_printf(changes->arena, "%s", text);
}

/* One row of a series at most: PostgreSQL refuses to put the same one twice. */
void tr_changes_save(struct changes *changes, const struct rule_entry *entry, struct series *series)
{
    if (series->generation != changes->generation) {
        series->generation = changes->generation;
        series->row = changes->states.count;
        ADD(&changes->states,
            (struct state_row){.rule_id = entry->id, .series = keep(changes, series->name)});
    }
    struct state_row *row = &changes->states.items[series->row];
    row->state = series->state;
    row->known = series->known;
    row->value = series->value;
    row->n = series->n;
    row->seen_us = series->seen_us;
    row->told_us = series->told_us;
    series->unsaved = false;
}

void tr_changes_drop(struct changes *changes, const struct rule_entry *entry,
                     const struct series *series)
{
    ADD(&changes->dropped, (struct dropped_row){entry->id, keep(changes, series->name)});
}

static void add_history(struct changes *changes, const struct rule_entry *entry,
                        const struct series *series, const char *change, int64_t now_us,
                        bool silenced)
{
    char fingerprint[17];
    json_t *labels = tr_alert_labels(entry, series);
    tr_alert_fingerprint(labels, fingerprint);
    json_decref(labels);
    ADD(&changes->history, (struct history_row){
                               .project_id = entry->project_id,
                               .rule_id = entry->id,
                               .rule = keep(changes, entry->rule.name),
                               .series = keep(changes, series->name),
                               .fingerprint = keep(changes, fingerprint),
                               .change = change,
                               .at_us = now_us,
                               .known = series->known,
                               .value = series->value,
                               .n = series->n,
                               .silenced = silenced,
                           });
}

/* As Alertmanager writes it: {}:{alertname="…"}. */
static const char *group_key_of(struct changes *changes, const json_t *receiver,
                                const json_t *alert)
{
    const json_t *labels = json_object_get(alert, "labels");
    struct tr_buf key;
    size_t i;
    json_t *name = NULL;
    tr_buf_init(&key, 64 << 10);
    tr_buf_append_text(&key, "{}:{");
    json_array_foreach(json_object_get(receiver, "group_by"), i, name)
    {
        const char *value = json_string_value(json_object_get(labels, json_string_value(name)));
        tr_buf_printf(&key, "%s%s=\"%s\"", i > 0 ? ", " : "", json_string_value(name),
                      value != NULL ? value : "");
    }
    tr_buf_append_text(&key, "}");
    const char *text =
        tr_arena_strndup(changes->arena, tr_buf_slice(&key).data, tr_buf_slice(&key).size);
    tr_buf_fini(&key);
    return text;
}

bool tr_alert_is_told(const struct tr_alert_rule *rule, const char *receiver)
{
    for (size_t i = 0; i < rule->notify_count; i++)
        if (strcmp(rule->notify[i], receiver) == 0)
            return true;
    return rule->notify_count == 0;
}

static void notify(struct changes *changes, const struct book *book, const struct rule_entry *entry,
                   const json_t *alert, int64_t now_us)
{
    bool resolved = strcmp(json_string_value(json_object_get(alert, "status")), "resolved") == 0;
    char *text = json_dumps(alert, JSON_COMPACT);
    for (size_t i = 0; i < book->receiver_count; i++) {
        const struct receiver_entry *receiver = &book->receivers[i];
        if (receiver->project_id != entry->project_id ||
            !tr_alert_is_told(&entry->rule, receiver->name))
            continue;
        if (resolved && json_is_false(json_object_get(receiver->receiver, "send_resolved")))
            continue;
        ADD(&changes->notifications,
            (struct notification_row){
                .project_id = entry->project_id,
                .receiver = keep(changes, receiver->name),
                .rule_id = entry->id,
                .group_key = group_key_of(changes, receiver->receiver, alert),
                .alert = keep(changes, text),
                .at_us = now_us,
            });
    }
    free(text);
}

static void tell(struct changes *changes, const struct book *book, const struct rule_entry *entry,
                 const struct series *series, int64_t starts_us, int64_t ends_us, int64_t now_us)
{
    json_t *alert =
        tr_alert_tell(entry, series, starts_us, ends_us, changes->public_url, changes->arena);
    notify(changes, book, entry, alert, now_us);
    json_decref(alert);
}

/* Silenced ones are told when the silence is over, if they still fire; of the end is told whoever
 * was told of the beginning. */
static void tell_what_is_due(struct changes *changes, const struct book *book,
                             const struct rule_entry *entry, struct series *series,
                             const struct tr_alert_state *before, int64_t now_us, bool silenced)
{
    int64_t repeat_us = entry->rule.repeat_us;
    if (before->phase == TR_ALERT_FIRING && series->state.phase != TR_ALERT_FIRING) {
        if (series->told_us != 0)
            tell(changes, book, entry, series, before->fired_us, now_us, now_us);
        series->told_us = 0;
        return;
    }
    bool due = series->told_us == 0 || (repeat_us > 0 && now_us - series->told_us >= repeat_us);
    if (series->state.phase != TR_ALERT_FIRING || silenced || !due)
        return;
    tell(changes, book, entry, series, series->state.fired_us, 0, now_us);
    series->told_us = now_us;
    series->changed = true;
}

static bool states_differ(const struct tr_alert_state *one, const struct tr_alert_state *other)
{
    return one->phase != other->phase || one->no_data != other->no_data ||
           one->active_us != other->active_us || one->fired_us != other->fired_us ||
           one->clear_us != other->clear_us;
}

static void note_history(struct changes *changes, const struct rule_entry *entry,
                         const struct series *series, unsigned became, int64_t now_us,
                         bool silenced)
{
    static const struct {
        unsigned bit;
        const char *change;
    } names[] = {
        {TR_ALERT_BECAME_NO_DATA, "no data"},   {TR_ALERT_BECAME_PENDING, "pending"},
        {TR_ALERT_BECAME_INACTIVE, "inactive"}, {TR_ALERT_BECAME_FIRING, "firing"},
        {TR_ALERT_BECAME_RESOLVED, "resolved"},
    };
    if ((became & TR_ALERT_BECAME_FIRING) != 0)
        became &= ~(unsigned)TR_ALERT_BECAME_PENDING; /* without waiting */
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if ((became & names[i].bit) != 0)
            add_history(changes, entry, series, names[i].change, now_us, silenced);
}

void tr_changes_look(struct changes *changes, const struct book *book, struct rule_entry *entry,
                     struct series *series, const struct finding *finding, int64_t now_us)
{
    struct tr_alert_state before = series->state;
    series->unsaved = series->unsaved || series->seen_us == now_us;
    series->known = finding->known;
    series->value = finding->value;
    series->n = finding->n;
    unsigned became = tr_alert_step(&entry->rule, finding->found, now_us, &series->state);
    bool silenced = tr_book_silenced(entry, series, now_us);
    series->changed = states_differ(&before, &series->state);
    note_history(changes, entry, series, became, now_us, silenced);
    tell_what_is_due(changes, book, entry, series, &before, now_us, silenced);
    if (series->changed)
        tr_changes_save(changes, entry, series);
}

void tr_changes_end_rule(struct changes *changes, const struct book *book, struct rule_entry *entry,
                         int64_t now_us)
{
    for (struct series *series = entry->series; series != NULL; series = series->next) {
        if (series->state.phase == TR_ALERT_FIRING) {
            add_history(changes, entry, series, "resolved", now_us, false);
            if (series->told_us != 0)
                tell(changes, book, entry, series, series->state.fired_us, now_us, now_us);
        }
    }
    ADD(&changes->ended, entry->id);
}

/* Committing ----------------------------------------------------------------------------------- */

static void put_time(struct tr_pg_params *params, int64_t us)
{
    if (us == 0)
        tr_pg_array_null(params);
    else
        tr_pg_array_int(params, us);
}

static void put_float(struct tr_pg_params *params, bool known, double value)
{
    if (known)
        tr_pg_array_float(params, value);
    else
        tr_pg_array_null(params);
}

static void put_text(struct tr_pg_params *params, const char *text)
{
    tr_pg_array_bytes(params, text, strlen(text));
}

/* One array parameter with an item of each row. */
#define COLUMN(list, type, put)                              \
    do {                                                     \
        tr_pg_array_begin(params, type);                     \
        for (size_t i = 0; i < (list).count; i++) {          \
            __typeof__((list).items) row = &(list).items[i]; \
            put;                                             \
        }                                                    \
        tr_pg_array_end(params);                             \
    } while (0)

static void bind_states(const struct changes *changes, struct tr_pg_params *params)
{
    COLUMN(changes->states, TR_PG_INT8, tr_pg_array_int(params, row->rule_id));
    COLUMN(changes->states, TR_PG_TEXT, put_text(params, row->series));
    COLUMN(changes->states, TR_PG_TEXT, put_text(params, tr_alert_phase_names[row->state.phase]));
    COLUMN(changes->states, TR_PG_BOOL, tr_pg_array_int(params, row->state.no_data));
    COLUMN(changes->states, TR_PG_TIMESTAMPTZ, put_time(params, row->state.active_us));
    COLUMN(changes->states, TR_PG_TIMESTAMPTZ, put_time(params, row->state.fired_us));
    COLUMN(changes->states, TR_PG_TIMESTAMPTZ, put_time(params, row->state.clear_us));
    COLUMN(changes->states, TR_PG_FLOAT8, put_float(params, row->known, row->value));
    COLUMN(changes->states, TR_PG_INT8, tr_pg_array_int(params, row->n));
    COLUMN(changes->states, TR_PG_TIMESTAMPTZ, put_time(params, row->seen_us));
    COLUMN(changes->states, TR_PG_TIMESTAMPTZ, put_time(params, row->told_us));
}

static void bind_history(const struct changes *changes, struct tr_pg_params *params)
{
    COLUMN(changes->history, TR_PG_INT4, tr_pg_array_int(params, row->project_id));
    COLUMN(changes->history, TR_PG_INT8, tr_pg_array_int(params, row->rule_id));
    COLUMN(changes->history, TR_PG_TEXT, put_text(params, row->rule));
    COLUMN(changes->history, TR_PG_TEXT, put_text(params, row->series));
    COLUMN(changes->history, TR_PG_TEXT, put_text(params, row->fingerprint));
    COLUMN(changes->history, TR_PG_TEXT, put_text(params, row->change));
    COLUMN(changes->history, TR_PG_TIMESTAMPTZ, tr_pg_array_int(params, row->at_us));
    COLUMN(changes->history, TR_PG_FLOAT8, put_float(params, row->known, row->value));
    COLUMN(changes->history, TR_PG_INT8, tr_pg_array_int(params, row->n));
    COLUMN(changes->history, TR_PG_BOOL, tr_pg_array_int(params, row->silenced));
}

static void bind_notifications(const struct changes *changes, struct tr_pg_params *params)
{
    COLUMN(changes->notifications, TR_PG_INT4, tr_pg_array_int(params, row->project_id));
    COLUMN(changes->notifications, TR_PG_TEXT, put_text(params, row->receiver));
    COLUMN(changes->notifications, TR_PG_INT8, tr_pg_array_int(params, row->rule_id));
    COLUMN(changes->notifications, TR_PG_TEXT, put_text(params, row->group_key));
    COLUMN(changes->notifications, TR_PG_TEXT, put_text(params, row->alert));
    COLUMN(changes->notifications, TR_PG_TIMESTAMPTZ, tr_pg_array_int(params, row->at_us));
}

static void bind_dropped(const struct changes *changes, struct tr_pg_params *params)
{
    COLUMN(changes->dropped, TR_PG_INT8, tr_pg_array_int(params, row->rule_id));
    COLUMN(changes->dropped, TR_PG_TEXT, put_text(params, row->series));
}

static void bind_ended(const struct changes *changes, struct tr_pg_params *params)
{
    COLUMN(changes->ended, TR_PG_INT8, tr_pg_array_int(params, *row));
}

static int write_down(const struct changes *changes, struct tr_pg *pg, struct tr_error *error)
{
    const struct {
        size_t count;
        const char *query;
        void (*bind)(const struct changes *changes, struct tr_pg_params *params);
    } steps[] = {
        {changes->states.count, "queries/alert/put_states", bind_states},
        {changes->dropped.count, "queries/alert/drop_states", bind_dropped},
        {changes->history.count, "queries/alert/add_history", bind_history},
        {changes->notifications.count, "queries/alert/add_notifications", bind_notifications},
        {changes->ended.count, "queries/alert/drop_rules", bind_ended},
    };
    TR_CLEANUP(tr_pg_params_freep) struct tr_pg_params *params = tr_pg_params_new();
    int result = 0;
    for (size_t i = 0; i < sizeof steps / sizeof *steps && result == 0; i++) {
        if (steps[i].count == 0)
            continue;
        tr_pg_params_clear(params);
        steps[i].bind(changes, params);
        result = tr_pg_query(pg, tr_pg_sql(steps[i].query), params, NULL, error);
    }
    return result;
}

int tr_changes_commit(struct changes *changes, struct tr_pg *pg, struct tr_error *error)
{
    int result = tr_pg_execute(pg, "begin", error);
    if (result == 0)
        result = write_down(changes, pg, error);
    if (result == 0)
        result = tr_pg_execute(pg, "commit", error);
    tr_changes_clear(changes);
    return result;
}
