# SPDX-License-Identifier: MIT
"""What KPIs are, said a second time: slow, obvious SQL over raw events, and Python's own calendar.

Nothing here is shared with the program. A stretch of events is asked for by itself, one query each.
"""
import datetime
import zoneinfo

UTC = datetime.timezone.utc
DIMENSIONS = {
    "kind": "case kind when 'e' then 'engagement' when 'p' then 'performance'"
            " when 'b' then 'business' else 'feedback' end",
    "name": "name", "path": "path", "host": "host", "session": "session_id", "user": "user_id",
    "route": "route", "status": "status::text", "feature": "feature", "goal": "goal",
    "browser": "browser", "properties.plan": "properties ->> 'plan'",
    "properties.env": "properties ->> 'env'",
}
WHO = "who"
# Who people are and what sessions there are, by the words of docs/events.md.
PREPARE = """
drop schema if exists oracle cascade;
create schema oracle;
create table oracle.event as
with identified as (
    select project_id, anonymous_id, user_id, received_at from traction.event
    where name = 'identify' and user_id is not null and anonymous_id is not null and not bot
), people as (
    select e.*, coalesce('u' || e.user_id, 'u' || coalesce(
        (select i.user_id from identified i where i.project_id = e.project_id
            and i.anonymous_id = e.anonymous_id and i.received_at <= e.received_at
            order by i.received_at desc limit 1),
        (select i.user_id from identified i where i.project_id = e.project_id
            and i.anonymous_id = e.anonymous_id order by i.received_at limit 1)),
        'a' || e.anonymous_id) as who
    from traction.event e
), marked as (
    select p.*, session_id is null and not bot
        and (kind = 'e' or name in ('error', 'page_load', 'web_vital')) as visits
    from people p
), breaks as (
    select m.*, visits and coalesce(ts - lag(ts) over (partition by project_id, who, visits
        order by ts) > interval '30 minutes', true) as begins
    from marked m
)
select b.*, coalesce('c' || session_id, case when visits then who || '#' || sum(begins::int)
    over (partition by project_id, who, visits order by ts) end) as sess
from breaks b;
create index on oracle.event (project_id, ts);
analyze oracle.event;
"""


class Stretch:
    """The events of a project in [start, end) that satisfy a condition, SQL text."""

    def __init__(self, cursor, project, currency, start, end, condition="true", bots=False):
        self.cursor = cursor
        self.project = project
        self.currency = currency
        self.values = (start, end)
        self.condition = condition
        self.all = f"project_id = {project}" + ("" if bots else " and not bot")
        self.events = (f"(select * from oracle.event where {self.all} and ts >= %s and ts < %s"
                       f" and ({condition})) e")

    def one(self, what, more="true", values=None):
        self.cursor.execute(f"select {what} from {self.events} where {more}",
                            self.values if values is None else values)
        return self.cursor.fetchone()

    def narrowed(self, condition):
        return Stretch(self.cursor, self.project, self.currency, *self.values,
                       f"({self.condition}) and ({condition})", "not bot" not in self.all)

    def labels(self, expression, more):
        self.cursor.execute(f"select distinct {expression} from {self.events} where {more}",
                            self.values)
        return [label for label, in self.cursor.fetchall()]


def ratio(part, whole):
    return None if not whole else part / whole


def count(stretch, name=None):
    more = "true" if name is None else f"name = '{name}'"
    return {"value": stretch.one("count(*)", more)[0]}


def active_users(stretch):
    return {"value": stretch.one(f"count(distinct {WHO})", "kind = 'e'")[0]}


def new_users(stretch):
    stretch.cursor.execute(
        f"select count(*) from (select distinct on ({WHO}) * from oracle.event where"
        f" {stretch.all} and name <> 'acquisition_cost'"
        f" order by {WHO}, ts, received_at, id collate \"C\") f"
        f" where ts >= %s and ts < %s and ({stretch.condition})", stretch.values)
    return {"value": stretch.cursor.fetchone()[0]}


def sessions(stretch):
    return {"value": stretch.one("count(distinct sess)")[0]}


def distribution(cursor, values, lists, sql, percentile):
    """lists: a query yielding one column, ms, of durations."""
    shares = "array[0.5, 0.75, 0.95, 0.99" + (f", {percentile / 100}" if percentile else "") + "]"
    cursor.execute(f"select count(*), avg(ms), percentile_disc({shares}::float8[])"
                   f" within group (order by ms) from ({sql}) d where ms is not null", values)
    n, mean, found = cursor.fetchone()
    if n == 0:
        return dict(value=None, p50=None, p75=None, p95=None, p99=None, mean=None, n=0)
    found = [float(value) for value in found]
    return dict(value=found[4] if percentile else float(mean), p50=found[0], p75=found[1],
                p95=found[2], p99=found[3], mean=float(mean), n=n)


