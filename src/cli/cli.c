/* SPDX-License-Identifier: MIT */
/* The table of commands, and finding one in it. */
#include "traction/cli.h"

#include "cli_priv.h"
#include "traction/bench.h"
#include "traction/server.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct tr_command commands[] = {
    {"up", "try it: a private PostgreSQL, keys and the server, in one folder", tr_cli_up, NULL},
    {"serve", "run the server against database.url", tr_cli_serve, NULL},
    {"migrate", "bring the database's schema up to date", tr_cli_migrate, NULL},
    {"project", "add, list and set projects", NULL, tr_cli_project_commands},
    {"key", "add, list and revoke keys", NULL, tr_cli_key_commands},
    {"user", "add, list and remove users of the dashboard", NULL, tr_cli_user_commands},
    {"query", "ask for a KPI", tr_cli_query, NULL},
    {"hypothesis", "add, list, show and remove hypotheses, with their verdicts", NULL,
     tr_cli_hypothesis_commands},
    {"annotation", "mark instants such as releases; compare before and after", NULL,
     tr_cli_annotation_commands},
    {"alert", "apply rules, list, silence and test them, see what fired", NULL,
     tr_cli_alert_commands},
    {"erase", "delete one person everywhere, rollups included", tr_cli_erase, NULL},
    {"rejects", "list events that were refused", NULL, tr_cli_rejects_commands},
    {"doctor", "check configuration, database, disk, clock and spool", tr_cli_doctor, NULL},
    {"bench", "generate load against a running server and measure it", tr_bench_main, NULL},
    {"version", "print the version", tr_cli_version, NULL},
    {NULL, NULL, NULL, NULL},
};

static void print_commands(const char *parent, const struct tr_command *list, const char *about)
{
    printf("%s\n\nusage: %s COMMAND …\n\n", about, parent);
    for (; list->name != NULL; list++)
        printf("  %-10s %s\n", list->name, list->summary);
    printf("\n\"%s COMMAND --help\" says more.\n", parent);
}

static bool is_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0;
}

int tr_cli_dispatch(const char *parent, const struct tr_command *list, const char *about, int argc,
                    char **argv)
{
    if (argc < 2)
        return tr_cli_wrong(parent, "expected a command");
    if (is_help(argv[1])) {
        print_commands(parent, list, about);
        return TR_EXIT_DONE;
    }
    for (const struct tr_command *command = list; command->name != NULL; command++) {
        if (strcmp(command->name, argv[1]) != 0)
            continue;
        if (command->run != NULL)
            return command->run(argc - 1, argv + 1);
        char name[64];
        snprintf(name, sizeof name, "%s %s", parent, command->name);
        return tr_cli_dispatch(name, command->subcommands, command->summary, argc - 1, argv + 1);
    }
    return tr_cli_wrong(parent, "there is no command \"%.40s\"", argv[1]);
}

static int run(int argc, char **argv)
{
    if (argc >= 2 && strcmp(argv[1], "--version") == 0)
        return tr_cli_version(1, argv);
    return tr_cli_dispatch("traction", commands,
                           "Traction collects what a product's users do, how it performs and what "
                           "it earns, and answers KPIs.",
                           argc, argv);
}

/* "| head" has seen enough: no reason to complain. */
static bool reader_went_away(void)
{
    struct pollfd output = {.fd = STDOUT_FILENO};
    return poll(&output, 1, 0) > 0 && (output.revents & POLLERR) != 0;
}

/* A full disk below a redirected answer must not look like success. */
static int check_output(int status)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    if (!reader_went_away())
        fprintf(stderr, "traction: the output could not be written. Is the disk full?\n");
    return status == TR_EXIT_DONE ? TR_EXIT_FAILED : status;
}

int tr_cli_main(int argc, char **argv)
{
    tr_server_prepare_process();
    return check_output(run(argc, argv));
}
