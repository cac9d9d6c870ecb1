/* SPDX-License-Identifier: MIT */
/* Reading fields of what people wrote, for the files of src/alert that do. All functions return 0,
 * or TR_KPI_PROBLEM with the problem filled: its field is a path such as rules[2].above. What is
 * absent (or null) leaves an output as it is, unless something else is said. */
#pragma once

#include "alert_priv.h"

struct reading {
    struct tr_kpi_asker *asker;
    const char *path; /* "" at the top */
    const json_t *body;
};

int tr_alert_refuse(struct tr_kpi_asker *asker, int status, const char *path, const char *format,
                    ...) __attribute__((format(printf, 4, 5)));
/* In the arena. */
const char *tr_alert_path(const struct reading *reading, const char *name);
/* Absent: *text_out is NULL. */
int tr_alert_read_text(const struct reading *reading, const char *name, size_t most, bool required,
                       const char **text_out);
int tr_alert_read_number(const struct reading *reading, const char *name, double least, double most,
                         double *number_out);
/* Whole seconds, of a number or a text such as 5m. */
int tr_alert_read_duration(const struct reading *reading, const char *name, double least_s,
                           double most_s, double *seconds_out);
int tr_alert_read_duration_of(const struct reading *reading, const char *name, const json_t *value,
                              double least_s, double most_s, double *seconds_out);
int tr_alert_read_choice(const struct reading *reading, const char *name,
                         const char *const *choices, const char **choice_out);

/* Names with texts. The checks return NULL or what is wrong. */
struct map_kind {
    size_t most;
    size_t most_bytes;
    const char *(*check_name)(const char *name);
    const char *(*check_text)(const char *text, struct tr_arena *arena); /* or NULL */
};
/* A new reference; empty when absent. */
int tr_alert_read_map(const struct reading *reading, const char *name, const struct map_kind *kind,
                      json_t **map_out);
/* A text or a list of texts. A new reference; empty when absent. */
int tr_alert_read_texts(const struct reading *reading, const char *name, size_t most,
                        size_t most_bytes, json_t **list_out);
/* Whether all fields are among the names (NULL-terminated). */
int tr_alert_check_fields(const struct reading *reading, const char *const *names);
bool tr_alert_is_label_name(const char *name);
