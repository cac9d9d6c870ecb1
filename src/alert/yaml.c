/* SPDX-License-Identifier: MIT */
/*
 * alerts.yaml as JSON. What a person would not write is refused: anchors and aliases (a few lines
 * of which make gigabytes), tags, several documents, the same name twice. Plain scalars are what
 * the core schema of YAML 1.2 says; quoted ones are texts.
 */
#include "alert_priv.h"

#include "traction/base/file.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

enum { FILE_BYTES = 1 << 20, DEPTH_MAX = 16, PATH_BYTES = 1024 };

struct place {
    char *path;
    int line;
};

struct tr_alert_places {
    struct place *list;
    size_t count;
    size_t capacity;
};

struct loading {
    yaml_parser_t parser;
    const char *name; /* of the file */
    struct tr_alert_places *places;
    struct tr_error *error;
};

/* Places --------------------------------------------------------------------------------------- */

static void add_place(struct tr_alert_places *places, const char *path, int line)
{
    if (places->count == places->capacity) {
        places->capacity = places->capacity > 0 ? 2 * places->capacity : 64;
        places->list = tr_realloc(places->list, places->capacity * sizeof *places->list);
    }
    places->list[places->count++] = (struct place){tr_strdup(path), line};
}

void tr_alert_places_free(struct tr_alert_places *places)
{
    if (places == NULL)
        return;
    for (size_t i = 0; i < places->count; i++)
        free(places->list[i].path);
    free(places->list);
    free(places);
}

static int line_of(const struct tr_alert_places *places, const char *path, size_t size)
{
    for (size_t i = 0; i < places->count; i++)
        if (strlen(places->list[i].path) == size && memcmp(places->list[i].path, path, size) == 0)
            return places->list[i].line;
    return 0;
}

int tr_alert_line(const struct tr_alert_places *places, const char *field)
{
    size_t size = field != NULL ? strlen(field) : 0;
    for (;;) {
        int line = line_of(places, field != NULL ? field : "", size);
        if (line != 0 || size == 0)
            return line;
        /* What stands around it: a.b[3].c, a.b[3], a.b, a. */
        do
            size--;
        while (size > 0 && field[size] != '.' && field[size] != '[');
    }
}

/* Nodes ---------------------------------------------------------------------------------------- */

static json_t *wrong(struct loading *loading, size_t line, const char *path, const char *format,
                     ...) __attribute__((format(printf, 4, 5)));
static json_t *wrong(struct loading *loading, size_t line, const char *path, const char *format,
                     ...)
{
    char message[300];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    tr_error_set(loading->error, -EINVAL, "%s:%zu: %.150s%s%s", loading->name, line + 1, path,
                 *path != '\0' ? ": " : "", message);
    return NULL;
}

static bool next_event(struct loading *loading, yaml_event_t *event)
{
    if (yaml_parser_parse(&loading->parser, event))
        return true;
    const char *problem = loading->parser.problem != NULL ? loading->parser.problem : "no YAML";
    wrong(loading, loading->parser.problem_mark.line, "", "%s", problem);
    return false;
}

static json_t *number_of(const char *text)
{
    json_t *number = json_loads(text, JSON_DECODE_ANY, NULL);
    if (json_is_number(number))
        return number;
    json_decref(number);
    return NULL;
}

static bool is_one_of(const char *text, const char *one, const char *two, const char *three)
{
    return strcmp(text, one) == 0 || strcmp(text, two) == 0 || strcmp(text, three) == 0;
}

static json_t *plain_of(const char *text)
{
    if (*text == '\0' || strcmp(text, "~") == 0 || is_one_of(text, "null", "Null", "NULL"))
        return json_null();
    if (is_one_of(text, "true", "True", "TRUE"))
        return json_true();
    if (is_one_of(text, "false", "False", "FALSE"))
        return json_false();
    json_t *number = number_of(*text == '+' ? text + 1 : text);
    /* .5 and 5. are numbers, too. */
    if (number == NULL && strspn(text, "0123456789.-+eE") == strlen(text) &&
        strpbrk(text, "0123456789") != NULL && strchr(text, '.') != NULL) {
        char *end = NULL;
        double value = strtod(text, &end);
        if (*end == '\0')
            number = json_real(value);
    }
    return number != NULL ? number : json_string(text);
}

static json_t *load_node(struct loading *loading, const yaml_event_t *event, const char *path,
                         int depth);

static json_t *load_scalar(struct loading *loading, const yaml_event_t *event, const char *path)
{
    const char *text = (const char *)event->data.scalar.value;
    size_t size = event->data.scalar.length;
    if (strlen(text) != size)
        return wrong(loading, event->start_mark.line, path, "expected a text without NUL");
    json_t *value =
        event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE ? plain_of(text) : json_string(text);
    return value != NULL ? value : wrong(loading, event->start_mark.line, path, "expected UTF-8");
}

static json_t *load_list(struct loading *loading, const char *path, int depth)
{
    json_t *list = json_array();
    for (;;) {
        yaml_event_t event;
        char inner[PATH_BYTES];
        if (!next_event(loading, &event))
            break;
        if (event.type == YAML_SEQUENCE_END_EVENT) {
            yaml_event_delete(&event);
            return list;
        }
        snprintf(inner, sizeof inner, "%s[%zu]", path, json_array_size(list));
        json_t *value = load_node(loading, &event, inner, depth + 1);
        yaml_event_delete(&event);
        if (value == NULL)
            break;
        json_array_append_new(list, value);
    }
    json_decref(list);
    return NULL;
}

