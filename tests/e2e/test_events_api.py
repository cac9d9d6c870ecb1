# SPDX-License-Identifier: MIT
"""POST /v1/events: every form, every verdict; and rubbish that must neither crash nor reach
PostgreSQL."""
import gzip
import json
import zlib

import harness
import pytest


def post(up, body, query="?ack=commit", **fields):
    key = up.values["TRACTION_WRITE_KEY"]
    headers = {name.replace("_", "-"): value for name, value in fields.items()}
    status, _, answer = harness.request(up.url, "POST", "/v1/events" + query, key, body,
                                        headers=headers)
    return status, json.loads(answer)


EVENT = {"name": "page_view", "user": "u"}


@pytest.mark.parametrize("body, fields, accepted", [
    (json.dumps(EVENT), {}, 1),
    (json.dumps([EVENT, EVENT]), {"Content_Type": "text/plain"}, 2),
    (json.dumps({"events": [EVENT] * 3, "sent_at": "2026-01-01T00:00:00Z"}), {}, 3),
    ("\n".join([json.dumps(EVENT)] * 4) + "\n", {}, 4),
    (b"\xef\xbb\xbf" + json.dumps(EVENT).encode(), {}, 1),
    (gzip.compress(json.dumps([EVENT] * 5).encode()), {"Content_Encoding": "gzip"}, 5),
    (zlib.compress(json.dumps([EVENT] * 6).encode()), {"Content_Encoding": "deflate"}, 6),
    (json.dumps([EVENT] * 1000), {}, 1000),
])
def test_forms(traction_up, body, fields, accepted):
    status, answer = post(traction_up, body, **fields)
    assert status == 202, answer
    assert answer["accepted"] == accepted and answer["committed"] and not answer["rejected"]


@pytest.mark.parametrize("text, field, code", [
    ('{"name":"x","value":1e400}', "value", "not_finite"),
    ('{"name":"x","value":"1"}', "value", "wrong_type"),
    ('{"name":""}', "name", "required"),
    ('{"user":"u"}', "name", "required"),
    ('{"name":"%s"}' % ("n" * 201), "name", "too_long"),
    ('{"name":"x","id":"%s"}' % ("i" * 129), "id", "too_long"),
    ('{"name":"x","name":"y"}', "name", "duplicate_field"),
    ('{"name":"x","nmae":"y"}', "nmae", "unknown_field"),
    ('{"name":"x","timestamp":"2026-02-30T00:00:00Z"}', "timestamp", "bad_timestamp"),
    ('{"name":"a\\u0000b"}', "name", "invalid_text"),
    ('{"name":"\\ud800"}', "name", "invalid_text"),
    ('{"name":"x","kind":"other"}', "kind", "bad_kind"),
    ('{"name":"api_request","value":-1}', "value", "out_of_range"),
    ('{"name":"x","properties":{"a":1e999999}}', "properties", None),
    ('{"name":"x","properties":%s}' % ('{"a":' * 17 + "1" + "}" * 17), "properties", None),
])
def test_a_bad_event_is_refused_alone(traction_up, text, field, code):
    body = '[{"name":"good"},' + text + "]"
    status, answer = post(traction_up, body)
    assert status == 202 and answer["accepted"] == 1, answer
    [verdict] = answer["rejected"]
    assert verdict["index"] == 1 and verdict["message"]
    assert verdict["field"].startswith(field), verdict
    assert code is None or verdict["code"] == code, verdict


@pytest.mark.parametrize("text", [
    '{"name":"x","properties":{"a":"\\u0000 \\ud83d"}}', '{"name":"x","value":1e-400}',
    '{"name":"x","timestamp":"1976-01-01T00:00:00Z"}', '{"name":"x","timestamp":9e15}',
    '{"name":"x","properties":{"a":1,"a":2}}', '{"name":"x","id":"%s"}' % ("i" * 128),
    '{"name":"x","properties":{"n":18446744073709551616}}',
])
def test_what_is_mended_is_stored(traction_up, text):
    status, answer = post(traction_up, text)
    assert status == 202 and answer["accepted"] == 1 and answer["committed"], answer


@pytest.mark.parametrize("body", [b"", b"x", b"[", b"\xff\xfe", b"[" * 100000, b"null", b"[1,2]",
                                  b'{"name":"x"', b"\x1f\x8b\x08garbage"])
def test_rubbish_is_answered(traction_up, body):
    status, answer = post(traction_up, body)
    assert status in (202, 400), answer
    assert status == 400 or answer["accepted"] == 0


def test_statuses(traction_up):
    up = traction_up
    assert harness.request(up.url, "POST", "/v1/events", None, EVENT)[0] == 401
    assert harness.request(up.url, "POST", "/v1/events", "tw_unknown", EVENT)[0] == 401
    assert harness.request(up.url, "POST", "/v1/events", up.values["TRACTION_READ_KEY"],
                           EVENT)[0] == 403
    assert harness.request(up.url, "GET", "/v1/kpis", up.values["TRACTION_WRITE_KEY"])[0] == 403
    assert post(up, EVENT, "?ack=never")[0] == 400
    assert post(up, json.dumps([EVENT] * 1001))[0] == 413
    assert post(up, b" " * (1 << 20) + b"{}")[0] == 413
    assert harness.request(up.url, "POST",
                           "/v1/events?key=" + up.values["TRACTION_WRITE_KEY"], None, EVENT)[0] == 202
    status, fields, body = harness.request(
        up.url, "GET", "/v1/pixel.gif?name=mail_opened&key=" + up.values["TRACTION_WRITE_KEY"])
    assert status == 200 and fields["Content-Type"] == "image/gif" and body.startswith(b"GIF89a")


def test_an_id_counts_once_whatever_its_timestamp_says(traction_up):
    event = {**EVENT, "id": "the-same"}
    assert post(traction_up, event)[1]["duplicates"] == 0
    assert post(traction_up, {**event, "timestamp": "2026-11-01T00:00:00Z"})[1]["duplicates"] == 1
    assert post(traction_up, [event, event])[1]["duplicates"] == 2


def test_at_the_end_nothing_reached_postgresql_that_it_refused(traction_up):
    harness.wait_for(lambda: traction_up.get("/v1/ledger")[1]["waiting"] == 0)
    ledger = traction_up.get("/v1/ledger")[1]
    assert ledger["balanced"], ledger
    assert not [code for code in ledger["rejected"] if code.startswith("sqlstate")], ledger
    assert traction_up.status("/readyz") == 200
