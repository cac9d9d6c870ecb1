# SPDX-License-Identifier: MIT
"""KPIs over a data set that is small enough to count by hand, and how to ask for them."""
import csv
import datetime
import io
import json
import urllib.parse

import pytest

import harness

DAY = datetime.timedelta(days=1)
# Three days ago at midnight UTC: the events of the first day; the others are a day later each.
BEGIN = datetime.datetime.now(datetime.timezone.utc).replace(
    hour=0, minute=0, second=0, microsecond=0) - 3 * DAY
FROM = BEGIN.strftime("%Y-%m-%d")
TO = (BEGIN + DAY).strftime("%Y-%m-%d")
FORMULA = "=cmd|' /C calc'!A0"


def at(day, clock):
    hours, minutes = clock.split(":")
    moment = BEGIN + day * DAY + datetime.timedelta(hours=int(hours), minutes=int(minutes))
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def event(name, day, clock, user, session=None, value=None, unit=None, url=None, **properties):
    made = {"name": name, "timestamp": at(day, clock), "user": user, "session": session,
            "value": value, "unit": unit, "url": url, "properties": properties or None}
    return {key: value for key, value in made.items() if value is not None}


# Two people on the first day, three on the second; four in all.
EVENTS = [
    event("page_view", 0, "01:00", "ann", "s1", url="https://app.example/a"),
    event("page_view", 0, "01:01", "ann", "s1", url="https://app.example/b"),
    event("engaged_time", 0, "01:02", "ann", "s1", value=30000),
    event("feature_used", 0, "01:03", "ann", "s1", feature="export"),
    event("page_view", 0, "20:00", "bob", "s2", url="https://app.example/a"),
    event("error", 0, "20:01", "bob", "s2", message="boom"),
    event("page_view", 1, "02:30", "bob", "s3", url="https://app.example/a"),
    event("page_view", 1, "02:31", "bob", "s3", url="https://app.example/docs/x"),
    event("feature_used", 1, "10:00", "cat", "s4", feature="export"),
    event("feature_used", 1, "10:01", "cat", "s4", feature=FORMULA),
    event("page_view", 1, "10:02", "dan", "s5", url="https://app.example/b"),
    event("conversion", 1, "11:00", "cat", "s4", goal="trial"),
    event("purchase", 0, "02:00", "ann", "s1", value=19.99, unit="USD", order_id="1"),
    event("purchase", 1, "12:00", "cat", "s4", value=30, unit="USD", order_id="2"),
    event("purchase", 1, "12:01", "cat", "s4", value=-9.99, unit="USD", order_id="2r"),
    event("page_load", 0, "01:00", "ann", "s1", value=1000),
    event("page_load", 1, "02:30", "bob", "s3", value=3, unit="s"),
    *(event("api_request", 0, "03:%02d" % i, "ann", "s1", value=100, route="/pay", status=200)
      for i in range(3)),
    event("api_request", 0, "03:10", "ann", "s1", value=100, route="/pay", status=503),
    *(event("api_request", 1, "03:%02d" % i, "bob", "s3", value=100, route="/list", status=404)
      for i in range(4)),
]
# Rollups of people hold whole days.
RANGE = {"from": FROM, "to": TO, "interval": "day"}


@pytest.fixture(scope="module")
def program(traction_up):
    status, _, body = traction_up.post(EVENTS, "?ack=commit")
    assert status == 202 and json.loads(body)["accepted"] == len(EVENTS), body
    return traction_up


def ask(program, kpi, **parameters):
    query = urllib.parse.urlencode({**RANGE, **parameters}, doseq=True)
    status, answer = program.get(f"/v1/kpi/{kpi}?{query}")
    assert status == 200, answer
    return answer


def refused(program, path, key="TRACTION_READ_KEY", method="GET", body=None):
    status, _, answer = harness.request(program.url, method, path, program.values[key], body)
    return status, json.loads(answer)["error"]