def time_on_site(stretch):
    sql = (f"select case when max(engaged) > 0 then max(engaged) else max(span) end as ms from ("
           f"select sess, sum(value) filter (where name = 'engaged_time') as engaged,"
           f" extract(epoch from max(ts) - min(ts)) * 1000 as span from {stretch.events}"
           f" where sess is not null group by sess) s group by sess")
    return distribution(stretch.cursor, stretch.values, None, sql, None)


def duration(stretch, name, percentile):
    sql = f"select value as ms from {stretch.events} where name = '{name}'"
    return distribution(stretch.cursor, stretch.values, None, sql, percentile)


def feature_usage(stretch):
    uses, people = stretch.one(f"count(*), count(distinct {WHO})",
                               "name = 'feature_used' and feature is not null")
    active = active_users(stretch)["value"]
    return {"value": uses, "uses": uses, "people": people, "adoption": ratio(people, active)}


def error_rate(stretch):
    failed, asked = stretch.one("count(*) filter (where status >= 500), count(*)",
                                "name = 'api_request'")
    return {"value": ratio(failed, asked), "n": asked}


def client_error_rate(stretch):
    bad, = stretch.one("count(distinct sess)", "name = 'error'")
    every, = stretch.one("count(distinct sess)")
    return {"value": ratio(bad, every), "n": every}


def conversion_rate(stretch, goal=None):
    more = "name = 'conversion'" + ("" if goal is None else f" and goal = '{goal}'")
    people, = stretch.one(f"count(distinct {WHO})", more)
    active = active_users(stretch)["value"]
    return {"value": ratio(people, active), "n": active}


KPIS = {
    "event_count": lambda s, q: count(s, q.get("name")),
    "page_views": lambda s, q: count(s, "page_view"),
    "active_users": lambda s, q: active_users(s),
    "new_users": lambda s, q: new_users(s),
    "sessions": lambda s, q: sessions(s),
    "time_on_site": lambda s, q: time_on_site(s),
    "feature_usage": lambda s, q: feature_usage(s),
    "load_time": lambda s, q: duration(s, "page_load", float(q.get("percentile", 75))),
    "api_response_time": lambda s, q: duration(s, "api_request", float(q.get("percentile", 95))),
    "error_rate": lambda s, q: error_rate(s),
    "client_error_rate": lambda s, q: client_error_rate(s),
    "conversion_rate": lambda s, q: conversion_rate(s, q.get("goal")),
}
# Which events make a group exist.
COUNTED = {
    "page_views": "name = 'page_view'", "active_users": "kind = 'e'",
    "sessions": "sess is not null", "time_on_site": "sess is not null",
    "client_error_rate": "sess is not null",
    "load_time": "name = 'page_load' and value is not null",
    "api_response_time": "name = 'api_request' and value is not null",
    "error_rate": "name = 'api_request'", "revenue": "name = 'purchase' and value is not null",
    "conversion_rate": "name = 'conversion' or kind = 'e'",
    "feature_usage": "name = 'feature_used' and feature is not null",
}


# Performance and feedback ---------------------------------------------------------------------

DIMENSIONS["metric"] = "metric"
DIMENSIONS["properties.survey"] = "properties ->> 'survey'"
DIMENSIONS["error"] = (
    "case when name = 'error' then coalesce((properties ->> 'type') || ': ' ||"
    " (properties ->> 'message'), properties ->> 'type', properties ->> 'message', 'unknown') end")
THRESHOLDS = {"LCP": (2500, 4000), "INP": (200, 500), "CLS": (0.1, 0.25), "FCP": (1800, 3000),
              "TTFB": (800, 1800)}
VITAL = ("name = 'web_vital' and value >= 0 and metric in ("
         + ", ".join(f"'{metric}'" for metric in THRESHOLDS) + ")")


def rated(stretch):
    def among(condition):
        return "(" + " or ".join(f"metric = '{metric}' and {condition(*ends)}"
                                 for metric, ends in THRESHOLDS.items()) + ")"
    n, good, poor = stretch.one(
        f"count(*), count(*) filter (where {among(lambda good, _: f'value <= {good}')}),"
        f" count(*) filter (where {among(lambda _, poor: f'value > {poor}')})", VITAL)
    return {"good": ratio(good, n), "needs_improvement": ratio(n - good - poor, n),
            "poor": ratio(poor, n), "n": n}


def web_vitals(stretch):
    shares = rated(stretch)
    return {**shares, "value": shares["good"]}


def vital(stretch, percentile):
    """Of one metric."""
    sql = f"select value as ms from {stretch.events} where {VITAL}"
    return {**distribution(stretch.cursor, stretch.values, None, sql, percentile), **rated(stretch)}


def apdex(stretch, t):
    satisfied, tolerating, n = stretch.one(
        f"count(*) filter (where value <= {t}), count(*) filter (where value > {t} and"
        f" value <= 4 * {t}), count(*)", "name = 'api_request' and value is not null")
    return {"value": ratio(satisfied + tolerating / 2, n), "satisfied": satisfied,
            "tolerating": tolerating, "frustrated": n - satisfied - tolerating, "n": n}


