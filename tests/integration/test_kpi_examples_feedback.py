# SPDX-License-Identifier: MIT
"""Surveys and sentiment of a tiny data set, with the answers worked out by hand; the same as
docs/kpi-examples/feedback.md."""
import json
import math
import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import harness  # noqa: E402

DAY = "2026-11-20"
RANGE = f"from={DAY}&to={DAY}&interval=none"


def answer_of(kind, value, clock, survey="q4", **more):
    event = {"name": "survey_answer", "timestamp": f"{DAY}T{clock}Z", "user": "u1",
             "properties": {"type": kind, "survey": survey, **more}}
    if value is not None:
        event["value"] = value
    return event


def note(clock, name="ticket_opened", **properties):
    return {"name": name, "timestamp": f"{DAY}T{clock}Z", "user": "u1", "properties": properties}


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
        events = [answer_of("nps", score, f"09:00:{score:02}") for score in (10, 9, 8, 7, 6, 0)]
        events += [answer_of("nps", 9, "09:01:00", survey="q3", text="love it"),
                   answer_of("nps", 11, "09:01:01"), answer_of("nps", 8.5, "09:01:02"),
                   answer_of("nps", None, "09:01:03"), answer_of("NPS", 9, "09:01:04")]
        events += [answer_of("csat", score, f"10:00:{score:02}") for score in (5, 4, 3, 1)]
        events += [answer_of("ces", score, f"11:00:{score:02}") for score in (7, 5, 3)]
        events += [answer_of("text", None, "12:00:00", text="The export is not good.", survey="t"),
                   note("12:00:01", text="It crashes.", topic="export"),
                   note("12:00:02", text="Where is the manual?"),
                   note("12:00:03", name="interview_note", text="It crashes.", sentiment=0.5),
                   note("12:00:04", topic="nothing said"),
                   note("12:00:05", name="page_view", text="awful")]
        status, _, body = program.post(events, "?ack=commit")
        assert status == 202 and not json.loads(body)["rejected"], body
        yield program


def test_nps(up):
    answer = ask(up, "nps")
    assert answer["source"] == "rollup"
    mean = (3 - 2) / 7
    margin = 1.96 * math.sqrt((5 / 7 - mean ** 2) / 7)
    assert pick(answer, "promoters", "passives", "detractors", "n") == (3, 2, 2, 7)
    assert pick(answer, "value", "margin", "low", "high") == pytest.approx(
        (100 * mean, 100 * margin, 100 * (mean - margin), 100 * (mean + margin)))
    assert pick(ask(up, "nps", "&survey=q4"), "value", "n", "source") == (0, 6, "events")
    grouped = ask(up, "nps", "&by=properties.survey")["groups"]
    assert [pick(group, "by", "value", "n") for group in grouped] == [("q4", 0, 6), ("q3", 100, 1)]
    assert pick(ask(up, "nps", "&survey=nope"), "value", "margin", "promoters", "n") == (
        None, None, 0, 0)


def test_csat_and_ces(up):
    answer = ask(up, "csat")
    assert pick(answer, "value", "satisfied", "neutral", "dissatisfied", "n") == (0.5, 2, 1, 1, 4)
    z, n, p = 1.96, 4, 0.5
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    assert pick(answer, "low", "high") == pytest.approx(
        ((p + z * z / (2 * n) - half) / (1 + z * z / n),
         (p + z * z / (2 * n) + half) / (1 + z * z / n)))
    answer = ask(up, "ces")
    assert pick(answer, "value", "easy", "neutral", "hard", "n") == (5, 2, 0, 1, 3)
    assert answer["margin"] == pytest.approx(1.96 * math.sqrt(4 / 3))


def test_responses(up):
    answer = ask(up, "responses")
    assert pick(answer, "value", "nps", "csat", "ces", "text", "other_types", "with_text", "n") == (
        19, 10, 4, 3, 1, 1, 2, 19)
    grouped = ask(up, "responses", "&by=properties.survey")["groups"]
    assert [pick(group, "by", "value", "with_text") for group in grouped] == [
        ("q4", 17, 0), ("q3", 1, 1), ("t", 1, 1)]


def compound(weights):
    return weights / math.sqrt(weights ** 2 + 15)


def test_sentiment(up):
    answer = ask(up, "sentiment")
    scores = [(s - 5) / 5 for s in (10, 9, 8, 7, 6, 0, 9)] + [(s - 3) / 2 for s in (5, 4, 3, 1)]
    scores += [(s - 4) / 3 for s in (7, 5, 3)]
    texts = [compound(2 * -0.75), compound(-2), 0, 0.5]
    every = scores + texts
    assert answer["source"] == "rollup" and answer["n"] == len(every)
    assert answer["value"] == pytest.approx(sum(every) / len(every), abs=1e-6)
    assert pick(answer, "positive", "neutral", "negative") == pytest.approx(
        tuple(sum(map(f, every)) / len(every) for f in (
            lambda s: s >= 0.05, lambda s: -0.05 < s < 0.05, lambda s: s <= -0.05)), abs=1e-9)
    newest = answer["answers"]
    assert [one["text"] for one in newest] == [
        "It crashes.", "Where is the manual?", "It crashes.", "The export is not good.", "love it"]
    assert [one["sentiment"] for one in newest] == pytest.approx(
        [0.5, 0, compound(-2), compound(-1.5), 0.8], abs=1e-6)
    assert pick(newest[-1], "at", "name", "survey") == (
        f"{DAY}T09:01:00Z", "survey_answer", "q3")
    assert pick(ask(up, "sentiment", "&survey=q3"), "value", "n") == (0.8, 1)
