/* SPDX-License-Identifier: MIT */
/* The book: rules, receivers, silences and states, read whole. */
#include "engine_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { BOOK_BYTES = 1 << 30 };

#define DAY_US (INT64_C(24) * 3600 * 1000000)

/* Reading columns by name ---------------------------------------------------------------------- */

static int col(const struct tr_pg_result *rows, const char *name)
{
    return tr_pg_column(rows, name);
}

static int64_t get_int(const struct tr_pg_result *rows, int row, const char *name)
{
    return tr_pg_is_null(rows, row, col(rows, name)) ? 0
                                                     : tr_pg_get_int(rows, row, col(rows, name));
}

static int64_t get_time(const struct tr_pg_result *rows, int row, const char *name)
{
    int column = col(rows, name);
    return tr_pg_is_null(rows, row, column) ? 0 : tr_pg_get_timestamptz(rows, row, column);
}

static const char *get_text(struct book *book, const struct tr_pg_result *rows, int row,
                            const char *name)
{
    int column = col(rows, name);
    if (tr_pg_is_null(rows, row, column))
        return NULL;
    return tr_arena_dup(book->arena, tr_pg_get_bytes(rows, row, column)).data;
}

/* The document lives as long as the book. */
static int get_document(struct book *book, const struct tr_pg_result *rows, int row,
                        const char *name, const json_t **out, struct tr_error *error)
{
    struct tr_slice text = tr_pg_get_bytes(rows, row, col(rows, name));
    json_t *document = json_loadb(text.data, text.size, 0, NULL);
    if (!json_is_object(document)) {
        json_decref(document);
        return tr_error_set(error, -EBADMSG, "an alert's %s in the database is not JSON", name);
    }
    book->documents[book->document_count++] = document;
    *out = document;
    return 0;
}

/* Questions ------------------------------------------------------------------------------------ */

struct question *tr_book_question(const struct book *book, const char *key)
{
    for (size_t i = 0; i < book->question_count; i++)
        if (strcmp(book->questions[i]->key, key) == 0)
            return book->questions[i];
    return NULL;
}

static char *question_key(struct tr_arena *arena, const struct rule_entry *entry, int64_t window_us,
                          int64_t offset_us)
{
    const struct tr_alert_rule *rule = &entry->rule;
    struct tr_buf key;
    tr_buf_init(&key, 1 << 20);
    tr_buf_printf(&key, "%d %s %lld %lld", (int)entry->project_id, rule->kpi, (long long)window_us,
                  (long long)offset_us);
    for (size_t i = 0; i < rule->parameter_count; i++) {
        const struct tr_kpi_parameter *parameter = &rule->parameters[i];
        tr_buf_printf(&key, "\n%zu ", parameter->value.size);
        tr_buf_append_slice(&key, parameter->name);
        tr_buf_append_u8(&key, '=');
        tr_buf_append_slice(&key, parameter->value);
    }
    char *text = tr_arena_strndup(arena, tr_buf_slice(&key).data, tr_buf_slice(&key).size);
    tr_buf_fini(&key);
    return text;
}

static void add_question(struct book *book, struct rule_entry *entry, const char *timezone,
                         const char *currency, int64_t window_us, int64_t offset_us)
{
    char *key = question_key(book->arena, entry, window_us, offset_us);
    struct question *question = tr_book_question(book, key);
    if (question == NULL) {
        question = tr_arena_calloc(book->arena, sizeof *question);
        *question = (struct question){
            .key = key,
            .project_id = entry->project_id,
            .timezone = timezone,
            .currency = currency,
            .kpi = entry->rule.kpi,
            .parameters = entry->rule.parameters,
            .parameter_count = entry->rule.parameter_count,
            .is_silence = entry->rule.is_silence,
            .window_us = window_us,
            .offset_us = offset_us,
        };
        book->questions[book->question_count++] = question;
    }
    entry->questions[entry->question_count++] = question;
}

