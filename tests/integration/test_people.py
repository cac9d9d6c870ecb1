# SPDX-License-Identifier: MIT
"""Who people are, and what is kept of them: facts and rollups equal what the raw events say.

Random events, late, repeated, out of order, of visitors who become users, some of several users on
one device, are sent in small requests; then every table that is derived from events is computed a
second time, in Python, from traction.event alone.
"""
import collections
import datetime
import json
import os
import random
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import harness  # noqa: E402

GAP = datetime.timedelta(minutes=30)
NEVER = datetime.date.min
ZONE = "Asia/Kolkata"
VISIT_NAMES = {"error", "page_load", "web_vital"}


def send(up, events):
    status, _, body = up.post(events, "?ack=commit")
    assert status == 202 and not json.loads(body)["rejected"], body


def random_event(rng, start):
    """Of a few people on few devices, so that everything meets."""
    at = start + datetime.timedelta(seconds=rng.randrange(6 * 86400))
    name = rng.choice(["page_view", "page_view", "feature_used", "conversion", "engaged_time",
                       "error", "identify", "sign_up", "purchase", "api_request", "page_load"])
    event = {"name": name, "timestamp": at.isoformat()}
    if name == "identify" or rng.random() < 0.3:
        event["user"] = f"u{rng.randrange(8)}"
    if "user" not in event or name == "identify" or rng.random() < 0.3:
        event["anonymous"] = f"a{rng.randrange(20)}"
    if rng.random() < 0.3:
        event["session"] = f"s{rng.randrange(30)}"
    if rng.random() < 0.3:
        event["id"] = f"i{rng.randrange(300)}"
    if name == "page_view" and rng.random() < 0.5:
        event["url"] = rng.choice(["https://x.example/?utm_medium=cpc", "https://x.example/a"])
    elif name == "feature_used":
        event["properties"] = {"feature": rng.choice("xyz")}
    elif name == "conversion":
        event["properties"] = {"goal": rng.choice(["trial", "paid"])}
    elif name == "engaged_time":
        event["value"] = rng.choice([100, 4000, 9000])
    elif name == "sign_up" and rng.random() < 0.5:
        event["properties"] = {"channel": rng.choice(["partner", "fair"])}
    elif name == "purchase":
        event["value"] = rng.choice([10, -3])
    return event


