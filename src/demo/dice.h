/* SPDX-License-Identifier: MIT */
/*
 * Chance that repeats itself: xoshiro256** (Blackman and Vigna, "Scrambled Linear Pseudorandom
 * Number Generators", 2021; https://prng.di.unimi.it), seeded by SplitMix64 (Steele, Lea and Flood,
 * "Fast Splittable Pseudorandom Number Generators", 2014). Not for secrets.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dice {
    uint64_t state[4];
};

void tr_dice_seed(struct dice *dice, uint64_t seed);
uint64_t tr_dice_next(struct dice *dice);
/* At least 0, less than 1. */
double tr_dice_unit(struct dice *dice);
bool tr_dice_chance(struct dice *dice, double probability);
/* From least up to, and without, most. */
double tr_dice_between(struct dice *dice, double least, double most);
/* 0 up to, and without, count. */
int tr_dice_below(struct dice *dice, int count);
/* Of mean 0 and deviation 1. */
double tr_dice_normal(struct dice *dice);
/* Durations and sizes of groups: the logarithm is normal, with this deviation. */
double tr_dice_lognormal(struct dice *dice, double median, double sigma);
int tr_dice_poisson(struct dice *dice, double mean);
/* An index, as often as its weight says. */
int tr_dice_pick(struct dice *dice, const double *weights, int count);

/* SplitMix64's last step, a bijection: different numbers stay different. */
uint64_t tr_dice_mix(uint64_t number);
