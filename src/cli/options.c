/* SPDX-License-Identifier: MIT */
/* Options of a command: reading them, explaining them, and saying what is wrong with them. */
#include "cli_priv.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int tr_cli_wrong(const char *command, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "%s: ", command);
    vfprintf(stderr, format, args);
    fprintf(stderr, ". See \"%s --help\".\n", command);
    va_end(args);
    return TR_EXIT_USAGE;
}

static void print_help(const struct tr_cli_usage *usage)
{
    printf("usage: %s %s\n\n%s\n\n", usage->command, usage->arguments, usage->about);
    for (const struct tr_cli_option *option = usage->options; option->name != NULL; option++) {
        char left[64];
        snprintf(left, sizeof left, "--%s%s%s", option->name, option->value != NULL ? " " : "",
                 option->value != NULL ? option->value : "");
        printf("  %-24s %s\n", left, option->help);
    }
    printf("  %-24s print this\n", "--help");
}

static const struct tr_cli_option *find_option(const struct tr_cli_usage *usage, const char *word,
                                               size_t size)
{
    for (const struct tr_cli_option *option = usage->options; option->name != NULL; option++)
        if (strlen(option->name) == size && strncmp(option->name, word, size) == 0)
            return option;
    return NULL;
}

static bool store(const struct tr_cli_usage *usage, const struct tr_cli_option *option,
                  const char *value, int *status_out)
{
    if (option->kind == TR_CLI_TEXT) {
        *(const char **)option->target = value;
        return true;
    }
    if (option->kind == TR_CLI_MAYBE) {
        *(struct tr_cli_maybe *)option->target = (struct tr_cli_maybe){true, value};
        return true;
    }
    struct tr_cli_list *list = option->target;
    if (list->count == TR_CLI_LIST_MAX) {
        *status_out =
            tr_cli_wrong(usage->command, "--%s at most %d times", option->name, TR_CLI_LIST_MAX);
        return false;
    }
    list->items[list->count++] = value;
    return true;
}

/* Takes the option at argv[*index], and its value. */
static bool take_option(const struct tr_cli_usage *usage, int argc, char **argv, int *index,
                        int *status_out)
{
    const char *word = argv[*index] + 2;
    const char *equals = strchr(word, '=');
    size_t size = equals != NULL ? (size_t)(equals - word) : strlen(word);
    const struct tr_cli_option *option = find_option(usage, word, size);
    if (option == NULL) {
        *status_out = tr_cli_wrong(usage->command, "there is no option --%.*s", (int)size, word);
        return false;
    }
    if (option->kind == TR_CLI_FLAG) {
        *(bool *)option->target = true;
        if (equals != NULL)
            *status_out = tr_cli_wrong(usage->command, "--%s takes no value", option->name);
        return equals == NULL;
    }
    bool value_follows = *index + 1 < argc && strncmp(argv[*index + 1], "--", 2) != 0;
    if (option->kind == TR_CLI_MAYBE && equals == NULL && !value_follows)
        return ((struct tr_cli_maybe *)option->target)->given = true;
    if (equals == NULL && *index + 1 >= argc) {
        *status_out = tr_cli_wrong(usage->command, "--%s expects %s", option->name, option->value);
        return false;
    }
    const char *value = equals != NULL ? equals + 1 : argv[++*index];
    if (value[0] == '\0') {
        /* As a script's unset variable leaves it: a folder "" would be the current one. */
        *status_out = tr_cli_wrong(usage->command, "--%s expects %s, not an empty text",
                                   option->name, option->value);
        return false;
    }
    return store(usage, option, value, status_out);
}

/* An empty one would match whatever there is: every key begins with it. */
static bool take_word(const struct tr_cli_usage *usage, const char *word, struct tr_cli_list *list,
                      int *status_out)
{
    if (word[0] == '\0' || list->count == TR_CLI_LIST_MAX) {
        *status_out =
            word[0] == '\0'
                ? tr_cli_wrong(usage->command, "expected: %s; one is empty", usage->arguments)
                : tr_cli_wrong(usage->command, "at most %d arguments", TR_CLI_LIST_MAX);
        return false;
    }
    list->items[list->count++] = word;
    return true;
}

static bool check_count(const struct tr_cli_usage *usage, size_t count, int *status_out)
{
    if (count >= usage->min && count <= usage->max)
        return true;
    *status_out = tr_cli_wrong(usage->command, "expected: %s", usage->arguments);
    return false;
}

bool tr_cli_parse(const struct tr_cli_usage *usage, int argc, char **argv,
                  struct tr_cli_list *positional_out, int *status_out)
{
    bool only_positional = false;
    struct tr_cli_list positional = {.count = 0};
    for (int i = 1; i < argc; i++) {
        const char *word = argv[i];
        if (!only_positional && (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)) {
            print_help(usage);
            *status_out = TR_EXIT_DONE;
            return false;
        }
        if (!only_positional && strcmp(word, "--") == 0) {
            only_positional = true;
        } else if (!only_positional && strncmp(word, "--", 2) == 0) {
            if (!take_option(usage, argc, argv, &i, status_out))
                return false;
        } else if (!only_positional && word[0] == '-' && word[1] != '\0') {
            *status_out = tr_cli_wrong(usage->command, "there is no option %.40s", word);
            return false;
        } else if (!take_word(usage, word, &positional, status_out)) {
            return false;
        }
    }
    if (!check_count(usage, positional.count, status_out))
        return false;
    if (positional_out != NULL)
        *positional_out = positional;
    return true;
}
