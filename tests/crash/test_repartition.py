# SPDX-License-Identifier: MIT
"""R15: a partition that events need is not there. It is made, and nothing is lost."""
import datetime
import time
import uuid

import harness
import oracle


def partition(day):
    return f"traction.event_{day:%Y%m%d}"


def exists(url, name):
    return harness.query(url, "select to_regclass(%s) is not null", name) == [(True,)]


def test_missing_partitions_are_made(up):
    up.start()
    url = up.database_url
    now = datetime.datetime.now(datetime.timezone.utc)
    name = "repartition_" + uuid.uuid4().hex[:8]
    days = [now, now + datetime.timedelta(hours=23), now - datetime.timedelta(days=3),
            now - datetime.timedelta(days=300)]
    for day in days:
        harness.query(url, f"drop table if exists {partition(day)}")
    events = [{"id": str(uuid.uuid4()), "name": name, "user": f"u{i}",
               "timestamp": day.isoformat().replace("+00:00", "Z")} for i, day in enumerate(days)]
    for event in events:  # each alone, then all of them with others
        assert up.post(event, "?ack=disk")[0] == 202
    more = [dict(event, id=str(uuid.uuid4())) for event in events * 5]
    assert up.post(more, "?ack=disk")[0] == 202
    harness.wait_for(lambda: oracle.landed(up), 30)
    rows = harness.query(url, "select count(*), count(distinct id) from traction.event"
                         " where name = %s and not clamped", name)
    assert rows == [(24, 24)]
    assert all(exists(url, partition(day)) for day in days)
    assert harness.query(url, "select count(*) from traction.reject") == [(0,)]


def test_partitions_vanish_under_load(up):
    """Rows go with a dropped partition; those that come later must not."""
    up.start()
    url = up.database_url
    name = "vanish_" + uuid.uuid4().hex[:8]
    day = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=40)
    kept = set()
    for _ in range(10):
        harness.query(url, f"drop table if exists {partition(day)}")
        event = {"id": str(uuid.uuid4()), "name": name, "user": "u",
                 "timestamp": day.isoformat().replace("+00:00", "Z")}
        assert up.post(event, "?ack=commit")[0] == 202
        kept.add(event["id"])
        rows = harness.query(url, "select id from traction.event where name = %s", name)
        assert rows == [(event["id"],)]
        time.sleep(0.05)
    assert len(kept) == 10
