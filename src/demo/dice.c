/* SPDX-License-Identifier: MIT */
#include "dice.h"

#include <math.h>

static const uint64_t golden = 0x9e3779b97f4a7c15;

uint64_t tr_dice_mix(uint64_t number)
{
    number = (number ^ number >> 30) * 0xbf58476d1ce4e5b9;
    number = (number ^ number >> 27) * 0x94d049bb133111eb;
    return number ^ number >> 31;
}

void tr_dice_seed(struct dice *dice, uint64_t seed)
{
    for (int i = 0; i < 4; i++) {
        seed += golden;
        dice->state[i] = tr_dice_mix(seed);
    }
}

static uint64_t rotate(uint64_t number, int bits)
{
    return number << bits | number >> (64 - bits);
}

uint64_t tr_dice_next(struct dice *dice)
{
    uint64_t *state = dice->state;
    uint64_t result = rotate(state[1] * 5, 7) * 9;
    uint64_t shifted = state[1] << 17;
    state[2] ^= state[0];
    state[3] ^= state[1];
    state[1] ^= state[2];
    state[0] ^= state[3];
    state[2] ^= shifted;
    state[3] = rotate(state[3], 45);
    return result;
}

double tr_dice_unit(struct dice *dice)
{
    return (double)(tr_dice_next(dice) >> 11) * 0x1p-53;
}

bool tr_dice_chance(struct dice *dice, double probability)
{
    return tr_dice_unit(dice) < probability;
}

double tr_dice_between(struct dice *dice, double least, double most)
{
    return least + (most - least) * tr_dice_unit(dice);
}

int tr_dice_below(struct dice *dice, int count)
{
    return (int)(tr_dice_unit(dice) * count);
}

/* The polar method of Marsaglia and Bray; its second number is thrown away. */
double tr_dice_normal(struct dice *dice)
{
    for (;;) {
        double x = tr_dice_between(dice, -1, 1);
        double y = tr_dice_between(dice, -1, 1);
        double square = x * x + y * y;
        if (square > 0 && square < 1)
            return x * sqrt(-2 * log(square) / square);
    }
}

double tr_dice_lognormal(struct dice *dice, double median, double sigma)
{
    return median * exp(sigma * tr_dice_normal(dice));
}

int tr_dice_poisson(struct dice *dice, double mean)
{
    enum { NEARLY_NORMAL = 60 };
    if (mean > NEARLY_NORMAL) {
        double number = round(mean + sqrt(mean) * tr_dice_normal(dice));
        return number > 0 ? (int)number : 0;
    }
    double limit = exp(-mean);
    int count = 0;
    for (double product = tr_dice_unit(dice); product > limit; count++)
        product *= tr_dice_unit(dice);
    return count;
}

int tr_dice_pick(struct dice *dice, const double *weights, int count)
{
    double sum = 0;
    for (int i = 0; i < count; i++)
        sum += weights[i];
    double at = tr_dice_unit(dice) * sum;
    for (int i = 0; i < count - 1; i++) {
        at -= weights[i];
        if (at < 0)
            return i;
    }
    return count - 1;
}
