# SPDX-License-Identifier: MIT
"""Segment's own SDK, unmodified, from call to KPI, also over a server that is killed meanwhile."""
import datetime
import os
import shutil
import subprocess

import pytest

import harness

HERE = os.path.dirname(os.path.abspath(__file__))

pytestmark = pytest.mark.skipif(
    not (shutil.which("node") and os.path.isdir(os.path.join(HERE, "node_modules"))),
    reason="needs node and `npm ci --prefix tests/e2e`")


def start_sender(url, key, person, orders):
    return subprocess.Popen(
        ["node", os.path.join(HERE, "segment_send.mjs"), url, key, person, str(orders)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def send(program, person, orders=1):
    sender = start_sender(program.url, program.values["TRACTION_WRITE_KEY"], person, orders)
    out, err = sender.communicate(timeout=60)
    assert sender.returncode == 0, err
    return out.split("\n")[:-1]


def settled(program):
    ledger = program.get("/v1/ledger")[1]
    return ledger if ledger["waiting"] == 0 else None


@pytest.fixture(scope="module")
def story(traction_up):
    begin = datetime.datetime.now(datetime.timezone.utc)
    assert sorted(send(traction_up, "p1")) == sorted(
        f"{call} delivered" for call in ("identify", "page", "track", "group", "alias", "track"))
    harness.wait_for(lambda: settled(traction_up))
    return begin, datetime.datetime.now(datetime.timezone.utc)


def rows(url, columns, condition="true"):
    return harness.query(url, f"select {columns} from traction.event where {condition} "
                              "order by name, value")


def test_every_call_is_an_event_once(traction_up, story):
    found = rows(traction_up.database_url, "name, kind, user_id, anonymous_id")
    assert found == [
        ("alias", "e", "user-p1", None),
        ("feature_used", "e", "user-p1", "anon-p1"),
        ("group", "e", "user-p1", "anon-p1"),
        ("identify", "e", "user-p1", "anon-p1"),
        ("page_view", "e", "user-p1", "anon-p1"),
        ("purchase", "b", "user-p1", "anon-p1"),
    ]


def test_what_they_carry(traction_up, story):
    url = traction_up.database_url
    assert rows(url, "value::float8, unit, properties", "name = 'purchase'") == [
        (20.5, "USD", {"order_id": "p1-0", "revenue": 20.5, "currency": "USD"})]
    assert rows(url, "feature, properties", "name = 'feature_used'") == [
        ("export", {"feature": "export", "text": "ü€😀"})]
    assert rows(url, "properties", "name = 'identify'") == [
        ({"plan": "pro", "email": "p1@app.example"},)]
    assert rows(url, "properties", "name = 'group'") == [({"name": "Initech", "group_id": "g-1"},)]
    assert rows(url, "properties->>'previous_id'", "name = 'alias'") == [("anon-p1",)]
    assert rows(url, "url, host, path, title, referrer_host, channel", "name = 'page_view'") == [
        ("https://app.example/pricing?utm_source=newsletter", "app.example", "/pricing", "Prices",
         "news.example", "email")]


def test_when_they_were(traction_up, story):
    begin, end = story
    hour = datetime.timedelta(hours=1)
    second = datetime.timedelta(seconds=2)
    for name, ts in rows(traction_up.database_url, "name, ts"):
        ago = hour if name == "page_view" else datetime.timedelta()
        assert begin - second <= ts + ago <= end + second, name


def test_the_kpis_of_the_story(traction_up, story):
    for kpi, value in (("revenue", 20.5), ("page_views", 1), ("active_users", 1), ("event_count", 6),
                       ("feature_usage", 1), ("new_users", 1)):
        for source in ("rollup", "events"):
            status, answer = traction_up.get(f"/v1/kpi/{kpi}?source={source}")
            assert status == 200, answer
            assert float(answer["value"]) == value, (kpi, source)


def test_retries_against_a_server_that_was_killed_count_once(up):
    up.start()
    orders = 40
    sender = start_sender(up.url, up.values["TRACTION_WRITE_KEY"], "p2", orders)
    harness.wait_for(lambda: "delivered" in sender.stdout.readline())
    up.kill()
    up.start()
    out, err = sender.communicate(timeout=60)
    assert sender.returncode == 0, err
    assert "failed" not in out
    harness.wait_for(lambda: settled(up))
    assert harness.query(up.database_url, "select count(*), count(distinct id) from traction.event "
                         "where name = 'purchase'") == [(orders, orders)]
    assert harness.query(up.database_url, "select count(*) from traction.event") == [(orders + 5,)]
    assert float(up.get("/v1/kpi/revenue")[1]["value"]) == 20.5 * orders
    ledger = settled(up)
    assert ledger["balanced"] and ledger["stored"] == orders + 5 and ledger["rejected"] == {}
