# SPDX-License-Identifier: MIT
"""Web vitals, apdex and errors of a tiny data set, with the answers worked out by hand; the same as
docs/kpi-examples/performance.md."""
import json
import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import harness  # noqa: E402

DAY = "2026-11-20"
RANGE = f"from={DAY}&to={DAY}"


def event(name, clock, value=None, user="u1", **properties):
    made = {"name": name, "timestamp": f"{DAY}T{clock}Z", "user": user, "properties": properties}
    if value is not None:
        made["value"] = value
    return made


def send(up, events):
    status, _, body = up.post(events, "?ack=commit")
    assert status == 202 and not json.loads(body)["rejected"], body


def ask(up, kpi, query=""):
    """Both ways where rollups can answer; they are equal."""
    status, answer = up.get(f"/v1/kpi/{kpi}?{RANGE}{query}")
    assert status == 200, answer
    status, again = up.get(f"/v1/kpi/{kpi}?{RANGE}{query}&source=events")
    assert status == 200
    for one in (answer, again):
        one.pop("as_of")
    assert dict(again, source=answer["source"]) == answer
    return answer


def pick(answer, *names):
    return tuple(answer[name] for name in names)


@pytest.fixture(scope="module")
def up():
    with harness.Up() as program:
        send(program, [
            event("web_vital", "10:00:00", 1800, metric="LCP"),
            event("web_vital", "10:00:01", 2500, metric="LCP"),
            event("web_vital", "10:00:02", 2501, metric="LCP", rating="good"),
            event("web_vital", "10:00:03", 4000.5, metric="LCP"),
            event("web_vital", "11:00:00", 0.1, metric="CLS"),
            event("web_vital", "11:00:01", 0.05, metric="CLS"),
            event("web_vital", "11:00:02", 0.0123456789, metric="CLS"),
            event("web_vital", "11:00:03", 0.3, metric="CLS"),
            event("web_vital", "11:00:04", -1, metric="CLS"),
            event("web_vital", "11:00:05", 20, metric="FID"),
            event("web_vital", "11:00:06", metric="LCP"),
            event("api_request", "12:00:00", 500, route="/a", status=200),
            event("api_request", "12:00:01", 501, route="/a", status=200),
            event("api_request", "12:00:02", 2000, route="/a", status=500),
            event("api_request", "12:00:03", 2001, route="/b", status=200),
            event("api_request", "12:00:04", status=200),
            event("error", "13:00:00", type="TypeError", message="x is undefined", fatal=True),
            event("error", "13:05:00.25", type="TypeError", message="x is undefined"),
            event("error", "13:10:00", user="u2", type="TypeError", message="x is undefined"),
            event("error", "13:11:00", user="u2", message="é" * 120),
            event("error", "13:12:00", user="u2", type=7),
        ])
        yield program


def test_web_vitals(up):
    answer = ask(up, "web_vitals", "&interval=none")
    assert answer["source"] == "rollup" and answer["by"] == "metric"
    assert pick(answer, "value", "good", "needs_improvement", "poor", "n", "passed") == (
        5 / 8, 5 / 8, 1 / 8, 2 / 8, 8, False)
    groups = {group["by"]: group for group in answer["groups"]}
    assert sorted(groups) == ["CLS", "LCP"]
    lcp, cls = groups["LCP"], groups["CLS"]
    assert pick(lcp, "good", "needs_improvement", "poor", "n", "rating") == (
        0.5, 0.25, 0.25, 4, "needs_improvement")
    assert lcp["value"] == pytest.approx(2501, rel=0.01)
    assert lcp["mean"] == pytest.approx((1800 + 2500 + 2501 + 4000.5) / 4)
    assert pick(cls, "good", "needs_improvement", "poor", "n", "rating") == (
        0.75, 0, 0.25, 4, "good")
    assert cls["value"] == pytest.approx(0.1, rel=0.01)
    assert cls["mean"] == pytest.approx((0.1 + 0.05 + 0.012345679 + 0.3) / 4, rel=1e-12)
    status, answer = up.get(f"/v1/kpi/web_vitals?{RANGE}&by=path")
    assert status == 400 and answer["error"]["parameter"] == "by"


def test_apdex(up):
    answer = ask(up, "apdex", "&by=route&interval=none")
    assert answer["source"] == "rollup" and answer["t"] == 500
    assert pick(answer, "value", "satisfied", "tolerating", "frustrated", "n") == (
        (1 + 2 / 2) / 4, 1, 2, 1, 4)
    assert [pick(g, "by", "value", "n") for g in answer["groups"]] == [
        ("/a", pytest.approx((1 + 2 / 2) / 3), 3), ("/b", 0, 1)]
    answer = ask(up, "apdex", "&t=2000&interval=hour")
    assert answer["source"] == "events" and answer["value"] == (3 + 1 / 2) / 4
    point = {point["t"]: point for point in answer["series"]}
    assert point[f"{DAY}T12:00:00Z"]["value"] == (3 + 1 / 2) / 4
    assert pick(point[f"{DAY}T13:00:00Z"], "value", "satisfied", "n") == (None, 0, 0)
    for wrong in ("0", "x", "1e9"):
        status, answer = up.get(f"/v1/kpi/apdex?{RANGE}&t={wrong}")
        assert status == 400 and answer["error"]["parameter"] == "t"


def test_errors(up):
    answer = ask(up, "errors", "&interval=none")
    assert pick(answer, "by", "value", "people", "sessions", "fatal", "n") == ("error", 5, 2, 2, 1, 5)
    first, *others = answer["groups"]
    assert pick(first, "by", "value", "people", "sessions", "fatal", "first_seen", "last_seen") == (
        "TypeError: x is undefined", 3, 2, 2, 1, f"{DAY}T13:00:00Z", f"{DAY}T13:10:00Z")
    assert [group["by"] for group in others] == ["unknown", "é" * 100]
    answer = ask(up, "errors", "&interval=none&by=user")
    assert [pick(group, "by", "value") for group in answer["groups"]] == [("u2", 3), ("u1", 2)]
    answer = ask(up, "errors", "&interval=none&where=error~TypeError*")
    assert answer["value"] == 3


def test_errors_of_a_visitor_who_became_a_user(up):
    """Before and after they were known: one person, in one session by inactivity."""
    def error(clock, **who):
        return {"name": "error", "timestamp": f"2026-11-18T{clock}Z", **who}
    send(up, [error("08:00:00", anonymous="a9"), error("08:10:00", user="u9"),
              error("08:20:00", user="u9", session="s9")])
    query = "/v1/kpi/errors?from=2026-11-18&to=2026-11-18&interval=none"
    assert pick(up.get(query)[1], "value", "people", "sessions") == (3, 2, 3)
    send(up, [{"name": "identify", "anonymous": "a9", "user": "u9"}])
    assert pick(up.get(query)[1], "value", "people", "sessions") == (3, 1, 2)
