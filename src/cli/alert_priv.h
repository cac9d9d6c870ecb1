/* SPDX-License-Identifier: MIT */
/* traction alert: what is printed for people (alert_print.c). */
#pragma once

#include <jansson.h>

void tr_alert_print_difference(const json_t *answer);
void tr_alert_print_list(const json_t *answer);
void tr_alert_print_history(const json_t *answer);
void tr_alert_print_test(const json_t *answer);
