/* SPDX-License-Identifier: MIT */
/* Annotations: releases and whatever else happened at an instant. */
#include "hypothesis_priv.h"

#include "traction/base/alloc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct annotation {
    const char *client_id;
    int64_t at_us;
    const char *kind;
    const char *title;
    const char *url;
    char *properties; /* JSON */
};

static int check_names(struct tr_kpi_asker *ask, const json_t *body)
{
    static const char *const names[] = {"id", "at", "kind", "title", "url", "properties"};
    const char *name = NULL;
    json_t *value = NULL;
    json_object_foreach((json_t *)body, name, value)
    {
        size_t i = 0;
        while (i < sizeof names / sizeof *names && strcmp(names[i], name) != 0)
            i++;
        if (i < sizeof names / sizeof *names)
            continue;
        const char *field = tr_arena_printf(ask->arena, "%.64s", name);
        return tr_read_refuse(ask, 400, field,
                              "%s: expected title, and at, kind, url, properties or id", field);
    }
    return 0;
}

static int read_properties(struct tr_kpi_asker *ask, const json_t *body, char **text_out)
{
    json_t *properties = json_object_get(body, "properties");
    if (properties == NULL || json_is_null(properties)) {
        *text_out = tr_strdup("{}");
        return 0;
    }
    char *text = json_is_object(properties) ? json_dumps(properties, JSON_COMPACT) : NULL;
    if (text != NULL && strlen(text) <= TR_PROPERTIES_MAX_BYTES &&
        strstr(text, "\\u0000") == NULL) {
        *text_out = text;
        return 0;
    }
    free(text);
    return tr_read_refuse(ask, 400, "properties",
                          "properties: expected an object of at most %d bytes, without NUL",
                          TR_PROPERTIES_MAX_BYTES);
}

static int read_body(struct tr_kpi_asker *ask, const json_t *body, struct annotation *annotation)
{
    if (!json_is_object(body))
        return tr_read_refuse(ask, 400, NULL, "expected a JSON object");
    int result = check_names(ask, body);
    if (result == 0)
        result = tr_read_text(ask, body, "title", TR_TITLE_MAX_BYTES, true, &annotation->title);
    if (result == 0)
        result = tr_read_text(ask, body, "kind", TR_KIND_MAX_BYTES, false, &annotation->kind);
    if (result == 0)
        result = tr_read_text(ask, body, "url", TR_URL_MAX_BYTES, false, &annotation->url);
    if (result == 0)
        result =
            tr_read_text(ask, body, "id", TR_CLIENT_ID_MAX_BYTES, false, &annotation->client_id);
    if (result == 0)
        result = tr_read_time(ask, body, "at", &annotation->at_us);
    return result == 0 ? read_properties(ask, body, &annotation->properties) : result;
}

static void bind_optional(struct tr_pg_params *params, const char *text)
{
    tr_pg_bind_text(params, text != NULL ? tr_slice_of(text) : TR_SLICE_NONE);
}

static int parse(struct tr_kpi_asker *ask, struct tr_slice text, json_t **out)
{
    json_t *document = json_loadb(text.data, text.size, 0, NULL);
    if (document == NULL)
        return tr_error_set(ask->error, -EBADMSG, "the annotations read are not JSON");
    *out = document;
    return 0;
}

static int store(struct tr_kpi_asker *ask, const struct annotation *annotation, bool *made_out,
                 json_t **answer_out)
{
    TR_CLEANUP(tr_pg_params_freep) struct tr_pg_params *params = tr_pg_params_new();
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *row = NULL;
    tr_pg_bind_int4(params, ask->project->id);
    bind_optional(params, annotation->client_id);
    tr_pg_bind_timestamptz(params, annotation->at_us);
    tr_pg_bind_text(params, tr_slice_of(annotation->kind != NULL ? annotation->kind : "note"));
    tr_pg_bind_text(params, tr_slice_of(annotation->title));
    bind_optional(params, annotation->url);
    tr_pg_bind_text(params, tr_slice_of(annotation->properties));
    tr_pg_bind_int4(params, TR_ANNOTATIONS_MAX);
    int result = tr_write(ask, "queries/hypothesis/annotation_add", params, &row);
    if (result < 0)
        return result;
    if (tr_pg_rows(row) == 0)
        return tr_read_refuse(ask, 409, NULL, "a project has at most %d annotations: remove some",
                              TR_ANNOTATIONS_MAX);
    *made_out = tr_pg_get_bool(row, 0, tr_pg_column(row, "made"));
    return parse(ask, tr_pg_get_bytes(row, 0, tr_pg_column(row, "annotation")), answer_out);
}

