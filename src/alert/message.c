/* SPDX-License-Identifier: MIT */
/* What each kind of receiver is sent. */
#include "alert_priv.h"

#include "traction/base/hash.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum {
    LISTED_MAX = 10, /* alerts in a text for people */
    MESSAGE_BYTES = 64 << 20,
    SLACK_TEXT_BYTES = 3000,
    HEADER_LINE_BYTES = 48, /* of UTF-8 in an encoded word: at most 75 characters then */
    SUBJECT_BYTES = 200,
    FIRES_FOR_S = 300 /* what an Alertmanager hears no more of is over */
};

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text != NULL ? text : "";
}

static bool is_firing(const json_t *alert)
{
    return strcmp(text_of(alert, "status"), "firing") == 0;
}

static size_t count_firing(const json_t *alerts)
{
    size_t count = 0;
    size_t i;
    json_t *alert = NULL;
    json_array_foreach(alerts, i, alert)
    {
        count += is_firing(alert);
    }
    return count;
}

static void add_header(struct tr_outbound_request *request, const char *name, const char *value)
{
    if (request->header_count < TR_OUTBOUND_HEADERS_MAX)
        request->headers[request->header_count++] = (struct tr_outbound_header){name, value};
}

/* Takes the document. */
static void set_json(struct tr_outbound_request *request, struct tr_arena *arena, json_t *document)
{
    char *text = json_dumps(document, JSON_COMPACT);
    json_decref(document);
    request->body = tr_slice_of(tr_arena_printf(arena, "%s", text != NULL ? text : "{}"));
    tr_freep(&text);
    add_header(request, "Content-Type", "application/json");
}

/* The receiver's own headers, and who sent this and when. */
static void finish_post(const struct tr_alert_message *message, struct tr_arena *arena,
                        struct tr_outbound_request *request)
{
    const char *name = NULL;
    json_t *value = NULL;
    json_object_foreach(json_object_get(message->receiver, "headers"), name, value)
    {
        add_header(request, tr_arena_printf(arena, "%s", name),
                   tr_arena_printf(arena, "%s", json_string_value(value)));
    }
    const char *secret = json_string_value(json_object_get(message->receiver, "secret"));
    if (secret == NULL)
        return;
    char *signature = tr_arena_alloc(arena, TR_OUTBOUND_SIGNATURE_BYTES);
    tr_outbound_sign(secret, message->now_us / 1000000, request->body, signature);
    add_header(request, "Traction-Signature", signature);
}

/* Alertmanager's webhook, version 4 ------------------------------------------------------------ */

/* What all alerts have in one of their objects; a new reference. */
static json_t *common(const json_t *alerts, const char *part)
{
    json_t *all = json_deep_copy(json_object_get(json_array_get(alerts, 0), part));
    size_t i;
    json_t *alert = NULL;
    json_array_foreach(alerts, i, alert)
    {
        const char *name = NULL;
        json_t *value = NULL;
        void *next = NULL;
        json_object_foreach_safe(all, next, name, value)
        {
            if (!json_equal(value, json_object_get(json_object_get(alert, part), name)))
                json_object_del(all, name);
        }
    }
    return all != NULL ? all : json_object();
}

static json_t *group_labels(const struct tr_alert_message *message)
{
    json_t *labels = json_object();
    size_t i;
    json_t *name = NULL;
    const json_t *first = json_object_get(json_array_get(message->alerts, 0), "labels");
    json_array_foreach(json_object_get(message->receiver, "group_by"), i, name)
    {
        json_t *value = json_object_get(first, json_string_value(name));
        if (value != NULL)
            json_object_set(labels, json_string_value(name), value);
    }
    return labels;
}

static void compose_webhook(const struct tr_alert_message *message, struct tr_arena *arena,
                            struct tr_outbound_request *request)
{
    request->url = tr_arena_printf(arena, "%s", text_of(message->receiver, "webhook"));
    set_json(request, arena,
             json_pack("{s:s, s:s, s:i, s:s, s:s, s:o, s:o, s:o, s:s, s:O}", "version", "4",
                       "groupKey", message->group_key, "truncatedAlerts", 0, "status",
                       count_firing(message->alerts) > 0 ? "firing" : "resolved", "receiver",
                       text_of(message->receiver, "name"), "groupLabels", group_labels(message),
                       "commonLabels", common(message->alerts, "labels"), "commonAnnotations",
                       common(message->alerts, "annotations"), "externalURL", message->external_url,
                       "alerts", (json_t *)message->alerts));
    finish_post(message, arena, request);
}

/* Alertmanager's API, version 2 ---------------------------------------------------------------- */

