/* SPDX-License-Identifier: MIT */
/*
 * Rules, receivers and silences as people change them, and what there is to see. Every change is
 * one transaction under the project's lock, and raises the version that the engine looks at.
 */
#include "store_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Asking ----------------------------------------------------------------------------------------
 */

int tr_store_query(struct tr_kpi_asker *asker, const char *name, const struct tr_pg_params *params,
                   struct tr_pg_result **result_out)
{
    TR_CLEANUP(tr_freep) char *path = tr_printf("queries/alert/%s", name);
    return tr_pg_query(asker->pg, tr_pg_sql(path), params, result_out, asker->error);
}

int tr_store_parse(struct tr_kpi_asker *asker, struct tr_slice text, json_t **out)
{
    json_t *document = json_loadb(text.data, text.size, 0, NULL);
    if (document == NULL)
        return tr_error_set(asker->error, -EBADMSG, "what is stored of the alerts is not JSON");
    *out = document;
    return 0;
}

int tr_store_not_found(struct tr_kpi_asker *asker, struct tr_slice id)
{
    tr_alert_refuse(asker, 404, NULL, "there is no rule \"%.*s\"",
                    (int)(id.size < 100 ? id.size : 100), id.data);
    return TR_KPI_PROBLEM;
}

/* Changing --------------------------------------------------------------------------------------
 */

static int begin(struct tr_kpi_asker *asker)
{
    TR_CLEANUP(tr_pg_params_freep) struct tr_pg_params *params = tr_pg_params_new();
    tr_pg_bind_int4(params, asker->project->id);
    int result = tr_pg_execute(asker->pg, "begin read write", asker->error);
    return result == 0 ? tr_store_query(asker, "lock_project", params, NULL) : result;
}

/* What was done so far is kept if result is 0 and undone else; changed: there is something. */
static int finish(struct tr_kpi_asker *asker, int result, bool changed)
{
    if (result == 0 && changed)
        result = tr_store_query(asker, "bump", NULL, NULL);
    if (result == 0 && changed) {
        asker->committing = true;
        result = tr_pg_execute(asker->pg, "commit", asker->error);
        asker->committing = result != 0;
    } else if (!tr_pg_is_broken(asker->pg)) {
        tr_pg_execute(asker->pg, "rollback", NULL);
    }
    return result;
}

static int change_one(struct tr_kpi_asker *asker, const char *name, int64_t id)
{
    TR_CLEANUP(tr_pg_params_freep) struct tr_pg_params *params = tr_pg_params_new();
    tr_pg_bind_int8(params, id);
    return tr_store_query(asker, name, params, NULL);
}

static int add_rule(struct tr_kpi_asker *asker, const json_t *rule, int64_t *id_out)
{
    TR_CLEANUP(tr_pg_params_freep) struct tr_pg_params *params = tr_pg_params_new();
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *row = NULL;
    TR_CLEANUP(tr_freep) char *text = json_dumps(rule, JSON_COMPACT);
    tr_pg_bind_int4(params, asker->project->id);
    tr_pg_bind_text(params, tr_slice_of(json_string_value(json_object_get(rule, "name"))));
    tr_pg_bind_text(params, tr_slice_of(text));
    int result = tr_store_query(asker, "rule_add", params, &row);
    if (result == 0)
        *id_out = tr_pg_get_int(row, 0, 0);
    return result;
}

/* Where the alerts stay what they are, the rule does; else it is a new one. */
static int replace_rule(struct tr_kpi_asker *asker, int64_t id, const json_t *old,
                        const json_t *rule, int64_t *id_out)
{
    *id_out = id;
    if (!tr_alert_rule_same_alerts(old, rule)) {
        int result = change_one(asker, "rule_remove", id);
        return result == 0 ? add_rule(asker, rule, id_out) : result;
    }
    TR_CLEANUP(tr_pg_params_freep) struct tr_pg_params *params = tr_pg_params_new();
    TR_CLEANUP(tr_freep) char *text = json_dumps(rule, JSON_COMPACT);
    tr_pg_bind_int8(params, id);
    tr_pg_bind_text(params, tr_slice_of(json_string_value(json_object_get(rule, "name"))));
    tr_pg_bind_text(params, tr_slice_of(text));
    return tr_store_query(asker, "rule_put", params, NULL);
}

