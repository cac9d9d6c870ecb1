# SPDX-License-Identifier: MIT
"""The demo's bad release, replayed so that two hours pass in a second: it pages once, and only for
what it broke."""
import datetime
import json
import os
import time
import urllib.parse

import pytest

import harness
import receivers

HOURS_A_SECOND = 2
WINDOW = 10     # seconds: twenty hours of the story
BEFORE = 24     # hours of the story before the release, and after it was taken back
AFTER = 24
RULE = {"name": "API error rate", "kpi": "error_rate", "by": "route", "above": 0.05,
        "window": f"{WINDOW}s", "for": "1s", "keep_firing_for": "2s", "min_samples": 10,
        "confidence": 0.95, "severity": "page"}


@pytest.fixture(scope="module")
def story():
    """The demo's requests around the bad release: (seconds since the first, route, status)."""
    program = harness.Up()
    program.command += ["--demo", "--demo-events", "400000"]
    with program:
        with open(os.path.join(program.data, "demo.json")) as file:
            bad = json.load(file)["outage"]
        begin, end = (datetime.datetime.fromisoformat(bad[at].replace("Z", "+00:00"))
                      for at in ("from", "to"))
        first = begin - datetime.timedelta(hours=BEFORE)
        rows = harness.query(
            program.database_url,
            "select extract(epoch from ts - %s), properties->>'route', (properties->>'status')::int"
            " from traction.event where name = 'api_request' and ts between %s and %s order by ts",
            first, first, end + datetime.timedelta(hours=AFTER))
    scale = 3600 * HOURS_A_SECOND
    return ([(float(at) / scale, route, status) for at, route, status in rows],
            (begin - first).total_seconds() / scale, (end - first).total_seconds() / scale)


def replay(up, requests):
    start = time.time()
    at = 0
    while at < len(requests):
        due = [one for one in requests[at:at + 500] if one[0] <= time.time() - start]
        if due:
            status, _, _ = up.post([{"kind": "performance", "name": "api_request", "value": 1,
                                     "unit": "ms", "properties": {"route": route, "status": code}}
                                    for _, route, code in due])
            assert status == 202
            at += len(due)
        time.sleep(0.05)
    return start


def test_pages_for_the_bad_release_and_nothing_else(story):
    requests, begin, end = story
    assert any(code >= 500 for at, _, code in requests if not begin <= at <= end), "as always"
    env = {"TRACTION_ALERTS_ALLOW_PRIVATE": "yes", "TRACTION_ALERTS_INTERVAL": "200ms",
           "TRACTION_ALERTS_GROUP_WAIT": "200ms"}
    with harness.Up(env=env) as up, receivers.Recorder() as recorder:
        key = up.values["TRACTION_ADMIN_KEY"]
        body = {"rules": [RULE], "receivers": [{"name": "ops", "webhook": recorder.url + "/hook"}]}
        status, _, answer = harness.request(up.url, "PUT", "/v1/alerts", key, body)
        assert status == 200, answer
        start = replay(up, requests)
        resolved = recorder.wait("resolved", RULE["name"], seconds=60)
        path = "/v1/alerts/history?rule=" + urllib.parse.quote(RULE["name"])
        _, _, answer = harness.request(up.url, "GET", path, key)
    told = [(alert["status"], alert["labels"]["route"]) for alert in recorder.alerts()]
    assert told == [("firing", "/api/boards"), ("resolved", "/api/boards")], answer
    moment = datetime.datetime.fromisoformat(resolved["startsAt"].replace("Z", "+00:00"))
    assert start + begin < moment.timestamp() < start + end, (start, begin, end, moment)
    over = datetime.datetime.fromisoformat(resolved["endsAt"].replace("Z", "+00:00"))
    assert over.timestamp() > start + end
