/* SPDX-License-Identifier: MIT */
/*
 * What one look at a rule makes of an alert's state. Pure: time is given.
 *
 *              holds                held for `for`
 *   inactive ─────────▶ pending ─────────────────▶ firing
 *       ▲                  │ no longer                │ no longer, for keep_firing_for
 *       └──────────────────┴──────────────────────────┘ resolved
 *
 * Too little data is what the rule makes of it: the condition holds, or does not, or nothing
 * changes.
 */
#include "alert_priv.h"

const char *const tr_alert_phase_names[] = {
    [TR_ALERT_INACTIVE] = "inactive", [TR_ALERT_PENDING] = "pending", [TR_ALERT_FIRING] = "firing"};

static unsigned hold(const struct tr_alert_rule *rule, int64_t now_us, struct tr_alert_state *state)
{
    unsigned became = 0;
    state->clear_us = 0;
    if (state->phase == TR_ALERT_INACTIVE) {
        state->phase = TR_ALERT_PENDING;
        state->active_us = now_us;
        became = TR_ALERT_BECAME_PENDING;
    }
    if (state->phase == TR_ALERT_PENDING && now_us - state->active_us >= rule->for_us) {
        state->phase = TR_ALERT_FIRING;
        state->fired_us = now_us;
        became |= TR_ALERT_BECAME_FIRING;
    }
    return became;
}

static unsigned let_go(const struct tr_alert_rule *rule, int64_t now_us,
                       struct tr_alert_state *state)
{
    if (state->phase == TR_ALERT_INACTIVE)
        return 0;
    if (state->phase == TR_ALERT_FIRING) {
        if (state->clear_us == 0)
            state->clear_us = now_us;
        if (now_us - state->clear_us < rule->keep_firing_us)
            return 0;
    }
    unsigned became =
        state->phase == TR_ALERT_FIRING ? TR_ALERT_BECAME_RESOLVED : TR_ALERT_BECAME_INACTIVE;
    *state = (struct tr_alert_state){.no_data = state->no_data};
    return became;
}

unsigned tr_alert_step(const struct tr_alert_rule *rule, enum tr_alert_found found, int64_t now_us,
                       struct tr_alert_state *state)
{
    bool too_little = found == TR_ALERT_TOO_LITTLE;
    unsigned became = too_little && !state->no_data ? TR_ALERT_BECAME_NO_DATA : 0;
    state->no_data = too_little;
    if (too_little && rule->no_data == TR_ALERT_NO_DATA_KEEP)
        return became;
    if (too_little)
        found = rule->no_data == TR_ALERT_NO_DATA_ALERT ? TR_ALERT_HOLDS : TR_ALERT_HOLDS_NOT;
    return became |
           (found == TR_ALERT_HOLDS ? hold(rule, now_us, state) : let_go(rule, now_us, state));
}
