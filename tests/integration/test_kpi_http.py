# SPDX-License-Identifier: MIT
"""Questions over HTTP: who may ask, what is refused and how, limits, CSV, batches, the ledger."""
import concurrent.futures
import csv
import io
import json
import os
import random
import signal
import sys
import urllib.parse

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import harness  # noqa: E402

SETTINGS = {"TRACTION_DATABASE_STATEMENT_TIMEOUT": "700ms"}


@pytest.fixture(scope="module")
def up():
    with harness.Up(env=SETTINGS) as program:
        status, _, _ = program.post(
            [{"name": "page_view", "user": "u1", "session": "s1", "url": "https://a.example/x",
              "properties": {"label": "=cmd|' /C calc'!A0", "a.b": 1, "deep": {"er": "yes"}}},
             {"name": "purchase", "user": "u1", "value": 19.99},
             {"name": "purchase", "user": "u1", "value": -0.1, "unit": "EUR"},
             {"name": "", "user": "u1"}], "?ack=commit")
        assert status == 202
        yield program


def ask(up, path, **more):
    key = more.pop("key", up.values["TRACTION_READ_KEY"])
    status, headers, body = harness.request(up.url, more.pop("method", "GET"), path, key, **more)
    return status, headers, body.decode()


def error(text):
    return json.loads(text)["error"]


@pytest.mark.parametrize("path", ["/v1/kpis", "/v1/kpi/sessions", "/v1/kpi/nothing", "/v1/ledger",
                                  "/v1/query"])
def test_keys(up, path):
    method = "POST" if path == "/v1/query" else "GET"
    more = {"method": method, "body": '{"kpi":"sessions"}' if method == "POST" else None}
    for key, want in ((None, 401), ("tr_wrong", 401), (up.values["TRACTION_WRITE_KEY"], 403),
                      (up.values["TRACTION_READ_KEY"], 404 if "nothing" in path else 200),
                      (up.values["TRACTION_ADMIN_KEY"], 404 if "nothing" in path else 200)):
        status, headers, text = ask(up, path, key=key, headers={"Origin": "https://x.example"},
                                    **more)
        assert status == want, text
        assert headers["Cache-Control"] == "no-store"
        assert not [name for name in headers if name.lower().startswith("access-control")]
        if want >= 400:
            assert error(text)["message"]
        assert (status == 401) == ("WWW-Authenticate" in headers)


def test_key_in_the_query_and_project(up):
    read = up.values["TRACTION_READ_KEY"]
    project = up.values["TRACTION_PROJECT_ID"]
    assert ask(up, f"/v1/kpi/sessions?key={read}", key=None)[0] == 200
    assert ask(up, f"/v1/kpi/sessions?project={project}")[0] == 200
    assert ask(up, "/v1/kpi/sessions?project=default")[0] == 200
    status, _, text = ask(up, "/v1/kpi/sessions?project=another")
    assert status == 403 and error(text)["parameter"] == "project"


@pytest.mark.parametrize("path, status, parameter", [
    ("active_user", 404, "kpi"), ("", 404, None), ("sessions?fron=x", 400, "fron"),
    ("sessions?from=yesterday&to=-7d", 400, "from"), ("sessions?timezone=Mars/Base", 400, "timezone"),
    ("sessions?timezone=EST5EDT4", 400, "timezone"), ("sessions?timezone=%2B02:00", 400, "timezone"),
    ("sessions?timezone=CEST", 400, "timezone"),
    ("sessions?interval=minute", 400, "interval"), ("sessions?from=0001-01-01", 400, "interval"),
    ("sessions?from=-365d&interval=hour&by=path", 400, "interval"),
    ("sessions?by=user%00", 400, "by"), ("sessions?where=path:%ff", 400, "where"),
    ("sessions?source=rollup&where=path:/", 400, "source"),
    ("sessions?interval=day&interval=day", 400, "interval"),
])
def test_bad_questions(up, path, status, parameter):
    got, _, text = ask(up, "/v1/kpi/" + path)
    assert got == status, text
    if parameter:
        assert error(text)["parameter"] == parameter
        assert parameter in error(text)["message"] or status == 404


def test_near_misses(up):
    assert error(ask(up, "/v1/kpi/active_user")[2])["hint"] == "Did you mean active_users?"
    assert error(ask(up, "/v1/kpi/sessions?form=x")[2])["hint"] == "Did you mean from?"