static int put_receiver(struct tr_kpi_asker *asker, const json_t *receiver)
{
    TR_CLEANUP(tr_pg_params_freep) struct tr_pg_params *params = tr_pg_params_new();
    TR_CLEANUP(tr_freep) char *text = json_dumps(receiver, JSON_COMPACT);
    tr_pg_bind_int4(params, asker->project->id);
    tr_pg_bind_text(params, tr_slice_of(json_string_value(json_object_get(receiver, "name"))));
    tr_pg_bind_text(params, tr_slice_of(text));
    return tr_store_query(asker, "receiver_put", params, NULL);
}

/* What is there: [{"id", "is": rule or receiver}]. A new reference. */
static int load_all(struct tr_kpi_asker *asker, const char *name, json_t **list_out)
{
    TR_CLEANUP(tr_pg_params_freep) struct tr_pg_params *params = tr_pg_params_new();
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *rows = NULL;
    tr_pg_bind_int4(params, asker->project->id);
    int result = tr_store_query(asker, name, params, &rows);
    json_t *list = json_array();
    for (int row = 0; result == 0 && row < tr_pg_rows(rows); row++) {
        json_t *document = NULL;
        result = tr_store_parse(asker, tr_pg_get_bytes(rows, row, 1), &document);
        if (result == 0)
            json_array_append_new(list, json_pack("{s:I, s:o}", "id",
                                                  (json_int_t)tr_pg_get_int(rows, row, 0), "is",
                                                  document));
    }
    if (result < 0)
        json_decref(list);
    else
        *list_out = list;
    return result;
}

static const char *name_of(const json_t *object)
{
    return json_string_value(json_object_get(object, "name"));
}

/* Of what load_all() found; NULL: none of this name. */
static json_t *find_named(const json_t *list, const char *name)
{
    size_t i;
    json_t *entry = NULL;
    json_array_foreach(list, i, entry)
    {
        if (strcmp(name_of(json_object_get(entry, "is")), name) == 0)
            return entry;
    }
    return NULL;
}

/* Applying a whole file ------------------------------------------------------------------------ */

struct wanted {
    json_t *rules;     /* complete */
    json_t *receivers; /* complete */
};

typedef int read_fn(struct tr_kpi_asker *asker, const json_t *body, const char *field,
                    json_t **out);

static bool has_name(const json_t *list, const char *name)
{
    size_t i;
    json_t *one = NULL;
    json_array_foreach(list, i, one)
    {
        if (strcmp(name_of(one), name) == 0)
            return true;
    }
    return false;
}

static int read_list(struct tr_kpi_asker *asker, const json_t *body, const char *name, size_t most,
                     read_fn *read, json_t **list_out)
{
    const json_t *given = json_object_get(body, name);
    size_t i;
    json_t *one = NULL;
    *list_out = json_array();
    if (given != NULL && !json_is_null(given) && !json_is_array(given))
        return tr_alert_refuse(asker, 400, name, "expected a list");
    if (json_array_size(given) > most)
        return tr_alert_refuse(asker, 400, name, "expected at most %zu", most);
    json_array_foreach(given, i, one)
    {
        const char *path = tr_arena_printf(asker->arena, "%s[%zu]", name, i);
        json_t *complete = NULL;
        int result = read(asker, one, path, &complete);
        if (result != 0)
            return result;
        bool twice = has_name(*list_out, name_of(complete));
        json_array_append_new(*list_out, complete);
        if (twice)
            return tr_alert_refuse(asker, 400, tr_arena_printf(asker->arena, "%s.name", path),
                                   "\"%.100s\" is the name of another one, too", name_of(complete));
    }
    return 0;
}

static int check_notify(struct tr_kpi_asker *asker, const json_t *rule, const json_t *receivers,
                        const char *path)
{
    size_t i;
    json_t *name = NULL;
    json_array_foreach(json_object_get(rule, "notify"), i, name)
    {
        if (!has_name(receivers, json_string_value(name)))
            return tr_alert_refuse(
                asker, 400,
                tr_arena_printf(asker->arena, "%s%snotify[%zu]", path, *path != '\0' ? "." : "", i),
                "there is no receiver %.100s", json_string_value(name));
    }
    return 0;
}

