/* SPDX-License-Identifier: MIT */
/*
 * What the commands share: options, errors, the database, printing. A command returns its exit
 * status; what it prints for people goes to stdout, what went wrong to stderr in one line.
 */
#pragma once

#include "traction/base/alloc.h"
#include "traction/base/error.h"
#include "traction/config.h"
#include "traction/pg.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum { TR_EXIT_DONE = 0, TR_EXIT_FAILED = 1, TR_EXIT_USAGE = 2 };

struct tr_command {
    const char *name;
    const char *summary;
    int (*run)(int argc, char **argv);    /* argv[0] is the command's name */
    const struct tr_command *subcommands; /* or these; ended by a NULL name */
};

int tr_cli_up(int argc, char **argv);
int tr_cli_serve(int argc, char **argv);
int tr_cli_migrate(int argc, char **argv);
int tr_cli_query(int argc, char **argv);
int tr_cli_erase(int argc, char **argv);
int tr_cli_doctor(int argc, char **argv);
int tr_cli_version(int argc, char **argv);
extern const struct tr_command tr_cli_project_commands[];
extern const struct tr_command tr_cli_key_commands[];
extern const struct tr_command tr_cli_user_commands[];
extern const struct tr_command tr_cli_rejects_commands[];
extern const struct tr_command tr_cli_hypothesis_commands[];
extern const struct tr_command tr_cli_annotation_commands[];
extern const struct tr_command tr_cli_alert_commands[];

/* Options -------------------------------------------------------------------------------------- */

enum tr_cli_option_kind {
    TR_CLI_FLAG,  /* target: bool */
    TR_CLI_TEXT,  /* target: const char * */
    TR_CLI_LIST,  /* target: struct tr_cli_list, may be repeated */
    TR_CLI_MAYBE, /* target: struct tr_cli_maybe: an option whose value may be left out */
};

struct tr_cli_maybe {
    bool given;
    const char *value; /* NULL: left out */
};

enum { TR_CLI_LIST_MAX = 64 };
struct tr_cli_list {
    const char *items[TR_CLI_LIST_MAX];
    size_t count;
};

struct tr_cli_option {
    const char *name; /* without the dashes; ends the table when NULL */
    enum tr_cli_option_kind kind;
    void *target;
    const char *value; /* what the value is called, in capitals; NULL for flags */
    const char *help;
};

struct tr_cli_usage {
    const char *command;   /* "traction key add" */
    const char *arguments; /* what follows, in one line */
    const char *about;     /* a paragraph */
    const struct tr_cli_option *options;
    size_t min; /* positional arguments */
    size_t max;
};

/* Reads options and positional arguments. When it returns false the command ends with *status_out:
 * help was printed, or what is wrong. */
bool tr_cli_parse(const struct tr_cli_usage *usage, int argc, char **argv,
                  struct tr_cli_list *positional_out, int *status_out);
/* Says what is wrong, and where to read more. Returns TR_EXIT_USAGE. */
int tr_cli_wrong(const char *command, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Runs the subcommand that argv[1] names. */
int tr_cli_dispatch(const char *parent, const struct tr_command *commands, const char *about,
                    int argc, char **argv);

/* Errors, results ------------------------------------------------------------------------------ */

/* "traction: message. Hint." Returns TR_EXIT_FAILED. */
int tr_cli_fail(const struct tr_error *error);

/* Prints an array of objects: as JSON, or as a table with these keys as columns (NULL-terminated),
 * numbers to the right. Takes the reference. */
void tr_cli_print(json_t *rows, const char *const *columns, bool as_json);
/* Asks a query of sql/ whose answer is one row with one text, a JSON array of objects. *rows_out is
 * a new reference. */
int tr_cli_rows(struct tr_pg *pg, const char *query, const struct tr_pg_params *params,
                json_t **rows_out, struct tr_error *error);
/* RFC 3339 in UTC, to the second. */
void tr_cli_format_time(int64_t unix_us, char out[32]);

/* The database --------------------------------------------------------------------------------- */

/* The options every command that talks to the database has. */
struct tr_cli_database {
    const char *url;    /* --database */
    const char *config; /* --config */
};
#define TR_CLI_DATABASE_OPTIONS(target)                                                      \
    {"database", TR_CLI_TEXT, &(target).url, "URL",                                          \
     "the database; else TRACTION_DATABASE_URL, else database.url of traction.ini"},         \
    {                                                                                        \
        "config", TR_CLI_TEXT, &(target).config, "FILE", "read this instead of traction.ini" \
    }

/* Loads the configuration; url_out is borrowed from it. */
int tr_cli_load(const struct tr_cli_database *database, struct tr_config **config_out,
                struct tr_error *error);
int tr_cli_connect(const struct tr_cli_database *database, struct tr_pg **pg_out,
                   struct tr_error *error);

/* Money (money.c): whether these bytes name a currency; --gross-margin, NULL where not given; each
 * --rate CODE=RATE, as JSON of exact decimals, null where the rate is removed. The caller frees. */
bool tr_cli_is_currency(const char *text, size_t size);
int tr_cli_check_margin(const char *text, struct tr_error *error);
int tr_cli_parse_rates(const struct tr_cli_list *list, char **json_out, struct tr_error *error);

/* A project by name or UUID: its number. */
int tr_cli_find_project(struct tr_pg *pg, const char *project, int32_t *id_out,
                        struct tr_error *error);

/* What KPIs need to know of it, in the arena; and up to when everything received is in (query.c).
 */
struct tr_arena;
struct tr_kpi_project;
int tr_cli_read_project(struct tr_pg *pg, const char *name, struct tr_arena *arena,
                        struct tr_kpi_project *project_out, struct tr_error *error);
int tr_cli_read_as_of(struct tr_pg *pg, int64_t now_us, int64_t *as_of_out, struct tr_error *error);

/* Whether every migration is applied; -EINVAL says what to run. */
int tr_cli_check_schema(struct tr_pg *pg, struct tr_error *error);
