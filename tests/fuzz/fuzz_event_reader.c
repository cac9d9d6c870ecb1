/* SPDX-License-Identifier: MIT */
/* Whatever a body holds, each event gets one verdict, and what passes is a record that reads. */
#include "event_verdict.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    verdicts_of(tr_slice((const char *)data, size));
    return 0;
}