static int read_wanted(struct tr_kpi_asker *asker, const json_t *body, struct wanted *wanted)
{
    static const char *const names[] = {"rules", "receivers", NULL};
    const struct reading reading = {.asker = asker, .path = "", .body = body};
    size_t i;
    json_t *rule = NULL;
    int result = tr_alert_check_fields(&reading, names);
    if (result == 0)
        result = read_list(asker, body, "receivers", TR_ALERT_RECEIVERS_MAX, tr_alert_receiver_read,
                           &wanted->receivers);
    if (result == 0)
        result =
            read_list(asker, body, "rules", TR_ALERT_RULES_MAX, tr_alert_rule_read, &wanted->rules);
    if (result != 0)
        return result;
    json_array_foreach(wanted->rules, i, rule)
    {
        result = check_notify(asker, rule, wanted->receivers,
                              tr_arena_printf(asker->arena, "rules[%zu]", i));
        if (result != 0)
            return result;
    }
    return 0;
}

/* A field that differs; secrets are not shown. */
static void add_difference(json_t *fields, const char *name, json_t *old, json_t *new)
{
    if (old == new || (old != NULL && new != NULL &&json_equal(old, new)))
        return;
    if (strcmp(name, "secret") == 0) {
        json_array_append_new(fields, json_pack("{s:s}", "field", name));
        return;
    }
    json_array_append_new(fields,
                          json_pack("{s:s, s:O?, s:O?}", "field", name, "from", old, "to", new));
}

static json_t *difference(const json_t *old, const json_t *new)
{
    json_t *fields = json_array();
    const char *name = NULL;
    json_t *value = NULL;
    json_object_foreach((json_t *)old, name, value)
    {
        add_difference(fields, name, value, json_object_get(new, name));
    }
    json_object_foreach((json_t *)new, name, value)
    {
        if (json_object_get(old, name) == NULL)
            add_difference(fields, name, NULL, value);
    }
    return fields;
}

/* What is done with each of a list, and what is said of it. */
struct kind {
    const char *name; /* "rules" */
    const char *stored;
    int (*add)(struct tr_kpi_asker *asker, const json_t *one);
    int (*replace)(struct tr_kpi_asker *asker, int64_t id, const json_t *old, const json_t *new);
    int (*remove)(struct tr_kpi_asker *asker, int64_t id);
};

static int kind_add_rule(struct tr_kpi_asker *asker, const json_t *one)
{
    int64_t id;
    return add_rule(asker, one, &id);
}

static int kind_replace_rule(struct tr_kpi_asker *asker, int64_t id, const json_t *old,
                             const json_t *new)
{
    int64_t new_id;
    return replace_rule(asker, id, old, new, &new_id);
}

static int kind_remove_rule(struct tr_kpi_asker *asker, int64_t id)
{
    return change_one(asker, "rule_remove", id);
}

static int kind_replace_receiver(struct tr_kpi_asker *asker, int64_t id, const json_t *old,
                                 const json_t *new)
{
    (void)id;
    (void)old;
    return put_receiver(asker, new);
}

static int kind_remove_receiver(struct tr_kpi_asker *asker, int64_t id)
{
    return change_one(asker, "receiver_remove", id);
}

static const struct kind kinds[] = {
    {"rules", "rule_texts", kind_add_rule, kind_replace_rule, kind_remove_rule},
    {"receivers", "receiver_texts", put_receiver, kind_replace_receiver, kind_remove_receiver},
};

