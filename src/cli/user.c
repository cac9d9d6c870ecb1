/* SPDX-License-Identifier: MIT */
/* traction user: add, passwd, list, link, remove. Passwords are read from standard input or made
 * here; none stands on a command line, where everybody on the machine could read it. */
#include "cli_priv.h"

#include "traction/auth.h"
#include "traction/base/hash.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

enum { MADE_BYTES = 9, LINK_S = 86400 };

struct words {
    struct tr_cli_database database;
    const char *role;
    bool from_input;
    bool as_json;
    struct tr_cli_list emails;
};

static int check_email(const char *email, struct tr_error *error)
{
    if (tr_auth_is_email(tr_slice_of(email)))
        return 0;
    return tr_error_set(error, -EINVAL, "expected an address such as ada@example.org, not \"%s\"",
                        email);
}

/* A line, without showing it. */
static int read_password(char out[TR_PASSWORD_MAX_BYTES + 2], struct tr_error *error)
{
    struct termios shown;
    bool terminal = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &shown) == 0;
    if (terminal) {
        struct termios quiet = shown;
        quiet.c_lflag &= ~(tcflag_t)ECHO;
        fputs("Password: ", stderr);
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
    }
    bool read = fgets(out, TR_PASSWORD_MAX_BYTES + 2, stdin) != NULL;
    if (terminal) {
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
        fputc('\n', stderr);
    }
    if (read)
        out[strcspn(out, "\n")] = '\0';
    if (!read || strlen(out) < TR_PASSWORD_MIN_BYTES || strlen(out) > TR_PASSWORD_MAX_BYTES)
        return tr_error_set(error, -EINVAL, "expected a password of %d to %d characters in a line",
                            TR_PASSWORD_MIN_BYTES, TR_PASSWORD_MAX_BYTES);
    return 0;
}

static int get_password(const struct words *words, char out[TR_PASSWORD_MAX_BYTES + 2],
                        struct tr_error *error)
{
    uint8_t random[MADE_BYTES];
    if (words->from_input)
        return read_password(out, error);
    tr_random(random, sizeof random);
    tr_hex(random, sizeof random, out);
    return 0;
}

static void print_password(const struct words *words, const char *password)
{
    if (words->from_input)
        return;
    if (words->as_json)
        printf("{\"email\": \"%s\", \"password\": \"%s\"}\n", words->emails.items[0], password);
    else
        puts(password);
    if (!words->as_json && isatty(STDOUT_FILENO))
        fputs("Keep it: only its hash is stored, and it is not shown again.\n", stderr);
}

static int store(struct tr_pg *pg, const struct words *words, bool add, const char *password,
                 struct tr_error *error)
{
    TR_CLEANUP(tr_pg_params_freep) struct tr_pg_params *params = tr_pg_params_new();
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *row = NULL;
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *known = NULL;
    char hash[TR_PASSWORD_HASH_BYTES];
    int result = tr_auth_hash_password(tr_slice_of(password), hash, error);
    if (result < 0)
        return result;
    tr_pg_bind_text(params, tr_slice_of(words->emails.items[0]));
    if (add) {
        tr_pg_bind_text(params, tr_slice_of(words->role));
        tr_pg_bind_text(params, tr_slice_of(hash));
        result = tr_pg_query(pg, tr_pg_sql("queries/access/user_add"), params, &row, error);
        if (result == 0 && tr_pg_rows(row) == 0)
            return tr_error_set(error, -EEXIST, "there is a user %s already",
                                words->emails.items[0]);
        return result;
    }
    tr_pg_bind_null(params);
    result = tr_pg_query(pg, tr_pg_sql("queries/access/user_password"), params, &known, error);
    if (result == 0 && tr_pg_rows(known) == 0)
        return tr_error_set(error, -ENOENT, "there is no user %s", words->emails.items[0]);
    if (result < 0)
        return result;
    tr_pg_params_clear(params);
    tr_pg_bind_int4(params, (int32_t)tr_pg_get_int(known, 0, tr_pg_column(known, "id")));
    tr_pg_bind_null(params);
    tr_pg_bind_text(params, tr_slice_of(hash));
    return tr_pg_query(pg, tr_pg_sql("queries/access/user_set"), params, &row, error);
}

static int set_password(int argc, char **argv, bool add)
{
    struct words words = {.role = "member"};
    const struct tr_cli_option options[] = {
        {"role", TR_CLI_TEXT, &words.role, "ROLE",
         "owner, member or viewer; else member (of add only)"},
        {"password-stdin", TR_CLI_FLAG, &words.from_input, NULL,
         "read the password, a line; else one is made and printed"},
        {"json", TR_CLI_FLAG, &words.as_json, NULL, "print JSON"},
        TR_CLI_DATABASE_OPTIONS(words.database),
        {NULL, TR_CLI_FLAG, NULL, NULL, NULL}};
    const struct tr_cli_usage usage = {
        add ? "traction user add" : "traction user passwd",
        add ? "EMAIL [--role owner|member|viewer] [--password-stdin]" : "EMAIL [--password-stdin]",
        add ? "Makes a user of the dashboard. A viewer looks, a member changes what is within\n"
              "projects, an owner also makes users, projects and keys."
            : "Gives a user another password, and signs them out everywhere.",
        options,
        1,
        1};
    int status;
    if (!tr_cli_parse(&usage, argc, argv, &words.emails, &status))
        return status;
    if (tr_auth_role_parse(tr_slice_of(words.role)) == TR_ROLE_NONE)
        return tr_cli_wrong(usage.command, "--role: expected owner, member or viewer");
    struct tr_error error = TR_ERROR_INIT;
    TR_CLEANUP(tr_pg_closep) struct tr_pg *pg = NULL;
    char password[TR_PASSWORD_MAX_BYTES + 2] = "";
    int result = check_email(words.emails.items[0], &error);
    if (result == 0)
        result = get_password(&words, password, &error);
    if (result == 0)
        result = tr_cli_connect(&words.database, &pg, &error);
    if (result == 0)
        result = store(pg, &words, add, password, &error);
    if (result < 0)
        return tr_cli_fail(&error);
    print_password(&words, password);
    return TR_EXIT_DONE;
}

