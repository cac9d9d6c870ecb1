/* SPDX-License-Identifier: MIT */
#include "traction/metrics.h"

#include "traction/base/alloc.h"

#include <pthread.h>
#include <stdatomic.h>

/* Written by its thread alone, read by all; never freed, so that what a thread counted stays. */
struct block {
    struct block *next;
    _Atomic uint64_t values[TR_METRIC_COUNT];
};

static const struct {
    const char *name;
    const char *type;
    const char *help;
} descriptions[TR_METRIC_COUNT] = {
#define X(symbol, name, type, help) [TR_METRIC_##symbol] = {name, type, help},
    TR_METRICS(X)
#undef X
};

static struct block *_Atomic blocks;
static _Thread_local struct block *own;

static struct block *own_block(void)
{
    if (own == NULL) {
        own = tr_calloc(1, sizeof *own);
        own->next = atomic_load(&blocks);
        while (!atomic_compare_exchange_weak(&blocks, &own->next, own))
            ;
    }
    return own;
}

void tr_metric_add(enum tr_metric metric, uint64_t n)
{
    atomic_fetch_add_explicit(&own_block()->values[metric], n, memory_order_relaxed);
}

uint64_t tr_metric_get(enum tr_metric metric)
{
    uint64_t sum = 0;
    for (struct block *block = atomic_load(&blocks); block != NULL; block = block->next)
        sum += atomic_load_explicit(&block->values[metric], memory_order_relaxed);
    return sum;
}

void tr_metrics_render(struct tr_buf *out)
{
    for (enum tr_metric metric = 0; metric < TR_METRIC_COUNT; metric++)
        tr_buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n%s %llu\n", descriptions[metric].name,
                      descriptions[metric].help, descriptions[metric].name,
                      descriptions[metric].type, descriptions[metric].name,
                      (unsigned long long)tr_metric_get(metric));
}

void tr_metrics_gauge(struct tr_buf *out, const char *name, const char *help, double value)
{
    tr_buf_printf(out, "# HELP %s %s\n# TYPE %s gauge\n%s %.17g\n", name, help, name, name, value);
}
