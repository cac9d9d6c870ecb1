/* SPDX-License-Identifier: MIT */
/* Shared by the files of src/hypothesis only, and by their unit tests. */
#pragma once

#include "traction/hypothesis.h"

#include "traction/pg.h"
#include "traction/stats.h"

#define TR_DAY_US (INT64_C(86400) * 1000000)

enum {
    TR_HYPOTHESES_MAX = 100,    /* of a project; each list measures those that are not decided */
    TR_ANNOTATIONS_MAX = 10000, /* of a project */
    TR_ANNOTATION_LIST_MAX = 1000,
    TR_TITLE_MAX_BYTES = 200,
    TR_KIND_MAX_BYTES = 40,
    TR_URL_MAX_BYTES = 2000,
    TR_CLIENT_ID_MAX_BYTES = 128,
    TR_PROPERTIES_MAX_BYTES = 4096,
    TR_SAMPLE_LEAST = 30, /* below it, what is asymptotic cannot be trusted */
    TR_MEASURE_PARAMETERS_MAX = 32,
};

/* What was sent (read.c) ----------------------------------------------------------------------- */

/* Fills the problem; returns TR_KPI_PROBLEM. */
int tr_read_refuse(struct tr_kpi_asker *ask, int status, const char *field, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* A text of 1 to most bytes. Absent or null: *text_out NULL, or refused if it is required. */
int tr_read_text(struct tr_kpi_asker *ask, const json_t *body, const char *field, size_t most,
                 bool required, const char **text_out);
/* Absent: *number_out is left as it is. */
int tr_read_number(struct tr_kpi_asker *ask, const json_t *body, const char *field, double least,
                   double most, double *number_out);
/* An instant as the KPIs' from is: RFC 3339, a date, now, today, -2h; or, as a number, Unix
 * milliseconds. Absent: as it is. */
int tr_read_time(struct tr_kpi_asker *ask, const json_t *body, const char *field, int64_t *us_out);
/* A range as the KPIs' from and to are, the end's field being called until. */
int tr_read_range(struct tr_kpi_asker *ask, const char *from, const char *to,
                  const char *until_field, int64_t *from_us_out, int64_t *to_us_out);
/* The number that names an object; 404 for what is none. */
int tr_read_id(struct tr_kpi_asker *ask, const char *what, struct tr_slice text, int64_t *id_out);

/* A change in a transaction of its own: 0 or < 0. */
int tr_write(struct tr_kpi_asker *ask, const char *query, const struct tr_pg_params *params,
             struct tr_pg_result **result_out);

/* Measuring (measure.c) ------------------------------------------------------------------------ */

/* A KPI with its parameters, the range apart. Borrows. */
struct tr_measure {
    struct tr_slice kpi;
    struct tr_kpi_parameter parameters[TR_MEASURE_PARAMETERS_MAX];
    size_t count;
};
/* False: there are too many. */
bool tr_measure_add(struct tr_measure *measure, struct tr_slice name, struct tr_slice value);

struct tr_measured {
    struct tr_kpi_facts facts;
    int64_t from_us;
    int64_t to_us;
    bool known; /* there is a value */
    double value;
    int64_t n;
    double sd;        /* of a mean */
    const char *why;  /* there can be no interval; NULL: there can */
    const char *unit; /* in the arena */
};
int tr_measure_inspect(struct tr_kpi_asker *ask, const struct tr_measure *measure,
                       struct tr_kpi_facts *facts_out);
int tr_measure_range(struct tr_kpi_asker *ask, const struct tr_measure *measure, int64_t from_us,
                     int64_t to_us, struct tr_measured *measured_out);

/* How often somebody looks: once, or as often as they like. */
enum tr_looks { TR_LOOK_ONCE, TR_LOOK_ANY };
/* planned: for how large a sample a sequence of means is narrowest. */
struct tr_look {
    enum tr_looks looks;
    double confidence;
    int64_t planned;
};
/* Of what was measured; measured->why is NULL. Percentiles are asked for once more at each end. */
int tr_measure_interval(struct tr_kpi_asker *ask, const struct tr_measure *measure,
                        const struct tr_measured *measured, struct tr_look look,
                        struct tr_interval *interval_out);
/* What the interval is called in answers. */
const char *tr_measure_method(const struct tr_measured *measured, enum tr_looks looks);

/* Judging (judge.c), pure ---------------------------------------------------------------------- */

struct tr_claim {
    bool above; /* else below */
    double bound;
    int64_t min_sample;
    double confidence;
};

enum tr_verdict { TR_TOO_EARLY, TR_VALIDATED, TR_REFUTED };
extern const char *const tr_verdict_names[];
enum tr_verdict tr_judge(const struct tr_claim *claim, int64_t n, struct tr_interval interval);
/* Before the end somebody may look at any time, at the end once. What may go wrong is shared out
 * between them, half each: see docs/hypotheses.md. */
struct tr_look tr_judge_look(const struct tr_claim *claim, bool over);
/* How large a sample decides if the value stays as it is; interval is of what was measured with
 * this look. -1: none. At least min_sample. */
int64_t tr_judge_sample(const struct tr_claim *claim, const struct tr_measured *measured,
                        struct tr_interval interval, struct tr_look look);

/* JSON: null unless finite. A new reference. */
json_t *tr_number_json(double number);
json_t *tr_interval_json(struct tr_interval interval, double confidence);
json_t *tr_time_json(struct tr_kpi_asker *ask, int64_t us);
