/* SPDX-License-Identifier: MIT */
/* All time comes from here, so that tests can script it. Any thread. */
#pragma once

#include <stdint.h>

/* Microseconds since 1970-01-01 UTC. */
int64_t tr_clock_wall_us(void);
/* Microseconds of a clock that never goes back; for deadlines and durations. */
int64_t tr_clock_mono_us(void);

/* Tests only: adds this many microseconds to what both clocks say. */
void tr_clock_shift(int64_t us);
