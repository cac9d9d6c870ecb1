/* SPDX-License-Identifier: MIT */
#include "traction/base/clock.h"

#include <stdatomic.h>
#include <time.h>

static _Atomic int64_t shift_us;

static int64_t read_clock(clockid_t clock)
{
    struct timespec ts;
    clock_gettime(clock, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000 +
           atomic_load_explicit(&shift_us, memory_order_relaxed);
}

int64_t tr_clock_wall_us(void)
{
    return read_clock(CLOCK_REALTIME);
}

int64_t tr_clock_mono_us(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

void tr_clock_shift(int64_t us)
{
    atomic_fetch_add(&shift_us, us);
}