static void compose_alertmanager(const struct tr_alert_message *message, struct tr_arena *arena,
                                 struct tr_outbound_request *request)
{
    const char *url = text_of(message->receiver, "alertmanager");
    size_t size = strlen(url);
    while (size > 0 && url[size - 1] == '/')
        size--;
    request->url = tr_arena_printf(arena, "%.*s/api/v2/alerts", (int)size, url);
    struct tr_slice until =
        tr_kpi_time_text(message->now_us + INT64_C(1000000) * FIRES_FOR_S, arena);
    json_t *body = json_array();
    size_t i;
    json_t *alert = NULL;
    json_array_foreach(message->alerts, i, alert)
    {
        json_t *one = json_deep_copy(alert);
        json_object_del(one, "status");
        json_object_del(one, "fingerprint");
        if (is_firing(alert))
            json_object_set_new(one, "endsAt", json_stringn(until.data, until.size));
        json_array_append_new(body, one);
    }
    set_json(request, arena, body);
    finish_post(message, arena, request);
}

/* For people ----------------------------------------------------------------------------------- */

static const char *summary_of(const json_t *alert)
{
    const json_t *annotations = json_object_get(alert, "annotations");
    const char *summary = text_of(annotations, "summary");
    return *summary != '\0' ? summary : text_of(annotations, "description");
}

/* "API error rate (route=/pay)": the labels that tell alerts of a rule apart. */
static void put_name(struct tr_buf *out, const json_t *alert)
{
    static const char *const known[] = {"alertname", "severity", "project"};
    const json_t *labels = json_object_get(alert, "labels");
    const char *name = NULL;
    json_t *value = NULL;
    const char *before = " (";
    tr_buf_append_text(out, text_of(labels, "alertname"));
    json_object_foreach((json_t *)labels, name, value)
    {
        bool is_known = false;
        for (size_t i = 0; i < sizeof known / sizeof *known; i++)
            is_known = is_known || strcmp(name, known[i]) == 0;
        if (is_known)
            continue;
        tr_buf_printf(out, "%s%s=%s", before, name, json_string_value(value));
        before = ", ";
    }
    if (*before == ',')
        tr_buf_append_text(out, ")");
}

/* A line each: FIRING name: summary, and where to look. */
static void put_lines(struct tr_buf *out, const json_t *alerts)
{
    size_t i;
    json_t *alert = NULL;
    json_array_foreach(alerts, i, alert)
    {
        if (i == LISTED_MAX) {
            tr_buf_printf(out, "and %zu more\n", json_array_size(alerts) - i);
            break;
        }
        tr_buf_append_text(out, is_firing(alert) ? "FIRING " : "RESOLVED ");
        put_name(out, alert);
        if (*summary_of(alert) != '\0')
            tr_buf_printf(out, ": %s", summary_of(alert));
        if (*text_of(alert, "generatorURL") != '\0')
            tr_buf_printf(out, "\n  %s", text_of(alert, "generatorURL"));
        tr_buf_append_text(out, "\n");
    }
}

/* "[FIRING:2] API error rate". */
static void put_title(struct tr_buf *out, const json_t *alerts)
{
    size_t firing = count_firing(alerts);
    const json_t *first = json_array_get(alerts, 0);
    if (firing > 0)
        tr_buf_printf(out, "[FIRING:%zu] ", firing);
    else
        tr_buf_append_text(out, "[RESOLVED] ");
    tr_buf_append_text(out, text_of(json_object_get(first, "labels"), "alertname"));
}

/* Slack takes &, < and > for itself: nothing that was sent to us may mention or link anybody. */
static json_t *slack_text(const struct tr_buf *text)
{
    struct tr_buf out;
    tr_buf_init(&out, SLACK_TEXT_BYTES + 8);
    for (size_t i = 0; i < text->size && out.size < SLACK_TEXT_BYTES - 8; i++) {
        char c = text->data[i];
        if (c == '&')
            tr_buf_append_text(&out, "&amp;");
        else if (c == '<')
            tr_buf_append_text(&out, "&lt;");
        else if (c == '>')
            tr_buf_append_text(&out, "&gt;");
        else
            tr_buf_append_u8(&out, (uint8_t)c);
    }
    /* Cut between characters. */
    while (out.size > 0) {
        json_t *string = json_stringn(out.data, out.size);
        if (string != NULL) {
            tr_buf_fini(&out);
            return string;
        }
        out.size--;
    }
    tr_buf_fini(&out);
    return json_string("");
}

static void compose_slack(const struct tr_alert_message *message, struct tr_arena *arena,
                          struct tr_outbound_request *request)
{
    struct tr_buf title;
    struct tr_buf lines;
    tr_buf_init(&title, MESSAGE_BYTES);
    tr_buf_init(&lines, MESSAGE_BYTES);
    put_title(&title, message->alerts);
    put_lines(&lines, message->alerts);
    request->url = tr_arena_printf(arena, "%s", text_of(message->receiver, "slack"));
    json_t *heading = slack_text(&title);
    set_json(request, arena,
             json_pack("{s:O, s:[{s:s, s:o, s:o, s:[]}]}", "text", heading, "attachments", "color",
                       count_firing(message->alerts) > 0 ? "#c62828" : "#2e7d32", "fallback",
                       heading, "text", slack_text(&lines), "mrkdwn_in"));
    finish_post(message, arena, request);
    tr_buf_fini(&title);
    tr_buf_fini(&lines);
}