def within(value, expected):
    """Percentiles are sketched: 1 %."""
    return abs(value - expected) <= 0.0101 * abs(expected)


VALUES = [
    ("event_count", {}, len(EVENTS)),
    ("event_count", {"name": "error"}, 1),
    ("page_views", {}, 6),
    ("active_users", {}, 4),
    ("new_users", {}, 4),
    ("sessions", {}, 5),
    # s1: 30 s engaged; s2, s3 and s4 from first to last; s5 had one event.
    ("time_on_site", {}, (30000 + 60000 + 33 * 60000 + 121 * 60000 + 0) / 5),
    ("feature_usage", {}, 3),
    ("error_rate", {}, 1 / 8),
    ("client_error_rate", {}, 1 / 5),
    ("conversion_rate", {"goal": "trial"}, 1 / 4),
    ("conversion_rate", {"goal": "other"}, 0),
    ("revenue", {}, 40),
]


@pytest.mark.parametrize("source", ["rollup", "events"])
@pytest.mark.parametrize("kpi,parameters,expected", VALUES)
def test_values(program, kpi, parameters, expected, source):
    answer = ask(program, kpi, source=source, **parameters)
    assert answer["source"] == source
    assert float(answer["value"]) == pytest.approx(expected, rel=1e-12)
    assert answer["kpi"] == kpi and answer["unit"] and answer["definition"]


@pytest.mark.parametrize("source", ["rollup", "events"])
def test_durations(program, source):
    load = ask(program, "load_time", source=source)
    assert load["n"] == 2 and load["mean"] == 2000 and load["error"] == 0.01
    assert within(load["p50"], 1000)
    assert within(load["p99"], 3000)
    api = ask(program, "api_response_time", source=source, by="route")
    assert within(api["value"], 100) and api["n"] == 8
    assert {group["by"]: group["n"] for group in api["groups"]} == {"/pay": 4, "/list": 4}


@pytest.mark.parametrize("source", ["rollup", "events"])
def test_days(program, source):
    def series(kpi, **more):
        answer = ask(program, kpi, source=source, interval="day", **more)
        return [point["value"] for point in answer["series"]]
    assert series("active_users") == [2, 3]
    assert series("new_users") == [2, 2]
    assert series("page_views") == [3, 3]
    assert series("sessions") == [2, 3]
    assert [float(value) for value in series("revenue")] == [19.99, 20.01]
    assert series("error_rate") == [0.25, 0]
    assert series("client_error_rate") == [0.5, 0]
    assert series("feature_usage") == [1, 2]


@pytest.mark.parametrize("source", ["rollup", "events"])
def test_groups(program, source):
    routes = ask(program, "error_rate", source=source, by="route")["groups"]
    assert {group["by"]: group["value"] for group in routes} == {"/pay": 0.25, "/list": 0}
    features = ask(program, "feature_usage", source=source)["groups"]
    assert {group["by"]: (group["uses"], group["people"], group["adoption"])
            for group in features} == {"export": (2, 2, 0.5), FORMULA: (1, 1, 0.25)}
    names = ask(program, "event_count", source=source, by="name")["groups"]
    assert {group["by"]: group["value"] for group in names}["api_request"] == 8


def test_conditions(program):
    def value(kpi, *where):
        return float(ask(program, kpi, where=where)["value"])
    assert value("page_views", "path:/a") == 3
    assert value("page_views", "!path:/a") == 3
    assert value("page_views", "path:/a|/b") == 5
    assert value("page_views", "url~*/docs/*") == 1
    assert value("page_views", "path:/a", "user:bob") == 2
    assert value("revenue", "properties.order_id:2|2r") == pytest.approx(20.01)
    assert value("active_users", "name:page_view") == 3


