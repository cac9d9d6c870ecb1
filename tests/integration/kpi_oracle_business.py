# SPDX-License-Identifier: MIT
"""The business KPIs a second time: everything is worked out in Python, event by event.

KPIS take a stretch of events and the question, in which "end" is the end of the whole range; and the
condition of a group for those that are grouped by what people are known by, not by an event's own.
"""
import collections
import json

PAYMENT = "name in ('purchase', 'subscription_started', 'subscription_changed') and value > 0"
Change = collections.namedtuple("Change", "who at x0 k0 kept0 x1 k1 kept1 first label")


class Money:
    """What a project's currencies are worth."""

    def __init__(self, stretch):
        stretch.cursor.execute("select currency, rates, gross_margin from traction.project"
                               " where id = %s", (stretch.project,))
        self.own, rates, self.margin = stretch.cursor.fetchone()
        self.rates = {k: type(self.margin)(v) for k, v in rates.items()}
        self.rates[self.own] = type(self.margin)(1)

    def convert(self, sums):
        """Of currency to amount; those without a rate are left out."""
        return sum(amount * self.rates[k] for k, amount in sums.items() if k in self.rates)


def ratio(part, whole):
    return float(part) / float(whole) if whole else None


def sums(stretch, name):
    stretch.cursor.execute(
        f"select coalesce(unit, '{stretch.currency}'), sum(value), count(*) from {stretch.events}"
        f" where name = '{name}' and value is not null group by 1", stretch.values)
    rows = stretch.cursor.fetchall()
    return {k: amount for k, amount, _ in rows}, sum(n for *_, n in rows)


def shown(amounts):
    return {k: float(amount) for k, amount in amounts.items()}


def revenue(stretch, question):
    amounts, n = sums(stretch, "purchase")
    return {"value": float(Money(stretch).convert(amounts)), "n": n, "currencies": shown(amounts)}


def arpu(stretch, question):
    amount = Money(stretch).convert(sums(stretch, "purchase")[0])
    people = stretch.one("count(distinct who)", "kind = 'e'")[0]
    return {"value": ratio(amount, people), "n": people, "revenue": float(amount)}


# Subscriptions ---------------------------------------------------------------------------------

def changes(stretch, expression="null"):
    """Everybody's changes before the end of the stretch, in their order."""
    stretch.cursor.execute(
        f"select who, ts, name, value, coalesce(unit, '{stretch.currency}'),"
        f" coalesce(({stretch.condition}), false), {expression} from oracle.event"
        f" where {stretch.all} and ts < %s and name like 'subscription%%'"
        f" order by who, ts, received_at, id collate \"C\"", stretch.values[1:])
    state, paid, found = {}, set(), []
    for who, at, name, value, unit, kept, label in stretch.cursor.fetchall():
        if name != "subscription_cancelled" and value is None:
            continue
        amount = 0 if name == "subscription_cancelled" else max(value, 0)
        before = state.get(who, (0, None, True))
        found.append(Change(who, at, *before, amount, unit, kept, amount > 0 and who not in paid,
                            label))
        state[who] = (amount, unit, kept)
        if amount > 0:
            paid.add(who)
    return found


def states(stretch, at):
    """What everybody pays just before an instant: (amount, currency, kept)."""
    return {c.who: (c.x1, c.k1, c.kept1) for c in changes(stretch) if c.at < at}


def movements(stretch):
    """Sums by (movement, currency)."""
    found = collections.Counter()
    for c in changes(stretch):
        if c.at < stretch.values[0] or c.x0 == c.x1 == 0:
            continue
        if c.x0 == 0:
            if c.kept1:
                found["new" if c.first else "reactivation", c.k1] += c.x1
        elif c.x1 == 0:
            if c.kept0:
                found["churned", c.k0] += c.x0
        elif c.kept0 and c.kept1 and c.k0 == c.k1:
            found["expansion" if c.x1 > c.x0 else "contraction", c.k0] += abs(c.x1 - c.x0)
        else:
            if c.kept0:
                found["contraction", c.k0] += c.x0
            if c.kept1:
                found["expansion", c.k1] += c.x1
    return found


