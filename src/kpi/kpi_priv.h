/* SPDX-License-Identifier: MIT */
/* Shared by the files of src/kpi only, and by their unit tests. src/kpi/README.md has the rules. */
#pragma once

#include "traction/kpi.h"

#include "traction/pg.h"

/* Limits of a question. */
enum {
    TR_KPI_POINTS_MAX = 11000,
    TR_KPI_POINTS_BY_MAX = 2000, /* with groups, which have a series each */
    TR_KPI_GROUPS_MAX = 20,      /* and "other" */
    TR_KPI_CONDITIONS_MAX = 8,
    TR_KPI_ALTERNATIVES_MAX = 100,
    TR_KPI_TEXT_MAX = 2000, /* bytes of a parameter's value */
    TR_KPI_DAYS_BACK_MAX = 36500,
};

/* The table ------------------------------------------------------------------------------------ */

/* How an answer is built from the rows. */
enum tr_kpi_shape {
    TR_KPI_COUNT,        /* x */
    TR_KPI_RATIO,        /* x of y */
    TR_KPI_DISTRIBUTION, /* percentiles and mean */
    TR_KPI_FEATURES,     /* x uses by people, of y */
    TR_KPI_FIELDS,       /* value, n, and whatever other columns the query has, by their names */
    TR_KPI_VITALS, /* a distribution by group; x good, y poor; the whole is the share x of n */
};

enum tr_kpi_extra { TR_KPI_TAKES_NAME = 1, TR_KPI_TAKES_GOAL = 2, TR_KPI_TAKES_PERCENTILE = 4 };
enum { TR_KPI_TAKES_STEPS = 8, TR_KPI_TAKES_WINDOW = 16 };
enum { TR_KPI_STEPS_MAX = 10, TR_KPI_WINDOW_DAYS_MAX = 366 };
enum { TR_KPI_TAKES_T = 1 << 12, TR_KPI_TAKES_SURVEY = 1 << 13 }; /* more of them */
/* What apdex takes for satisfying; rollups know no other (src/writer/quality.c). */
enum { TR_KPI_APDEX_MS = 500 };

struct tr_kpi_entry {
    const char *name;
    const char *definition; /* one sentence */
    const char *formula;
    const char *unit;   /* NULL: the project's currency */
    const char *sample; /* what n counts */
    const char *note;   /* said in every answer; NULL: nothing */
    const char *file;   /* of sql/queries/kpi; NULL: the same name */
    enum tr_kpi_shape shape;
    enum tr_kpi_evidence evidence;
    enum tr_kpi_better better;
    bool days;           /* rollups know only whole days of the project's time zone */
    bool whole_days;     /* about days: of the question's time zone, no shorter intervals */
    bool no_series;      /* one number for the whole range */
    int points;          /* intervals at most; 0: as many as others */
    bool exact;          /* "rollup" reads tables with instants: any range and interval will do */
    unsigned takes;      /* enum tr_kpi_extra */
    const char *by;      /* always grouped by this */
    bool by_any;         /* or, if asked, by something else */
    const char *only_by; /* grouped by this at most; "": by nothing; NULL: by anything */
    const char *event;   /* bound as :name */
    const char *metric;  /* bound as :metric */
    double percentile;   /* of value, unless asked otherwise; 0: value is the mean */
};

extern const struct tr_kpi_entry tr_kpi_entries[];
extern const size_t tr_kpi_entry_count;
/* NULL if there is none; *near_out is then the most similar name, or NULL. */
const struct tr_kpi_entry *tr_kpi_find(struct tr_slice name, const char **near_out);
/* The most similar of count names, or NULL if none is. */
const char *tr_kpi_nearest(struct tr_slice name, const char *(*get)(size_t index), size_t count);

/* The question ----------------------------------------------------------------------------------
 */

/* One end of a range, as given. */
enum tr_kpi_when_kind {
    TR_KPI_ABSENT,
    TR_KPI_INSTANT,
    TR_KPI_DATE,
    TR_KPI_TODAY,
    TR_KPI_BEGIN, /* the day of the project's first event */
};
struct tr_kpi_when {
    enum tr_kpi_when_kind kind;
    int64_t instant_us;
    int32_t date; /* days since 1970-01-01 */
    int days;     /* to add to the date, or to today */
    bool named;   /* a day by its name, which the end of a range includes */
    bool hours;   /* counted back in hours or minutes */
};
bool tr_kpi_parse_when(struct tr_slice text, int64_t now_us, struct tr_kpi_when *when_out);
enum { TR_KPI_TIME_BYTES = 40 };
/* RFC 3339 in UTC. */
void tr_kpi_format_time(int64_t us, char out[TR_KPI_TIME_BYTES]);