int tr_annotation_add(struct tr_kpi_asker *ask, const json_t *body, bool *made_out,
                      json_t **answer_out)
{
    struct annotation annotation = {.at_us = ask->now_us};
    int result = read_body(ask, body, &annotation);
    if (result == 0)
        result = store(ask, &annotation, made_out, answer_out);
    free(annotation.properties);
    return result;
}

/* id -1: all of the range and kind. */
static int list(struct tr_kpi_asker *ask, int64_t from_us, int64_t to_us, struct tr_slice kind,
                int64_t id, json_t **list_out)
{
    TR_CLEANUP(tr_pg_params_freep) struct tr_pg_params *params = tr_pg_params_new();
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *row = NULL;
    tr_pg_bind_int4(params, ask->project->id);
    tr_pg_bind_timestamptz(params, from_us);
    tr_pg_bind_timestamptz(params, to_us);
    tr_pg_bind_text(params, kind);
    tr_pg_bind_int8(params, id);
    tr_pg_bind_int4(params, TR_ANNOTATION_LIST_MAX);
    int result = tr_pg_query(ask->pg, tr_pg_sql("queries/hypothesis/annotation_list"), params, &row,
                             ask->error);
    return result == 0 ? parse(ask, tr_pg_get_bytes(row, 0, 0), list_out) : result;
}

int tr_annotation_list(struct tr_kpi_asker *ask, const struct tr_kpi_parameter *parameters,
                       size_t count, json_t **answer_out)
{
    const char *from = "0001-01-02T00:00:00Z";
    const char *to = "9999-12-30T00:00:00Z";
    struct tr_slice kind = TR_SLICE_NONE;
    int64_t from_us = 0;
    int64_t to_us = 0;
    json_t *found = NULL;
    for (size_t i = 0; i < count; i++) {
        struct tr_slice value = parameters[i].value;
        const char *text = tr_arena_strndup(ask->arena, value.data, value.size);
        if (tr_slice_is(parameters[i].name, "from"))
            from = text;
        else if (tr_slice_is(parameters[i].name, "to"))
            to = text;
        else if (tr_slice_is(parameters[i].name, "kind"))
            kind = value;
        else
            return tr_read_refuse(ask, 400, "parameter", "the parameters are from, to and kind");
    }
    int result = tr_read_range(ask, from, to, "to", &from_us, &to_us);
    if (result == 0)
        result = list(ask, from_us, to_us, kind, -1, &found);
    if (result == 0)
        *answer_out = json_pack("{s:o}", "annotations", found);
    return result;
}

static int refuse_missing(struct tr_kpi_asker *ask, int64_t id)
{
    return tr_read_refuse(ask, 404, "id", "there is no annotation %lld", (long long)id);
}

int tr_annotation_get(struct tr_kpi_asker *ask, struct tr_slice id, json_t **answer_out)
{
    int64_t number = 0;
    json_t *found = NULL;
    int result = tr_read_id(ask, "annotation", id, &number);
    if (result == 0)
        result = list(ask, INT64_MIN, INT64_MAX, TR_SLICE_NONE, number, &found);
    if (result == 0 && json_array_size(found) == 0)
        result = refuse_missing(ask, number);
    else if (result == 0)
        *answer_out = json_incref(json_array_get(found, 0));
    json_decref(found);
    return result;
}

int tr_annotation_remove(struct tr_kpi_asker *ask, struct tr_slice id, json_t **answer_out)
{
    TR_CLEANUP(tr_pg_params_freep) struct tr_pg_params *params = tr_pg_params_new();
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *row = NULL;
    int64_t number = 0;
    int result = tr_read_id(ask, "annotation", id, &number);
    if (result != 0)
        return result;
    tr_pg_bind_int4(params, ask->project->id);
    tr_pg_bind_int8(params, number);
    result = tr_write(ask, "queries/hypothesis/annotation_remove", params, &row);
    if (result < 0)
        return result;
    if (tr_pg_rows(row) == 0)
        return refuse_missing(ask, number);
    *answer_out = json_pack("{s:I, s:b}", "id", (json_int_t)number, "removed", 1);
    return 0;
}