/* Brings one list to what is wanted; says in said what was done. */
static int bring(struct tr_kpi_asker *asker, const struct kind *kind, const json_t *wanted,
                 json_t *said, bool *changed)
{
    json_t *stored = NULL;
    json_t *added = json_array();
    json_t *altered = json_array();
    json_t *removed = json_array();
    json_int_t same = 0;
    size_t i;
    json_t *one = NULL;
    int result = load_all(asker, kind->stored, &stored);
    json_array_foreach(wanted, i, one)
    {
        json_t *there = find_named(stored, name_of(one));
        json_t *old = json_object_get(there, "is");
        if (result != 0)
            break;
        if (there == NULL) {
            json_array_append_new(added, json_string(name_of(one)));
            result = kind->add(asker, one);
        } else if (json_equal(old, one)) {
            same++;
        } else {
            json_array_append_new(altered, json_pack("{s:s, s:o}", "name", name_of(one), "fields",
                                                     difference(old, one)));
            result =
                kind->replace(asker, json_integer_value(json_object_get(there, "id")), old, one);
        }
    }
    json_array_foreach(stored, i, one)
    {
        const char *name = name_of(json_object_get(one, "is"));
        if (result != 0 || has_name(wanted, name))
            continue;
        json_array_append_new(removed, json_string(name));
        result = kind->remove(asker, json_integer_value(json_object_get(one, "id")));
    }
    json_decref(stored);
    *changed = *changed ||
               json_array_size(added) + json_array_size(altered) + json_array_size(removed) > 0;
    json_object_set_new(said, kind->name,
                        json_pack("{s:o, s:o, s:o, s:I}", "added", added, "changed", altered,
                                  "removed", removed, "unchanged", same));
    return result;
}

int tr_alert_apply(struct tr_kpi_asker *asker, const json_t *body, bool dry, json_t **answer_out)
{
    struct wanted wanted = {0};
    json_t *said = json_object();
    bool changed = false;
    int result = read_wanted(asker, body, &wanted);
    if (result == 0) {
        result = begin(asker);
        for (size_t i = 0; i < sizeof kinds / sizeof *kinds && result == 0; i++)
            result = bring(asker, &kinds[i],
                           strcmp(kinds[i].name, "rules") == 0 ? wanted.rules : wanted.receivers,
                           said, &changed);
        result = finish(asker, result, changed && !dry);
    }
    json_decref(wanted.rules);
    json_decref(wanted.receivers);
    if (result != 0) {
        json_decref(said);
        return result;
    }
    json_object_set_new(said, "dry_run", json_boolean(dry));
    *answer_out = said;
    return 0;
}

/* One rule ------------------------------------------------------------------------------------- */

/* By number or name. rule_out: a new reference. */
static int find_rule(struct tr_kpi_asker *asker, struct tr_slice id, int64_t *id_out,
                     json_t **rule_out)
{
    json_t *stored = NULL;
    int result = load_all(asker, "rule_texts", &stored);
    size_t i;
    json_t *entry = NULL;
    if (result != 0)
        return result;
    result = tr_store_not_found(asker, id);
    json_array_foreach(stored, i, entry)
    {
        json_t *rule = json_object_get(entry, "is");
        char number[32];
        snprintf(number, sizeof number, "%lld",
                 (long long)json_integer_value(json_object_get(entry, "id")));
        if (!tr_slice_is(id, number) && !tr_slice_is(id, name_of(rule)))
            continue;
        *id_out = json_integer_value(json_object_get(entry, "id"));
        *rule_out = json_incref(rule);
        result = 0;
        break;
    }
    json_decref(stored);
    return result;
}

/* Receivers' names of the project: [{"name"}]. */
static int check_stored_notify(struct tr_kpi_asker *asker, const json_t *rule)
{
    json_t *stored = NULL;
    json_t *receivers = json_array();
    size_t i;
    json_t *entry = NULL;
    int result = load_all(asker, "receiver_texts", &stored);
    json_array_foreach(stored, i, entry)
    {
        json_array_append(receivers, json_object_get(entry, "is"));
    }
    if (result == 0)
        result = check_notify(asker, rule, receivers, "");
    json_decref(stored);
    json_decref(receivers);
    return result;
}

/* Whether a rule other than this may have the name; id 0: any. */
static int check_name(struct tr_kpi_asker *asker, const json_t *rule, int64_t id)
{
    json_t *stored = NULL;
    int result = load_all(asker, "rule_texts", &stored);
    if (result != 0)
        return result;
    const json_t *there = find_named(stored, name_of(rule));
    if (there != NULL && json_integer_value(json_object_get(there, "id")) != id)
        result = tr_alert_refuse(asker, 409, "name", "there is a rule of this name");
    else if (id == 0 && json_array_size(stored) >= TR_ALERT_RULES_MAX)
        result = tr_alert_refuse(asker, 409, NULL, "a project has at most %d rules: remove some",
                                 TR_ALERT_RULES_MAX);
    json_decref(stored);
    return result;
}