enum tr_kpi_interval {
    TR_KPI_NONE,
    TR_KPI_MINUTE,
    TR_KPI_HOUR,
    TR_KPI_DAY,
    TR_KPI_WEEK,
    TR_KPI_MONTH,
    TR_KPI_BY_RANGE, /* not given */
};
extern const char *const tr_kpi_interval_names[TR_KPI_BY_RANGE];

/* What a range is compared with: none, the period before, the same weekdays, the same dates. */
enum tr_kpi_compare {
    TR_KPI_COMPARE_NONE,
    TR_KPI_COMPARE_PREVIOUS,
    TR_KPI_COMPARE_WEEK,
    TR_KPI_COMPARE_YEAR,
    TR_KPI_COMPARES,
};
extern const char *const tr_kpi_compare_names[TR_KPI_COMPARES];

struct tr_kpi_dimension {
    const char *fragment;     /* of dimensions.sql; NULL: none */
    struct tr_slice property; /* of the dimensions "properties" and "web_vital" */
    struct tr_slice text;     /* as asked */
    bool vital;               /* of people, by their own web vitals */
};
/* web_vital.METRIC; false: it is not. */
bool tr_kpi_parse_vital(struct tr_slice text, struct tr_kpi_dimension *dimension_out);
/* false: not a dimension. */
bool tr_kpi_parse_dimension(struct tr_slice text, struct tr_kpi_dimension *dimension_out);
/* Each is a fragment of dimensions.sql. */
/* clang-format off */
#define TR_KPI_DIMENSIONS(X) \
    X(kind) X(name) X(country) X(device) X(browser) X(os) X(channel) X(path) X(host) X(url) \
    X(referrer) X(session) X(user) X(route) X(status) X(feature) X(goal) X(plan) X(metric) X(error)
/* clang-format on */
#define TR_KPI_DIMENSION_TEXT(name) #name ", "
#define TR_KPI_DIMENSION_LIST TR_KPI_DIMENSIONS(TR_KPI_DIMENSION_TEXT) "properties.NAME"
/* Of people, by how they fared: only to break down by. */
#define TR_KPI_VITAL_DIMENSIONS "web_vital.LCP, INP, CLS, FCP or TTFB"

struct tr_kpi_condition {
    struct tr_kpi_dimension dimension;
    bool negated;
    bool glob;               /* values are patterns of LIKE */
    struct tr_slice *values; /* in the arena */
    size_t count;
    struct tr_slice text; /* as asked */
};
/* NULL, or what is wrong with it. */
const char *tr_kpi_parse_condition(struct tr_slice text, struct tr_arena *arena,
                                   struct tr_kpi_condition *condition_out);

/* A text with "*" for anything as a pattern of LIKE, in the arena. */
struct tr_slice tr_kpi_pattern(struct tr_slice glob, struct tr_arena *arena);

/* A step of a funnel: events of a name, of pages whose path is like a pattern. */
struct tr_kpi_step {
    struct tr_slice text; /* as asked */
    struct tr_slice name;
    struct tr_slice path; /* data NULL: of any */
};

/* Of single events: those behind the last event of the page before. */
struct tr_kpi_page {
    int limit;
    int wanted; /* by the query that is under way */
    int64_t at_us;
    int64_t received_us;
    struct tr_slice id; /* borrowed from the parameter */
};

struct tr_kpi_question {
    const struct tr_kpi_entry *entry;
    const struct tr_kpi_project *project;
    struct tr_kpi_when from;
    struct tr_kpi_when to;
    enum tr_kpi_interval interval;
    const char *timezone;
    struct tr_kpi_dimension by; /* fragment NULL: no groups */
    struct tr_kpi_condition conditions[TR_KPI_CONDITIONS_MAX];
    size_t condition_count;
    bool bots;
    enum tr_kpi_compare compare;
    struct tr_slice name; /* data NULL: not given, as the next */
    struct tr_slice goal;
    struct tr_kpi_step *steps; /* in the arena */
    size_t step_count;
    struct tr_slice window_text; /* as asked */
    double window_s;
    double percentile;
    enum tr_kpi_source source;
    double t_ms; /* of apdex */
    struct tr_slice survey;
    bool annotations;
    const struct tr_kpi_page *page; /* of single events */
    const char *only_events;        /* why rollups cannot answer; NULL: they might */
};

/* What everything that answers a question is handed. */
struct tr_kpi_ask {
    struct tr_pg *pg;
    const struct tr_kpi_project *project;
    int64_t now_us;
    int64_t as_of_us;
    struct tr_arena *arena;
    struct tr_kpi_problem *problem;
    struct tr_error *error;
};

