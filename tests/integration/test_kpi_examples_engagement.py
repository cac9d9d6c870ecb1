# SPDX-License-Identifier: MIT
"""The example of docs/kpi-examples/engagement.md, which is part of docs/kpis.md, computed by hand."""
import datetime
import json
import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import harness  # noqa: E402

TODAY = datetime.datetime.now(datetime.timezone.utc).date()
MONDAY = TODAY - datetime.timedelta(TODAY.weekday() + 14 + 7)


def at(day, clock):
    return f"{MONDAY + datetime.timedelta(day - 1)}T{clock}:00Z"


EVENTS = [
    {"name": "page_view", "user": "ann", "timestamp": at(1, "10:00")},
    {"name": "page_view", "user": "ann", "timestamp": at(1, "10:20")},
    {"name": "page_view", "user": "bob", "timestamp": at(1, "10:00")},
    {"name": "page_view", "user": "ann", "timestamp": at(2, "10:00")},
    {"name": "engaged_time", "value": 12000, "user": "ann", "timestamp": at(2, "10:00")},
    {"name": "page_view", "anonymous": "a1", "timestamp": at(2, "23:50")},
    {"name": "page_view", "anonymous": "a1", "timestamp": at(3, "00:10")},
    {"name": "identify", "anonymous": "a1", "user": "cid", "timestamp": at(3, "00:10")},
    {"name": "feature_used", "user": "ann", "timestamp": at(8, "10:00"),
     "properties": {"feature": "export"}},
    {"name": "page_view", "user": "dan", "timestamp": at(9, "10:00")},
    {"name": "engaged_time", "value": 5000, "user": "dan", "timestamp": at(9, "10:00")},
]


@pytest.fixture(scope="module")
def up():
    with harness.Up() as program:
        status, _, body = program.post(EVENTS, "?ack=commit")
        assert status == 202 and not json.loads(body)["rejected"]
        yield program


@pytest.fixture(params=["rollup", "events"])
def ask(up, request):
    def question(kpi, more="interval=week", source=f"&source={request.param}"):
        last = MONDAY + datetime.timedelta(13)
        status, answer = up.get(f"/v1/kpi/{kpi}?from={MONDAY}&to={last}&{more}{source}")
        assert status == 200, answer
        return answer
    return question


def values(answer):
    return [answer["value"]] + [point["value"] for point in answer["series"]]


def test_people(ask):
    assert values(ask("active_users")) == [4, 3, 2]
    assert ask("stickiness")["value"] == pytest.approx(0.125)
    assert ask("return_rate")["value"] == pytest.approx(0.5)
    first, second = ask("lifecycle")["series"]
    assert [first[k] for k in ("value", "new", "returning", "resurrected", "dormant")] == [
        3, 3, 0, 0, 0]
    assert [second[k] for k in ("value", "new", "returning", "resurrected", "dormant")] == [
        2, 1, 1, 0, 2]


def test_retention(ask):
    answer = ask("retention")
    assert answer["value"] == pytest.approx(1 / 3)
    assert [(c["size"], [p["active"] for p in c["periods"]]) for c in answer["cohorts"]] == [
        (3, [3, 1]), (1, [1])]


def test_sessions(ask):
    assert ask("sessions")["value"] == 6
    assert ask("bounce_rate")["value"] == pytest.approx(2 / 6)
    assert ask("time_on_site")["value"] == pytest.approx(2417000 / 6)


def test_funnel(ask):
    steps = "steps=page_view,feature_used"
    answer = ask("funnel", steps, "")
    assert answer["value"] == pytest.approx(1 / 4)
    assert [step["people"] for step in answer["steps"]] == [4, 1]
    assert [step["median_seconds_from_first"] for step in answer["steps"]] == [0, 518400]
    assert [step["median_seconds_from_previous"] for step in answer["steps"]] == [None, 518400]
    assert ask("funnel", steps + "&window=1d", "")["value"] == 0
