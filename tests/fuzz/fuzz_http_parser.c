/* SPDX-License-Identifier: MIT */
/* A request in one piece, in single bytes and cut in two must mean the same. */
#include "http_verdict.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char whole[VERDICT_SIZE * 2];
    static char pieces[VERDICT_SIZE * 2];
    const char *bytes = (const char *)data;
    size_t cuts[] = {size < 65536 ? 1 : 4096, size / 2, size > 0 ? data[size - 1] % size : 0};
    verdict_of(bytes, size, size, 1, whole, sizeof whole);
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        verdict_of(bytes, size, cuts[i], i == 0 ? cuts[0] : size + 1, pieces, sizeof pieces);
        if (strcmp(whole, pieces) != 0)
            abort();
    }
    return 0;
}