@pytest.mark.parametrize("timezone,minutes", [("Asia/Kathmandu", 345), ("America/St_Johns", -210)])
@pytest.mark.parametrize("source", ["rollup", "events"])
def test_days_elsewhere(program, timezone, minutes, source):
    """Both are on the other side of UTC, and neither by whole hours."""
    offset = datetime.timedelta(minutes=minutes)
    expected = {}
    for sent in EVENTS:
        if sent["name"] == "page_view":
            moment = datetime.datetime.fromisoformat(sent["timestamp"].replace("Z", "+00:00"))
            day = (moment + offset).date()
            expected[day] = expected.get(day, 0) + 1
    query = {"from": (BEGIN - DAY).strftime("%Y-%m-%d"), "to": (BEGIN + 2 * DAY).strftime("%Y-%m-%d"),
             "timezone": timezone, "interval": "day", "source": source}
    answer = ask(program, "page_views", **query)
    assert answer["timezone"] == timezone
    assert [point["value"] for point in answer["series"]] == [
        expected.get((BEGIN + i * DAY).date(), 0) for i in range(-1, 3)]
    first = datetime.datetime.fromisoformat(answer["series"][0]["t"].replace("Z", "+00:00"))
    assert first == BEGIN - DAY - offset


def test_intervals_and_gaps(program):
    hours = ask(program, "page_views", interval="hour")["series"]
    assert len(hours) == 48 and [p["value"] for p in hours[:3]] == [0, 2, 0]
    assert ask(program, "page_views", interval="none")["series"] == []
    assert len(ask(program, "page_views", interval="month")["series"]) in (1, 2)
    empty = {"from": "2020-01-01", "to": "2020-01-02", "interval": "day"}
    assert ask(program, "page_views", **empty)["value"] == 0
    rate = ask(program, "error_rate", **empty)
    assert rate["value"] is None and [p["value"] for p in rate["series"]] == [None, None]
    assert ask(program, "load_time", **empty)["value"] is None


def test_compare(program):
    answer = ask(program, "page_views", compare="previous", **{
        "from": (BEGIN + DAY).strftime("%Y-%m-%d")})
    assert answer["value"] == 3
    assert (answer["previous"]["value"], answer["previous"]["change"]) == (3, 0)
    answer = ask(program, "page_views", compare="previous")
    assert answer["previous"]["value"] == 0


def get_csv(program, path, **headers):
    status, fields, body = harness.request(program.url, "GET", path,
                                           program.values["TRACTION_READ_KEY"], headers=headers)
    assert status == 200, body
    assert fields["Content-Type"].startswith("text/csv")
    return list(csv.reader(io.StringIO(body.decode(), newline="")))


def test_csv(program):
    path = f"/v1/kpi/revenue.csv?from={FROM}&to={TO}&interval=day"
    table = get_csv(program, path)
    assert table[0][:2] == ["t", "value"]
    assert [float(row[1]) for row in table[1:]] == [19.99, 20.01]
    assert get_csv(program, path.replace(".csv", ""), Accept="text/csv") == table


def test_no_formula_leaves_as_csv(program):
    table = get_csv(program, f"/v1/kpi/feature_usage.csv?from={FROM}&to={TO}&interval=none")
    assert {row[0] for row in table[1:]} == {"export", "'" + FORMULA}
    negative = get_csv(program, f"/v1/kpi/revenue.csv?from={FROM}&to={TO}&interval=none"
                                "&where=properties.order_id:2r")
    assert negative[1][0] == "-9.99"


def test_many_at_once(program):
    queries = [{"kpi": "page_views", **RANGE}, {"kpi": "nonsense"},
               {"kpi": "revenue", "where": ["user:cat", "properties.order_id:2"], **RANGE},
               {"kpi": "page_views", "interval": "fortnight"}]
    for body in ({"queries": queries}, queries):
        status, _, answer = harness.request(program.url, "POST", "/v1/query",
                                            program.values["TRACTION_READ_KEY"], body)
        assert status == 200
        answers = json.loads(answer)["answers"]
        assert answers[0]["value"] == 6 and float(answers[2]["value"]) == 30
        assert "nonsense" in answers[1]["error"]["message"]
        assert answers[3]["error"]["parameter"] == "interval"
    status, _, answer = harness.request(program.url, "POST", "/v1/query",
                                        program.values["TRACTION_READ_KEY"], queries[0])
    assert status == 200 and json.loads(answer)["value"] == 6


