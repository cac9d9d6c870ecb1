/* SPDX-License-Identifier: MIT */
/* The normal distribution and Student's. Quantiles by bisection: exact to a double, and no table
 * of coefficients to mistype; they are asked for a few times a question. */
#include "traction/stats.h"

#include <math.h>
#include <stdbool.h>

enum { HALVINGS = 100, FRACTIONS = 300 };

static double normal_cdf(double z)
{
    return erfc(-z / M_SQRT2) / 2;
}

double tr_stats_normal_quantile(double p)
{
    double low = -40;
    double high = 40;
    for (int i = 0; i < HALVINGS; i++) {
        double middle = (low + high) / 2;
        if (normal_cdf(middle) < p)
            low = middle;
        else
            high = middle;
    }
    return (low + high) / 2;
}

static double log_gamma(double x)
{
    int sign = 0;
    return lgamma_r(x, &sign); /* lgamma() writes a global */
}

static double away_from_zero(double x)
{
    return fabs(x) < 1e-300 ? 1e-300 : x;
}

/* DLMF 8.17.22 by the modified method of Lentz (Thompson and Barnett 1986); converges fast for
 * x < (a + 1) / (a + b + 2). */
static double beta_fraction(double a, double b, double x)
{
    double c = 1;
    double d = 1 / away_from_zero(1 - (a + b) * x / (a + 1));
    double value = d;
    for (int m = 1; m <= FRACTIONS; m++) {
        double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        d = 1 / away_from_zero(1 + even * d);
        c = away_from_zero(1 + even / c);
        value *= d * c;
        d = 1 / away_from_zero(1 + odd * d);
        c = away_from_zero(1 + odd / c);
        value *= d * c;
        if (fabs(d * c - 1) < 1e-15)
            break;
    }
    return value;
}

/* The regularised incomplete beta function I_x(a, b). */
static double incomplete_beta(double a, double b, double x)
{
    if (x <= 0 || x >= 1)
        return x <= 0 ? 0 : 1;
    double front = exp(log_gamma(a + b) - log_gamma(a) - log_gamma(b) + a * log(x) + b * log1p(-x));
    if (x < (a + 1) / (a + b + 2))
        return front * beta_fraction(a, b, x) / a;
    return 1 - front * beta_fraction(b, a, 1 - x) / b;
}

double tr_stats_student_cdf(double t, double degrees)
{
    double tail = incomplete_beta(degrees / 2, 0.5, degrees / (degrees + t * t)) / 2;
    return t > 0 ? 1 - tail : tail;
}

double tr_stats_student_quantile(double p, double degrees)
{
    /* The tail is computed without taking anything from 1: of a pair of quantiles, the lower. */
    bool upper = p > 0.5;
    double target = upper ? 1 - p : p;
    double low = -1;
    double high = 0;
    while (tr_stats_student_cdf(low, degrees) > target && low > -1e150)
        low *= 2;
    for (int i = 0; i < HALVINGS; i++) {
        double middle = (low + high) / 2;
        if (tr_stats_student_cdf(middle, degrees) < target)
            low = middle;
        else
            high = middle;
    }
    return upper ? -low : low;
}
