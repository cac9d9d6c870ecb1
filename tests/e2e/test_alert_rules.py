# SPDX-License-Identifier: MIT
"""Rules and receivers as people write them: what is refused, and in which words; /v1/alerts and
`traction alert`."""
import json
import os
import subprocess
import urllib.parse

import pytest

import harness

RULE = {"name": "R", "kpi": "error_rate", "above": 0.05}
HOOK = {"name": "ops", "webhook": "https://hooks.example.org/x"}


@pytest.fixture(scope="module")
def server():
    with harness.Up() as program:
        yield program


def ask(up, method, path, body=None, key="ADMIN"):
    status, _, answer = harness.request(up.url, method, path, up.values[f"TRACTION_{key}_KEY"], body)
    return status, json.loads(answer)


@pytest.fixture(autouse=True)
def clean(server):
    assert ask(server, "PUT", "/v1/alerts", {})[0] == 200


def alert(up, *words):
    env = dict({k: v for k, v in os.environ.items() if not k.startswith("TRACTION_")}, **up.values)
    return subprocess.run([harness.BINARY, "alert", *words], capture_output=True, text=True, env=env,
                          timeout=60)


@pytest.mark.parametrize("change, field, words", [
    ({"name": None}, "name", "text"),
    ({"name": "two\nlines"}, "name", "one line"),
    ({"kpi": "eror_rate"}, "kpi", "no KPI"),
    ({"above": "high"}, "above", 'got "high"'),
    ({"above": None}, "above", "condition"),
    ({"below": 1}, "below", "one condition"),
    ({"window": "soon"}, "window", "duration"),
    ({"window": "1s"}, "window", "from 10s"),
    ({"for": -1}, "for", "duration"),
    ({"for": "1.5m"}, "for", "duration"),
    ({"by": "nonsense"}, "by", "expected one of kind"),
    ({"where": ["nonsense"]}, "where", ""),
    ({"where": [1]}, "where[0]", "text"),
    ({"goal": "x"}, "goal", "no such parameter"),
    ({"params": {"from": "-7d"}}, "params.from", "one of"),
    ({"min_samples": 1.5}, "min_samples", "whole"),
    ({"confidence": 2}, "confidence", "number"),
    ({"confidence": 0.95, "kpi": "revenue"}, "confidence", "share"),
    ({"no_data": "panic"}, "no_data", "ignore, alert, keep"),
    ({"max_groups": 21}, "max_groups", "20"),
    ({"severity": ""}, "severity", "text"),
    ({"labels": {"a-b": "x"}}, "labels.a-b", "letters"),
    ({"labels": {"alertname": "x"}}, "labels.alertname", "choose another"),
    ({"labels": {"a": 1}}, "labels.a", "quotes"),
    ({"by": "route", "labels": {"route": "x"}}, "labels.route", "which group"),
    ({"annotations": {"summary": "{{vlaue}}"}}, "annotations.summary", "{{vlaue}}"),
    ({"annotations": {"summary": "{{value"}}, "annotations.summary", "without its }}"),
    ({"notify": ["nobody"]}, "notify[0]", "no receiver nobody"),
    ({"treshold": 1}, "treshold", "no such field"),
    ({"abov": 1}, "abov", "is above meant?"),
    ({"compare": "week"}, "compare", "change_above"),
    ({"above": None, "burn_rate": {"slo": 2, "factor": 1, "windows": ["1h"]}}, "burn_rate.slo",
     "number"),
    ({"above": None, "burn_rate": {"slo": 0.99, "windows": ["1h"]}}, "burn_rate.factor", "number"),
    ({"above": None, "burn_rate": {"slo": 0.99, "factor": 2, "windows": []}}, "burn_rate.windows",
     "1 to 4"),
    ({"above": None, "burn_rate": {"slo": 0.99, "factor": 2, "windows": ["x"]}},
     "burn_rate.windows[0]", "duration"),
    ({"above": None, "kpi": "revenue",
      "burn_rate": {"slo": 0.99, "factor": 2, "windows": ["1h"]}}, "burn_rate", "no share"),
    ({"above": None, "window": "5m", "burn_rate": {"slo": 0.99, "factor": 2, "windows": ["1h"]}},
     "window", "windows of its own"),
    ({"kpi": "ingest_silence", "by": "route"}, "by", "ingest_silence"),
])
def test_a_field_that_does_not_fit(server, change, field, words):
    rule = {k: v for k, v in dict(RULE, **change).items() if v is not None}
    status, answer = ask(server, "POST", "/v1/alerts", rule)
    assert status in (400, 404), answer
    assert answer["error"]["parameter"] == field, answer
    assert answer["error"]["message"].startswith(field + ": "), answer
    assert words in answer["error"]["message"], answer
    # In a file the path says which rule it is.
    status, answer = ask(server, "PUT", "/v1/alerts", {"rules": [RULE, dict(rule, name="S")]
                                                       if "name" not in change else [RULE, rule]})
    assert status in (400, 404)
    assert answer["error"]["parameter"] == "rules[1]." + field, answer
    assert ask(server, "GET", "/v1/alerts")[1]["rules"] == []


