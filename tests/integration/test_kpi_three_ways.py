# SPDX-License-Identifier: MIT
"""Every KPI three ways: by rollup, by raw events, by naive SQL. The answers are equal.

Random events, seeded: late, sent twice, of people known under several ids, in time zones with
offsets of half and quarter hours, sessions over midnight, days of 23, 24½ and 25 hours, bots.
"""
import contextlib
import datetime
import json
import math
import os
import random
import subprocess
import sys
import urllib.parse

import pytest

sys.path[:0] = [os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
                os.path.dirname(os.path.abspath(__file__))]

import harness  # noqa: E402
import kpi_oracle as oracle  # noqa: E402
import kpi_oracle_business as business  # noqa: E402

SEED = int(os.environ.get("TRACTION_TEST_SEED", "20261123"))
EVENTS = int(os.environ.get("TRACTION_TEST_EVENTS", "1500"))
ROUNDS = int(os.environ.get("TRACTION_TEST_ROUNDS", "12"))
BROWSER = ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)"
           " Chrome/130.0.0.0 Safari/537.36")
oracle.KPIS.update(business.KPIS)
oracle.COUNTED.update(business.COUNTED)
oracle.DIMENSIONS.update({"plan": "plan", "channel": "channel"})
RATES = {"EUR": "1.0837", "USD": "0.5"}  # none for INR
BOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
DAY = datetime.timedelta(1)
ZONES = {
    "UTC": "USD", "Asia/Kolkata": "INR", "America/St_Johns": "CAD", "Asia/Kathmandu": "NPR",
    "Europe/Berlin": "EUR", "Australia/Lord_Howe": "AUD", "America/Havana": "CUP",
    "Africa/Cairo": "EGP",
}


# Events ---------------------------------------------------------------------------------------