def test_far_ranges_are_answered(up):
    for query in ("from=0001-01-01&to=9999-12-31&interval=none&compare=previous",
                  "from=0001-01-01T00:00:01Z&to=9999-12-31&interval=none&compare=previous",
                  "from=0001-01-01&to=9999-12-31&interval=none&compare=week",
                  "from=0001-01-01&to=9999-12-31&interval=none&compare=year&timezone=Asia/Tokyo",
                  "to=0001-01-01&compare=previous", "from=begin&compare=year", "from=9999-12-31&to=9999-12-31",
                  "from=-36500d&interval=month", "from=-10000m&interval=minute",
                  "to=1970-01-01", "from=now&to=today&interval=minute"):
        status, _, text = ask(up, "/v1/kpi/event_count?" + query)
        assert status == 200, text
        assert len(json.loads(text)["series"]) <= 11000


def test_nested_and_dotted_properties(up):
    for name, label in (("deep.er", "yes"), ("a.b", "1"), ("label", "=cmd|' /C calc'!A0")):
        _, _, text = ask(up, f"/v1/kpi/page_views?interval=none&by=properties.{name}")
        assert [group["by"] for group in json.loads(text)["groups"]] == [label]
    _, _, text = ask(up, "/v1/kpi/page_views?interval=none&where=properties.deep.er:yes")
    assert json.loads(text)["value"] == 1


def test_csv_of_lists(up):
    _, _, text = ask(up, "/v1/kpi/funnel.csv?steps=page_view,nothing&from=-7d")
    header, *rows = csv.reader(io.StringIO(text))
    assert header[:3] == ["step", "name", "people"]
    assert [row[1] for row in rows] == ["page_view", "nothing"]
    _, _, text = ask(up, "/v1/kpi/retention.csv?interval=day&from=-7d&by=path")
    header, *rows = csv.reader(io.StringIO(text))
    assert header == ["path", "t", "size", "n", "active", "share"] and rows
    _, _, text = ask(up, "/v1/kpi/retention.csv?interval=day&from=2020-01-01&to=2020-01-07")
    assert text == "t,size,n,active,share\r\n"


def test_csv(up):
    path = "/v1/kpi/page_views{}?interval=none&by=properties.label"
    for more in ({"path": path.format(".csv")},
                 {"path": path.format(""), "headers": {"Accept": "text/csv"}}):
        status, headers, text = ask(up, **more)
        assert status == 200 and headers["Content-Type"] == "text/csv; charset=utf-8"
        rows = list(csv.reader(io.StringIO(text)))
        assert rows == [["properties.label", "value"], ["'=cmd|' /C calc'!A0", "1"]]
    _, _, text = ask(up, "/v1/kpi/revenue.csv?interval=none")
    assert text == "value,n\r\n19.99,2\r\n"
    status, headers, text = ask(up, "/v1/kpi/nothing.csv")
    assert status == 404 and headers["Content-Type"] == "application/json"


def test_money(up):
    _, _, text = ask(up, "/v1/kpi/revenue?interval=none")
    assert '"value":19.99,' in text
    assert '"currencies":{"EUR":-0.1,"USD":19.99}' in text
    assert '"exact":{"EUR":"-0.1","USD":"19.99"}' in text


def query(up, body):
    status, _, text = ask(up, "/v1/query", method="POST", body=body)
    return status, json.loads(text)


def test_batches(up):
    one = {"kpi": "page_views", "interval": "none", "where": ["path:/x", "user:u1"]}
    status, answer = query(up, one)
    assert status == 200 and answer["value"] == 1
    for body in ([one, {"kpi": "x"}, one], {"queries": [one, {"kpi": "x"}, one]}):
        status, answer = query(up, body)
        assert status == 200
        assert [a.get("value") for a in answer["answers"]] == [1, None, 1]
        assert answer["answers"][1]["error"]["code"] == "unknown_kpi"
    assert query(up, {"kpi": "load_time", "percentile": 99.9})[0] == 200
    for body in ("", "{", "1", "[1]", '{"queries":{}}', '{"kpi":1}', '{"kpi":"sessions","by":{}}',
                 '{"kpi":"sessions","where":[1,[]]}', "[" * 10000, [one] * 51):
        status, answer = query(up, body)
        assert status == 400 and answer["error"]["message"], body
    status, _, _ = ask(up, "/v1/query", method="POST", body=" " * 70000)
    assert status == 413