static int get_by_number(struct tr_kpi_asker *asker, int64_t id, json_t **answer_out)
{
    char number[32];
    snprintf(number, sizeof number, "%lld", (long long)id);
    return tr_alert_get(asker, tr_slice_of(number), answer_out);
}

int tr_alert_add(struct tr_kpi_asker *asker, const json_t *body, json_t **answer_out)
{
    json_t *rule = NULL;
    int64_t id = 0;
    int result = tr_alert_rule_read(asker, body, "", &rule);
    if (result != 0)
        return result;
    result = begin(asker);
    if (result == 0)
        result = check_name(asker, rule, 0);
    if (result == 0)
        result = check_stored_notify(asker, rule);
    if (result == 0)
        result = add_rule(asker, rule, &id);
    json_decref(rule);
    result = finish(asker, result, true);
    return result == 0 ? get_by_number(asker, id, answer_out) : result;
}

int tr_alert_change(struct tr_kpi_asker *asker, struct tr_slice id, const json_t *body,
                    json_t **answer_out)
{
    json_t *rule = NULL;
    json_t *old = NULL;
    int64_t number = 0;
    int result = tr_alert_rule_read(asker, body, "", &rule);
    if (result != 0)
        return result;
    result = begin(asker);
    if (result == 0)
        result = find_rule(asker, id, &number, &old);
    if (result == 0)
        result = check_name(asker, rule, number);
    if (result == 0)
        result = check_stored_notify(asker, rule);
    if (result == 0 && !json_equal(old, rule))
        result = replace_rule(asker, number, old, rule, &number);
    json_decref(old);
    json_decref(rule);
    result = finish(asker, result, true);
    return result == 0 ? get_by_number(asker, number, answer_out) : result;
}

int tr_alert_remove(struct tr_kpi_asker *asker, struct tr_slice id, json_t **answer_out)
{
    json_t *old = NULL;
    int64_t number = 0;
    int result = begin(asker);
    if (result == 0)
        result = find_rule(asker, id, &number, &old);
    if (result == 0)
        result = change_one(asker, "rule_remove", number);
    result = finish(asker, result, true);
    if (result == 0)
        *answer_out = json_pack("{s:O}", "removed", json_object_get(old, "name"));
    json_decref(old);
    return result;
}

/* Silences ------------------------------------------------------------------------------------- */

int tr_alert_silence(struct tr_kpi_asker *asker, struct tr_slice id, const json_t *body,
                     json_t **answer_out)
{
    static const char *const names[] = {"for", "series", "comment", NULL};
    const struct reading reading = {.asker = asker, .path = "", .body = body};
    const char *series = NULL;
    const char *comment = NULL;
    double seconds = 0;
    json_t *rule = NULL;
    int64_t number = 0;
    int result = tr_alert_check_fields(&reading, names);
    if (result == 0)
        result = tr_alert_read_duration_of(&reading, "for", json_object_get(body, "for"), 1,
                                           366.0 * 86400, &seconds);
    if (result == 0)
        result = tr_alert_read_text(&reading, "series", TR_ALERT_TEXT_MAX, false, &series);
    if (result == 0)
        result = tr_alert_read_text(&reading, "comment", TR_ALERT_TEXT_MAX, false, &comment);
    if (result != 0)
        return result;
    TR_CLEANUP(tr_pg_params_freep) struct tr_pg_params *params = tr_pg_params_new();
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *row = NULL;
    result = begin(asker);
    if (result == 0)
        result = find_rule(asker, id, &number, &rule);
    tr_pg_bind_int8(params, number);
    tr_pg_bind_text(params, series != NULL ? tr_slice_of(series) : TR_SLICE_NONE);
    tr_pg_bind_text(params, tr_slice_of(comment != NULL ? comment : ""));
    tr_pg_bind_float8(params, seconds);
    if (result == 0)
        result = tr_store_query(asker, "silence_add", params, &row);
    result = finish(asker, result, true);
    if (result == 0) {
        struct tr_slice until = tr_pg_get_bytes(row, 0, 0);
        *answer_out = json_pack("{s:O, s:s?, s:s%}", "rule", json_object_get(rule, "name"),
                                "series", series, "until", until.data, until.size);
    }
    json_decref(rule);
    return result;
}