/* Fills the problem; returns TR_KPI_PROBLEM. */
int tr_kpi_refuse(struct tr_kpi_ask *ask, int status, const char *parameter, const char *hint,
                  const char *format, ...) __attribute__((format(printf, 5, 6)));
/* Why the database did not answer: too slow is told apart, the rest is forwarded. */
int tr_kpi_explain(struct tr_kpi_ask *ask, int result);
/* Whether PostgreSQL takes it: UTF-8 without NUL. */
bool tr_kpi_is_text(struct tr_slice text);
int tr_kpi_parse_question(struct tr_kpi_ask *ask, struct tr_slice kpi,
                          const struct tr_kpi_parameter *parameters, size_t count,
                          struct tr_kpi_question *question_out);
/* The parameters of an entry as JSON: name and meaning. A new reference. */
json_t *tr_kpi_parameters_json(const struct tr_kpi_entry *entry);

/* Single events (src/kpi/event_list.c). Parameters go into the page, which begins as the first; 0,
 * or TR_KPI_PROBLEM. */
void tr_kpi_first_page(struct tr_kpi_page *page_out);
int tr_kpi_parse_limit(struct tr_kpi_ask *ask, struct tr_slice text, struct tr_kpi_page *page);
int tr_kpi_parse_cursor(struct tr_kpi_ask *ask, struct tr_slice text, struct tr_kpi_page *page);
int tr_kpi_list_events(struct tr_kpi_ask *ask, struct tr_kpi_question *question,
                       struct tr_kpi_page *page, json_t **answer_out);

/* The range -------------------------------------------------------------------------------------
 */

struct tr_kpi_range {
    int64_t from_us;
    int64_t to_us;
    int64_t next_us; /* the first midnight at or after the end */
    int32_t from_day;
    int32_t next_day;
    bool from_midnight; /* in the question's time zone */
    bool to_midnight;
    int64_t *starts; /* of the intervals, bucket_count; in the arena */
    int32_t *days;   /* their first days within the range */
    int64_t end_us;  /* of the last interval, which may lie beyond the range's */
    size_t bucket_count;
};
/* Checks the zone's name, and replaces it by PostgreSQL's spelling. */
int tr_kpi_check_zone(struct tr_kpi_ask *ask, struct tr_kpi_question *question);
/* before_out is what is compared with; it has intervals only then. Settles question->interval. */
int tr_kpi_resolve(struct tr_kpi_ask *ask, struct tr_kpi_question *question,
                   struct tr_kpi_range *range_out, struct tr_kpi_range *before_out);

/* The plan --------------------------------------------------------------------------------------
 */

struct tr_kpi_plan {
    enum tr_kpi_source source;
    const char *fragment; /* of the KPI's file */
    char grain;           /* of the rollup: 'q' or 'd' */
    int64_t to_us;        /* the end the query uses: that of the last rollup row */
    bool if_empty;        /* right only if there is no event from the range's end to to_us */
    const char *reason;   /* why not rollups */
};
/* The KPI's query for this question over events, or over rollups (NULL: there is none). */
const char *tr_kpi_fragment(const struct tr_kpi_question *question, bool rollup);
/* Its query over what is stored beside the events, kind being rollup or facts. NULL: there is none.
 */
const char *tr_kpi_stored_fragment(const struct tr_kpi_question *question, const char *kind);
/* Whether tables of facts, which know any instant, can answer. */
bool tr_kpi_plan_facts(const struct tr_kpi_question *question, const struct tr_kpi_range *range,
                       struct tr_kpi_plan *plan_out);
/* Whether the query over events knows whose they are. */
bool tr_kpi_asks_people(const struct tr_kpi_question *question);
/* Whether rollups of this grain can answer; false: plan_out->reason says why not. */
bool tr_kpi_plan_rollup(const struct tr_kpi_question *question, const struct tr_kpi_range *range,
                        char grain, struct tr_kpi_plan *plan_out);
void tr_kpi_plan_events(const struct tr_kpi_question *question, const struct tr_kpi_range *range,
                        struct tr_kpi_plan *plan_out);
/* Chooses, looking for events behind the end where that matters. */
int tr_kpi_choose(struct tr_kpi_ask *ask, const struct tr_kpi_question *question,
                  const struct tr_kpi_range *range, struct tr_kpi_plan *plan_out);

/* The statement ---------------------------------------------------------------------------------
 */

/* What a query asks for: the total alone, or with intervals and groups. */
struct tr_kpi_scope {
    int64_t now_us;
    const struct tr_kpi_question *question;
    const struct tr_kpi_range *range;
    const struct tr_kpi_plan *plan;
    bool series;
    bool groups;
};
/* Puts the query together from fragments; sql is empty at first, params new. */
void tr_kpi_build(const struct tr_kpi_scope *scope, struct tr_buf *sql,
                  struct tr_pg_params *params);