@pytest.mark.parametrize("receiver, field, words", [
    ({"name": "x"}, "webhook", "one of"),
    ({"name": "x", "webhook": "https://a/", "slack": "https://b/"}, "slack", "one of"),
    ({"name": "x", "webhook": "ftp://a/"}, "webhook", "https://"),
    ({"name": "x", "webhook": "https://u:p@a/"}, "webhook", "headers"),
    ({"name": "x", "email": "a@b, c@d"}, "email", "mail address"),
    ({"name": "x", "webhook": "https://a/", "headers": {"Host": "b"}}, "headers.Host", "by itself"),
    ({"name": "x", "webhook": "https://a/", "headers": {"X": "a\r\nb: c"}}, "headers.X", "line"),
    ({"name": "x", "webhook": "https://a/", "group_by": ["a b"]}, "group_by[0]", "label"),
    ({"name": "x", "webhook": "https://a/", "send_resolved": "yes"}, "send_resolved", "true"),
    ({"name": "x", "webhok": "https://a/"}, "webhok", "is webhook meant?"),
])
def test_a_receiver_that_does_not_fit(server, receiver, field, words):
    status, answer = ask(server, "PUT", "/v1/alerts", {"receivers": [HOOK, receiver]})
    assert status == 400
    assert answer["error"]["parameter"] == "receivers[1]." + field, answer
    assert words in answer["error"]["message"], answer


def test_bodies_that_are_none(server):
    for body in ("", "[", "[]", "1", '"x"', "{\"rules\":{}}", "{\"rules\":[1]}", "{\"x\":1}"):
        status, _ = ask(server, "PUT", "/v1/alerts", body)
        assert status == 400, body
    assert ask(server, "POST", "/v1/alerts/1/nonsense", {})[0] == 404
    status, answer = ask(server, "PUT", "/v1/alerts", {"rules": [RULE, RULE]})
    assert status == 400 and answer["error"]["parameter"] == "rules[1].name"


def test_one_rule_from_birth_to_death(server):
    status, made = ask(server, "POST", "/v1/alerts", dict(RULE, by="route", where=["route~/a/*"]))
    assert status == 201 and made["window"] == 300 and made["severity"] == "page"
    assert made["repeat"] == 14400 and made["state"] == "inactive" and made["alerts"] == []
    assert ask(server, "POST", "/v1/alerts", RULE)[0] == 409
    path = f"/v1/alerts/{made['id']}"
    assert ask(server, "GET", path)[1]["name"] == "R"
    # What was got can be sent back; the number stays where alerts stay the same.
    status, same = ask(server, "PUT", path, dict(made, above=0.1))
    assert status == 200 and same["id"] == made["id"] and same["above"] == 0.1
    status, other = ask(server, "PUT", path, dict(same, severity="warn"))
    assert status == 200 and other["id"] != made["id"] and other["severity"] == "warn"
    status, answer = ask(server, "POST", "/v1/alerts/R/silence", {"for": "2h", "comment": "x"})
    assert status == 201 and answer["until"]
    listed = ask(server, "GET", "/v1/alerts")[1]
    assert listed["silences"][0]["comment"] == "x"
    assert listed["rules"][0]["silenced_until"] == answer["until"]
    assert ask(server, "DELETE", "/v1/alerts/R/silence")[1]["ended"] == 1
    assert ask(server, "POST", "/v1/alerts/R/silence", {"for": "x"})[0] == 400
    assert ask(server, "DELETE", "/v1/alerts/R")[0] == 200
    for method, path in (("GET", "/v1/alerts/R"), ("DELETE", "/v1/alerts/R"),
                         ("POST", "/v1/alerts/R/test"), ("GET", "/v1/alerts/999999")):
        assert ask(server, method, path)[0] == 404
    assert ask(server, "PUT", "/v1/alerts/R", RULE)[0] == 404


