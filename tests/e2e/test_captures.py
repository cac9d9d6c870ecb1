# SPDX-License-Identifier: MIT
"""Requests that unmodified Segment SDKs sent, byte for byte but for key and host, sent again."""
import base64
import glob
import http.client
import json
import os

import pytest

import harness

FOLDER = os.path.join(harness.ROOT, "tests", "data", "captures")
# The browser was given the key "k" by the settings that it was answered when it was recorded.
KEYS = ("tw_0123456789abcdef", "k")
EVENTS = {"segment-node": 19, "segment-browser": 4}


def requests(client):
    for path in sorted(glob.glob(os.path.join(FOLDER, client, "*.json"))):
        with open(path) as file:
            yield json.load(file)


def basic(key):
    return "Basic " + base64.b64encode(f"{key}:".encode()).decode()


def replay(program, captured):
    """Sends one captured request: (status, headers, body)."""
    key = program.values["TRACTION_WRITE_KEY"]
    body = base64.b64decode(captured["body_base64"])
    headers = dict(captured["headers"])
    for theirs in KEYS:
        body = body.replace(f'"writeKey":"{theirs}"'.encode(), f'"writeKey":"{key}"'.encode())
        if headers.get("authorization") == basic(theirs):
            headers["authorization"] = basic(key)
    connection = http.client.HTTPConnection("127.0.0.1", program.port, timeout=30)
    path = captured["path"].replace(KEYS[0], key)
    if captured["query"]:
        path += "?" + captured["query"].lstrip("?")
    connection.putrequest(captured["method"], path, skip_accept_encoding=True)
    for name, value in headers.items():
        if name not in ("content-length", "connection"):
            connection.putheader(name, value)
    if body:
        connection.putheader("content-length", str(len(body)))
    connection.endheaders(body or None)
    answer = connection.getresponse()
    try:
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def settled(program):
    ledger = program.get("/v1/ledger")[1]
    return ledger if ledger["waiting"] == 0 else None


def check_answer(captured, status, headers, body):
    origin = captured["headers"].get("origin")
    if origin:
        assert headers["Access-Control-Allow-Origin"] == origin
        assert headers["Access-Control-Allow-Credentials"] == "true"
        assert "Origin" in headers["Vary"]
    else:
        assert headers["Access-Control-Allow-Origin"] is None
    if captured["method"] == "OPTIONS":
        assert status in (200, 204)
        assert "POST" in headers["Access-Control-Allow-Methods"]
        wanted = captured["headers"]["access-control-request-headers"]
        assert wanted in headers["Access-Control-Allow-Headers"]
        return
    assert status == captured["answered"] == 200, body
    assert headers["Content-Type"].startswith("application/json")
    if captured["method"] == "POST":
        assert json.loads(body) == {"success": True}


@pytest.mark.parametrize("client", EVENTS)
def test_a_story_is_answered_as_the_vendor_does_and_counted_once(traction_up, client):
    before = harness.wait_for(lambda: settled(traction_up))
    for _ in range(2):
        for captured in requests(client):
            check_answer(captured, *replay(traction_up, captured))
    after = harness.wait_for(lambda: settled(traction_up))
    assert after["balanced"]
    assert after["stored"] - before["stored"] == EVENTS[client]
    assert after["duplicate"] - before["duplicate"] == EVENTS[client]
    assert after["rejected"] == {}


def test_settings_lead_the_browser_back_to_this_server(traction_up):
    captured = next(requests("segment-browser"))
    status, headers, body = replay(traction_up, captured)
    assert status == 200
    assert headers["Access-Control-Allow-Origin"] == captured["headers"]["origin"]
    segment = json.loads(body)["integrations"]["Segment.io"]
    assert segment["apiKey"] == traction_up.values["TRACTION_WRITE_KEY"]
    assert segment["apiHost"] == f"127.0.0.1:{traction_up.port}/v1"
    assert segment["protocol"] == "http"


def test_without_a_key_that_is_known_nothing_is_taken(traction_up):
    for client in EVENTS:
        for captured in requests(client):
            if captured["method"] != "POST":
                continue
            raw = base64.b64decode(captured["body_base64"])
            status, _, body = harness.request(
                traction_up.url, "POST", captured["path"], body=raw,
                headers={"authorization": captured["headers"]["authorization"]})
            assert status == 401
            assert json.loads(body)["success"] is False