def mrr(stretch, question):
    money = Money(stretch)
    paying = [(x, k) for x, k, kept in states(stretch, stretch.values[1]).values()
              if x > 0 and kept]
    amounts = collections.Counter()
    for amount, currency in paying:
        amounts[currency] += amount
    moved = movements(stretch)
    found = {name: float(sum(amount * money.rates[k] for (what, k), amount in moved.items()
                             if what == name and k in money.rates))
             for name in ("new", "expansion", "reactivation", "contraction", "churned")}
    value = money.convert(amounts)
    return {"value": float(value), "n": len(paying), "customers": len(paying), **found,
            "arpa": ratio(value, sum(k in money.rates for _, k in paying)),
            "currencies": shown(amounts)}


def quick_ratio(stretch, question):
    found = mrr(stretch, question)
    lost = found["contraction"] + found["churned"]
    won = found["new"] + found["expansion"] + found["reactivation"]
    return {**found, "value": won / lost if lost else None}


def retained(stretch, question, what):
    money = Money(stretch)
    before, after = states(stretch, stretch.values[0]), states(stretch, stretch.values[1])
    starters = [who for who, (x, _, kept) in before.items() if x > 0 and kept]
    ended = [who for who in starters if after[who][0] == 0]

    def worth(of, who):
        amount, currency, _ = of[who]
        return amount * money.rates[currency] if currency in money.rates else None

    known = [who for who in starters if worth(before, who) is not None]
    start = sum(worth(before, who) for who in known)
    end = sum(worth(after, who) or 0 for who in known)
    lost = sum(worth(before, who) for who in known if who in ended)
    kept = sum(min(worth(before, who), worth(after, who) or 0) for who in known)
    value = {"churn_rate": ratio(len(ended), len(starters)), "revenue_churn": ratio(lost, start),
             "nrr": ratio(end, start), "grr": ratio(kept, start)}[what]
    return {"value": value, "n": len(starters), "ended": len(ended), "mrr_start": float(start),
            "mrr_end": float(end), "mrr_ended": float(lost), "mrr_kept": float(kept)}


def ltv(stretch, question):
    churn = retained(stretch, question, "churn_rate")
    days = (stretch.values[1] - stretch.values[0]).total_seconds() / 86400
    monthly = None if churn["value"] is None else churn["value"] * 30 / days
    found = mrr(stretch, question)
    value = None
    if monthly and found["arpa"] is not None:
        value = found["arpa"] * float(Money(stretch).margin) / monthly
    return {"value": value, "n": churn["n"], "monthly_churn": monthly, "arpa": found["arpa"],
            "customers": found["customers"]}


def paying_labels(stretch, expression):
    """Labels of what was paid at some time of the stretch."""
    found, state = set(), {}
    for c in changes(stretch, expression):
        if c.at < stretch.values[0]:
            state[c.who] = (c.label, c.x1 > 0 and c.kept1)
        elif c.x1 > 0 and c.kept1:
            found.add(c.label)
    return found | {label for label, counts in state.values() if counts}


# People ----------------------------------------------------------------------------------------

Person = collections.namedtuple("Person", "first channel signed_up converted paid")


def people(stretch):
    """Everybody by all their events: first event, channel, and the times of what they did first.
    An event is (time, whether it satisfies the condition)."""
    stretch.cursor.execute(
        f"select who, ts, name, {PAYMENT}, channel, properties, ({stretch.condition})"
        f" from oracle.event where {stretch.all} and name <> 'acquisition_cost'"
        f" order by ts, received_at, id collate \"C\"")
    of = collections.defaultdict(list)
    for row in stretch.cursor.fetchall():
        of[row[0]].append(row[1:])
    return [known(events) for events in of.values()]


def known(events):
    def first(which):
        return next(((ts, bool(kept)) for ts, name, pays, _, properties, kept in events
                     if which(name, pays)), None)

    def names_channel(properties):
        properties = json.loads(properties) if isinstance(properties, str) else properties
        channel = (properties or {}).get("channel")
        return isinstance(channel, str) and channel != ""

    named = sorted((ts, channel.encode(), channel) for ts, name, _, channel, properties, _ in events
                   if name == "sign_up" and channel is not None and names_channel(properties))
    anywhere = sorted((ts, channel.encode(), channel) for ts, _, _, channel, _, _ in events
                      if channel is not None)
    found = (named or anywhere or [(None, None, None)])[0]
    return Person(first(lambda name, pays: True), found[2],
                  first(lambda name, pays: name == "sign_up"),
                  first(lambda name, pays: name == "conversion"), first(lambda name, pays: pays))


