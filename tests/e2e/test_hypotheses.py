# SPDX-License-Identifier: MIT
"""Hypotheses, annotations and before-and-after, over HTTP and from the command line, with counts
that are known exactly."""
import concurrent.futures
import datetime
import json
import os
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import harness  # noqa: E402

NOW = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
RELEASE = NOW - datetime.timedelta(hours=3)


def at(hours):
    """So many hours after the release."""
    return (RELEASE + datetime.timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")


def requests(service, start, end, failed, n):
    """n requests spread evenly over the hours, the failed ones among them spread evenly, too."""
    for i in range(n):
        bad = (i + 1) * failed // n > i * failed // n
        yield {"name": "api_request", "value": 20 + i % 7, "unit": "ms", "user": f"u{i}",
               "timestamp": at(start + (end - start) * (i + 0.5) / n),
               "properties": {"route": "/r", "status": 500 if bad else 200, "service": service}}


def loads(start, end, base, n):
    for i in range(n):
        yield {"name": "page_load", "value": base + 10 * (i % 100), "unit": "ms", "user": f"u{i}",
               "timestamp": at(start + (end - start) * (i + 0.5) / n)}


def efforts(start, end, scores, n):
    for i in range(n):
        yield {"name": "survey_answer", "value": scores[i % len(scores)], "user": f"u{i}",
               "timestamp": at(start + (end - start) * (i + 0.5) / n),
               "properties": {"survey": "s", "type": "ces"}}


def visits():
    """300 people, of whom 120 came on two days."""
    for i in range(300):
        for day in (2, 3) if i < 120 else (3,):
            yield {"name": "page_view", "user": f"p{i}", "url": "https://a.example/",
                   "timestamp": (NOW - datetime.timedelta(days=day)).isoformat()}


@pytest.fixture(scope="module")
def up():
    events = [*visits(), *requests("mended", -1, 0, 160, 400), *requests("mended", 0, 1, 40, 400),
              *requests("same", -1, 0, 80, 400), *requests("same", 0, 1, 84, 400),
              *loads(-1, 0, 2000, 500), *loads(0, 1, 1000, 500),
              *efforts(-1, 0, (3, 4, 5), 120), *efforts(0, 1, (5, 6, 7), 120)]
    with harness.Up() as program:
        for first in range(0, len(events), 500):
            status, _, body = program.post(events[first:first + 500], "?ack=commit")
            assert status == 202 and not json.loads(body)["rejected"], body
        yield program


def call(up, method, path, body=None, key="ADMIN"):
    status, _, text = harness.request(up.url, method, path, up.values[f"TRACTION_{key}_KEY"], body)
    return status, json.loads(text)


def cli(up, *words, status=0):
    done = subprocess.run([harness.BINARY, *words], text=True, capture_output=True, check=False,
                          env={**os.environ, **up.values})
    assert done.returncode == status, (words, done.stdout, done.stderr)
    return done.stdout if status == 0 else done.stderr


def state(up, want=201, **fields):
    body = {"title": "Requests succeed", "kpi": "error_rate", "where": "properties.service:same",
            "from": at(-2), "until": at(48), "min_sample": 200, **fields}
    status, answer = call(up, "POST", "/v1/hypotheses", body)
    assert status == want, answer
    return answer


@pytest.fixture(scope="module")
def release(up):
    """As a CI job does it: one line."""
    done = subprocess.run(
        ["curl", "-sS", "-w", "%{http_code}", f"{up.url}/v1/annotations", "-H",
         f"Authorization: Bearer {up.values['TRACTION_ADMIN_KEY']}", "-d",
         json.dumps({"at": at(0), "kind": "release", "title": "v2", "url": "https://ci.example/2",
                     "properties": {"commit": "abc"}})],
        text=True, capture_output=True, check=True)
    assert done.stdout[-3:] == "201", done.stdout
    answer = json.loads(done.stdout[:-3])
    assert answer["at"] == at(0) and answer["kind"] == "release" and answer["title"] == "v2"
    assert answer["properties"] == {"commit": "abc"}
    return answer["id"]


# Hypotheses


def test_validated_at_any_look(up):
    """164 of 800 failed: 20.5 %."""
    answer = state(up, below=0.3)
    assert answer["verdict"] == "validated", answer
    assert answer["value"] == 0.205 and answer["n"] == 800
    assert answer["looks"] == "any number" and "sequence" in answer["method"]
    assert answer["interval"]["confidence"] == 0.975
    assert 0.14 < answer["interval"]["low"] < 0.17 and 0.24 < answer["interval"]["high"] < 0.27
    assert answer["decided_at"]
    assert call(up, "GET", f"/v1/hypotheses/{answer['id']}", key="READ")[1] == answer


def test_refuted(up):
    answer = state(up, below=0.1)
    assert answer["verdict"] == "refuted" and answer["decided_at"]
    answer = state(up, above=0.4)
    assert answer["verdict"] == "refuted"
    assert "below" in answer["reason"]


def test_too_early(up):
    answer = state(up, below=0.23)
    assert answer["verdict"] == "too early" and answer["decided_at"] is None
    assert answer["interval"]["low"] < 0.23 < answer["interval"]["high"]
    assert answer["reason"] == "the interval contains the bound"
    # The score test refuses 0.23 beyond n = z² 0.23 0.77 / 0.025²: 1,089 in all.
    assert answer["needs"]["at_end"] == 1089 - 800
    assert answer["needs"]["before_end"] > answer["needs"]["at_end"]
    # Some 5 hours brought 800: in 48 hours there will be enough.
    assert at(2) < answer["decided_on"] <= at(48)
    assert answer["per_day"] > 1000
    # A bound that is exactly what there is will never be decided.
    never = state(up, below=0.205)
    assert never["decided_on"] is None and never["needs"] == {"at_end": None, "before_end": None}


def test_sample_first(up):
    answer = state(up, below=0.9, min_sample=5000)
    assert answer["verdict"] == "too early"
    assert answer["reason"] == "the sample is below its minimum: 800 of 5000"
    assert answer["needs"]["at_end"] == 4200


def test_the_one_look_at_the_end(up):
    """Wilson's interval of 164 / 800 at 95 % is 0.1785 to 0.2343; a sequence is wider."""
    assert state(up, below=0.24)["verdict"] == "too early"
    answer = state(up, below=0.24, until=at(1.5))
    assert answer["verdict"] == "validated" and answer["method"] == "wilson"
    assert answer["looks"] == "one, at the end"
    assert answer["interval"] == {"low": pytest.approx(0.178467, abs=1e-6),
                                  "high": pytest.approx(0.234353, abs=1e-6), "confidence": 0.95}
    assert any("stated when" in note for note in answer["notes"])


def test_a_verdict_stays(up):
    """Late events change the KPI and not what was found at the end."""
    fields = {"where": "properties.service:late", "until": at(1.5), "below": 0.3}
    events = list(requests("late", 0, 1, 60, 300))
    assert up.post(events, "?ack=commit")[0] == 202
    first = state(up, **fields)
    assert first["verdict"] == "validated" and first["n"] == 300
    undecided = state(up, **{**fields, "below": 0.21})
    assert undecided["verdict"] == "too early" and undecided["decided_at"]
    assert undecided["reason"] == "the interval contains the bound; the period is over"
    assert undecided["needs"]["at_end"] > 0 and undecided["decided_on"] is None
    assert up.post(list(requests("late", 0, 1, 300, 300)), "?ack=commit")[0] == 202
    for answer in (first, undecided):
        assert call(up, "GET", f"/v1/hypotheses/{answer['id']}")[1] == answer
    assert state(up, **fields)["verdict"] == "refuted"


def test_percentiles_and_means(up):
    """page_load is even from 1,000 to 1,990 after the release: p75 is 1,740."""
    fields = {"where": [], "from": at(0)}
    answer = state(up, kpi="load_time", below=1900, **fields)
    assert answer["verdict"] == "validated", answer
    assert answer["interval"]["low"] < 1740 < answer["interval"]["high"] < 1900
    assert state(up, kpi="load_time", below=1500, **fields)["verdict"] == "refuted"
    answer = state(up, kpi="load_time", below=1760, **fields)
    assert answer["verdict"] == "too early" and answer["needs"]["at_end"] > 0
    # Answers are 5, 6 and 7 alike: mean 6.
    answer = state(up, kpi="ces", above=5.5, min_sample=100, **fields)
    assert answer["verdict"] == "validated" and answer["value"] == 6
    answer = state(up, kpi="ces", above=6.05, min_sample=100, **fields)
    assert answer["verdict"] == "too early" and answer["needs"]["at_end"] > 0
    ended = state(up, kpi="ces", above=5.5, min_sample=100, until=at(1.5), **fields)
    assert ended["method"] == "student t" and ended["verdict"] == "validated"
    # sd² = 80 · 1 / 119; t = 1.98010 at 119: 6 ± 0.14821.
    assert ended["interval"]["low"] == pytest.approx(6 - 0.14821, abs=2e-4)


def test_people_come_back(up):
    fields = {"where": [], "kpi": "return_rate", "min_sample": 200,
              "from": (NOW - datetime.timedelta(days=5)).strftime("%Y-%m-%d")}
    answer = state(up, above=0.25, **fields)
    assert answer["value"] == 0.4 and answer["n"] == 300 and answer["verdict"] == "validated"
    assert state(up, above=0.55, **fields)["verdict"] == "refuted"


def test_before_it_begins(up):
    answer = state(up, below=0.3, **{"from": at(24)})
    assert answer["verdict"] == "too early" and answer["reason"] == "its period has not begun"
    assert answer["value"] is None and answer["n"] == 0


@pytest.mark.parametrize("fields, field", [
    ({"title": ""}, "title"), ({"title": None}, "title"), ({"kpi": "error_rat"}, "kpi"),
    ({"kpi": "active_users", "where": []}, "kpi"), ({"above": 0.1, "below": 0.1}, "above"),
    ({}, "above"), ({"below": "much"}, "below"), ({"below": 1.5}, "below"),
    ({"below": 0.1, "until": None}, "until"), ({"below": 0.1, "until": "soon"}, "until"),
    ({"below": 0.1, "from": "whenever"}, "from"), ({"below": 0.1, "until": at(-3)}, "from"),
    ({"below": 0.1, "min_sample": 3}, "min_sample"),
    ({"below": 0.1, "min_sample": 100.5}, "min_sample"),
    ({"below": 0.1, "confidence": 95}, "confidence"), ({"below": 0.1, "by": "route"}, "by"),
    ({"below": 0.1, "to": "now"}, "to"), ({"below": 0.1, "goal": "x"}, "goal"),
    ({"below": 0.1, "were": "x"}, "were"), ({"below": 0.1, "where": "x"}, "where"),
    ({"below": 0.1, "where": [1]}, "where"),
])
def test_refused_fields(up, fields, field):
    error = state(up, want=400, **fields)["error"]
    assert error["parameter"] == field and error["message"], error


def test_who_may(up):
    body = {"title": "x", "kpi": "error_rate", "below": 0.5, "until": at(48)}
    for path in ("/v1/hypotheses", "/v1/annotations"):
        assert call(up, "POST", path, body, key="READ")[0] == 403
        assert call(up, "POST", path, body, key="WRITE")[0] == 403
        assert call(up, "GET", path, key="WRITE")[0] == 403
        assert call(up, "DELETE", path + "/1", key="READ")[0] == 403
        assert call(up, "GET", path, key="READ")[0] == 200
        for missing in ("/999999", "/nothing", "/" + "9" * 30):
            status, answer = call(up, "GET", path + missing)
            assert status == 404 and answer["error"]["code"] == "not_found"
            assert call(up, "DELETE", path + missing)[0] == 404
        assert call(up, "POST", path, b"{")[0] == 400
        assert call(up, "POST", path, b"[]")[0] == 400


def test_remove(up):
    answer = state(up, below=0.3)
    path = f"/v1/hypotheses/{answer['id']}"
    assert call(up, "DELETE", path) == (200, {"id": answer["id"], "removed": True})
    assert call(up, "GET", path)[0] == 404
    listed = call(up, "GET", "/v1/hypotheses", key="READ")[1]["hypotheses"]
    assert answer["id"] not in [hypothesis["id"] for hypothesis in listed]


def test_command_line(up):
    words = ("hypothesis", "add", "Requests fail", "--kpi", "error_rate", "--from", at(-2),
             "--until", at(48), "--where", "properties.service:same")
    out = cli(up, *words, "--above", "0.1", "--min-sample", "200")
    assert "validated" in out
    made = json.loads(cli(up, *words, "--above", "0.1", "--json"))
    assert made["verdict"] == "validated" and made["min_sample"] == 30
    shown = cli(up, "hypothesis", "show", str(made["id"]))
    assert "beta-binomial" in shown
    assert "Requests fail" in cli(up, "hypothesis", "list")
    cli(up, "hypothesis", "remove", str(made["id"]))
    assert "there is no hypothesis" in cli(up, "hypothesis", "show", str(made["id"]), status=1)
    assert "above" in cli(up, *words, "--above", "many", status=2)
    assert "confidence" in cli(up, *words, "--above", "0.1", "--confidence", "2", status=2)


# Annotations


def test_annotations(up, release):
    assert call(up, "GET", f"/v1/annotations/{release}", key="READ")[1]["title"] == "v2"
    status, answer = call(up, "POST", "/v1/annotations", {"title": "Launch"})
    assert status == 201 and answer["kind"] == "note" and answer["at"].startswith(at(3)[:11])
    once = {"title": "Once", "id": "ci-7", "at": at(-30)}
    status, first = call(up, "POST", "/v1/annotations", once)
    assert status == 201
    assert call(up, "POST", "/v1/annotations", {**once, "title": "Twice"}) == (200, first)
    milliseconds = int((RELEASE.timestamp() - 86400 * 3) * 1000) + 250
    status, answer = call(up, "POST", "/v1/annotations", {"title": "ms", "at": milliseconds})
    assert status == 201 and answer["at"] == at(-72)[:-1] + ".25Z"
    titles = [a["title"] for a in call(up, "GET", "/v1/annotations", key="READ")[1]["annotations"]]
    assert titles == ["ms", "Once", "v2", "Launch"]
    found = call(up, "GET", f"/v1/annotations?kind=release&from={at(-1)}&to={at(1)}")[1]
    assert [a["id"] for a in found["annotations"]] == [release]
    assert call(up, "DELETE", f"/v1/annotations/{first['id']}")[0] == 200
    assert call(up, "DELETE", f"/v1/annotations/{first['id']}")[0] == 404


@pytest.mark.parametrize("body, field", [
    ({}, "title"), ({"title": 5}, "title"), ({"title": "x" * 201}, "title"),
    ({"title": "x", "at": "then"}, "at"), ({"title": "x", "at": -5}, "at"),
    ({"title": "x", "at": True}, "at"), ({"title": "x", "kind": ""}, "kind"),
    ({"title": "x", "properties": []}, "properties"),
    ({"title": "x", "properties": {"x": "y" * 5000}}, "properties"),
    ({"title": "x", "name": "y"}, "name"),
])
def test_annotations_refused(up, body, field):
    status, answer = call(up, "POST", "/v1/annotations", body)
    assert status == 400 and answer["error"]["parameter"] == field, answer


def test_series_carry_annotations(up, release):
    path = f"/v1/kpi/error_rate?from={at(-2)}&to={at(2)}"
    assert "annotations" not in call(up, "GET", path, key="READ")[1]
    answer = call(up, "GET", path + "&annotations=1", key="READ")[1]
    assert answer["annotations"] == [{"id": release, "at": at(0), "kind": "release", "title": "v2"}]
    assert call(up, "GET", path + "&annotations=yes")[1]["error"]["parameter"] == "annotations"
    body = {"kpi": "error_rate", "from": at(1), "to": at(2), "annotations": 1}
    assert call(up, "POST", "/v1/query", body, key="READ")[1]["annotations"] == []


def test_annotations_command_line(up):
    made = json.loads(cli(up, "annotation", "add", "By hand", "--at", at(-50), "--kind", "note",
                          "--url", "https://x.example/1", "--json"))
    assert made["title"] == "By hand" and made["at"] == at(-50)
    assert "By hand" in cli(up, "annotation", "list")
    cli(up, "annotation", "remove", str(made["id"]))
    assert "By hand" not in cli(up, "annotation", "list")
    assert "there is no annotation" in cli(up, "annotation", "remove", str(made["id"]), status=1)
    assert "at:" in cli(up, "annotation", "add", "x", "--at", "noon", status=2)


# Before and after


def compare(up, release, **parameters):
    query = "&".join(f"{name}={value}" for name, value in parameters.items())
    status, answer = call(up, "GET", f"/v1/compare?annotation={release}&{query}", key="READ")
    assert status == 200, answer
    return answer


def test_a_real_change(up, release):
    """160 of 400 failed before, 40 of 400 after."""
    answer = compare(up, release, kpi="error_rate", window="1h", where="properties.service:mended")
    assert answer["before"]["value"] == 0.4 and answer["after"]["value"] == 0.1
    assert answer["before"]["n"] == answer["after"]["n"] == 400
    assert answer["before"]["from"] == at(-1) and answer["after"]["to"] == at(1)
    assert answer["difference"]["value"] == pytest.approx(-0.3)
    assert answer["difference"]["relative"] == pytest.approx(-0.75)
    # Newcombe's method 10, from Wilson's 0.3531-0.4487 and 0.0743-0.1333.
    assert answer["difference"]["interval"]["low"] == pytest.approx(-0.3551, abs=2e-3)
    assert answer["difference"]["interval"]["high"] == pytest.approx(-0.2425, abs=2e-3)
    assert answer["p_value"] < 1e-9 and answer["better"] == "down"
    assert answer["verdict"] == "better" and answer["annotation"]["title"] == "v2"


def test_noise_is_noise(up, release):
    """80 and 84 of 400."""
    answer = compare(up, release, kpi="error_rate", window="1h", where="properties.service:same")
    assert answer["verdict"] == "noise" and answer["p_value"] > 0.5
    interval = answer["difference"]["interval"]
    assert interval["low"] < 0 < interval["high"]


def test_percentiles_and_means_compared(up, release):
    answer = compare(up, release, kpi="load_time", window="1h")
    assert answer["verdict"] == "better" and answer["difference"]["value"] < -900
    assert answer["p_value"] is None
    answer = compare(up, release, kpi="ces", window="1h")
    assert answer["difference"]["value"] == 2 and answer["verdict"] == "better"
    assert answer["method"] == "welch t" and answer["p_value"] < 1e-9
    answer = compare(up, release, kpi="ces", window="1h", where="country:XX")
    assert answer["verdict"] is None and answer["difference"] is None


def test_counts_are_not_judged(up, release):
    answer = compare(up, release, kpi="event_count", name="page_load", window="1h")
    assert answer["verdict"] is None and answer["difference"]["value"] == 0
    assert answer["difference"]["interval"] is None
    assert any("no interval" in note for note in answer["notes"])


def test_windows_are_cut(up, release):
    answer = compare(up, release, kpi="error_rate")
    assert any("not over" in note for note in answer["notes"])
    status, other = call(up, "POST", "/v1/annotations",
                         {"title": "v1", "kind": "release", "at": at(-0.5)})
    assert status == 201
    answer = compare(up, release, kpi="error_rate", window="1h")
    assert answer["before"]["from"] == at(-0.5) and answer["after"]["to"] == at(0.5)
    assert any("release before" in note for note in answer["notes"])
    assert call(up, "DELETE", f"/v1/annotations/{other['id']}")[0] == 200
    out = cli(up, "annotation", "compare", str(release), "error_rate", "window=1h",
              "where=properties.service:mended")
    assert "better" in out and "newcombe" in out


def test_a_funnel_has_a_window_of_its_own(up, release):
    answer = compare(up, release, kpi="funnel", window="2h", kpi_window="1d",
                     steps="api_request,page_load")
    assert answer["before"]["n"] == 400 and answer["verdict"] in ("noise", "better", "worse")


def test_many_look_at_once(up):
    """All are told the same decision."""
    made = state(up, below=0.3, **{"from": at(-2), "where": "properties.service:at-once"})
    assert made["verdict"] == "too early"
    assert up.post(list(requests("at-once", 0, 1, 40, 400)), "?ack=commit")[0] == 202
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        path = f"/v1/hypotheses/{made['id']}"
        answers = [got[1] for got in pool.map(lambda _: call(up, "GET", path), range(4))]
    assert answers[0]["verdict"] == "validated"
    assert all(answer == answers[0] for answer in answers)


@pytest.mark.parametrize("query, status, field", [
    ("kpi=error_rate", 400, "annotation"), ("annotation=99999&kpi=error_rate", 404, "annotation"),
    ("annotation=x&kpi=error_rate", 404, "annotation"), ("annotation={}", 400, "kpi"),
    ("annotation={}&kpi=error_rat", 404, "kpi"), ("annotation={}&kpi=error_rate&by=x", 400, "by"),
    ("annotation={}&kpi=error_rate&from=-7d", 400, "from"),
    ("annotation={}&kpi=error_rate&window=7", 400, "window"),
    ("annotation={}&kpi=error_rate&window=", 400, "window"),
    ("annotation={}&kpi=error_rate&confidence=2", 400, "confidence"),
    ("annotation={}&kpi=error_rate&fish=2", 400, "fish"),
])
def test_comparisons_refused(up, release, query, status, field):
    got, answer = call(up, "GET", "/v1/compare?" + query.format(release))
    assert got == status and answer["error"]["parameter"] == field, answer


def test_a_release_that_is_yet_to_come(up):
    later = call(up, "POST", "/v1/annotations", {"title": "v3", "at": at(100)})[1]["id"]
    status, answer = call(up, "GET", f"/v1/compare?annotation={later}&kpi=error_rate")
    assert status == 400 and answer["error"]["parameter"] == "annotation"
    assert call(up, "DELETE", f"/v1/annotations/{later}")[0] == 200
