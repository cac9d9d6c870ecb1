# SPDX-License-Identifier: MIT
"""KPIs about people's days, sessions and steps: from rollups, from events, and by brute force in
Python over random visitors, some of whom become users, with late and repeated events."""
import collections
import datetime
import fnmatch
import json
import os
import random
import statistics
import subprocess
import sys
import urllib.parse
import zoneinfo

import pytest

sys.path[:0] = [os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
                os.path.dirname(os.path.abspath(__file__))]

import harness  # noqa: E402
import kpi_oracle as oracle  # noqa: E402

DAY = datetime.timedelta(1)
DAYS = 45
NAMES = ["page_view", "page_view", "feature_used", "sign_up", "identify", "engaged_time", "error"]
ZONES = ["UTC", "Asia/Kolkata", "America/St_Johns"]


def near(got, want):
    return got is want if got is None or want is None else got == pytest.approx(want, abs=1e-8)


def ratio(part, whole):
    return part / whole if whole else None


class Project:
    """Random events of a project, and what they say."""

    def __init__(self, up, zone):
        self.up = up
        self.zone = zoneinfo.ZoneInfo(zone)
        self.name = zone.lower().replace("/", "-")
        self.command("project", "add", self.name, "--timezone", zone)
        self.write = self.command("key", "add", "--project", self.name, "--scope", "write")
        self.read = self.command("key", "add", "--project", self.name, "--scope", "read")
        self.now = datetime.datetime.now(datetime.timezone.utc)
        self.today = self.now.astimezone(self.zone).date()
        self.random = random.Random(zone)
        self.send()
        harness.query(up.database_url, oracle.PREPARE)
        rows = harness.query(
            up.database_url, "select e.who, e.sess, e.ts, e.received_at, e.id, e.name,"
            " e.kind::text, e.value, e.path from oracle.event e join traction.project p"
            " on p.id = e.project_id where p.name = %s and not e.bot", self.name)
        Row = collections.namedtuple("Row", "who sess ts received_at id name kind value path day")
        self.rows = [Row(*row, row[2].astimezone(self.zone).date()) for row in rows]
        self.days = collections.defaultdict(set)
        for row in self.rows:
            if row.kind == "e":
                self.days[row.who].add(row.day)

    def command(self, *words):
        done = subprocess.run([harness.BINARY, *words, "--database", self.up.database_url],
                              check=True, capture_output=True, text=True)
        return done.stdout.split()[-1]

    def send(self):
        rng = self.random
        events = []
        for _ in range(700):
            at = self.now - rng.random() * DAYS * DAY
            number = min(rng.randrange(60), rng.randrange(60))
            who = {}
            if rng.random() < 0.5:
                who["user"] = f"u{number % 25}"
            if rng.random() < 0.6 or not who:
                who["anonymous"] = f"a{number}"
            if rng.random() < 0.5:
                who["session"] = f"s{rng.randrange(200)}"
            for _ in range(rng.randrange(1, 5)):
                name = rng.choice(NAMES)
                event = {"name": name, "timestamp": at.isoformat(), **who,
                         "url": f"https://x.example/{rng.randrange(4)}"}
                if name == "engaged_time":
                    event["value"] = rng.choice([500, 20000])
                if rng.random() < 0.2:
                    event["id"] = f"i{rng.randrange(500)}"
                events.append(event)
                at += datetime.timedelta(seconds=rng.choice([0, 5, 1000, 2500]))
                at = min(at, self.now)
        rng.shuffle(events)
        for start in range(0, len(events), 100):
            status, _, body = harness.request(self.up.url, "POST", "/v1/events?ack=commit",
                                              self.write, events[start:start + 100])
            assert status == 202 and not json.loads(body)["rejected"], body

    def ask(self, kpi, **parameters):
        query = urllib.parse.urlencode({k.rstrip("_"): v for k, v in parameters.items()},
                                       doseq=True)
        status, _, body = harness.request(self.up.url, "GET", f"/v1/kpi/{kpi}?{query}", self.read)
        assert status == 200, body
        return json.loads(body)

    def spans(self, answer):
        """The range and its intervals, as days [first, beyond), with the answer's point of each."""
        first = oracle.parse(answer["from"]).astimezone(self.zone).date()
        beyond = oracle.parse(answer["to"]).astimezone(self.zone).date()
        starts = [max(first, oracle.parse(p["t"]).astimezone(self.zone).date())
                  for p in answer["series"]]
        yield first, beyond, answer, first - (beyond - first)
        for point, start, end in zip(answer["series"], starts, starts[1:] + [beyond]):
            yield start, end, point, before(start, answer["interval"])

    def active(self, first, beyond):
        return {who for who, days in self.days.items() if any(first <= d < beyond for d in days)}