def test_names_with_everything_in_them(server):
    name = "Fehler / s: \"50 %\" – {{rule}}?"
    assert ask(server, "POST", "/v1/alerts", dict(RULE, name=name))[0] == 201
    status, answer = ask(server, "GET", "/v1/alerts/" + urllib.parse.quote(name, safe=""))
    assert status == 200 and answer["name"] == name


def test_who_may_see_and_change(server):
    ask(server, "PUT", "/v1/alerts", {"rules": [RULE], "receivers": [dict(HOOK, secret="s3cret")]})
    status, answer = ask(server, "GET", "/v1/alerts", key="READ")
    assert status == 200 and "receivers" not in answer and len(answer["rules"]) == 1
    status, answer = ask(server, "GET", "/v1/alerts")
    assert answer["receivers"][0]["secret"] is True and "s3cret" not in json.dumps(answer)
    for method, path, body in (("PUT", "/v1/alerts", {}), ("POST", "/v1/alerts", RULE),
                               ("PUT", "/v1/alerts/R", RULE), ("DELETE", "/v1/alerts/R", None),
                               ("POST", "/v1/alerts/R/silence", {"for": "1h"}),
                               ("POST", "/v1/alerts/R/test", None)):
        assert ask(server, method, path, body, key="READ")[0] == 403
        assert ask(server, method, path, body, key="WRITE")[0] == 403
    assert ask(server, "GET", "/v1/alerts", key="WRITE")[0] == 403
    assert ask(server, "GET", "/v1/alerts/history?limit=0&nonsense=1")[0] == 400
    assert ask(server, "GET", "/v1/alerts/history?from=whenever")[0] == 400


def test_apply_says_what_it_does_and_does_it_once(server, directory):
    path = os.path.join(directory, "alerts.yaml")

    def write(text):
        with open(path, "w") as out:
            out.write(text)
    write("""
rules:
  - name: API error rate
    kpi: error_rate          # any KPI that yields a number
    by: route
    where: ["properties.env:prod"]
    above: 0.05
    window: 5m
    for: 2m
    keep_firing_for: 5m
    min_samples: 50
    confidence: 0.95
    severity: page
    notify: [ops]
receivers:
  - name: ops
    webhook: https://hooks.example.org/x
""")
    done = alert(server, "apply", path, "--dry-run")
    assert done.returncode == 0 and "+ rule API error rate" in done.stdout
    assert "--dry-run" in done.stdout
    assert ask(server, "GET", "/v1/alerts")[1]["rules"] == []
    done = alert(server, "apply", path)
    assert done.stdout.splitlines() == ["+ receiver ops", "+ rule API error rate"], done.stderr
    done = alert(server, "apply", path)
    assert done.stdout == "Nothing to do: all is as the file says.\n"
    with open(path) as lines:
        text = lines.read()
    write(text.replace("above: 0.05", "above: 0.1"))
    assert alert(server, "apply", path).stdout == "~ rule API error rate: above 0.05 -> 0.1\n"
    write("receivers: []\n")
    assert alert(server, "apply", path).stdout.splitlines() == ["- receiver ops",
                                                                "- rule API error rate"]
    # All or nothing, and where it is wrong.
    write(text.replace("for: 2m", "for: soon"))
    done = alert(server, "apply", path)
    assert done.returncode == 2 and done.stdout == ""
    assert f"{path}:9: rules[0].for: expected a duration" in done.stderr
    assert ask(server, "GET", "/v1/alerts")[1]["rules"] == []
    write("rules: [\n")
    done = alert(server, "apply", path)
    assert done.returncode == 2 and f"{path}:" in done.stderr
    done = alert(server, "apply", path + ".none")
    assert done.returncode != 0 and path + ".none" in done.stderr