def test_the_catalogue_has_them(program):
    listed = {kpi["kpi"] for kpi in program.get("/v1/kpis")[1]["kpis"]}
    assert listed >= {kpi for kpi, _, _ in VALUES} | {"load_time", "api_response_time"}


@pytest.mark.parametrize("parameter,value", [
    ("from", "yesteryear"), ("from", "2026-02-30"), ("to", "2026-13-01"), ("interval", "fortnight"),
    ("by", "shoe_size"), ("where", "country"), ("where", ":"), ("timezone", "Mars/Olympus"),
    ("timezone", ""), ("compare", "next"), ("include", "cats"), ("source", "tea"),
    ("percentile", "50"), ("goal", "x"), ("colour", "red"), ("from", "2026-01-01\0"),
    ("where", "user:" + "x" * 5000), ("timezone", "../../etc/passwd"), ("from", "now"),
])
def test_errors_name_the_parameter(program, parameter, value):
    query = {"from": FROM, "to": TO, parameter: value}
    status, error = refused(program, "/v1/kpi/page_views?" + urllib.parse.urlencode(query))
    assert status == 400
    assert error["parameter"] == parameter or parameter == "from" and error["parameter"] == "to"
    assert error["message"] and error["code"] == "bad_parameter"


def test_too_many_points_are_refused(program):
    status, error = refused(program, "/v1/kpi/page_views?from=2020-01-01&to=now&interval=minute")
    assert status == 400 and error["parameter"] in ("interval", "from", "to")


def test_who_may_ask(program):
    path = "/v1/kpi/page_views"
    assert refused(program, path, "TRACTION_WRITE_KEY")[0] == 403
    assert refused(program, "/v1/query", "TRACTION_WRITE_KEY", "POST", {"kpi": "x"})[0] == 403
    assert harness.request(program.url, "GET", path)[0] == 401
    assert harness.request(program.url, "GET", path, "tr_" + "x" * 38)[0] == 401
    assert harness.request(program.url, "GET", path, program.values["TRACTION_ADMIN_KEY"])[0] == 200
    assert harness.request(program.url, "GET", path + "?key="
                           + program.values["TRACTION_READ_KEY"])[0] == 200


def test_an_unknown_kpi_gets_a_hint(program):
    status, error = refused(program, "/v1/kpi/page_vews")
    assert status == 404 and "page_views" in error["hint"]


INJECTIONS = ["'; drop table traction.event; --", "x' or '1'='1", "\" or 1=1 --", "$1", "%s", "\\",
              "x\ty", "😀", "a.b.c", "properties", "') union select null::int --", "x|||", "*" * 200]


@pytest.mark.parametrize("text", INJECTIONS)
def test_what_looks_like_sql_is_text(program, text):
    parameters = [("by", f"properties.{text}"), ("where", f"properties.{text}:1"),
                  ("where", f"user:{text}"), ("where", f"url~{text}"), ("by", text),
                  ("timezone", text), ("name", text), ("goal", text), ("from", text)]
    for name, value in parameters:
        for kpi in ("event_count", "conversion_rate", "load_time"):
            query = urllib.parse.urlencode({**RANGE, name: value})
            status, answer = program.get(f"/v1/kpi/{kpi}?{query}")
            assert status in (200, 400), (name, kpi, answer)
    path = "/v1/kpi/" + urllib.parse.quote(text, safe="")
    assert refused(program, path)[0] in (400, 404)
    assert ask(program, "event_count")["value"] == len(EVENTS)