static void add_questions(struct book *book, struct rule_entry *entry, const char *timezone,
                          const char *currency)
{
    const struct tr_alert_rule *rule = &entry->rule;
    for (size_t i = 0; i < rule->window_count; i++)
        add_question(book, entry, timezone, currency, rule->windows_us[i], rule->delay_us);
    if (rule->condition != TR_ALERT_CHANGE_ABOVE && rule->condition != TR_ALERT_CHANGE_BELOW)
        return;
    int64_t window_us = rule->windows_us[0];
    int64_t weeks = (window_us + 7 * DAY_US - 1) / (7 * DAY_US);
    int64_t back_us = rule->compare_week ? weeks * 7 * DAY_US : window_us;
    add_question(book, entry, timezone, currency, window_us, rule->delay_us + back_us);
}

/* Loading -------------------------------------------------------------------------------------- */

static int load_rules(struct book *book, struct tr_pg *pg, struct tr_error *error)
{
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *rows = NULL;
    int result = tr_pg_query(pg, tr_pg_sql("queries/alert/rules"), NULL, &rows, error);
    if (result < 0)
        return result;
    size_t count = (size_t)tr_pg_rows(rows);
    book->documents =
        tr_realloc(book->documents, (book->document_count + count + 1) * sizeof(json_t *));
    book->rules = tr_arena_calloc(book->arena, (count + 1) * sizeof *book->rules);
    book->questions =
        tr_arena_calloc(book->arena, (count * QUESTIONS_A_RULE + 1) * sizeof(struct question *));
    for (int row = 0; row < (int)count && result == 0; row++) {
        struct rule_entry *entry = &book->rules[book->rule_count];
        const json_t *document = NULL;
        entry->id = get_int(rows, row, "id");
        entry->project_id = (int32_t)get_int(rows, row, "project_id");
        entry->project = get_text(book, rows, row, "project");
        entry->project_uuid = get_text(book, rows, row, "project_uuid");
        entry->removed = tr_pg_get_bool(rows, row, col(rows, "removed"));
        result = get_document(book, rows, row, "rule", &document, error);
        if (result < 0)
            break;
        tr_alert_rule_of(document, book->arena, &entry->rule);
        if (!entry->removed)
            add_questions(book, entry, get_text(book, rows, row, "timezone"),
                          get_text(book, rows, row, "currency"));
        book->rule_count++;
    }
    return result;
}

static int load_receivers(struct book *book, struct tr_pg *pg, struct tr_error *error)
{
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *rows = NULL;
    int result = tr_pg_query(pg, tr_pg_sql("queries/alert/receivers"), NULL, &rows, error);
    if (result < 0)
        return result;
    size_t count = (size_t)tr_pg_rows(rows);
    book->documents =
        tr_realloc(book->documents, (book->document_count + count + 1) * sizeof(json_t *));
    book->receivers = tr_arena_calloc(book->arena, (count + 1) * sizeof *book->receivers);
    for (int row = 0; row < (int)count && result == 0; row++) {
        struct receiver_entry *entry = &book->receivers[book->receiver_count++];
        entry->project_id = (int32_t)get_int(rows, row, "project_id");
        entry->project = get_text(book, rows, row, "project");
        entry->name = get_text(book, rows, row, "name");
        result = get_document(book, rows, row, "receiver", &entry->receiver, error);
    }
    return result;
}