/* Numbers ---------------------------------------------------------------------------------------
 */

enum { TR_KPI_QUANTILES = 4 };
extern const double tr_kpi_quantiles[TR_KPI_QUANTILES];

/* A column of a KPI whose shape is TR_KPI_FIELDS, and what a row has there. */
struct tr_kpi_field {
    const char *name; /* in the arena */
    enum tr_pg_kind kind;
};
struct tr_kpi_cell {
    bool null;
    int64_t integer;
    double number;
    struct tr_slice text; /* of texts and JSON; in the arena */
};

struct tr_kpi_point {
    bool known;                      /* false: no row */
    const struct tr_kpi_cell *cells; /* one a field; NULL: no row */
    int64_t x;
    int64_t y;
    int64_t n;
    int64_t people;
    double value; /* of a distribution */
    double mean;
    double sd; /* of the total alone */
    double quantiles[TR_KPI_QUANTILES];
};

struct tr_kpi_group {
    struct tr_slice label; /* data NULL: events without the dimension */
    bool other;
    struct tr_kpi_point total;
    struct tr_kpi_point *series; /* bucket_count, NULL without intervals */
};

struct tr_kpi_numbers {
    struct tr_kpi_point total;
    struct tr_kpi_point *series;                        /* bucket_count, NULL without intervals */
    struct tr_kpi_group *groups[TR_KPI_GROUPS_MAX + 1]; /* [0] other, [1] first …; NULL: none */
    const struct tr_kpi_field *fields; /* TR_KPI_FIELDS: all but level, t, g, label */
    size_t field_count;
};
/* Runs the query and reads its rows; everything is in the arena. */
int tr_kpi_measure(struct tr_kpi_ask *ask, const struct tr_kpi_scope *scope,
                   struct tr_kpi_numbers *numbers_out);
/* Reads the rows of a distribution (src/kpi/distribution.c). */
int tr_kpi_read_distribution(struct tr_kpi_ask *ask, const struct tr_kpi_scope *scope,
                             const struct tr_pg_result *rows, struct tr_kpi_numbers *numbers);
/* Reads the rows of a KPI of fields (src/kpi/fields.c). */
void tr_kpi_read_fields(struct tr_kpi_ask *ask, const struct tr_kpi_scope *scope,
                        const struct tr_pg_result *rows, struct tr_kpi_numbers *numbers);
/* The point that a row is about, or NULL if it was not asked for. */
struct tr_kpi_point *tr_kpi_point_of(const struct tr_kpi_scope *scope,
                                     const struct tr_pg_result *rows, int row,
                                     struct tr_kpi_numbers *numbers, struct tr_arena *arena);

/* The answer ------------------------------------------------------------------------------------
 */

struct tr_kpi_result {
    const struct tr_kpi_question *question;
    const struct tr_kpi_range *range;
    const struct tr_kpi_plan *plan;
    const struct tr_kpi_numbers *numbers;
    const struct tr_kpi_range *before; /* NULL: not compared */
    const struct tr_kpi_numbers *before_numbers;
    int64_t now_us;
    int64_t as_of_us;
};
/* New references. */
json_t *tr_kpi_time_json(int64_t us);
json_t *tr_kpi_answer_json(const struct tr_kpi_result *result);
/* What was marked within the range (src/kpi/marks.c): an array, a new reference. */
int tr_kpi_annotations(struct tr_kpi_ask *ask, const struct tr_kpi_range *range, json_t **list_out);
/* Fields (src/kpi/fields.c). JSON that PostgreSQL made, whole numbers beyond 64 bits as the nearest
 * double: a new reference; NULL where a number is beyond those too. */
json_t *tr_kpi_load_json(struct tr_slice text);
/* The value of a point, a new reference; and everything else that its
 * row has, set in the object. Where there is no row, whole numbers are 0 and all else is null. */
json_t *tr_kpi_field_value(const struct tr_kpi_numbers *numbers, const struct tr_kpi_point *point);
void tr_kpi_add_fields(json_t *object, const struct tr_kpi_numbers *numbers,
                       const struct tr_kpi_point *point);
/* The sample: the field n. */
int64_t tr_kpi_field_sample(const struct tr_kpi_numbers *numbers, const struct tr_kpi_point *point);
/* What has to be said: the field note; data NULL: nothing. */
struct tr_slice tr_kpi_field_note(const struct tr_kpi_numbers *numbers,
                                  const struct tr_kpi_point *point);
