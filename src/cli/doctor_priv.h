/* SPDX-License-Identifier: MIT */
/* traction doctor: findings, and the checks that make them. */
#pragma once

#include "cli_priv.h"

#include <stdarg.h>

enum tr_finding_level { TR_FINDING_GOOD, TR_FINDING_NOTE, TR_FINDING_BAD };

struct tr_doctor {
    json_t *findings; /* array of {subject, state, finding, hint} */
    int bad;
    double
        bytes_per_second; /* that the spool takes at present, as the database knows; 0: unknown */
};

/* hint: a sentence that says what to do; "" when there is nothing. */
void tr_doctor_find(struct tr_doctor *doctor, enum tr_finding_level level, const char *subject,
                    const char *hint, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

void tr_doctor_database(struct tr_doctor *doctor, const struct tr_config *config);
void tr_doctor_spool(struct tr_doctor *doctor, const struct tr_config *config);
void tr_doctor_libraries(struct tr_doctor *doctor);