class World:
    """Makes events around now, most of them near the edges of days."""

    def __init__(self, zone, seed):
        self.random = random.Random(seed)
        self.zone = oracle.zone_of(zone)
        self.now = datetime.datetime.now(oracle.UTC)
        self.changes = list(self.clock_changes())
        self.features = [f"f{i}" for i in range(26)]
        self.routes = [f"/r/{i}" for i in range(24)] + [None]

    def clock_changes(self):
        at = self.now.replace(minute=0, second=0, microsecond=0) - 300 * DAY
        while at < self.now - DAY:
            after = at + datetime.timedelta(hours=1)
            if at.astimezone(self.zone).utcoffset() != after.astimezone(self.zone).utcoffset():
                yield at
            at = after

    def moment(self):
        chance = self.random.random()
        if chance < 0.15 and self.changes:
            at = self.random.choice(self.changes)
            return at + datetime.timedelta(hours=self.random.uniform(-5, 5))
        days = self.random.choice([3, 10, 40, 70])
        if chance < 0.35:
            day = (self.now - self.random.randint(1, days) * DAY).astimezone(self.zone).date()
            edge = oracle.start_of(day, self.zone)
            return edge + datetime.timedelta(seconds=self.random.choice(
                [-1, 0, 0.000001, 1, -900, 900, self.random.uniform(-2000, 2000)]))
        return self.now - self.random.uniform(0.001, days) * DAY

    def session(self):
        """Some events of one visit."""
        who = {}
        if self.random.random() < 0.7:
            who["user"] = f"u{self.random.randint(1, 60)}"
        if self.random.random() < 0.5 or not who:
            who["anonymous"] = f"a{self.random.randint(1, 60)}"
        if self.random.random() < 0.9:
            who["session"] = f"s{self.random.randint(1, 150)}-{who.get('user', who.get('anonymous'))}"
        at = self.moment()
        for _ in range(self.random.randint(1, 6)):
            at += datetime.timedelta(seconds=self.random.choice([0, 1, 30.25, 600, 7000]))
            event = {**who, **self.event(), "timestamp": at.isoformat().replace("+00:00", "Z")}
            if self.random.random() < 0.3:
                event["id"] = f"i{self.random.randint(1, 10**9)}"
            yield event

    def event(self):
        pick = self.random.random
        choose = self.random.choice
        properties = {"plan": choose(["pro", "team", "free"]), "env": choose(["prod", "test"])}
        if pick() < 0.25:
            return self.opinion(properties)
        if pick() < 0.2:
            return business.random_event(self.random, properties)
        kind = choose(["page_view", "engaged_time", "feature_used", "page_load", "api_request",
                       "error", "conversion", "purchase", "identify", "custom thing", "sign_up"])
        event = {"name": kind, "url": f"https://app.example/p{self.random.randint(1, 30)}"}
        if kind == "engaged_time":
            event["value"] = choose([0, 1500, round(pick() * 60000, 3)])
        if kind in ("page_load", "api_request"):
            event["value"] = round(math.exp(pick() * 12 - 2), choose([0, 3, 6]))
            if pick() < 0.3:
                event.update(value=round(pick() * 20, 4), unit="s")
            if pick() < 0.05:
                del event["value"]
        if kind == "api_request":
            properties["status"] = choose([200, 200, 404, 500, 503])
            properties["route"] = choose(self.routes)
        if kind == "feature_used" and pick() < 0.95:
            properties["feature"] = choose(self.features)
        if kind == "conversion" and pick() < 0.8:
            properties["goal"] = choose(["trial", "paid", "demo"])
        if kind == "purchase":
            event["value"] = choose([10, 19.99, -5.5, 0.01, 1234.567891])
            if pick() < 0.6:
                event["unit"] = choose(["USD", "EUR", "INR"])
            if pick() < 0.1:
                event = {"name": kind}
        if kind == "error":
            properties["type"] = choose(["TypeError", "RangeError", None])
            properties["message"] = choose([f"no {i}" for i in range(12)] + [None])
            properties["fatal"] = choose([True, False, None])
        if kind == "custom thing" and pick() < 0.4:
            event["kind"] = choose(["business", "feedback", "performance"])
        event["properties"] = {k: v for k, v in properties.items() if v is not None}
        return event

    def opinion(self, properties):
        """A measurement of a browser, or what somebody says."""
        pick = self.random.random
        choose = self.random.choice
        name = choose(["web_vital", "survey_answer", "survey_answer", "ticket_opened"])
        event = {"name": name, "url": f"https://app.example/p{self.random.randint(1, 30)}"}
        if name == "web_vital":
            metric = choose([*oracle.THRESHOLDS, "FID"])
            good = oracle.THRESHOLDS.get(metric, (100, 0))[0]
            event["value"] = choose([good, 0, -1, round(good * math.exp(pick() * 4 - 2), 9)])
            properties["metric"] = metric
        else:
            properties["text"] = choose([None, "", "I love it", "not good, very slow", "hm"])
            properties["survey"] = choose(["q3", "q4", None])
            properties["sentiment"] = choose([None, None, 0.05, -0.049999, 1 / 3, "bad"])
        if name == "survey_answer":
            properties["type"] = choose(["nps", "csat", "ces", "text", "stars", None])
            event["value"] = choose([*range(11), 4.5, 12, -1])
        event["properties"] = {k: v for k, v in properties.items() if v is not None}
        return event


class Project:
    def __init__(self, program, zone, currency, name=None):
        self.program = program
        self.zone = zone
        self.currency = currency
        self.name = name or zone.replace("/", "-").lower()
        rates = [f"--rate={k}={rate}" for k, rate in RATES.items() if k != currency]
        self.command("project", "add", self.name, "--timezone", zone, "--currency", currency,
                     "--gross-margin", "0.8", *rates)
        self.write = self.command("key", "add", "--project", self.name, "--scope", "write")
        self.read = self.command("key", "add", "--project", self.name, "--scope", "read")
        self.id = harness.query(program.database_url,
                                "select id from traction.project where name = %s", self.name)[0][0]
        self.world = World(zone, f"{SEED} {zone}")

    def command(self, *words):
        done = subprocess.run([harness.BINARY, *words, "--database", self.program.database_url],
                              check=True, capture_output=True, text=True)
        return done.stdout.split()[-1]

    def send(self, count):
        events = []
        while len(events) < count:
            events += self.world.session()
        self.world.random.shuffle(events)  # so that most come late
        for start in range(0, len(events), 300):
            batch = events[start:start + 300]
            batch += [e for e in batch if "id" in e and self.world.random.random() < 0.2]
            agent = BOT if start == 300 else BROWSER
            status, _, body = harness.request(
                self.program.url, "POST", "/v1/events?ack=commit", self.write, batch,
                headers={"User-Agent": agent})
            assert status == 202 and not json.loads(body)["rejected"], body

    def ask(self, kpi, parameters):
        query = urllib.parse.urlencode(parameters, doseq=True)
        status, _, body = harness.request(self.program.url, "GET", f"/v1/kpi/{kpi}?{query}",
                                          self.read)
        return status, json.loads(body)


