# SPDX-License-Identifier: MIT
"""What people pay a month: the chains of changes equal what the raw events say.

Random changes, late, repeated, of visitors who become users, in small requests and two servers; then
every chain is made a second time, in Python, from traction.event alone.
"""
import collections
import datetime
import json
import os
import random
import sys
import zoneinfo

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import harness  # noqa: E402

ZONE = zoneinfo.ZoneInfo("Asia/Kolkata")
COLUMNS = ("person::text, at, received_at, id, amount, currency, plan,"
           " nullif(previous_at, '-infinity'), previous_amount, previous_currency, previous_plan,"
           " nullif(next_at, 'infinity'), first")


def send(up, events):
    status, _, body = up.post(events, "?ack=commit")
    assert status == 202 and not json.loads(body)["rejected"], body


def random_event(rng, start):
    """Few moments, so that some are the same."""
    at = start + datetime.timedelta(hours=rng.randrange(60))
    name = rng.choice(["subscription_started", "subscription_changed", "subscription_changed",
                       "subscription_cancelled", "identify", "acquisition_cost",
                       "sign_up"])
    event = {"name": name, "timestamp": at.isoformat(), "properties": {}}
    if name == "identify" or rng.random() < 0.5:
        event["user"] = f"u{rng.randrange(6)}"
    if "user" not in event or name == "identify":
        event["anonymous"] = f"a{rng.randrange(16)}"
    if rng.random() < 0.3:
        event["id"] = f"i{rng.randrange(200)}"
    if name not in ("identify", "sign_up", "subscription_cancelled") and rng.random() < 0.95:
        event["value"] = rng.choice([0, 10, 10, 25.5, 99.99, -3])
    if rng.random() < 0.3:
        event["unit"] = rng.choice(["EUR", "USD"])
    if rng.random() < 0.7:
        event["properties"]["plan"] = rng.choice(["pro", "team"])
    if name == "acquisition_cost":
        event["properties"]["channel"] = rng.choice(["ads", "fair\u001f", ""])
    return event


def chains(cursor, project):
    """The table once more, from events and aliases."""
    cursor.execute(
        "select coalesce(a.person, e.person)::text, e.ts, e.received_at, e.id, e.name, e.value,"
        " coalesce(e.unit, ''), e.plan from traction.event e left join traction.alias a"
        " on a.project_id = e.project_id and a.anonymous = e.person"
        " and e.received_at >= a.from_at and e.received_at < a.to_at"
        " where e.project_id = %s and not e.bot and e.name like 'subscription%%'", (project,))
    of = collections.defaultdict(list)
    for person, ts, received, number, name, value, unit, plan in cursor.fetchall():
        if name == "subscription_cancelled":
            of[person].append((ts, received, number, 0, unit, plan))
        elif value is not None:
            of[person].append((ts, received, number, max(value, 0), unit, plan))
    rows = []
    for person, changes in of.items():
        changes.sort(key=lambda change: (change[0], change[1], change[2].encode()))
        paid = False
        for i, (ts, received, number, amount, unit, plan) in enumerate(changes):
            before = changes[i - 1] if i else (None, None, None, 0, "", None)
            after = changes[i + 1][0] if i + 1 < len(changes) else None
            rows.append((person, ts, received, number, amount, unit, plan, before[0], *before[3:],
                         after, amount > 0 and not paid))
            paid = paid or amount > 0
    return sorted(rows, key=str)


def days(rows):
    """What the days come to, from chains."""
    sums = collections.defaultdict(lambda: [0, 0, 0])
    for _, at, _, _, amount, currency, _, _, before, currency_before, _, _, first in rows:
        if before == 0 and amount == 0:
            continue
        kind = ("n" if first else "r") if before == 0 else "c" if amount == 0 else (
            "e" if amount >= before else "s")
        day = sums[at.astimezone(ZONE).date(), kind, currency_before if before > 0 else "",
                   currency if amount > 0 else ""]
        for i, value in enumerate([1, before, amount]):
            day[i] += value
    return dict(sums)


def costs(cursor, project):
    cursor.execute("select split_part(key, chr(31), 1), substr(key, strpos(key, chr(31)) + 1),"
                   " sum(n), sum(amount) from traction.rollup_count where project_id = %s"
                   " and metric = 'cost' and grain = 'q' group by 1, 2 order by 1, 2", (project,))
    found = cursor.fetchall()
    cursor.execute("select coalesce(unit, ''), coalesce(channel, ''), count(*), sum(value)"
                   " from traction.event where project_id = %s and name = 'acquisition_cost'"
                   " and value is not null and not bot group by 1, 2 order by 1, 2", (project,))
    return found, cursor.fetchall()


