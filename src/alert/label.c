/* SPDX-License-Identifier: MIT */
/* What tells alerts apart. */
#include "alert_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAMES_MAX = 64 };

static int compare_names(const void *one, const void *other)
{
    return strcmp(*(const char *const *)one, *(const char *const *)other);
}

/* FNV-1a, 64 bits (draft-eastlake-fnv). */
static uint64_t add_bytes(uint64_t hash, const char *data, size_t size)
{
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ (uint8_t)data[i]) * 0x100000001b3u;
    return hash;
}

static uint64_t add_text(uint64_t hash, const char *text)
{
    static const char separator = '\xff';
    return add_bytes(add_bytes(hash, text, strlen(text)), &separator, 1);
}

/* As LabelSet.Fingerprint() of Prometheus' common/model, so that Alertmanager shows the same. */
void tr_alert_fingerprint(const json_t *labels, char out[17])
{
    const char *names[NAMES_MAX];
    size_t count = 0;
    const char *name = NULL;
    json_t *value = NULL;
    uint64_t hash = 0xcbf29ce484222325u;
    json_object_foreach((json_t *)labels, name, value)
    {
        if (count < NAMES_MAX)
            names[count++] = name;
    }
    qsort(names, count, sizeof *names, compare_names);
    for (size_t i = 0; i < count; i++) {
        const char *text = json_string_value(json_object_get(labels, names[i]));
        hash = add_text(add_text(hash, names[i]), text != NULL ? text : "");
    }
    snprintf(out, 17, "%016llx", (unsigned long long)hash);
}
