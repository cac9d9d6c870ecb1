/* SPDX-License-Identifier: MIT */
/*
 * KPIs: the table of what can be asked, the question, the planner and the answer. A KPI is data:
 * an entry with its words, unit, parameters and SQL (over rollups, over events).
 */
#pragma once

#include "traction/base/arena.h"
#include "traction/base/error.h"
#include "traction/base/slice.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct tr_pg;

/* A parameter of a question as it came, by name; repeated ones (where) come several times. */
struct tr_kpi_parameter {
    struct tr_slice name;
    struct tr_slice value;
};

/* What the asker's project fixes. */
struct tr_kpi_project {
    int32_t id;
    const char *timezone;
    const char *currency;
};

/* Which parameter is wrong and what was expected; status 400, 404 (unknown KPI) or 504 (too slow).
 */
struct tr_kpi_problem {
    int status;
    const char *parameter; /* static or in the arena; NULL when not about one */
    const char *message;   /* in the arena */
    const char *hint;      /* in the arena or NULL */
};

enum { TR_KPI_PROBLEM = 1 };

/* What somebody asks with, of the modules that build on questions. */
struct tr_kpi_asker {
    struct tr_pg *pg;
    const struct tr_kpi_project *project;
    int64_t now_us;
    int64_t as_of_us; /* all that was received before is in */
    struct tr_arena *arena;
    struct tr_kpi_problem *problem;
    struct tr_error *error;
    bool committing; /* set when a commit was sent: if it failed, it may have taken effect */
};

/* Which way to compute; AUTO unless the parameter source says rollup or events. */
enum tr_kpi_source { TR_KPI_AUTO, TR_KPI_ROLLUP, TR_KPI_EVENTS };

/* Room that an arena must have for a question and its answer, texts included. */
enum { TR_KPI_ARENA_BYTES = 32 << 20 };

/* Answers one question on the given connection; blocks. The answer is a new reference, shaped as
 * docs/kpis.md says. as_of_us goes into the answer; 0: not known. TR_KPI_PROBLEM fills problem_out.
 */
int tr_kpi_answer(struct tr_pg *pg, const struct tr_kpi_project *project, struct tr_slice kpi,
                  const struct tr_kpi_parameter *parameters, size_t count, int64_t now_us,
                  int64_t as_of_us, struct tr_arena *arena, json_t **answer_out,
                  struct tr_kpi_problem *problem_out, struct tr_error *error);

/* What has been sent. Names of events in a range of days (parameters from and to); properties of
 * recent events (parameter name); or the newest events of a range themselves (from, to, name,
 * where, include, timezone). Outcomes as of tr_kpi_answer(). */
enum tr_kpi_discovery { TR_KPI_DISCOVER_NAMES, TR_KPI_DISCOVER_PROPERTIES, TR_KPI_DISCOVER_EVENTS };
int tr_kpi_discover(struct tr_pg *pg, const struct tr_kpi_project *project,
                    enum tr_kpi_discovery what, const struct tr_kpi_parameter *parameters,
                    size_t count, int64_t now_us, struct tr_arena *arena, json_t **answer_out,
                    struct tr_kpi_problem *problem_out, struct tr_error *error);

/* What a sample can say about a KPI's value, beside the value: nothing; that it is a share of n;
 * a mean of n with the answer's sd (or margin, 1.96 standard errors); a percentile of n. */
enum tr_kpi_evidence { TR_KPI_NO_EVIDENCE, TR_KPI_SHARE, TR_KPI_MEAN, TR_KPI_PERCENTILE };
enum tr_kpi_better { TR_KPI_NEITHER, TR_KPI_UP, TR_KPI_DOWN };

struct tr_kpi_facts {
    const char *name; /* static, as all texts here */
    enum tr_kpi_evidence evidence;
    enum tr_kpi_better better;
    double percentile; /* that the question asks for; 0: not one */
    int64_t from_us;   /* the range as it was understood */
    int64_t to_us;
};
/* Understands a question without answering it. */
int tr_kpi_inspect(struct tr_pg *pg, const struct tr_kpi_project *project, struct tr_slice kpi,
                   const struct tr_kpi_parameter *parameters, size_t count, int64_t now_us,
                   struct tr_arena *arena, struct tr_kpi_facts *facts_out,
                   struct tr_kpi_problem *problem_out, struct tr_error *error);
/* An instant as RFC 3339 in UTC, in the arena. */
struct tr_slice tr_kpi_time_text(int64_t us, struct tr_arena *arena);

/* GET /v1/kpis: the table as JSON. A new reference. */
json_t *tr_kpi_catalogue(void);
/* Which way a KPI should go; NEITHER for what is none. */
enum tr_kpi_better tr_kpi_better_of(const char *kpi);
/* "ratio", "ms", …; "currency" for amounts of the project's; "" for what is none. */
const char *tr_kpi_unit_of(const char *kpi);
/* The KPIs' names, in the table's order; NULL at its end. */
const char *tr_kpi_name(size_t index);

/* An answer as JSON (amounts of money print as they are, which json_dumps() alone does not do) and
 * as CSV; text in the arena. */
struct tr_slice tr_kpi_json(const json_t *answer, struct tr_arena *arena);
struct tr_slice tr_kpi_csv(const json_t *answer, struct tr_arena *arena);