@pytest.mark.parametrize("more, parameter, says", [
    ({"by": {}}, "by", "by: expected a text, a number, true or false, or an array of these"),
    ({"where": ["path:/x", []]}, "where", "where[1]: expected a text, a number, true or false"),
    ({"where": ["path:/x", "hue:red"]}, "where", "where: \"hue\" is not a dimension"),
    ({"where": [None]}, "where", "where[0]: expected a text"),
    ({"from": ["-7d", "-8d"]}, "from", "from: expected once"),
    ({"percentile": True}, "percentile", "percentile: page_views has no such parameter"),
    ({"compare": True}, "compare", "compare: expected previous, week or year"),
    ({"x" * 65: {}}, "?", "?: expected a text"), ({"é" * 40: 1}, "?", "there is no parameter ?"),
    ({"where": ["path:/x"] * 64}, "where", "where[63]: expected at most 64 values in all"),
    ({"kpi": None}, "kpi", "kpi: expected the name of a KPI"),
])
def test_errors_of_a_batch_say_where(up, more, parameter, says):
    one = {"kpi": "page_views", "interval": "none"}
    status, answer = query(up, {**one, **more})
    assert status == 400 and "index" not in answer["error"]
    status, answers = query(up, [one, {**one, **more}])
    assert status == 200 and answers["answers"][0]["value"] == 1
    wrong = answers["answers"][1]["error"]
    assert wrong.pop("index") == 1 and wrong == answer["error"]
    assert wrong["parameter"] == parameter and wrong["message"].startswith(says), wrong


def test_parameters_of_a_batch_need_not_be_texts(up):
    status, answer = query(up, {"kpi": "page_views", "interval": "none", "annotations": True,
                                "by": None, "where": "path:/x"})
    assert status == 200 and answer["annotations"] == [] and "groups" not in answer
    status, answer = query(up, [{"kpi": "page_views"}, 1])
    assert status == 400 and answer["error"]["message"] == "queries[1]: expected an object"


def test_ledger(up):
    status, answer = up.get("/v1/ledger")
    assert status == 200 and answer["balanced"]
    assert answer["received"] == 4 and answer["stored"] == 3 and answer["waiting"] == 0
    assert sum(answer["rejected"].values()) == 1


def lock_events(up):
    connection = harness.database(up.database_url)
    connection.autocommit = False
    connection.cursor().execute("lock table traction.event in access exclusive mode")
    return connection


def test_too_slow_is_504_and_too_many_429(up):
    """Questions that wait for a lock stand for slow ones."""
    connection = lock_events(up)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(ask, up, "/v1/kpi/sessions?source=events") for _ in range(8)]
        answers = [each.result() for each in asked]
    connection.rollback()
    connection.close()
    statuses = sorted(status for status, _, _ in answers)
    assert statuses == [429] * 4 + [504] * 4
    for status, headers, text in answers:
        assert error(text)["hint"]
        if status == 429:
            assert headers["Retry-After"]
    assert ask(up, "/v1/kpi/sessions?source=events")[0] == 200


WORDS = ["from", "to", "interval", "timezone", "by", "where", "compare", "include", "source", "name",
         "goal", "percentile", "properties.", "country:", "~", "!", "|", "*", "%", "'", '"', ";",
         "--", "/*", "\\", "$1", ":x", "{where}", "now", "-7d", "today", "2026-11-01", "none", "day",
         "route", "UTC", "Asia/Kolkata", "null", "\0", "\x7f", "é", "\ud7ff", "' or 1=1 --", "1e999"]


def test_no_text_is_more_than_a_text(up):
    """Random questions: understood or refused, never an error of the database."""
    rng = random.Random(3)
    kpis = [kpi["kpi"] for kpi in json.loads(ask(up, "/v1/kpis")[2])["kpis"]]
    seen = set()
    for _ in range(int(os.environ.get("TRACTION_TEST_QUESTIONS", "600"))):
        pairs = []
        for _ in range(rng.randint(1, 4)):
            name = rng.choice(WORDS[:12])
            value = "".join(rng.choice(WORDS) for _ in range(rng.randint(0, 4)))
            if name in ("by", "where") and rng.random() < 0.7:
                value = rng.choice(["properties.", "name:", "path~", "!os:"]) + value
            pairs.append((name, value))
        status, _, text = ask(up, f"/v1/kpi/{rng.choice(kpis)}?" + urllib.parse.urlencode(pairs))
        assert status in (200, 400), (pairs, text)
        seen.add(status)
    assert seen == {200, 400}
    assert harness.query(up.database_url, "select count(*) from traction.event") == [(3,)]


def test_database_away_and_back(up):
    backends = harness.query(up.database_url, "select pid from pg_stat_activity"
                             " where application_name = 'traction query'")
    assert backends
    for pid, in backends:
        harness.query(up.database_url, "select pg_terminate_backend(%s)", pid)
    assert ask(up, "/v1/kpi/sessions")[0] == 200  # connected again within the question
    up.signal_postgres(signal.SIGSTOP)
    try:
        assert up.status("/healthz") == 200
    finally:
        up.signal_postgres(signal.SIGCONT)
    assert harness.wait_for(lambda: ask(up, "/v1/kpi/sessions")[0] == 200)