/* Rules are in the order of their numbers. */
struct rule_entry *tr_book_rule(const struct book *book, int64_t id)
{
    size_t low = 0;
    size_t high = book->rule_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (book->rules[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < book->rule_count && book->rules[low].id == id ? &book->rules[low] : NULL;
}

static enum tr_alert_phase phase_of(struct tr_slice name)
{
    return tr_slice_is(name, "firing")    ? TR_ALERT_FIRING
           : tr_slice_is(name, "pending") ? TR_ALERT_PENDING
                                          : TR_ALERT_INACTIVE;
}

static int load_states(struct book *book, struct tr_pg *pg, struct tr_error *error)
{
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *rows = NULL;
    int result = tr_pg_query(pg, tr_pg_sql("queries/alert/states"), NULL, &rows, error);
    for (int row = 0; result == 0 && row < tr_pg_rows(rows); row++) {
        struct rule_entry *entry = tr_book_rule(book, get_int(rows, row, "rule_id"));
        if (entry == NULL)
            continue;
        struct series *series =
            tr_book_series(book, entry, tr_pg_get_bytes(rows, row, col(rows, "series")));
        int value = col(rows, "value");
        series->state = (struct tr_alert_state){
            .phase = phase_of(tr_pg_get_bytes(rows, row, col(rows, "phase"))),
            .no_data = tr_pg_get_bool(rows, row, col(rows, "no_data")),
            .active_us = get_time(rows, row, "active_at"),
            .fired_us = get_time(rows, row, "fired_at"),
            .clear_us = get_time(rows, row, "clear_at"),
        };
        series->known = !tr_pg_is_null(rows, row, value);
        series->value = series->known ? tr_pg_get_float(rows, row, value) : 0;
        series->n = get_int(rows, row, "n");
        series->seen_us = get_time(rows, row, "seen_at");
        series->told_us = get_time(rows, row, "told_at");
    }
    return result;
}

static int load_silences(struct book *book, struct tr_pg *pg, struct tr_error *error)
{
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *rows = NULL;
    int result = tr_pg_query(pg, tr_pg_sql("queries/alert/silences"), NULL, &rows, error);
    for (int row = 0; result == 0 && row < tr_pg_rows(rows); row++) {
        struct rule_entry *entry = tr_book_rule(book, get_int(rows, row, "rule_id"));
        if (entry == NULL)
            continue;
        struct silence *silence = tr_arena_calloc(book->arena, sizeof *silence);
        silence->series = get_text(book, rows, row, "series");
        silence->until_us = get_time(rows, row, "until_at");
        silence->next = entry->silences;
        entry->silences = silence;
    }
    return result;
}

/* The version first: what changes while the rest is read is read again at the next look. */
static int load_version(struct book *book, struct tr_pg *pg, struct tr_error *error)
{
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *row = NULL;
    int result = tr_pg_query(pg, tr_pg_sql("queries/alert/tick"), NULL, &row, error);
    if (result == 0)
        book->version = get_int(row, 0, "version");
    return result;
}

int tr_book_load(struct tr_pg *pg, struct book **book_out, struct tr_error *error)
{
    struct book *book = tr_calloc(1, sizeof *book);
    book->arena = tr_arena_new(BOOK_BYTES);
    int result = load_version(book, pg, error);
    if (result == 0)
        result = load_rules(book, pg, error);
    if (result == 0)
        result = load_receivers(book, pg, error);
    if (result == 0)
        result = load_states(book, pg, error);
    if (result == 0)
        result = load_silences(book, pg, error);
    if (result < 0) {
        tr_book_free(book);
        return result;
    }
    *book_out = book;
    return 0;
}

void tr_book_free(struct book *book)
{
    if (book == NULL)
        return;
    for (size_t i = 0; i < book->question_count; i++)
        json_decref(book->questions[i]->answer);
    for (size_t i = 0; i < book->document_count; i++)
        json_decref(book->documents[i]);
    free(book->documents);
    tr_arena_free(book->arena);
    free(book);
}

/* Looking things up ---------------------------------------------------------------------------- */

const struct receiver_entry *tr_book_receiver(const struct book *book, int32_t project_id,
                                              const char *name)
{
    for (size_t i = 0; i < book->receiver_count; i++)
        if (book->receivers[i].project_id == project_id &&
            strcmp(book->receivers[i].name, name) == 0)
            return &book->receivers[i];
    return NULL;
}

struct series *tr_book_series(struct book *book, struct rule_entry *entry, struct tr_slice name)
{
    for (struct series *series = entry->series; series != NULL; series = series->next)
        if (tr_slice_is(name, series->name))
            return series;
    struct series *series = tr_arena_calloc(book->arena, sizeof *series);
    series->name = tr_arena_strndup(book->arena, name.data, name.size);
    series->next = entry->series;
    entry->series = series;
    return series;
}

bool tr_book_silenced(const struct rule_entry *entry, const struct series *series, int64_t now_us)
{
    for (const struct silence *silence = entry->silences; silence != NULL; silence = silence->next)
        if (silence->until_us > now_us &&
            (silence->series == NULL || strcmp(silence->series, series->name) == 0))
            return true;
    return false;
}
