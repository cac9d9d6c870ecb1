/* SPDX-License-Identifier: MIT */
/* Shared by the files of src/dashboard only, the one that build.mjs generates included. */
#pragma once

#include "traction/dashboard.h"

enum web_cache {
    CACHE_NEVER,  /* asked for again each time, and answered with 304 */
    CACHE_HOUR,   /* its name stays when it changes */
    CACHE_FOREVER /* its name has its hash */
};

struct web_file {
    const char *path;
    const char *type;
    const char *etag;
    const char *integrity; /* as in the attribute of a script */
    enum web_cache cache;
    struct tr_slice data;
    struct tr_slice gzip; /* empty: not worth it */
    struct tr_slice br;
};

extern const struct web_file tr_web_files[];
extern const size_t tr_web_file_count;
