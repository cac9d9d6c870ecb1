# SPDX-License-Identifier: MIT
"""GET /v1/events: single events, page by page."""
import datetime
import json
import os
import sys
import urllib.parse

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import harness  # noqa: E402

TODAY = datetime.datetime.now(datetime.timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0)


def at(days, seconds=0.0):
    return (TODAY - datetime.timedelta(days, -seconds)).isoformat()


# 1,200 at one instant, two a month before them, and one on each of some days.
EVENTS = ([{"id": f"tie{i}", "name": "imported", "timestamp": at(5, 0.25), "user": f"u{i % 7}"}
           for i in range(1200)] +
          [{"id": f"old{i}", "name": "imported", "timestamp": at(40, i)} for i in range(2)] +
          [{"id": f"day{i}", "name": "other", "timestamp": at(i, 1e-6), "value": i,
            "properties": {"given": None, "list": [None, 1]}} for i in range(3, 21)])


@pytest.fixture(scope="module")
def up():
    with harness.Up() as program:
        for start in range(0, len(EVENTS), 1000):
            status, _, body = program.post(EVENTS[start:start + 1000], "?ack=commit")
            assert status == 202 and not json.loads(body)["rejected"], body
        yield program


def pages(up, parameters):
    """Each page's events, until there is no next."""
    found, cursor = [], None
    while True:
        more = "&cursor=" + urllib.parse.quote(cursor) if cursor else ""
        status, answer = up.get(f"/v1/events?from=-60d&{parameters}{more}")
        assert status == 200, answer
        found.append(answer["events"])
        cursor = answer["next"]
        if cursor is None:
            return found


@pytest.mark.parametrize("limit", [1, 7, 10, 499, 500])
def test_pages_hold_everything_once(up, limit):
    # A page of one for each event would take its time.
    parameters = f"limit={limit}" + ("&name=other" if limit < 7 else "")
    wanted = [one for one in EVENTS if limit >= 7 or one["name"] == "other"]
    found = pages(up, parameters)
    assert all(len(page) == limit for page in found[:-1]) and 0 < len(found[-1]) <= limit
    events = [one for page in found for one in page]
    assert sorted(one["id"] for one in events) == sorted(one["id"] for one in wanted)
    times = [datetime.datetime.fromisoformat(one["at"].replace("Z", "+00:00")) for one in events]
    assert times == sorted(times, reverse=True)


def test_whole_pages_end_without_an_empty_one(up):
    assert [len(page) for page in pages(up, "limit=6&name=other")] == [6, 6, 6]
    assert pages(up, "name=never") == [[]]


def test_pages_keep_to_what_was_asked(up):
    events = [one for page in pages(up, "limit=50&where=user:u3") for one in page]
    assert len(events) == sum(one.get("user") == "u3" for one in EVENTS)
    assert {one["user"] for one in events} == {"u3"}


def test_what_was_sent_is_whole(up):
    [page] = pages(up, "limit=20&name=other")
    assert page[0]["properties"] == {"given": None, "list": [None, 1]}
    assert page[0]["value"] == 3 and page[0]["at"].endswith("T00:00:00.000001Z")
    assert "user" not in page[0] and "unit" not in page[0]


@pytest.mark.parametrize("cursor", ["", "x", ",", ",,", "2026-01-01T00:00:00Z", "now",
                                    "2026-01-01T00:00:00Z,x,id", "2026-01-01,2026-01-01,id",
                                    "2026-13-01T00:00:00Z,2026-01-01T00:00:00Z,id"])
def test_other_cursors_are_refused(up, cursor):
    status, answer = up.get("/v1/events?cursor=" + urllib.parse.quote(cursor))
    assert status == 400 and answer["error"]["parameter"] == "cursor", answer
    assert "expected" in answer["error"]["message"]


@pytest.mark.parametrize("name", ["a%2Cb", "%25", "%E2%82%AC", "'", "", "%FF", "%00"])
def test_any_id_is_a_cursor_if_it_is_text(up, name):
    status, answer = up.get("/v1/events?from=-60d&limit=3"
                            f"&cursor=9999-01-01T00:00:00Z,2000-01-01T00:00:00Z,{name}")
    if name in ("%FF", "%00"):
        assert status == 400 and "expected" in answer["error"]["message"], answer
    else:
        assert status == 200 and len(answer["events"]) == 3, answer


def send_and_list(up, number):
    """An event with this number among its properties, and one without any behind it."""
    name = f"sized{len(number)}"
    for event in ('{"name":"%s","properties":{"m":1,"n":%s}}' % (name, number),
                  '{"name":"%s"}' % name):
        status, _, body = up.post(event, "?ack=commit")
        assert status == 202, body
    [page] = pages(up, f"name={name}")
    return page


@pytest.mark.parametrize("text, shown", [
    ("12345678901234567890", {"n": 12345678901234567890.0, "m": 1}),
    ("-1e300", {"n": -1e300, "m": 1}),
    ("0.1234567890123456789", {"n": 0.12345678901234568, "m": 1}),
], ids=["beyond 64 bits", "large", "long"])
def test_numbers_of_any_size_hide_nothing(up, text, shown):
    page = send_and_list(up, text)
    assert "properties" not in page[0]
    assert page[1]["properties"] == pytest.approx(shown, rel=1e-14)


def test_beyond_doubles_is_text(up):
    digits = "7" * 999
    page = send_and_list(up, digits)
    assert "properties" not in page[0] and digits in page[1]["properties"]
