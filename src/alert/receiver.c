/* SPDX-License-Identifier: MIT */
/* Receivers: what a person writes, completed. */
#include "read_priv.h"

#include <string.h>
#include <strings.h>

enum { HEADERS_MAX = 16, GROUP_BY_MAX = 10 };

static const char *const kinds[] = {"webhook", "slack", "alertmanager", "email", NULL};
static const char *const field_names[] = {"name",          "webhook", "slack",   "alertmanager",
                                          "email",         "secret",  "headers", "group_by",
                                          "send_resolved", "id",      NULL};

static const char *check_header(const char *name)
{
    static const char *const ours[] = {"Host",
                                       "Content-Length",
                                       "Content-Type",
                                       "Connection",
                                       "Transfer-Encoding",
                                       "Expect",
                                       "Traction-Signature",
                                       NULL};
    static const char others[] = "!#$%&'*+-.^_`|~";
    for (size_t i = 0; ours[i] != NULL; i++)
        if (strcasecmp(name, ours[i]) == 0)
            return "is a header that Traction sets by itself";
    for (const char *c = name; *c != '\0'; c++)
        if (!((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') ||
              strchr(others, *c) != NULL))
            return "expected the name of a header";
    return *name == '\0' ? "expected the name of a header" : NULL;
}

static const char *check_header_text(const char *text, struct tr_arena *arena)
{
    (void)arena;
    for (; *text != '\0'; text++)
        if (((unsigned char)*text < ' ' && *text != '\t') || *text == 0x7f)
            return "expected a text without line breaks and control characters";
    return NULL;
}

static int read_target(const struct reading *reading, json_t *out)
{
    const char *found = NULL;
    for (size_t i = 0; kinds[i] != NULL; i++) {
        const json_t *value = json_object_get(reading->body, kinds[i]);
        if (value == NULL || json_is_null(value))
            continue;
        if (found != NULL)
            return tr_alert_refuse(reading->asker, 400, tr_alert_path(reading, kinds[i]),
                                   "expected one of webhook, slack, alertmanager and email, and "
                                   "there is %s, too",
                                   found);
        found = kinds[i];
    }
    const char *target = NULL;
    if (found == NULL)
        return tr_alert_refuse(reading->asker, 400, tr_alert_path(reading, "webhook"),
                               "expected one of webhook, slack, alertmanager and email");
    int result = tr_alert_read_text(reading, found, TR_ALERT_URL_MAX, true, &target);
    if (result != 0)
        return result;
    const char *wrong = strcmp(found, "email") == 0 ? tr_outbound_check_mail(target)
                                                    : tr_outbound_check_url(target);
    if (wrong != NULL)
        return tr_alert_refuse(reading->asker, 400, tr_alert_path(reading, found), "\"%.100s\" %s",
                               target, wrong);
    json_object_set_new(out, found, json_string(target));
    return 0;
}

static int read_group_by(const struct reading *reading, json_t *out)
{
    json_t *labels = NULL;
    size_t i;
    json_t *name = NULL;
    int result = tr_alert_read_texts(reading, "group_by", GROUP_BY_MAX, TR_ALERT_NAME_MAX, &labels);
    json_object_set_new(out, "group_by", labels);
    if (result != 0)
        return result;
    json_array_foreach(labels, i, name)
    {
        if (!tr_alert_is_label_name(json_string_value(name)))
            return tr_alert_refuse(
                reading->asker, 400,
                tr_alert_path(reading, tr_arena_printf(reading->asker->arena, "group_by[%zu]", i)),
                "expected the name of a label");
    }
    if (json_object_get(reading->body, "group_by") == NULL)
        json_array_append_new(labels, json_string("alertname"));
    return 0;
}

int tr_alert_receiver_read(struct tr_kpi_asker *asker, const json_t *body, const char *field,
                           json_t **receiver_out)
{
    static const struct map_kind headers = {HEADERS_MAX, TR_ALERT_TEXT_MAX, check_header,
                                            check_header_text};
    const struct reading reading = {.asker = asker, .path = field, .body = body};
    json_t *receiver = json_object();
    json_t *map = NULL;
    const char *name = NULL;
    const char *secret = NULL;
    const json_t *resolved = json_object_get(body, "send_resolved");
    int result = tr_alert_check_fields(&reading, field_names);
    if (result == 0)
        result = tr_alert_read_text(&reading, "name", TR_ALERT_NAME_MAX, true, &name);
    if (result == 0)
        result = read_target(&reading, receiver);
    if (result == 0)
        result = tr_alert_read_text(&reading, "secret", TR_ALERT_NAME_MAX, false, &secret);
    if (result == 0) {
        result = tr_alert_read_map(&reading, "headers", &headers, &map);
        json_object_set_new(receiver, "headers", map);
    }
    if (result == 0)
        result = read_group_by(&reading, receiver);
    if (result == 0 && resolved != NULL && !json_is_boolean(resolved))
        result = tr_alert_refuse(asker, 400, tr_alert_path(&reading, "send_resolved"),
                                 "expected true or false");
    if (result != 0) {
        json_decref(receiver);
        return result;
    }
    json_object_set_new(receiver, "name", json_string(name));
    json_object_set_new(receiver, "send_resolved", json_boolean(!json_is_false(resolved)));
    if (secret != NULL)
        json_object_set_new(receiver, "secret", json_string(secret));
    *receiver_out = receiver;
    return 0;
}
