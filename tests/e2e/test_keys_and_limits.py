# SPDX-License-Identifier: MIT
"""Keys that are absent, unknown or not loaded yet are told apart, by the same words at every door;
and the limits of questions are settings."""
import contextlib
import json
import threading

import pytest

import harness

WRITING = [("POST", "/v1/events"), ("GET", "/v1/pixel.gif?name=x")]
READING = [("GET", "/v1/kpi/revenue"), ("GET", "/v1/kpis"), ("GET", "/v1/ledger"),
           ("POST", "/v1/query")]
EVENT = {"name": "page_view", "user": "u"}


def ask(url, method, path, key=None):
    status, fields, body = harness.request(url, method, path, key,
                                           EVENT if method == "POST" else None)
    return status, json.loads(body)["error"]["code"], fields


@pytest.mark.parametrize("method, path", WRITING + READING)
def test_absent_and_unknown_keys(traction_up, method, path):
    assert ask(traction_up.url, method, path)[:2] == (401, "no_key")
    for key in ("tw_" + "0" * 38, "tr_" + "0" * 38, "nonsense"):
        assert ask(traction_up.url, method, path, key)[:2] == (401, "unknown_key")


@pytest.fixture(scope="module")
def starting(traction_up):
    """A first start without PostgreSQL: no key was ever loaded."""
    directory = harness.folder()
    server = harness.Serve(directory, "postgresql:///traction?host=/nowhere", traction_up.values)
    server.start(ready=False)
    harness.wait_for(lambda: server.status("/healthz") == 200)
    yield server
    server.stop()


@pytest.mark.parametrize("method, path", WRITING + READING + [("POST", "/v1/track")])
def test_no_keys_are_loaded_yet(starting, method, path):
    key = starting.values["TRACTION_WRITE_KEY" if path in dict(WRITING).values()
                          else "TRACTION_READ_KEY"]
    status, code, fields = ask(starting.url, method, path, key)
    assert (status, code) == (503, "starting")
    assert int(fields["Retry-After"]) >= 1
    if path != "/v1/track":
        assert ask(starting.url, method, path)[:2] == (401, "no_key")


def question(program, count, padding=""):
    body = {"queries": [{"kpi": "revenue", "interval": "none", "name": padding}] * count}
    if not padding:
        del body["queries"][0]["name"]
    status, _, answer = harness.request(program.url, "POST", "/v1/query",
                                        program.values["TRACTION_READ_KEY"], body)
    return status, json.loads(answer)


@contextlib.contextmanager
def lock(url):
    with contextlib.closing(harness.database(url)) as other:
        other.autocommit = False
        with other.cursor() as cursor:
            cursor.execute("lock table traction.rollup_count in access exclusive mode")
            yield


def test_limits_of_questions(up):
    up.env = {"TRACTION_LIMITS_QUERIES": "2", "TRACTION_LIMITS_QUERY_BODY": "1KiB",
              "TRACTION_LIMITS_QUERIES_WAITING": "1", "TRACTION_DATABASE_STATEMENT_TIMEOUT": "1m"}
    up.start()
    assert question(up, 2)[0] == 200
    status, answer = question(up, 3)
    assert status == 400 and answer["error"]["parameter"] == "queries"
    assert "2" in answer["error"]["message"]
    status, answer = question(up, 1, "x" * 1024)
    assert (status, answer["error"]["code"]) == (413, "too_large")
    with lock(up.database_url):
        # Asked again while the other has the place.
        waiting = threading.Thread(
            target=harness.wait_for, args=(lambda: question(up, 1)[0] == 200, 90))
        waiting.start()
        status, answer = harness.wait_for(lambda: refused(up))
        assert (status, answer["error"]["code"]) == (503, "unavailable")
    waiting.join()
    assert question(up, 1)[0] == 200


def refused(program):
    """Asked for what the lock does not hold up, until the other question has the only place."""
    status, _, answer = harness.request(program.url, "GET", "/v1/kpi/event_count?source=events",
                                        program.values["TRACTION_READ_KEY"])
    return status != 200 and (status, json.loads(answer))
