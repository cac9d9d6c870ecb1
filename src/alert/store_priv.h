/* SPDX-License-Identifier: MIT */
/* Asking about what is stored, for the files of src/alert that do. */
#pragma once

#include "engine_priv.h"
#include "read_priv.h"

/* A query of sql/queries/alert. */
int tr_store_query(struct tr_kpi_asker *asker, const char *name, const struct tr_pg_params *params,
                   struct tr_pg_result **result_out);
/* What is stored, a new reference. */
int tr_store_parse(struct tr_kpi_asker *asker, struct tr_slice text, json_t **out);
/* 404. */
int tr_store_not_found(struct tr_kpi_asker *asker, struct tr_slice id);
