# SPDX-License-Identifier: MIT
"""What from, to and interval mean, at chosen times of asking: compared with Python's calendar."""
import datetime
import json
import os
import subprocess
import sys

import pytest

sys.path[:0] = [os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
                os.path.dirname(os.path.abspath(__file__))]

import harness  # noqa: E402
import kpi_oracle as oracle  # noqa: E402

ASK = os.path.join(os.path.dirname(harness.BINARY), "tests", "integration", "kpi_ask")
DAY = datetime.timedelta(1)
# Days of 23, 23.5, 24.5 and 25 hours, midnights that are skipped or passed twice.
MOMENTS = [
    ("UTC", "2026-11-23T10:15:30+00:00"), ("Europe/Berlin", "2026-10-26T00:30:00+00:00"),
    ("Europe/Berlin", "2026-03-29T12:00:00+00:00"), ("Asia/Kolkata", "2026-11-22T18:29:59+00:00"),
    ("Asia/Kolkata", "2026-11-22T18:30:00+00:00"), ("Asia/Kathmandu", "2026-06-01T00:00:00+00:00"),
    ("America/St_Johns", "2026-11-01T12:00:00+00:00"),
    ("Australia/Lord_Howe", "2026-10-04T12:00:00+00:00"),
    ("Australia/Lord_Howe", "2026-04-05T12:00:00+00:00"),
    ("America/Havana", "2026-11-01T16:00:00+00:00"), ("America/Havana", "2026-03-08T16:00:00+00:00"),
    ("Africa/Cairo", "2026-04-24T12:00:00+00:00"), ("Africa/Cairo", "2026-10-30T12:00:00+00:00"),
]


@pytest.fixture(scope="module")
def up():
    with harness.Up() as program:
        yield program


def ask(up, now, kpi="event_count", **parameters):
    micros = int(datetime.datetime.fromisoformat(now).timestamp() * 1000000)
    words = [f"{name.rstrip('_')}={value}" for name, value in parameters.items()]
    done = subprocess.run([ASK, up.database_url, "1", kpi, f"now={micros}", *words], check=True,
                          capture_output=True, text=True)
    return json.loads(done.stdout)


def ends(answer):
    return oracle.parse(answer["from"]), oracle.parse(answer["to"])


@pytest.mark.parametrize("zone, now", MOMENTS)
def test_days(up, zone, now):
    place = oracle.zone_of(zone)
    instant = datetime.datetime.fromisoformat(now)
    today = instant.astimezone(place).date()

    def day(number):
        return oracle.start_of(today + number * DAY, place)

    def check(want_from, want_to, **parameters):
        answer = ask(up, now, timezone=zone, **parameters)
        assert ends(answer) == (want_from, want_to), (parameters, answer)
        starts = [oracle.parse(point["t"]) for point in answer["series"]]
        assert starts == oracle.intervals(want_from, want_to, answer["interval"], place)
        return answer

    check(day(-29), day(1))
    check(day(-7), day(1), from_="-7d")
    check(day(-14), day(-7), from_="-2w", to="-7d")
    check(day(-1), day(0), from_="yesterday", to="yesterday")
    check(day(0), day(1), from_="today", to="today")
    check(day(-3), instant, from_="-3d", to="now", interval="hour")
    check(instant - DAY, instant, from_="-24h")
    check(instant - datetime.timedelta(minutes=90), instant, from_="-90m", interval="minute")
    check(day(-10), day(-4), from_=today - 10 * DAY, to=today - 5 * DAY)
    check(day(-34), day(-4), to=today - 5 * DAY)
    for interval in ("hour", "day", "week", "month"):
        check(day(-20), day(1), from_="-20d", interval=interval)


@pytest.mark.parametrize("zone, now", MOMENTS)
def test_period_before(up, zone, now):
    place = oracle.zone_of(zone)
    today = datetime.datetime.fromisoformat(now).astimezone(place).date()
    answer = ask(up, now, timezone=zone, from_="-2d", compare="previous")
    assert ends(answer["previous"]) == (oracle.start_of(today - 5 * DAY, place),
                                        oracle.start_of(today - 2 * DAY, place))
    answer = ask(up, now, timezone=zone, from_="-24h", compare="previous")
    start, end = ends(answer)
    assert ends(answer["previous"]) == (start - (end - start), start)


def test_interval_by_itself(up):
    now = MOMENTS[0][1]
    assert ask(up, now, from_="yesterday", to="today")["interval"] == "hour"
    assert ask(up, now, from_="-2d", to="today")["interval"] == "day"


def test_rollups_reach_beyond_now_when_nothing_is_there(up):
    now = "2026-11-23T10:15:30+00:00"
    range_ = {"from_": "2026-11-20", "to": "2026-11-23T10:15:30Z", "interval": "day"}
    assert ask(up, now, **range_)["source"] == "rollup"
    assert ask(up, now, kpi="active_users", **range_)["source"] == "rollup"
    insert = ("insert into traction.event (project_id, ts, received_at, id, kind, name, person, bot,"
              " clamped) values (1, '2026-11-23T10:20:00Z', now(), 'x', 'e', 'page_view',"
              " gen_random_uuid(), %s, false)")
    harness.query(up.database_url, "select traction.make_event_partition('2026-11-23')")
    harness.query(up.database_url, insert, True)
    assert ask(up, now, **range_)["source"] == "rollup"
    harness.query(up.database_url, insert, False)
    assert ask(up, now, **range_)["source"] == "events"
    assert ask(up, now, kpi="active_users", **range_)["source"] == "events"
    # Up to a quarter of an hour before it, counts still come from rollups.
    range_["to"] = "2026-11-23T10:00:00Z"
    assert ask(up, now, **range_)["source"] == "rollup"
    assert ask(up, now, kpi="active_users", **range_)["source"] == "events"