def errors(stretch):
    n, fatal = stretch.one("count(*), count(*) filter (where properties ->> 'fatal' = 'true')",
                           "name = 'error'")
    return {"value": n, "fatal": fatal, "n": n}


def of_survey(question):
    return f" and properties ->> 'survey' = '{question['survey']}'" if "survey" in question else ""


def scores(stretch, question, kind, least, most):
    stretch.cursor.execute(
        f"select value from {stretch.events} where name = 'survey_answer' and properties ->> 'type'"
        f" = '{kind}' and value in ({', '.join(map(str, range(least, most + 1)))})"
        + of_survey(question), stretch.values)
    return [int(value) for value, in stretch.cursor.fetchall()]


def nps(stretch, question):
    found = scores(stretch, question, "nps", 0, 10)
    up, down = sum(s >= 9 for s in found), sum(s <= 6 for s in found)
    score = ratio(100 * (up - down), len(found))
    return {"value": score, "promoters": up, "detractors": down, "n": len(found)}


def csat(stretch, question):
    found = scores(stretch, question, "csat", 1, 5)
    return {"value": ratio(sum(s >= 4 for s in found), len(found)), "n": len(found)}


def ces(stretch, question):
    found = scores(stretch, question, "ces", 1, 7)
    return {"value": ratio(sum(found), len(found)), "n": len(found)}


def responses(stretch, question):
    n, texts, wordy = stretch.one(
        "count(*), count(*) filter (where properties ->> 'type' = 'text'), count(*) filter (where"
        " length(properties ->> 'text') > 0)", "name = 'survey_answer'" + of_survey(question))
    return {"value": n, "text": texts, "with_text": wordy, "n": n}


def sentiment(stretch, question):
    stretch.cursor.execute(f"select sentiment::text from {stretch.events} where kind = 'f' and"
                           f" sentiment is not null{of_survey(question)}", stretch.values)
    found = [float(value) for value, in stretch.cursor.fetchall()]
    n = len(found)
    return {"value": ratio(sum(found), n), "positive": ratio(sum(s >= 0.05 for s in found), n),
            "negative": ratio(sum(s <= -0.05 for s in found), n), "n": n}


KPIS.update({
    "web_vitals": lambda s, q: web_vitals(s),
    "apdex": lambda s, q: apdex(s, q.get("t", 500)),
    "errors": lambda s, q: errors(s),
    "nps": nps, "csat": csat, "ces": ces, "responses": responses, "sentiment": sentiment,
})
COUNTED.update({
    "web_vitals": VITAL, "apdex": COUNTED["api_response_time"], "errors": "name = 'error'",
    "responses": "name = 'survey_answer'", "sentiment": "sentiment is not null",
    **{kind: f"name = 'survey_answer' and properties ->> 'type' = '{kind}' and value between"
             f" {least} and {most} and value = trunc(value)"
       for kind, least, most in (("nps", 0, 10), ("csat", 1, 5), ("ces", 1, 7))},
})
# What no rollup is kept of.
FROM_EVENTS = {"errors"}
INEXACT = ("p50", "p75", "p95", "p99")


# The calendar ---------------------------------------------------------------------------------

def start_of(day, zone):
    """The first instant of a day: a midnight that is skipped or passed twice makes it special."""
    midnight = datetime.datetime.combine(day, datetime.time(), zone)
    first = midnight.replace(fold=0).astimezone(UTC)
    if first.astimezone(zone).replace(tzinfo=None) != midnight.replace(tzinfo=None):
        # Skipped: the day begins where the clocks jumped to.
        probe = first - datetime.timedelta(hours=3)
        while probe.astimezone(zone).date() < day:
            probe += datetime.timedelta(minutes=15)
        return probe
    return first


def next_day(day, interval):
    if interval == "week":
        return day + datetime.timedelta(7)
    if interval == "month":
        return (day.replace(day=1) + datetime.timedelta(32)).replace(day=1)
    return day + datetime.timedelta(1)


def intervals(start, end, interval, zone):
    """Where the intervals of [start, end) begin."""
    if interval == "none":
        return []
    if interval in ("day", "week", "month"):
        day = start.astimezone(zone).date()
        if interval == "week":
            day -= datetime.timedelta(day.weekday())
        if interval == "month":
            day = day.replace(day=1)
        starts = []
        while start_of(day, zone) < end:
            starts.append(start_of(day, zone))
            day = next_day(day, interval)
        return starts
    first = start.replace(second=0, microsecond=0)
    while not begins(first, interval, zone):
        first -= datetime.timedelta(minutes=1)
    starts = [first]
    step = datetime.timedelta(minutes=15 if interval == "hour" else 1)
    at = first + step
    while at < end:
        if begins(at, interval, zone):
            starts.append(at)
        at += step
    return starts


def begins(instant, interval, zone):
    local = instant.astimezone(zone)
    return local.second == 0 and (interval == "minute" or local.minute == 0)


def parse(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def zone_of(name):
    return zoneinfo.ZoneInfo(name)