@pytest.fixture(scope="module")
def program():
    with harness.Up() as up:
        yield up


@pytest.fixture(scope="module", params=list(ZONES))
def project(request, program):
    made = Project(program, request.param, ZONES[request.param])
    made.send(EVENTS)
    harness.query(program.database_url, oracle.PREPARE)
    return made


# Questions ------------------------------------------------------------------------------------

def random_range(project, rng):
    zone = project.world.zone
    today = project.world.now.astimezone(zone).date()
    choice = rng.random()
    if choice < 0.15:
        return {}
    if choice < 0.3:
        return {"from": rng.choice(["-7d", "-2w", "yesterday", "-26h", "-90m", "today"])}
    if choice < 0.75:
        start = today - rng.randint(0, 60) * DAY
        if rng.random() < 0.4 and project.world.changes:
            change = rng.choice(project.world.changes).astimezone(zone).date()
            start = change - rng.randint(0, 3) * DAY
        return {"from": str(start), "to": str(start + rng.choice([0, 1, 2, 6, 29]) * DAY)}
    start = project.world.now - rng.uniform(1, 50) * DAY
    end = start + rng.uniform(0.01, 12) * DAY
    if rng.random() < 0.5:  # on quarters of an hour
        start, end = (at.replace(minute=at.minute // 15 * 15, second=0, microsecond=0)
                      for at in (start, end + datetime.timedelta(minutes=15)))
    return {"from": start.isoformat(), "to": end.isoformat()}


def random_question(project, kpi, rng, easy):
    question = random_range(project, rng)
    if easy:
        start = project.world.now.date() - rng.randint(0, 60) * DAY
        return {"from": str(start), "to": str(start + rng.choice([0, 2, 29]) * DAY),
                "interval": rng.choice(["none", "day", "week", "month"])}
    question["interval"] = rng.choice(["none", "hour", "day", "day", "week", "month"])
    if rng.random() < 0.2:
        question["timezone"] = rng.choice(["UTC", "Asia/Kathmandu", "america/new_york"])
    if rng.random() < 0.35 and kpi not in ("feature_usage", "web_vitals"):
        question["by"] = rng.choice(list(oracle.DIMENSIONS))
    if kpi in business.GROUPS and rng.random() < 0.3:
        question["by"] = "plan"
    if kpi in business.BY_PERSON and "by" in question:
        question["by"] = "channel"
    if kpi in business.NO_GROUPS:
        question.pop("by", None)
    if kpi in ("api_response_time", "error_rate", "apdex") and rng.random() < 0.3:
        question["by"] = "route"
    if kpi == "event_count" and rng.random() < 0.4:
        question["name"] = rng.choice(["page_view", "custom thing", "no such event"])
    if kpi == "conversion_rate" and rng.random() < 0.4:
        question["goal"] = rng.choice(["trial", "paid", "nothing"])
    if kpi in ("load_time", "api_response_time", "web_vitals") and rng.random() < 0.4:
        question["percentile"] = rng.choice([1, 50, 90, 99.9])
    if kpi == "apdex" and rng.random() < 0.3:
        question["t"] = rng.choice([500, 1, 2500])
    if kpi in ("nps", "csat", "ces", "responses", "sentiment") and rng.random() < 0.3:
        question["survey"] = rng.choice(["q3", "q4"])
    if rng.random() < 0.25:
        question["where"] = [rng.choice(list(CONDITIONS)) for _ in range(rng.randint(1, 2))]
    if rng.random() < 0.1:
        question["include"] = "bots"
    return question


# As asked, and as SQL.
CONDITIONS = {
    "name~*": "true",
    "!name:page_view": "name <> 'page_view'",
    "properties.plan:pro|team": "properties ->> 'plan' in ('pro', 'team')",
    "url~/p1*": "path like '/p1%%'",
    "path:/p7": "path = '/p7'",
    "kind:engagement|business": "kind in ('e', 'b')",
    "!user:u1|u2|u3": "coalesce(user_id, '') not in ('u1', 'u2', 'u3')",
    "user:": "user_id is null",
    "status~5*": "status between 500 and 599",
}


# Checking -------------------------------------------------------------------------------------

def same(got, want, relative, absolute):
    if got is None or want is None:
        return got is want
    return math.isclose(got, want, rel_tol=relative, abs_tol=absolute)


def check_point(got, want, exact_value, where):
    for key, value in want.items():
        inexact = key in oracle.INEXACT or (key == "value" and not exact_value)
        if inexact:
            tolerance = (0.0101, 2e-3)
        elif "mean" in want:
            tolerance = (1e-9, 1e-3)  # durations are counted in microseconds
        else:
            tolerance = (1e-9, 1e-9)
        if isinstance(value, dict):
            assert {k: pytest.approx(v, 1e-9) for k, v in value.items()} == got.get(key), (where, got)
            continue
        assert same(got.get(key), value, *tolerance), (where, key, got, want)


class Checker:
    def __init__(self, cursor, project, kpi, question, answer):
        self.cursor = cursor
        self.project = project
        self.kpi = kpi
        self.question = question
        self.answer = answer
        self.zone = oracle.zone_of(answer["timezone"])
        self.start, self.end = oracle.parse(answer["from"]), oracle.parse(answer["to"])
        self.exact = kpi not in ("load_time", "api_response_time", "web_vitals")
        self.condition = " and ".join(
            f"({CONDITIONS[c]})" for c in question.get("where", ["name~*"]))

    def stretch(self, start, end):
        return oracle.Stretch(self.cursor, self.project.id, self.project.currency, start, end,
                              self.condition, "include" in self.question)

    def want(self, stretch, label=None):
        """label: of a group, as a condition."""
        question = {**self.question, "end": self.end}
        if self.kpi in business.BY_PERSON:
            return oracle.KPIS[self.kpi](stretch, question, label)
        if label is None:
            return oracle.KPIS[self.kpi](stretch, question)
        if self.kpi == "web_vitals":
            return oracle.vital(stretch.narrowed(label), float(self.question.get("percentile", 75)))
        if (self.kpi, self.by) in (("feature_usage", "feature"), ("conversion_rate", "goal")):
            want = oracle.KPIS[self.kpi](stretch.narrowed(label), self.question)
            active = oracle.active_users(stretch)["value"]
            people = stretch.narrowed(label).one(
                f"count(distinct {oracle.WHO})", oracle.COUNTED["feature_usage"]
                if self.kpi == "feature_usage" else self.converted())[0]
            if self.kpi == "feature_usage":
                return {**want, "adoption": oracle.ratio(people, active)}
            return {"value": oracle.ratio(people, active), "n": active}
        return oracle.KPIS[self.kpi](stretch.narrowed(label), question)

    def converted(self):
        goal = self.question.get("goal")
        return "name = 'conversion'" + (f" and goal = '{goal}'" if goal else "")

    @property
    def by(self):
        return self.answer.get("by")

    def check_range(self):
        day = self.question.get("from", "")
        if len(day) == 10:
            assert self.start == oracle.start_of(datetime.date.fromisoformat(day), self.zone)
            last = datetime.date.fromisoformat(self.question["to"])
            assert self.end == oracle.start_of(last + DAY, self.zone)
        starts = [oracle.parse(point["t"]) for point in self.answer["series"]]
        assert starts == oracle.intervals(self.start, self.end, self.answer["interval"], self.zone)

    def check_series(self, series, rng, label=None, other=False):
        ends = [oracle.parse(point["t"]) for point in series[1:]] + [self.end]
        places = list(zip(series, ends))
        for point, end in rng.sample(places, min(4, len(places))):
            stretch = self.stretch(max(self.start, oracle.parse(point["t"])), end)
            want = self.want(stretch, label)
            if label is None and self.kpi == "feature_usage":
                want = {"value": want["value"]}
            elif other and self.kpi == "feature_usage":
                want = {**want, "people": None, "adoption": None}
            check_point(point, want, self.exact, (self.kpi, self.question, point["t"], label))

    def labels(self):
        """Each group's events as a condition."""
        expression = oracle.DIMENSIONS[self.by]
        first = [group["by"] for group in self.answer["groups"] if not group.get("other")]
        texts = ["'" + label.replace("'", "''") + "'" for label in first if label is not None]
        known = f"coalesce({expression} in ({', '.join(texts)}), false)" if texts else "false"
        if None in first:
            known = f"({known} or {expression} is null)"
        for group in self.answer["groups"]:
            if group.get("other"):
                yield group, f"not ({known})"
            elif group["by"] is None:
                yield group, f"{expression} is null"
            else:
                text = group["by"].replace("'", "''")
                yield group, f"{expression} = '{text}'"

    def check_groups(self, rng):
        groups = list(self.labels())
        stretch = self.stretch(self.start, self.end)
        more = oracle.COUNTED.get(self.kpi, "true")
        if self.kpi == "conversion_rate" and self.by == "goal":
            more = self.converted()
        if "name" in self.question:
            more = f"name = '{self.question['name']}'"
        more += oracle.of_survey(self.question)
        if self.kpi == "new_users":
            assert sum(group["value"] for group, _ in groups) == self.answer["value"]
        else:
            labels = business.GROUPS.get(self.kpi, lambda s, e: s.labels(e, more))
            every = len(labels(stretch, oracle.DIMENSIONS[self.by]))
            assert len(groups) == min(every, 21), (self.kpi, self.question)
        for group, label in rng.sample(groups, min(4, len(groups))):
            check_point(group, self.want(stretch, label), self.exact,
                        (self.kpi, self.question, label))
            self.check_series(group["series"], rng, label, group.get("other", False))

    def check(self, rng):
        self.check_range()
        total = self.want(self.stretch(self.start, self.end))
        if self.kpi == "feature_usage":
            total = {"value": total["value"]}
        check_point(self.answer, total, self.exact, (self.kpi, self.question))
        self.check_series(self.answer["series"], rng)
        if self.by:
            self.check_groups(rng)


def without_source(answer):
    return {key: value for key, value in answer.items()
            if key not in ("source", "as_of", "notes")}


@pytest.mark.parametrize("kpi", list(oracle.KPIS))
def test_three_ways(project, kpi):
    rng = random.Random(f"{SEED} {project.zone} {kpi}")
    by_rollup = 0
    with contextlib.closing(harness.database(project.program.database_url)) as connection:
        cursor = connection.cursor()
        for number in range(ROUNDS):
            # Every third one is of a kind that rollups must be able to answer.
            question = random_question(project, kpi, rng, number % 3 == 0)
            status, by_events = project.ask(kpi, {**question, "source": "events"})
            assert status == 200, (question, by_events)
            Checker(cursor, project, kpi, question, by_events).check(rng)
            # The range may be relative to now: the same one again.
            fixed = {**question, "from": by_events["from"], "to": by_events["to"]}
            status, rolled = project.ask(kpi, {**fixed, "source": "rollup"})
            if status == 200:
                by_rollup += 1
                assert without_source(rolled) == without_source(by_events), question
            else:
                assert rolled["error"]["parameter"] == "source"
            status, free = project.ask(kpi, fixed)
            assert status == 200 and without_source(free) == without_source(by_events)
    assert by_rollup >= (0 if kpi in oracle.FROM_EVENTS else ROUNDS // 3)


def test_default_question_is_answered_by_rollups(project):
    for kpi in oracle.KPIS:
        status, answer = project.ask(kpi, {"compare": "previous"})
        assert status == 200, answer
        assert answer["source"] == ("events" if kpi in oracle.FROM_EVENTS else "rollup")
        before = answer["previous"]
        status, again = project.ask(kpi, {"from": before["from"], "to": before["to"],
                                          "source": "events"})
        assert status == 200
        assert {k: again[k] for k in ("value", "n", "series")} == {
            k: before[k] for k in ("value", "n", "series")}
