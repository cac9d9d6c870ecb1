# SPDX-License-Identifier: MIT
"""GET /v1/names and /v1/properties: what has been sent."""
import datetime
import json
import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import harness  # noqa: E402

NOW = datetime.datetime.now(datetime.timezone.utc)


def days_ago(days):
    return NOW.replace(hour=0, minute=0, second=1) - datetime.timedelta(days)


def event(name, days, **properties):
    return {"name": name, "timestamp": days_ago(days).isoformat(), "user": "u",
            "properties": properties}


@pytest.fixture(scope="module")
def up():
    with harness.Up() as program:
        _, empty = program.get("/v1/properties")
        assert empty == {"properties": [], "sample": {"events": 0, "from": None, "to": None}}
        assert program.get("/v1/names")[1]["names"] == []
        events = [event("sign_up", 1, plan="pro", seats=3), event("sign_up", 5, plan="pro"),
                  event("sign_up", 5, plan="free", seats="3"), event("other", 2, plan={"a": 1}),
                  event("page_view", 1), event("old", 40, gone=True),
                  dict(event("sign_up", 2), kind="business")]
        status, _, body = program.post(events, "?ack=commit")
        assert status == 202 and not json.loads(body)["rejected"], body
        yield program


def test_names(up):
    status, answer = up.get("/v1/names")
    assert status == 200

    def day(days):
        return str(days_ago(days).date())
    assert answer["names"] == [
        dict(name="sign_up", kind="engagement", events=3, first_seen=day(5), last_seen=day(1)),
        dict(name="other", kind="engagement", events=1, first_seen=day(2), last_seen=day(2)),
        dict(name="page_view", kind="engagement", events=1, first_seen=day(1), last_seen=day(1)),
        dict(name="sign_up", kind="business", events=1, first_seen=day(2), last_seen=day(2))]
    _, answer = up.get("/v1/names?from=-60d&to=-30d")
    assert [one["name"] for one in answer["names"]] == ["old"]
    _, answer = up.get("/v1/names?from=-1d")
    assert {one["name"]: one["events"] for one in answer["names"]} == {"sign_up": 1, "page_view": 1}


def test_properties(up):
    status, answer = up.get("/v1/properties")
    assert status == 200 and answer["sample"]["events"] == 7
    assert [one["property"] for one in answer["properties"]] == ["plan", "seats", "gone"]
    plan, seats, gone = answer["properties"]
    assert plan == {
        "property": "plan", "events": 4, "types": ["object", "string"], "names": ["sign_up", "other"],
        "values": [{"value": "pro", "events": 2}, {"value": "free", "events": 1}]}
    assert seats["types"] == ["number", "string"] and seats["values"] == [
        {"value": "3", "events": 2}]
    assert gone["values"] == [{"value": "true", "events": 1}]
    _, answer = up.get("/v1/properties?name=other")
    assert answer["sample"]["events"] == 1
    assert [one["property"] for one in answer["properties"]] == ["plan"]


def test_refusals(up):
    for path in ("/v1/names?by=name", "/v1/properties?from=-7d", "/v1/names?from=x"):
        status, answer = up.get(path)
        assert status == 400 and answer["error"]["code"] == "bad_parameter", path
    key = up.values["TRACTION_WRITE_KEY"]
    for path in ("/v1/names", "/v1/properties"):
        assert harness.request(up.url, "GET", path, key)[0] == 403
        assert harness.request(up.url, "GET", path)[0] == 401