def test_the_other_commands(server):
    ask(server, "PUT", "/v1/alerts", {"rules": [RULE], "receivers": [HOOK]})
    done = alert(server, "list")
    assert done.returncode == 0 and "inactive" in done.stdout and "ops" in done.stdout
    assert json.loads(alert(server, "list", "--json").stdout)["rules"][0]["name"] == "R"
    done = alert(server, "silence", "R", "--for", "2h")
    assert done.returncode == 0 and "R is silent until" in done.stdout
    assert alert(server, "silence", "R").returncode == 2
    assert alert(server, "silence", "R", "--for", "x").returncode == 2
    assert alert(server, "silence", "Q", "--for", "1h").returncode == 1
    assert alert(server, "unsilence", "R").returncode == 0
    assert alert(server, "history").returncode == 0
    assert "history" in json.loads(alert(server, "history", "--rule", "R", "--json").stdout)
    assert alert(server, "remove", "R").returncode == 0
    assert alert(server, "remove", "R").returncode == 1


def test_many_rules(server):
    rules = [dict(RULE, name=f"R{i}", above=i / 1000) for i in range(500)]
    status, answer = ask(server, "PUT", "/v1/alerts", {"rules": rules})
    assert status == 200 and len(answer["rules"]["added"]) == 500
    status, answer = ask(server, "PUT", "/v1/alerts", {"rules": rules})
    assert answer["rules"]["unchanged"] == 500 and answer["rules"]["added"] == []
    # All ask the same: it is asked once.
    harness.wait_for(lambda: b"traction_alert_rules 500\n" in harness.request(
        server.url, "GET", "/metrics")[2])
    assert b"traction_alert_questions 1\n" in harness.request(server.url, "GET", "/metrics")[2]


def test_receivers_one_by_one(server):
    assert ask(server, "PUT", "/v1/alerts", {"rules": [], "receivers": []})[0] == 200
    one = {"name": "ops/one", "webhook": "https://hooks.example.org/a", "secret": "s"}
    assert ask(server, "POST", "/v1/alerts/receivers", one) == (201, {"name": "ops/one"})
    assert ask(server, "POST", "/v1/alerts/receivers", dict(one, webhook="https://hooks.example.org/b"))[0] == 201
    shown = ask(server, "GET", "/v1/alerts")[1]["receivers"]
    assert [(r["name"], r["webhook"], r["secret"]) for r in shown] == [("ops/one", "https://hooks.example.org/b", True)]
    status, answer = ask(server, "POST", "/v1/alerts/receivers", {"name": "x", "webhook": "nowhere"})
    assert status == 400 and answer["error"]["parameter"] == "webhook"
    rule = {"name": "Names it", "kpi": "error_rate", "above": 0.5, "notify": ["ops/one"]}
    assert ask(server, "POST", "/v1/alerts", rule)[0] == 201
    status, answer = ask(server, "DELETE", "/v1/alerts/receivers/ops%2Fone")
    assert status == 409 and "Names it" in answer["error"]["message"]
    assert ask(server, "DELETE", "/v1/alerts/Names%20it")[0] == 200
    assert ask(server, "DELETE", "/v1/alerts/receivers/ops%2Fone") == (200, {"name": "ops/one"})
    assert ask(server, "DELETE", "/v1/alerts/receivers/ops%2Fone")[0] == 404
    assert ask(server, "GET", "/v1/alerts")[1]["receivers"] == []