class Oracle:
    """Everything derived, from the rows of traction.event."""

    def __init__(self, cursor, project):
        cursor.execute(
            "select ts, received_at, kind::text, name, user_id, anonymous_id, person::text,"
            " session_id, value, channel, feature, goal, properties,"
            f" (ts at time zone '{ZONE}')::date as day from traction.event"
            " where project_id = %s and not bot", (project,))
        names = [column.name for column in cursor.description]
        Row = collections.namedtuple("Row", names)
        self.events = [Row(*row) for row in cursor.fetchall()]
        self.spans = self.find_spans()

    def find_spans(self):
        users = {e.user_id: e.person for e in self.events if e.user_id}
        digests = {e.anonymous_id: e.person for e in self.events if not e.user_id}
        spans = collections.defaultdict(list)
        identifies = [e for e in self.events
                      if e.name == "identify" and e.user_id and e.anonymous_id]
        for e in sorted(identifies, key=lambda e: e.received_at):
            mine = spans[e.anonymous_id]
            if not mine or mine[-1][1] != users[e.user_id]:
                mine.append((e.received_at if mine else None, users[e.user_id]))
        self.digests = digests
        return spans

    def person(self, e):
        found = e.person
        if not e.user_id:
            for since, person in self.spans.get(e.anonymous_id, []):
                if since is None or e.received_at >= since:
                    found = person
        return found

    def visits(self):
        """Person to list of (first, last, events)."""
        of = collections.defaultdict(list)
        for e in self.events:
            if e.session_id is None and (e.kind == "e" or e.name in VISIT_NAMES):
                of[self.person(e)].append(e)
        visits = collections.defaultdict(list)
        for person, events in of.items():
            for e in sorted(events, key=lambda e: e.ts):
                mine = visits[person]
                if not mine or e.ts - mine[-1][1] > GAP:
                    mine.append([e.ts, e.ts, []])
                mine[-1][1] = e.ts
                mine[-1][2].append(e)
        return visits

    def sessions(self):
        """All sessions as lists of events."""
        by_id = collections.defaultdict(list)
        for e in self.events:
            if e.session_id is not None:
                by_id[e.session_id].append(e)
        found = list(by_id.values())
        for visits in self.visits().values():
            found += [events for _, _, events in visits]
        return found

    def members(self):
        """(subject, key) to member to days."""
        sets = collections.defaultdict(lambda: collections.defaultdict(set))
        for e in self.events:
            person = self.person(e)
            if e.kind == "e":
                sets["active", ""][person].add(e.day)
            if e.name == "feature_used":
                sets["feature", e.feature][person].add(e.day)
            if e.name == "conversion":
                sets["goal", ""][person].add(e.day)
                sets["goal", e.goal][person].add(e.day)
        return sets

    def matrices(self):
        """(subject, key, day, previous) and, for active people, (first, day, previous) to counts."""
        matrix, cohorts = collections.Counter(), collections.Counter()
        for (subject, key), members in self.members().items():
            for days in members.values():
                ordered = sorted(days)
                for previous, day in zip([NEVER] + ordered, ordered):
                    matrix[subject, key, day, previous] += 1
                    if subject == "active":
                        cohorts[ordered[0], day, previous] += 1
        return matrix, cohorts

    def parts(self):
        """Of each session the days, as (day, first, last, engaged, views, interactions,
        errors, several)."""
        found = []
        for events in self.sessions():
            by_day = collections.defaultdict(list)
            for e in events:
                by_day[e.day].append(e)
            for day, part in by_day.items():
                found.append((
                    day, min(e.ts for e in part), max(e.ts for e in part),
                    sum(int(e.value * 1000) for e in part if e.name == "engaged_time"),
                    sum(e.name == "page_view" for e in part),
                    sum(e.kind == "e" and e.name not in ("page_view", "engaged_time", "identify")
                        for e in part), sum(e.name == "error" for e in part),
                    len(by_day) > 1))
        return sorted(found)

    def people(self):
        of = collections.defaultdict(list)
        for e in self.events:
            of[self.person(e)].append(e)
        found = {}
        for person, events in of.items():
            channels = sorted((e.ts, e.channel) for e in events if e.channel)
            sign_ups = sorted((e.ts, e.channel) for e in events if e.name == "sign_up"
                              and e.properties and e.properties.get("channel"))
            converted = [e.ts for e in events if e.name == "conversion"]
            paid = [e.ts for e in events if e.name == "purchase" and e.value > 0]
            signed = [e.ts for e in events if e.name == "sign_up"]
            found[person] = (min(e.ts for e in events),
                             channels[0] if channels else (None, None),
                             sign_ups[0] if sign_ups else (None, None),
                             min(converted, default=None), min(paid, default=None),
                             min(signed, default=None))
        return found


def compare(cursor, project):
    oracle = Oracle(cursor, project)
    matrix, cohorts = oracle.matrices()
    cursor.execute(
        "select s.subject, s.key, m.day, nullif(m.previous_day, '-infinity'), m.members"
        " from traction.day_matrix m join traction.member_set s on s.id = m.set_id"
        " where s.project_id = %s and m.members <> 0", (project,))
    stored = {(s, k, d, p or NEVER): n for s, k, d, p, n in cursor.fetchall()}
    assert stored == dict(matrix)
    cursor.execute(
        "select c.first_day, c.day, nullif(c.previous_day, '-infinity'), c.members"
        " from traction.day_cohort c join traction.member_set s on s.id = c.set_id"
        " where s.project_id = %s and c.members <> 0", (project,))
    assert {(f, d, p or NEVER): n for f, d, p, n in cursor.fetchall()} == dict(cohorts)
    cursor.execute("select person::text, first_at, last_at from traction.visit"
                   " where project_id = %s", (project,))
    want = sorted((person, first, last) for person, visits in oracle.visits().items()
                  for first, last, _ in visits)
    assert sorted(cursor.fetchall()) == want
    cursor.execute(
        "select day, first_at, last_at, engaged_us, page_views, interactions, errors,"
        " several_days"
        " from traction.session_day where project_id = %s", (project,))
    parts = oracle.parts()
    assert sorted(cursor.fetchall()) == parts
    cursor.execute("select day, sessions, total_us::bigint, bounces, failed from traction.session_time"
                   " where project_id = %s and sessions <> 0", (project,))
    days = collections.defaultdict(lambda: [0, 0, 0, 0])
    for day, first, last, engaged, views, interactions, errors, several in parts:
        if not several:
            days[day][0] += 1
            days[day][1] += engaged or (last - first) // datetime.timedelta(microseconds=1)
            days[day][2] += views == 1 and interactions == 0 and engaged < 10_000_000
            days[day][3] += errors > 0
    assert {row[0]: list(row[1:]) for row in cursor.fetchall()} == dict(days)
    cursor.execute(
        "select person::text, first_seen, nullif(channel_at, 'infinity'), channel,"
        " nullif(sign_up_at, 'infinity'), sign_up_channel, nullif(converted_at, 'infinity'),"
        " nullif(paid_at, 'infinity'), nullif(signed_up_at, 'infinity') from traction.person where project_id = %s", (project,))
    people = oracle.people()
    assert {row[0]: (row[1], (row[2], row[3]), (row[4], row[5]), *row[6:])
            for row in cursor.fetchall()} == people
    cursor.execute("select sum(n) from traction.rollup_count where project_id = %s"
                   " and metric = 'person' and grain = 'd'", (project,))
    assert cursor.fetchone()[0] == len(people)


