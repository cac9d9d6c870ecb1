/* SPDX-License-Identifier: MIT */
/* Bytes that nobody vouches for are refused or read, never read beyond. */
#include "traction/event.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tr_record record;
    struct tr_error error = TR_ERROR_INIT;
    struct tr_slice bytes = tr_slice((const char *)data, size);
    if (tr_record_decode(bytes, &record, &error) == 0 && record.row.size > size)
        abort();
    return 0;
}
