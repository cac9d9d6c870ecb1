/* SPDX-License-Identifier: MIT */
/* traction version. */
#include "cli_priv.h"

#include "traction/base/hash.h"

#include <event2/event.h>
#include <stdio.h>

int tr_cli_version(int argc, char **argv)
{
    bool as_json = false;
    const struct tr_cli_option options[] = {{"json", TR_CLI_FLAG, &as_json, NULL, "print JSON"},
                                            {NULL, TR_CLI_FLAG, NULL, NULL, NULL}};
    const struct tr_cli_usage usage = {"traction version",
                                       "[--json]",
                                       "Prints the version, and those of the libraries.",
                                       options,
                                       0,
                                       0};
    int status;
    if (!tr_cli_parse(&usage, argc, argv, NULL, &status))
        return status;
    int pq = tr_pg_library_version();
    if (as_json)
        printf("{\"traction\": \"%s\", \"libevent\": \"%s\", \"libpq\": \"%d.%d\", "
               "\"crypto\": \"%s\", \"jansson\": \"%s\"}\n",
               TR_VERSION, event_get_version(), pq / 10000, pq % 10000, tr_crypto_version(),
               jansson_version_str());
    else
        printf("traction %s (libevent %s, libpq %d.%d, %s, jansson %s)\n", TR_VERSION,
               event_get_version(), pq / 10000, pq % 10000, tr_crypto_version(),
               jansson_version_str());
    return TR_EXIT_DONE;
}