@pytest.fixture(scope="module")
def second(traction_up, tmp_path_factory):
    """A second server on the same database."""
    folder = str(tmp_path_factory.mktemp("second"))
    os.chmod(folder, 0o755)
    with harness.Serve(folder, traction_up.database_url, traction_up.values) as server:
        yield server


@pytest.fixture
def project(traction_up, db):
    """A project in a zone with a half-hour offset, empty."""
    with db.cursor() as cursor:
        cursor.execute("update traction.project set timezone = %s where name = 'default'"
                       " returning id", (ZONE,))
        number = cursor.fetchone()[0]
    # The server reads projects again every few seconds; until then its days are others.
    harness.wait_for(lambda: traction_up.get("/v1/kpi/active_users")[1]["timezone"] == ZONE)
    return number


@pytest.mark.parametrize("seed", range(3))
def test_facts_equal_events(traction_up, second, db, project, seed):
    servers = [traction_up] if seed == 0 else [traction_up, second]
    rng = random.Random(seed)
    start = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=10 + 8 * seed)
    with db.cursor() as cursor:
        for _ in range(40):
            send(rng.choice(servers), [random_event(rng, start) for _ in range(rng.randrange(1, 12))])
        compare(cursor, project)
        for _ in range(20):
            send(rng.choice(servers), random_event(rng, start))
        send(rng.choice(servers), [random_event(rng, start) for _ in range(400)])
        compare(cursor, project)


def test_visitor_becomes_user(traction_up, db, project):
    """Back to the first event, on two devices; a second user only from then on."""
    def active():
        return traction_up.get("/v1/kpi/active_users")[1]["value"]
    before = active()
    send(traction_up, {"name": "page_view", "anonymous": "phone"})
    send(traction_up, {"name": "page_view", "anonymous": "laptop"})
    assert active() == before + 2
    send(traction_up, {"name": "identify", "anonymous": "phone", "user": "ann"})
    send(traction_up, {"name": "identify", "anonymous": "laptop", "user": "ann"})
    assert active() == before + 1
    send(traction_up, {"name": "identify", "anonymous": "laptop", "user": "bob"})
    assert active() == before + 2
    send(traction_up, {"name": "page_view", "anonymous": "laptop"})
    assert active() == before + 2
    with db.cursor() as cursor:
        compare(cursor, project)


def test_migration_makes_up_for_the_past(traction_up, db, project):
    """Its updates find the same again: of clients' sessions, and of people who were never joined."""
    sessions = ("select * from traction.session_day where session not in"
                " (select session from traction.visit) order by project_id, session, day")
    times = "select project_id, day, bounces, failed from traction.session_time order by 1, 2"
    people = ("select p.* from traction.person p where not exists (select from traction.alias a"
              " where p.person in (a.person, a.anonymous)) order by person")
    path = os.path.join(harness.ROOT, "sql", "migrations", "0002_people.sql")
    with open(path) as file:
        updates = file.read().split("-- What the new columns say")[1]
    rng = random.Random(99)
    for _ in range(200):
        event = random_event(rng, datetime.datetime.now(datetime.timezone.utc)
                             - datetime.timedelta(days=40))
        send(traction_up, dict(event, user=f"v{rng.randrange(9)}", session=f"t{rng.randrange(50)}",
                               anonymous=None))
    with db.cursor() as cursor:
        def rows(sql):
            cursor.execute(sql)
            return cursor.fetchall()
        before = rows(sessions), rows(times), rows(people)
        assert all(before)
        cursor.execute("begin; update traction.session_day set page_views = 0, interactions = 0, errors = 0"
                       " where session not in (select session from traction.visit);"
                       " update traction.session_time set bounces = 0, failed = 0; update traction.person set"
                       " channel_at = 'infinity', channel = null, sign_up_at = 'infinity',"
                       " sign_up_channel = null, converted_at = 'infinity', paid_at = 'infinity'")
        assert (rows(sessions), rows(times), rows(people)) != before
        cursor.execute("-- What the new columns say" + updates)
        after = rows(sessions), rows(times), rows(people)
        cursor.execute("rollback")
    assert after == before
