/* SPDX-License-Identifier: MIT */
/* Where initdb and postgres are: the places of the distributions, PATH, pg_config. */
#include "cluster_priv.h"

#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool has_programs(const char *directory)
{
    TR_CLEANUP(tr_freep) char *postgres = tr_printf("%s/postgres", directory);
    TR_CLEANUP(tr_freep) char *initdb = tr_printf("%s/initdb", directory);
    return access(postgres, X_OK) == 0 && access(initdb, X_OK) == 0;
}

static double version_in(const char *path)
{
    const char *digit = strpbrk(path, "0123456789");
    return digit != NULL ? strtod(digit, NULL) : 0;
}

/* Of the folders that fit the pattern the one of the newest version. */
static char *newest_of(const char *pattern)
{
    glob_t found;
    if (glob(pattern, 0, NULL, &found) != 0)
        return NULL;
    const char *best = NULL;
    for (size_t i = 0; i < found.gl_pathc; i++)
        if (has_programs(found.gl_pathv[i]) &&
            (best == NULL || version_in(found.gl_pathv[i]) > version_in(best)))
            best = found.gl_pathv[i];
    char *copy = best != NULL ? tr_strdup(best) : NULL;
    globfree(&found);
    return copy;
}

static char *in_path(void)
{
    const char *path = getenv("PATH");
    TR_CLEANUP(tr_freep) char *copy = tr_strdup(path != NULL ? path : "");
    char *rest = NULL;
    for (char *entry = strtok_r(copy, ":", &rest); entry != NULL;
         entry = strtok_r(NULL, ":", &rest))
        if (has_programs(entry))
            return tr_strdup(entry);
    return NULL;
}

static char *from_pg_config(void)
{
    FILE *pipe = popen("pg_config --bindir 2>/dev/null", "re");
    if (pipe == NULL)
        return NULL;
    char line[4096];
    char *found = NULL;
    if (fgets(line, sizeof line, pipe) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        found = has_programs(line) ? tr_strdup(line) : NULL;
    }
    pclose(pipe);
    return found;
}

int tr_programs_find(const char *version, char **directory_out, struct tr_error *error)
{
    static const char *const patterns[] = {"/usr/lib/postgresql/%s/bin", "/usr/pgsql-%s/bin"};
    char *found = NULL;
    for (size_t i = 0; found == NULL && i < sizeof patterns / sizeof patterns[0]; i++) {
        const char *rest = strstr(patterns[i], "%s") + 2;
        TR_CLEANUP(tr_freep)
        char *pattern = tr_printf("%.*s%s%s", (int)(rest - 2 - patterns[i]), patterns[i],
                                  version != NULL ? version : "[0-9]*", rest);
        found = newest_of(pattern);
    }
    if (found == NULL)
        found = in_path();
    if (found == NULL)
        found = from_pg_config();
    if (found != NULL) {
        *directory_out = found;
        return 0;
    }
    tr_error_set(error, -ENOENT, "PostgreSQL's programs (initdb, postgres) are not installed");
    return tr_error_hint(error, "Run: apt-get install postgresql");
}
