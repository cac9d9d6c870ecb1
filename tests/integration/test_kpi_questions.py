# SPDX-License-Identifier: MIT
"""How questions are put: compared with other periods, from the first event on, by people's own web
vitals, with marks on what is not over yet."""
import datetime
import json
import os
import sys
import urllib.parse

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import harness  # noqa: E402

TODAY = datetime.datetime.now(datetime.timezone.utc).date()
DAY = datetime.timedelta(1)


def noon(day):
    return f"{day}T12:00:00Z"


@pytest.fixture(scope="module")
def up():
    with harness.Up() as program:
        events = []
        # As many views as the day of the week, Monday 1, on each of the last 40 days, and on one
        # day a year ago.
        for back in range(1, 41):
            day = TODAY - back * DAY
            events += [{"name": "page_view", "user": f"u{n}", "timestamp": noon(day)}
                       for n in range(day.isoweekday())]
        for _ in range(3):
            events.append({"name": "page_view", "user": "old",
                           "timestamp": noon(TODAY - 360 * DAY)})
        # Three people: fast, slow, and with a reading now and then; one whom nobody measured.
        for user, values in (("fast", [900, 1000, 9000, 800, 700]), ("slow", [5000]),
                             ("between", [2600, 2000, 3900])):
            events += [{"name": "web_vital", "user": user, "value": value,
                        "properties": {"metric": "LCP"}} for value in values]
        for user in ("fast", "slow", "between", "unmeasured"):
            events.append({"name": "page_view", "user": user})
        for user in ("fast", "between"):
            events.append({"name": "conversion", "user": user})
        status, _, body = program.post(events, "?ack=commit")
        assert status == 202 and not json.loads(body)["rejected"]
        yield program


def ask(up, kpi, **parameters):
    query = urllib.parse.urlencode({k.rstrip("_"): v for k, v in parameters.items()})
    status, answer = up.get(f"/v1/kpi/{kpi}?{query}")
    assert status == 200, answer
    return answer


def views(first, beyond):
    """Of the last 40 days."""
    days = [TODAY - back * DAY for back in range(1, 41)]
    return [day.isoweekday() if day in days else 0
            for day in (first + i * DAY for i in range((beyond - first).days))]


@pytest.mark.parametrize("compare, back", [("previous", 10), ("week", 14)])
def test_compared(up, compare, back):
    first, beyond = TODAY - 10 * DAY, TODAY
    answer = ask(up, "page_views", from_=first, to=TODAY - DAY, compare=compare)
    previous = answer["previous"]
    want = views(first - back * DAY, beyond - back * DAY)
    assert previous["from"] == f"{first - back * DAY}T00:00:00Z"
    assert previous["to"] == f"{beyond - back * DAY}T00:00:00Z"
    assert [point["value"] for point in previous["series"]] == want
    assert previous["value"] == sum(want)
    assert previous["change"] == pytest.approx(answer["value"] / sum(want) - 1)
    if compare == "week":  # weekday by weekday the same
        assert [p["value"] for p in previous["series"]] == [p["value"] for p in answer["series"]]


def test_compared_with_the_year_before(up):
    day = TODAY - 360 * DAY
    later = day.replace(year=day.year + 1) if (day.month, day.day) != (2, 29) else day + 365 * DAY
    answer = ask(up, "page_views", from_=later - 2 * DAY, to=later + 2 * DAY, compare="year")
    assert answer["previous"]["value"] == 3
    assert [p["value"] for p in answer["previous"]["series"]] == [0, 0, 3, 0, 0]


def test_from_the_beginning(up):
    answer = ask(up, "page_views", from_="begin", interval="none")
    assert answer["from"] == f"{TODAY - 360 * DAY}T00:00:00Z"
    assert answer["value"] == 3 + 4 + sum(views(TODAY - 40 * DAY, TODAY))


def test_partial_intervals(up):
    weeks = ask(up, "page_views", from_=TODAY - 9 * DAY, interval="week")["series"]
    monday = (TODAY - 9 * DAY).weekday() == 0
    assert [point.get("partial", False) for point in weeks] == (
        [not monday] + [False] * (len(weeks) - 2) + [True])
    days = ask(up, "page_views", from_="-3d")["series"]
    assert [point.get("partial", False) for point in days] == [False, False, False, True]


def test_by_web_vital(up):
    """75 % of the readings of fast are at most 1,000 ms, of between at most 3,900."""
    def groups(kpi, **more):
        answer = ask(up, kpi, from_="today", by="web_vital.LCP", interval="none", **more)
        return {group["by"]: group["value"] for group in answer["groups"]}
    assert groups("active_users") == {"good": 1, "needs improvement": 1, "poor": 1, None: 1}
    assert groups("conversion_rate") == {"good": 1, "needs improvement": 1, "poor": 0, None: 0}


@pytest.mark.parametrize("query, parameter", [
    ("page_views?by=web_vital.LCP", "by"), ("active_users?by=web_vital.FID", "by"),
    ("active_users?where=web_vital.LCP:poor", "where"), ("active_users?compare=month", "compare"),
    ("active_users?to=begin", "to"), ("active_users?from=beginning", "from"),
])
def test_refused(up, query, parameter):
    status, answer = up.get("/v1/kpi/" + query)
    assert status == 400 and answer["error"]["parameter"] == parameter
