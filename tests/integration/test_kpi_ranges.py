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


@pytest.mark.parametrize("zone, now", MOMENTS)
@pytest.mark.parametrize("first, last", [(-6, 0), (-29, 0), (-6, -5), (-7, 0)])
def test_weeks_before(up, zone, now, first, last):
    place = oracle.zone_of(zone)
    today = datetime.datetime.fromisoformat(now).astimezone(place).date()
    weeks = 1
    while today + last * DAY - weeks * 7 * DAY >= today + first * DAY:
        weeks += 1
    answer = ask(up, now, timezone=zone, from_=today + first * DAY, to=today + last * DAY,
                 interval="day", compare="week")
    before = answer["previous"]
    assert ends(before) == (oracle.start_of(today + (first - 7 * weeks) * DAY, place),
                            oracle.start_of(today + (last + 1 - 7 * weeks) * DAY, place))
    days = [[oracle.parse(point["t"]).astimezone(place).date() for point in which["series"]]
            for which in (answer, before)]
    assert [day - 7 * weeks * DAY for day in days[0]] == days[1]
    # An hour of a day is that hour of the days before.
    start = instant(place, today + first * DAY, 9)
    answer = ask(up, now, timezone=zone, from_=start.isoformat(), compare="week",
                 to=(start + 2 * DAY / 24).isoformat(), interval="hour")
    begin = instant(place, today + (first - 7) * DAY, 9)
    assert ends(answer["previous"]) == (begin, begin + 2 * DAY / 24)
    assert len(answer["previous"]["series"]) == len(answer["series"]) == 2


def instant(place, day, hour):
    return datetime.datetime.combine(day, datetime.time(hour), place).astimezone(oracle.UTC)


@pytest.mark.parametrize("first, last, want_first, want_last", [
    ("2026-11-01", "2026-11-30", "2025-11-01", "2025-11-30"),
    ("2024-01-01", "2024-12-31", "2023-01-01", "2023-12-31"),
    ("2024-02-29", "2024-02-29", "2023-02-28", "2023-02-28"),
    ("2024-02-28", "2024-02-28", "2023-02-28", "2023-02-28"),
    ("2024-02-28", "2024-03-01", "2023-02-28", "2023-03-01"),
    ("2025-02-28", "2025-03-01", "2024-02-28", "2024-03-01"),
])
@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "America/St_Johns", "Australia/Lord_Howe"])
def test_year_before(up, zone, first, last, want_first, want_last):
    place = oracle.zone_of(zone)
    answer = ask(up, MOMENTS[0][1], timezone=zone, from_=first, to=last, compare="year",
                 interval="day")
    want_from, want_to = (oracle.start_of(datetime.date.fromisoformat(day) + more * DAY, place)
                          for day, more in ((want_first, 0), (want_last, 1)))
    assert ends(answer["previous"]) == (want_from, want_to)
    assert [oracle.parse(point["t"]) for point in answer["previous"]["series"]] == \
        oracle.intervals(want_from, want_to, "day", place)


def test_hours_of_a_29_february_are_compared_with_as_many(up):
    answer = ask(up, MOMENTS[0][1], from_="2024-02-28T23:00:00Z", to="2024-02-29T01:00:00Z",
                 compare="year")
    assert ends(answer["previous"]) == (oracle.parse("2023-02-28T23:00:00Z"),
                                        oracle.parse("2023-03-01T01:00:00Z"))


def partial(points):
    assert all(point.get("partial", True) is True for point in points)
    return [i for i, point in enumerate(points) if "partial" in point]


def test_partial_intervals(up):
    now = "2026-11-25T10:15:30+00:00"  # a Wednesday
    days = ask(up, now, from_="-3d")
    assert partial(days["series"]) == [3] and days["interval"] == "day"
    assert partial(ask(up, now, from_="-3d", to="yesterday")["series"]) == []
    weeks = ask(up, now, from_="2026-11-10", to="2026-11-24", interval="week", compare="week")
    assert partial(weeks["series"]) == [0, 2]
    assert weeks["notes"] == ["the first interval is partial: it begins before the range",
                              "the last interval is partial: it ends after the range"]
    assert partial(weeks["previous"]["series"]) == [0, 2]
    assert partial(ask(up, now, from_="2026-11-09", to="2026-11-22", interval="week")["series"]) == []
    hours = ask(up, now, from_="-3h", interval="hour")
    assert partial(hours["series"]) == [0, 3]
    assert partial(ask(up, now, from_="2026-11-01", to="2026-11-30", interval="month")["series"]) == [0]
    grouped = ask(up, now, from_="-1d", interval="day", by="name")
    assert all(partial(group["series"]) == [1] for group in grouped["groups"])


def test_from_the_first_event_on(up):
    now = "2026-11-23T10:15:30+00:00"
    empty = ask(up, now, from_="begin", to="2026-11-20")
    assert ends(empty) == (oracle.parse("2026-10-22T00:00:00Z"), oracle.parse("2026-11-21T00:00:00Z"))
    harness.query(up.database_url, "insert into traction.person (project_id, person, first_seen)"
                  " values (1, gen_random_uuid(), '2026-08-01T23:00:00Z'),"
                  " (1, gen_random_uuid(), '2026-09-01T00:00:00Z')")
    answer = ask(up, now, from_="begin", compare="previous")
    assert oracle.parse(answer["from"]) == oracle.parse("2026-08-01T00:00:00Z")
    assert answer["previous"]["value"] == 0 and answer["previous"]["change"] is None
    answer = ask(up, now, from_="begin", timezone="Asia/Kolkata")
    assert oracle.parse(answer["from"]) == oracle.parse("2026-08-01T18:30:00Z")
    # Not before the end: as if it had not been given.
    answer = ask(up, now, from_="begin", to="2026-07-30")
    assert oracle.parse(answer["from"]) == oracle.parse("2026-07-01T00:00:00Z")


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
