/* SPDX-License-Identifier: MIT */
#include "traction/base/sketch.h"

#include <errno.h>
#include <math.h>

enum { VERSION = 1, SLOTS = TR_SKETCH_INDEX_MAX - TR_SKETCH_INDEX_ZERO + 1 };

static double gamma_value(void)
{
    return (1 + TR_SKETCH_RELATIVE_ERROR) / (1 - TR_SKETCH_RELATIVE_ERROR);
}

int tr_sketch_index(double value)
{
    if (!(value > 0))
        return TR_SKETCH_INDEX_ZERO;
    double index = ceil(log(value) / log(gamma_value()));
    if (index < TR_SKETCH_INDEX_MIN)
        return TR_SKETCH_INDEX_MIN;
    if (index > TR_SKETCH_INDEX_MAX)
        return TR_SKETCH_INDEX_MAX;
    return (int)index;
}

double tr_sketch_value(int index)
{
    if (index <= TR_SKETCH_INDEX_ZERO)
        return 0;
    double gamma = gamma_value();
    return 2 * pow(gamma, index) / (gamma + 1);
}

void tr_sketch_init(struct tr_sketch *sketch)
{
    *sketch = (struct tr_sketch){0};
}

void tr_sketch_add(struct tr_sketch *sketch, int index, int64_t count)
{
    sketch->counts[index - TR_SKETCH_INDEX_ZERO] += count;
}

int64_t tr_sketch_count(const struct tr_sketch *sketch)
{
    int64_t total = 0;
    for (int slot = 0; slot < SLOTS; slot++)
        total += sketch->counts[slot];
    return total;
}

double tr_sketch_quantile(const struct tr_sketch *sketch, double q)
{
    /* 0.07 × 5,000 is a little more than 350 in binary. */
    int64_t rank = (int64_t)ceil(q * (double)tr_sketch_count(sketch) - 1e-6);
    if (rank < 1)
        rank = 1;
    int64_t below = 0;
    for (int slot = 0; slot < SLOTS; slot++) {
        below += sketch->counts[slot];
        if (below >= rank)
            return tr_sketch_value(slot + TR_SKETCH_INDEX_ZERO);
    }
    return 0;
}

static void append_varint(struct tr_buf *out, uint64_t value)
{
    while (value >= 0x80) {
        tr_buf_append_u8(out, (uint8_t)(value | 0x80));
        value >>= 7;
    }
    tr_buf_append_u8(out, (uint8_t)value);
}

void tr_sketch_encode(const struct tr_sketch *sketch, struct tr_buf *out)
{
    tr_buf_append_u8(out, VERSION);
    int before = 0;
    for (int slot = 0; slot < SLOTS; slot++) {
        if (sketch->counts[slot] <= 0)
            continue;
        append_varint(out, (uint64_t)(slot - before));
        append_varint(out, (uint64_t)sketch->counts[slot]);
        before = slot;
    }
}

static bool read_varint(struct tr_slice *from, uint64_t *value_out)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 63 && from->size > 0; shift += 7) {
        uint8_t byte = (uint8_t)*from->data;
        from->data++;
        from->size--;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *value_out = value;
            return true;
        }
    }
    return false;
}

int tr_sketch_merge(struct tr_sketch *sketch, struct tr_slice encoded, struct tr_error *error)
{
    bool good = encoded.size >= 1 && encoded.data[0] == VERSION;
    if (good) {
        encoded.data++;
        encoded.size--;
    }
    uint64_t slot = 0;
    while (good && encoded.size > 0) {
        uint64_t step = 0;
        uint64_t count = 0;
        good = read_varint(&encoded, &step) && read_varint(&encoded, &count) && step < SLOTS &&
               slot + step < SLOTS && count <= INT64_MAX;
        if (good) {
            slot += step;
            sketch->counts[slot] += (int64_t)count;
        }
    }
    if (!good)
        return tr_error_set(error, -EBADMSG, "a stored sketch is damaged");
    return 0;
}