int tr_alert_unsilence(struct tr_kpi_asker *asker, struct tr_slice id, json_t **answer_out)
{
    TR_CLEANUP(tr_pg_params_freep) struct tr_pg_params *params = tr_pg_params_new();
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *rows = NULL;
    json_t *rule = NULL;
    int64_t number = 0;
    int result = begin(asker);
    if (result == 0)
        result = find_rule(asker, id, &number, &rule);
    tr_pg_bind_int8(params, number);
    if (result == 0)
        result = tr_store_query(asker, "silence_end", params, &rows);
    result = finish(asker, result, true);
    if (result == 0)
        *answer_out = json_pack("{s:O, s:i}", "rule", json_object_get(rule, "name"), "ended",
                                tr_pg_rows(rows));
    json_decref(rule);
    return result;
}

/* One receiver --------------------------------------------------------------------------------- */

int tr_alert_receiver_put(struct tr_kpi_asker *asker, const json_t *body, json_t **answer_out)
{
    json_t *receiver = NULL;
    json_t *stored = NULL;
    int result = tr_alert_receiver_read(asker, body, "", &receiver);
    if (result != 0)
        return result;
    result = begin(asker);
    if (result == 0)
        result = load_all(asker, "receiver_texts", &stored);
    if (result == 0 && find_named(stored, name_of(receiver)) == NULL &&
        json_array_size(stored) >= TR_ALERT_RECEIVERS_MAX)
        result = tr_alert_refuse(asker, 409, NULL, "a project has at most %d receivers",
                                 TR_ALERT_RECEIVERS_MAX);
    if (result == 0)
        result = put_receiver(asker, receiver);
    result = finish(asker, result, true);
    if (result == 0)
        *answer_out = json_pack("{s:s}", "name", name_of(receiver));
    json_decref(stored);
    json_decref(receiver);
    return result;
}

/* NULL: no rule names the receiver. Borrowed from rules. */
static const char *who_names(const json_t *rules, struct tr_slice receiver)
{
    size_t i;
    json_t *entry = NULL;
    json_array_foreach(rules, i, entry)
    {
        const json_t *rule = json_object_get(entry, "is");
        size_t at;
        json_t *name = NULL;
        json_array_foreach(json_object_get(rule, "notify"), at, name)
        {
            if (tr_slice_is(receiver, json_string_value(name)))
                return name_of(rule);
        }
    }
    return NULL;
}

static int find_receiver(struct tr_kpi_asker *asker, struct tr_slice name, int64_t *id_out)
{
    json_t *stored = NULL;
    size_t i;
    json_t *entry = NULL;
    int result = load_all(asker, "receiver_texts", &stored);
    *id_out = 0;
    json_array_foreach(stored, i, entry)
    {
        if (tr_slice_is(name, name_of(json_object_get(entry, "is"))))
            *id_out = json_integer_value(json_object_get(entry, "id"));
    }
    json_decref(stored);
    if (result == 0 && *id_out == 0)
        result = tr_alert_refuse(asker, 404, "name", "there is no receiver of this name");
    return result;
}

int tr_alert_receiver_remove(struct tr_kpi_asker *asker, struct tr_slice name, json_t **answer_out)
{
    json_t *rules = NULL;
    int64_t id = 0;
    int result = begin(asker);
    if (result == 0)
        result = find_receiver(asker, name, &id);
    if (result == 0)
        result = load_all(asker, "rule_texts", &rules);
    const char *rule = result == 0 ? who_names(rules, name) : NULL;
    if (rule != NULL)
        result = tr_alert_refuse(asker, 409, "name", "the rule \"%.100s\" names it", rule);
    if (result == 0)
        result = change_one(asker, "receiver_remove", id);
    result = finish(asker, result, true);
    if (result == 0)
        *answer_out = json_pack("{s:s%}", "name", name.data, name.size);
    json_decref(rules);
    return result;
}
