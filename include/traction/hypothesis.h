/* SPDX-License-Identifier: MIT */
/*
 * Hypotheses, which say what a KPI will show by when; annotations, which mark instants; and what a
 * KPI was before and after one. docs/hypotheses.md has the shapes and the statistics.
 *
 * Everything blocks on the connection given, which may be read-only by default, and must not be in
 * a transaction. Answers are new references. TR_KPI_PROBLEM fills ask->problem: 400 names the
 * field, 404 says that there is no such number, 409 that there are as many as there may be.
 */
#pragma once

#include "traction/kpi.h"

#include <stdbool.h>

/* body: {"title", "kpi", "above" or "below", "from", "until", "min_sample", "confidence", and
 * parameters of the KPI}. Answers it judged, as the next. */
int tr_hypothesis_add(struct tr_kpi_asker *ask, const json_t *body, json_t **answer_out);
/* {"hypotheses":[…]}, judged; a decision reached is written down and stays. */
int tr_hypothesis_list(struct tr_kpi_asker *ask, json_t **answer_out);
int tr_hypothesis_get(struct tr_kpi_asker *ask, struct tr_slice id, json_t **answer_out);
int tr_hypothesis_remove(struct tr_kpi_asker *ask, struct tr_slice id, json_t **answer_out);

/* body: {"title", "at", "kind", "url", "properties", "id"}. *made_out: false when one of this id
 * was there, which is answered as it is. */
int tr_annotation_add(struct tr_kpi_asker *ask, const json_t *body, bool *made_out,
                      json_t **answer_out);
/* Parameters: from, to, kind. {"annotations":[…]} in order of time, the newest 1,000. */
int tr_annotation_list(struct tr_kpi_asker *ask, const struct tr_kpi_parameter *parameters,
                       size_t count, json_t **answer_out);
int tr_annotation_get(struct tr_kpi_asker *ask, struct tr_slice id, json_t **answer_out);
int tr_annotation_remove(struct tr_kpi_asker *ask, struct tr_slice id, json_t **answer_out);

/* Parameters: annotation, kpi, window, confidence, and those of the KPI. */
int tr_compare(struct tr_kpi_asker *ask, const struct tr_kpi_parameter *parameters, size_t count,
               json_t **answer_out);