static int run_add(int argc, char **argv)
{
    return set_password(argc, argv, true);
}

static int run_passwd(int argc, char **argv)
{
    return set_password(argc, argv, false);
}

static int run_list(int argc, char **argv)
{
    static const char *const columns[] = {"email", "role", "sessions", "created", NULL};
    struct words words = {.as_json = false};
    const struct tr_cli_option options[] = {
        {"json", TR_CLI_FLAG, &words.as_json, NULL, "print JSON"},
        TR_CLI_DATABASE_OPTIONS(words.database),
        {NULL, TR_CLI_FLAG, NULL, NULL, NULL}};
    const struct tr_cli_usage usage = {
        "traction user list", "[--json]", "Lists who may sign in to the dashboard.", options, 0, 0};
    int status;
    if (!tr_cli_parse(&usage, argc, argv, NULL, &status))
        return status;
    struct tr_error error = TR_ERROR_INIT;
    TR_CLEANUP(tr_pg_closep) struct tr_pg *pg = NULL;
    json_t *rows = NULL;
    int result = tr_cli_connect(&words.database, &pg, &error);
    if (result == 0)
        result = tr_cli_rows(pg, "queries/access/user_list", NULL, &rows, &error);
    if (result < 0)
        return tr_cli_fail(&error);
    tr_cli_print(rows, columns, words.as_json);
    return TR_EXIT_DONE;
}

static int remove_user(struct tr_pg *pg, const char *email, struct tr_error *error)
{
    TR_CLEANUP(tr_pg_params_freep) struct tr_pg_params *params = tr_pg_params_new();
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *known = NULL;
    TR_CLEANUP(tr_pg_result_freep) struct tr_pg_result *row = NULL;
    tr_pg_bind_text(params, tr_slice_of(email));
    tr_pg_bind_null(params);
    int result = tr_pg_query(pg, tr_pg_sql("queries/access/user_password"), params, &known, error);
    if (result == 0 && tr_pg_rows(known) == 0)
        return tr_error_set(error, -ENOENT, "there is no user %s", email);
    if (result < 0)
        return result;
    tr_pg_params_clear(params);
    tr_pg_bind_int4(params, (int32_t)tr_pg_get_int(known, 0, tr_pg_column(known, "id")));
    result = tr_pg_query(pg, tr_pg_sql("queries/access/user_remove"), params, &row, error);
    if (result == 0 && tr_pg_rows(row) == 0) {
        tr_error_set(error, -EPERM, "%s is the last owner", email);
        return tr_error_hint(error, "Make another first: traction user add EMAIL --role owner.");
    }
    return result;
}

/* What is done to a user that the only word names. */
static int run_one(int argc, char **argv, const struct tr_cli_usage *shape,
                   int (*run)(struct tr_pg *pg, const char *email, struct tr_error *error))
{
    struct words words = {.as_json = false};
    const struct tr_cli_option options[] = {TR_CLI_DATABASE_OPTIONS(words.database),
                                            {NULL, TR_CLI_FLAG, NULL, NULL, NULL}};
    struct tr_cli_usage usage = *shape;
    int status;
    usage.options = options;
    if (!tr_cli_parse(&usage, argc, argv, &words.emails, &status))
        return status;
    struct tr_error error = TR_ERROR_INIT;
    TR_CLEANUP(tr_pg_closep) struct tr_pg *pg = NULL;
    int result = tr_cli_connect(&words.database, &pg, &error);
    if (result == 0)
        result = run(pg, words.emails.items[0], &error);
    return result < 0 ? tr_cli_fail(&error) : TR_EXIT_DONE;
}

static int run_remove(int argc, char **argv)
{
    static const struct tr_cli_usage shape = {
        "traction user remove", "EMAIL", "Removes a user and signs them out.", NULL, 1, 1};
    return run_one(argc, argv, &shape, remove_user);
}

static int print_link(struct tr_pg *pg, const char *email, struct tr_error *error)
{
    char token[TR_KEY_BYTES];
    const char *url = getenv("TRACTION_URL");
    int result = tr_auth_make_link(pg, email, LINK_S, token, error);
    if (result == 0)
        printf("%s/sign-in#%s\n", url != NULL ? url : "", token);
    return result;
}

static int run_link(int argc, char **argv)
{
    static const struct tr_cli_usage shape = {
        "traction user link",
        "EMAIL",
        "Prints a link that signs this user in, once, within a day. It begins with TRACTION_URL.",
        NULL,
        1,
        1};
    return run_one(argc, argv, &shape, print_link);
}

const struct tr_command tr_cli_user_commands[] = {
    {"add", "make a user", run_add, NULL},
    {"passwd", "give a user another password", run_passwd, NULL},
    {"list", "list who may sign in", run_list, NULL},
    {"link", "print a link that signs a user in, once", run_link, NULL},
    {"remove", "remove a user", run_remove, NULL},
    {NULL, NULL, NULL, NULL},
};