def within(event, stretch):
    """Whether it lies in the stretch and satisfies its condition."""
    start, end = stretch.values
    return event is not None and start <= event[0] < end and event[1]


def in_group(stretch, label):
    """Whether a channel is that of a group."""
    if label is None:
        return lambda channel: True
    verdicts = {}

    def verdict(channel):
        if channel not in verdicts:
            stretch.cursor.execute(f"select coalesce({label}, false) from (select %s::text as"
                                   " channel) c", (channel,))
            verdicts[channel] = stretch.cursor.fetchone()[0]
        return verdicts[channel]
    return verdict


def customers(stretch, label):
    belongs = in_group(stretch, label)
    return sum(within(person.paid, stretch) and belongs(person.channel)
               for person in people(stretch))


def acquisition_cost(stretch, question, label=None):
    spent = stretch if label is None else stretch.narrowed(label)
    amounts = sums(spent, "acquisition_cost")[0]
    cost = Money(stretch).convert(amounts)
    n = customers(stretch, label)
    return {"value": ratio(cost, n), "n": n, "customers": n, "cost": float(cost),
            "currencies": shown(amounts)}


def payback(stretch, question):
    cac, arpa = acquisition_cost(stretch, question)["value"], mrr(stretch, question)["arpa"]
    n = customers(stretch, None)
    value = None if cac is None or not arpa else cac / (arpa * float(Money(stretch).margin))
    return {"value": value, "n": n, "cac": cac, "arpa": arpa}


def acquisition(stretch, question, label=None):
    belongs = in_group(stretch, label)
    everybody = [person for person in people(stretch) if within(person.first, stretch)]
    new = [person for person in everybody if belongs(person.channel)]
    signed = sum(p.signed_up is not None and p.signed_up[0] < question["end"] for p in new)
    converted = sum(p.converted is not None and p.converted[0] < question["end"] for p in new)
    spent = acquisition_cost(stretch, question, label)
    return {"value": len(new), "n": len(new), "share": ratio(len(new), len(everybody)),
            "sign_ups": signed, "converted": converted,
            "conversion_rate": ratio(converted, len(new)), "cost": spent["cost"],
            "customers": spent["customers"], "cac": spent["value"]}


def channels(stretch, newcomers):
    costs = set(stretch.labels("channel", "name = 'acquisition_cost' and value is not null"))
    return costs | {person.channel for person in people(stretch)
                    if within(person.paid, stretch)
                    or (newcomers and within(person.first, stretch))}


KPIS = {
    "revenue": revenue, "arpu": arpu, "mrr": mrr, "quick_ratio": quick_ratio,
    **{name: (lambda s, q, name=name: retained(s, q, name))
       for name in ("churn_rate", "revenue_churn", "nrr", "grr")},
    "ltv": ltv, "acquisition_cost": acquisition_cost, "payback": payback,
    "acquisition": acquisition,
}
COUNTED = {"arpu": "kind = 'e' or (name = 'purchase' and value is not null)"}
# The labels of a KPI's groups, where an event of the stretch does not make one.
GROUPS = {
    **{name: paying_labels for name in ("mrr", "quick_ratio", "churn_rate", "revenue_churn", "nrr",
                                        "grr", "ltv")},
    "acquisition_cost": lambda stretch, expression: channels(stretch, False),
    "acquisition": lambda stretch, expression: channels(stretch, True),
}
BY_PERSON = {"acquisition_cost", "acquisition"}
NO_GROUPS = {"payback"}


# Events ----------------------------------------------------------------------------------------

def random_event(rng, properties):
    """What a business says."""
    name = rng.choice(["subscription_started", "subscription_changed", "subscription_changed",
                       "subscription_cancelled", "acquisition_cost", "purchase", "sign_up"])
    event = {"name": name, "properties": properties}
    if name not in ("subscription_cancelled", "sign_up") and rng.random() < 0.95:
        event["value"] = rng.choice([0, 10, 19.99, 49.5, 120, 0.01, -2])
    if name != "sign_up" and rng.random() < 0.5:
        event["unit"] = rng.choice(["USD", "EUR", "EUR", "INR"])
    if name in ("acquisition_cost", "sign_up", "purchase") and rng.random() < 0.7:
        properties["channel"] = rng.choice(["ads", "fair", "partner", *[f"c{i}" for i in range(25)]])
    return event