/* One name and its value. */
static bool load_pair(struct loading *loading, const yaml_event_t *key, json_t *map,
                      const char *path, int depth)
{
    yaml_event_t event;
    char inner[PATH_BYTES];
    if (key->type != YAML_SCALAR_EVENT) {
        wrong(loading, key->start_mark.line, path, "expected a name");
        return false;
    }
    const char *name = (const char *)key->data.scalar.value;
    snprintf(inner, sizeof inner, "%s%s%s", path, *path != '\0' ? "." : "", name);
    if (json_object_get(map, name) != NULL) {
        wrong(loading, key->start_mark.line, inner, "stands here twice");
        return false;
    }
    if (!next_event(loading, &event))
        return false;
    add_place(loading->places, inner, (int)key->start_mark.line + 1);
    json_t *value = load_node(loading, &event, inner, depth + 1);
    yaml_event_delete(&event);
    if (value != NULL && json_object_set_new(map, name, value) < 0) {
        wrong(loading, key->start_mark.line, path, "expected UTF-8");
        return false;
    }
    return value != NULL;
}

static json_t *load_map(struct loading *loading, const char *path, int depth)
{
    json_t *map = json_object();
    for (;;) {
        yaml_event_t event;
        if (!next_event(loading, &event))
            break;
        bool over = event.type == YAML_MAPPING_END_EVENT;
        bool loaded = over || load_pair(loading, &event, map, path, depth);
        yaml_event_delete(&event);
        if (over)
            return map;
        if (!loaded)
            break;
    }
    json_decref(map);
    return NULL;
}

static const char *refusal(const yaml_event_t *event)
{
    const yaml_char_t *anchor = NULL;
    const yaml_char_t *tag = NULL;
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        anchor = event->data.scalar.anchor;
        tag = event->data.scalar.tag;
        break;
    case YAML_SEQUENCE_START_EVENT:
        anchor = event->data.sequence_start.anchor;
        tag = event->data.sequence_start.tag;
        break;
    case YAML_MAPPING_START_EVENT:
        anchor = event->data.mapping_start.anchor;
        tag = event->data.mapping_start.tag;
        break;
    default:
        return "anchors and aliases (& and *) are not taken; write it out";
    }
    if (anchor != NULL)
        return "anchors and aliases (& and *) are not taken; write it out";
    return tag != NULL ? "tags (!) are not taken; leave it out" : NULL;
}

static json_t *load_node(struct loading *loading, const yaml_event_t *event, const char *path,
                         int depth)
{
    const char *no = refusal(event);
    if (no == NULL && depth > DEPTH_MAX)
        no = "is nested too deep";
    if (no != NULL)
        return wrong(loading, event->start_mark.line, path, "%s", no);
    add_place(loading->places, path, (int)event->start_mark.line + 1);
    if (event->type == YAML_SCALAR_EVENT)
        return load_scalar(loading, event, path);
    return event->type == YAML_SEQUENCE_START_EVENT ? load_list(loading, path, depth)
                                                    : load_map(loading, path, depth);
}

/* Documents ------------------------------------------------------------------------------------ */

/* Skips one event of a kind. False: there is another. */
static bool skip(struct loading *loading, yaml_event_type_t type, const char *expected)
{
    yaml_event_t event;
    if (!next_event(loading, &event))
        return false;
    bool right = event.type == type;
    size_t line = event.start_mark.line;
    yaml_event_delete(&event);
    if (!right)
        wrong(loading, line, "", "%s", expected);
    return right;
}

static json_t *load_document(struct loading *loading)
{
    yaml_event_t event;
    if (!skip(loading, YAML_STREAM_START_EVENT, "expected YAML") ||
        !skip(loading, YAML_DOCUMENT_START_EVENT,
              "expected rules: and receivers:, found nothing") ||
        !next_event(loading, &event))
        return NULL;
    json_t *document = load_node(loading, &event, "", 0);
    yaml_event_delete(&event);
    if (document == NULL)
        return NULL;
    if (skip(loading, YAML_DOCUMENT_END_EVENT, "expected the end") &&
        skip(loading, YAML_STREAM_END_EVENT, "expected one document, without ---"))
        return document;
    json_decref(document);
    return NULL;
}

int tr_alert_read_file(const char *path, json_t **body_out, struct tr_alert_places **places_out,
                       struct tr_error *error)
{
    TR_CLEANUP(tr_freep) char *text = NULL;
    size_t size = 0;
    int result = tr_file_read_all(path, FILE_BYTES, &text, &size, error);
    if (result < 0)
        return result;
    struct loading loading = {
        .name = path, .places = tr_calloc(1, sizeof *loading.places), .error = error};
    if (!yaml_parser_initialize(&loading.parser)) {
        tr_alert_places_free(loading.places);
        return tr_error_set(error, -ENOMEM, "the YAML parser could not be started");
    }
    yaml_parser_set_encoding(&loading.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&loading.parser, (const unsigned char *)text, size);
    json_t *body = load_document(&loading);
    yaml_parser_delete(&loading.parser);
    if (body == NULL) {
        tr_alert_places_free(loading.places);
        return -EINVAL;
    }
    *body_out = body;
    *places_out = loading.places;
    return 0;
}