def compare(cursor, project):
    cursor.execute(f"select {COLUMNS} from traction.subscription_change where project_id = %s",
                   (project,))
    rows = sorted(cursor.fetchall(), key=str)
    assert rows == chains(cursor, project)
    cursor.execute("select bucket, movement::text, currency0, currency1, n, amount0, amount1"
                   " from traction.subscription_day where project_id = %s and n <> 0", (project,))
    found = {(row[0].astimezone(ZONE).date(), *row[1:4]): list(row[4:]) for row in cursor.fetchall()}
    assert found == days(rows)
    found, want = costs(cursor, project)
    assert found == want


@pytest.fixture(scope="module")
def second(traction_up, tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("second"))
    os.chmod(folder, 0o755)
    with harness.Serve(folder, traction_up.database_url, traction_up.values) as server:
        yield server


@pytest.fixture
def project(db):
    with db.cursor() as cursor:
        cursor.execute("update traction.project set timezone = %s where name = 'default'"
                       " returning id", (ZONE.key,))
        return cursor.fetchone()[0]


@pytest.mark.parametrize("seed", range(3))
def test_chains_equal_events(traction_up, second, db, project, seed):
    servers = [traction_up] if seed == 0 else [traction_up, second]
    rng = random.Random(seed)
    start = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=10 + 8 * seed)
    start = start.replace(minute=0, second=0, microsecond=0)
    with db.cursor() as cursor:
        for number in range(60):
            send(rng.choice(servers), [random_event(rng, start) for _ in range(rng.randrange(1, 9))])
            if number % 6 == 0:
                compare(cursor, project)
        send(rng.choice(servers), [random_event(rng, start) for _ in range(500)])
        compare(cursor, project)


def test_a_long_chain_is_not_read_whole(traction_up, db, project):
    """A person with very many changes costs no more than the stretch that a batch touches."""
    start = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=60)
    send(traction_up, [{"name": "subscription_changed", "user": "long", "value": 1 + i % 7,
                        "timestamp": (start + datetime.timedelta(minutes=i)).isoformat()}
                       for i in range(1000)])
    late = {"name": "subscription_changed", "user": "long", "value": 50,
            "timestamp": (start + datetime.timedelta(minutes=500, seconds=30)).isoformat()}
    versions = ("select at, xmin::text from traction.subscription_change where project_id = %s"
                " and at >= %s and at < %s")
    stretch = (project, start, start + datetime.timedelta(days=1))
    with db.cursor() as cursor:
        cursor.execute(versions, stretch)
        before = dict(cursor.fetchall())
        send(traction_up, late)
        cursor.execute(versions, stretch)
        after = dict(cursor.fetchall())
        assert len(before) == 1000 and len(after) == 1001
        assert sum(before.get(at) != version for at, version in after.items()) == 3
        compare(cursor, project)


def test_migration_makes_up_for_the_past(traction_up, db, project):
    with open(os.path.join(harness.ROOT, "sql", "migrations", "0004_subscriptions.sql")) as file:
        inserts = file.read().split("-- What follows from events")[1]
    with db.cursor() as cursor:
        def rows():
            cursor.execute("select * from traction.subscription_change"
                           " order by project_id, person, at, received_at, id")
            chains_now = cursor.fetchall()
            cursor.execute("select * from traction.rollup_count where metric = 'cost'"
                           " order by 1, 2, 3, 4, 5")
            costs_now = cursor.fetchall()
            cursor.execute("select * from traction.subscription_day where n <> 0"
                           " order by 1, 2, 3, 4, 5")
            days_now = cursor.fetchall()
            cursor.execute("select * from traction.person order by 1, 2")
            return chains_now, costs_now, days_now, cursor.fetchall()
        before = rows()
        assert all(before)
        cursor.execute("begin; delete from traction.subscription_change;"
                       " delete from traction.subscription_day;"
                       " update traction.person set signed_up_at = 'infinity';"
                       " delete from traction.rollup_count where metric = 'cost'")
        cursor.execute("-- What follows from events" + inserts)
        after = rows()
        cursor.execute("rollback")
    assert after == before