def before(day, interval):
    if interval == "month":
        month = (day.replace(day=1) - DAY).replace(day=1)
        last = (month.replace(day=28) + 4 * DAY).replace(day=1) - DAY
        return month.replace(day=min(day.day, last.day))
    return day - {"day": 1, "week": 7}[interval] * DAY


@pytest.fixture(scope="module")
def up():
    with harness.Up() as program:
        yield program


@pytest.fixture(scope="module", params=ZONES)
def project(request, up):
    return Project(up, request.param)


def both(project, kpi, **parameters):
    """From rollups and from events; they are equal."""
    answers = [project.ask(kpi, source=source, **parameters) for source in ("rollup", "events")]
    plain = [{k: v for k, v in answer.items() if k not in ("source", "as_of")}
             for answer in answers]
    assert plain[0] == plain[1]
    every = project.ask(kpi, where="name~*", **parameters)
    assert {k: every[k] for k in ("value", "series", "n")} == {
        k: plain[0][k] for k in ("value", "series", "n")}
    return plain[0]


RANGES = [{"from_": "-30d"}, {"from_": "-13d", "to": "yesterday"}, {"from_": "-44d", "to": "-9d"}]


@pytest.mark.parametrize("interval", ["day", "week", "month"])
@pytest.mark.parametrize("range_", RANGES, ids=str)
class TestDays:
    def test_stickiness(self, project, interval, range_):
        answer = both(project, "stickiness", interval=interval, **range_)
        for first, beyond, point, _ in project.spans(answer):
            beyond = min(beyond, project.today + DAY)
            daily = [len(project.active(first + i * DAY, first + (i + 1) * DAY))
                     for i in range((beyond - first).days)]
            mau = len(project.active(beyond - 30 * DAY, beyond))
            assert point["n"] == mau
            assert near(point["value"], ratio(sum(daily) / len(daily), mau))

    def test_stickiness_does_not_count_days_to_come(self, project, interval, range_):
        later = {"from_": range_["from_"], "to": project.today + 20 * DAY}
        answer = both(project, "stickiness", interval=interval, **later)
        until_now = project.ask("stickiness", interval=interval, from_=range_["from_"])
        assert answer["value"] == until_now["value"]
        known = len(until_now["series"])
        assert [p["value"] for p in answer["series"]] == (
            [p["value"] for p in until_now["series"]] + [None] * (len(answer["series"]) - known))

    def test_return_rate(self, project, interval, range_):
        answer = both(project, "return_rate", interval=interval, **range_)
        for first, beyond, point, _ in project.spans(answer):
            active = project.active(first, beyond)
            returned = [w for w in active if sum(d < beyond for d in project.days[w]) >= 2]
            assert point["n"] == len(active)
            assert near(point["value"], ratio(len(returned), len(active)))

    def test_lifecycle(self, project, interval, range_):
        answer = both(project, "lifecycle", interval=interval, **range_)
        for first, beyond, point, start in project.spans(answer):
            active, active_before = project.active(first, beyond), project.active(start, first)
            ever = project.active(datetime.date.min, first)
            assert point["value"] == len(active)
            assert point["new"] == len(active - ever)
            assert point["returning"] == len(active & active_before)
            assert point["resurrected"] == len((active & ever) - active_before)
            assert point["dormant"] == len(active_before - active)

    def test_retention(self, project, interval, range_):
        answer = both(project, "retention", interval=interval, **range_)
        spans = list(project.spans(answer))[1:]
        cohorts = {c["t"]: c for c in answer["cohorts"]}
        total = kept = complete = 0
        for i, (first, beyond, point, _) in enumerate(spans):
            people = {w for w, days in project.days.items() if first <= min(days) < beyond}
            total += len(people)
            assert point["n"] == len(people)
            if not people:
                assert first.isoformat() not in cohorts
                continue
            found = cohorts.pop(first.isoformat())
            assert found["size"] == len(people)
            assert [p["n"] for p in found["periods"]] == list(range(len(spans) - i))
            for period, (start, end, _, _) in zip(found["periods"], spans[i:]):
                if end > project.today:
                    assert period["active"] is None and period["share"] is None
                    continue
                back = len(people & project.active(start, end))
                assert period["active"] == back
                assert near(period["share"], back / len(people))
                if period["n"] == 1:
                    kept, complete = kept + back, complete + len(people)
        assert not cohorts and answer["n"] == total
        assert near(answer["value"], ratio(kept, complete))


