# SPDX-License-Identifier: MIT
"""Requests that Segment's SDKs really sent, byte for byte but for key and host: answered as Segment
would, stored once, however often they are sent."""
import base64
import glob
import json
import os

import harness
import pytest

FOLDER = os.path.join(harness.ROOT, "tests", "data", "captures")
CAPTURED_KEY = "tw_0123456789abcdef"


def requests_of(client):
    for path in sorted(glob.glob(os.path.join(FOLDER, client, "*.json"))):
        with open(path) as capture:
            yield json.load(capture)


def replay(program, capture):
    key = program.values["TRACTION_WRITE_KEY"]
    body = base64.b64decode(capture["body_base64"])
    body = body.replace(b'"writeKey":"k"', b'"writeKey":"%s"' % key.encode())
    fields = {name: value for name, value in capture["headers"].items()
              if name not in ("content-length", "connection")}
    if "authorization" in fields:
        user = base64.b64decode(fields["authorization"].split()[1]).decode()
        user = user.replace(CAPTURED_KEY, key)
        fields["authorization"] = "Basic " + base64.b64encode(user.encode()).decode()
    path = capture["path"].replace(CAPTURED_KEY, key)
    return harness.request(program.url, capture["method"], path, None, body or None, headers=fields)


def count(program):
    return harness.query(program.database_url,
                         "select count(*), count(distinct id) from traction.event")[0]


@pytest.mark.parametrize("client, events", [("segment-node", 19), ("segment-browser", 4)])
def test_replayed_twice_counts_once(up, client, events):
    up.start()
    for _ in range(2):
        for capture in requests_of(client):
            status, fields, body = replay(up, capture)
            wanted = 204 if capture["method"] == "OPTIONS" else capture["answered"]
            assert status == wanted, (capture["path"], body)
            if "origin" in capture["headers"]:
                assert fields["Access-Control-Allow-Origin"] == capture["headers"]["origin"]
    harness.wait_for(lambda: up.get("/v1/ledger")[1]["waiting"] == 0)
    assert count(up) == (events, events)
    ledger = up.get("/v1/ledger")[1]
    assert ledger["stored"] == events and ledger["duplicate"] == events, ledger
    assert ledger["balanced"] and not ledger["rejected"], ledger