/* Mail ----------------------------------------------------------------------------------------- */

static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void put_base64(struct tr_buf *out, const char *data, size_t size, size_t line)
{
    size_t written = 0;
    for (size_t i = 0; i < size; i += 3) {
        uint32_t bits = (uint32_t)(uint8_t)data[i] << 16;
        if (i + 1 < size)
            bits |= (uint32_t)(uint8_t)data[i + 1] << 8;
        if (i + 2 < size)
            bits |= (uint8_t)data[i + 2];
        tr_buf_append_u8(out, (uint8_t)base64_digits[bits >> 18]);
        tr_buf_append_u8(out, (uint8_t)base64_digits[bits >> 12 & 63]);
        tr_buf_append_u8(out, i + 1 < size ? (uint8_t)base64_digits[bits >> 6 & 63] : '=');
        tr_buf_append_u8(out, i + 2 < size ? (uint8_t)base64_digits[bits & 63] : '=');
        written += 4;
        if (line > 0 && written % line == 0)
            tr_buf_append_text(out, "\r\n");
    }
}

/* Encoded words (RFC 2047), whatever the text: no byte of it can begin a header. */
static void put_subject(struct tr_buf *out, const char *text, size_t size)
{
    tr_buf_append_text(out, "Subject:");
    if (size > SUBJECT_BYTES) {
        size = SUBJECT_BYTES;
        while (size > 0 && ((unsigned char)text[size] & 0xc0) == 0x80)
            size--;
    }
    while (size > 0) {
        size_t part = size < HEADER_LINE_BYTES - 6 ? size : HEADER_LINE_BYTES - 6;
        while (part < size && part > 1 && ((unsigned char)text[part] & 0xc0) == 0x80)
            part--;
        tr_buf_append_text(out, " =?UTF-8?B?");
        put_base64(out, text, part, 0);
        tr_buf_append_text(out, part < size ? "?=\r\n" : "?=");
        text += part;
        size -= part;
    }
    tr_buf_append_text(out, "\r\n");
}

static void put_mail_head(struct tr_buf *out, const struct tr_alert_message *message,
                          struct tr_slice title)
{
    char date[64];
    char id[37];
    struct tm utc;
    time_t now = (time_t)(message->now_us / 1000000);
    gmtime_r(&now, &utc);
    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S +0000", &utc);
    tr_uuid7(message->now_us, id);
    const char *from = message->mail_from;
    const char *at = strchr(from, '@');
    tr_buf_printf(out, "Date: %s\r\nFrom: Traction <%s>\r\nTo: <%s>\r\nMessage-ID: <%s%s>\r\n",
                  date, from, text_of(message->receiver, "email"), id,
                  at != NULL ? at : "@localhost");
    put_subject(out, title.data, title.size);
    tr_buf_append_text(out, "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
                            "Content-Type: text/plain; charset=utf-8\r\n"
                            "Content-Transfer-Encoding: base64\r\n\r\n");
}

static void compose_mail(const struct tr_alert_message *message, struct tr_arena *arena,
                         struct tr_outbound_request *request)
{
    struct tr_buf title;
    struct tr_buf lines;
    struct tr_buf mail;
    tr_buf_init(&title, MESSAGE_BYTES);
    tr_buf_init(&lines, MESSAGE_BYTES);
    tr_buf_init(&mail, MESSAGE_BYTES);
    put_title(&title, message->alerts);
    put_lines(&lines, message->alerts);
    put_mail_head(&mail, message, tr_buf_slice(&title));
    put_base64(&mail, lines.data, lines.size, 76);
    tr_buf_append_text(&mail, "\r\n");
    request->mail_to = tr_arena_printf(arena, "%s", text_of(message->receiver, "email"));
    request->body = tr_arena_dup(arena, tr_buf_slice(&mail));
    tr_buf_fini(&title);
    tr_buf_fini(&lines);
    tr_buf_fini(&mail);
}

void tr_alert_compose(const struct tr_alert_message *message, struct tr_arena *arena,
                      struct tr_outbound_request *request)
{
    static const struct {
        const char *kind;
        void (*compose)(const struct tr_alert_message *message, struct tr_arena *arena,
                        struct tr_outbound_request *request);
    } kinds[] = {{"webhook", compose_webhook},
                 {"alertmanager", compose_alertmanager},
                 {"slack", compose_slack},
                 {"email", compose_mail}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (json_object_get(message->receiver, kinds[i].kind) != NULL) {
            kinds[i].compose(message, arena, request);
            return;
        }
}