@pytest.mark.parametrize("interval", ["none", "day", "week"])
def test_bounce_rate(project, interval):
    answer = both(project, "bounce_rate", from_="-40d", to="-3d", interval=interval)
    for first, beyond, point, _ in project.spans(answer):
        sessions = collections.defaultdict(list)
        for row in project.rows:
            if row.sess and first <= row.day < beyond:
                sessions[row.sess].append(row)
        bounced = [rows for rows in sessions.values()
                   if sum(r.name == "page_view" for r in rows) == 1
                   and all(r.kind != "e" or r.name in ("page_view", "engaged_time", "identify")
                           for r in rows)
                   and sum(r.value for r in rows if r.name == "engaged_time") < 10000]
        assert point["n"] == len(sessions)
        assert near(point["value"], ratio(len(bounced), len(sessions)))


def is_step(row, step):
    name, _, path = step.partition(":")
    return row.name == name and fnmatch.fnmatchcase(row.path or "", path or "*")


def attempts(rows, steps, window):
    """Of all attempts from any start, by step: the shortest times from the first and from the step
    before."""
    took, gaps = {}, {}
    for i, start in enumerate(rows):
        if not is_step(start, steps[0]):
            continue
        reached = [i]
        for k in range(len(steps)):
            if k > 0:
                pairs = [(j, last) for last in reached for j in range(last + 1, len(rows))
                         if is_step(rows[j], steps[k]) and rows[j].ts - start.ts <= window]
                reached = sorted({j for j, _ in pairs})
                for j, last in pairs:
                    gaps[k] = min(gaps.get(k, window), rows[j].ts - rows[last].ts)
            for j in reached:
                took[k] = min(took.get(k, window), rows[j].ts - start.ts)
    return took, gaps


@pytest.mark.parametrize("steps", [["page_view", "sign_up"], ["page_view", "page_view", "error"],
                                   ["page_view:/1", "page_view:/*", "page_view", "error"],
                                   ["sign_up", "feature_used", "page_view", "engaged_time"]],
                         ids=",".join)
@pytest.mark.parametrize("window", ["30m", "1h", "7d"])
def test_funnel(project, steps, window):
    length = {"30m": DAY / 48, "1h": DAY / 24, "7d": 7 * DAY}[window]
    answer = project.ask("funnel", steps=",".join(steps), window=window, from_="-44d")
    start, end = oracle.parse(answer["from"]), oracle.parse(answer["to"])
    people = collections.defaultdict(list)
    for row in sorted(project.rows, key=lambda r: (r.ts, r.received_at, r.id)):
        if start <= row.ts < end:
            people[row.who].append(row)
    tried = [attempts(rows, steps, length) for rows in people.values()]
    want = [sum(k in took for took, _ in tried) for k in range(len(steps))]
    assert [step["people"] for step in answer["steps"]] == want
    assert [step["name"] for step in answer["steps"]] == steps
    assert answer["n"] == want[0] and near(answer["value"], ratio(want[-1], want[0]))
    assert want[-1] < want[0] and (window != "7d" or want[-1] > 0)
    for k, step in enumerate(answer["steps"]):
        for which, name in ((0, "first"), (1, "previous")):
            times = [person[which][k].total_seconds() for person in tried if k in person[which]]
            got = step[f"median_seconds_from_{name}"]
            assert got is None if not times else got == pytest.approx(
                statistics.median(times), abs=2e-3), (k, name)
    groups = project.ask("funnel", steps=",".join(steps), window=window, from_="-44d",
                         by="path")["groups"]
    assert [sum(g["steps"][k]["people"] for g in groups) for k in range(len(steps))] == want
    firsts = collections.Counter(
        next(row.path for row in rows if is_step(row, steps[0]))
        for rows, (took, _) in zip(people.values(), tried) if took)
    assert {g["by"]: g["n"] for g in groups} == firsts


@pytest.mark.parametrize("query, parameter", [
    ("funnel", "steps"), ("funnel?steps=a", "steps"), ("funnel?steps=a,,b", "steps"),
    ("funnel?steps=a,b&window=9y", "window"), ("funnel?steps=a,b&window=400d", "window"),
    ("funnel?steps=a,b&interval=day", "interval"), ("retention?interval=hour", "interval"),
    ("retention?from=-400d&interval=day", "interval"), ("lifecycle?interval=minute", "interval"),
    ("return_rate?steps=a,b", "steps"), ("stickiness?window=7d", "window"),
])
def test_refused(project, query, parameter):
    status, _, body = harness.request(project.up.url, "GET", "/v1/kpi/" + query, project.read)
    assert status == 400 and json.loads(body)["error"]["parameter"] == parameter, body
