# SPDX-License-Identifier: MIT
"""Alerts, from events to receivers: a real server, a recording webhook, a real Alertmanager."""
import datetime
import hashlib
import hmac
import json
import os
import subprocess
import time
import urllib.parse

import pytest

import harness
import receivers

FAST = {"TRACTION_ALERTS_ALLOW_PRIVATE": "yes", "TRACTION_ALERTS_INTERVAL": "200ms",
        "TRACTION_ALERTS_GROUP_WAIT": "200ms"}


@pytest.fixture(scope="module")
def server():
    with harness.Up(env=FAST) as program:
        yield program


@pytest.fixture
def recorder():
    with receivers.Recorder() as one:
        yield one


def admin(up, method, path, body=None):
    status, _, answer = harness.request(up.url, method, path, up.values["TRACTION_ADMIN_KEY"], body)
    return status, json.loads(answer)


def apply(up, rules, told, **receiver):
    """These rules, and one receiver; nothing else."""
    body = {"rules": rules, "receivers": [dict({"name": "ops", "webhook": told.url + "/hook"},
                                               **receiver)] if told else []}
    status, answer = admin(up, "PUT", "/v1/alerts", body)
    assert status == 200, answer
    return answer


@pytest.fixture(autouse=True)
def no_rules_left(server):
    yield
    apply(server, [], None)
    # Until those that were removed are gone, too.
    harness.wait_for(lambda: harness.query(server.database_url,
                                           "select count(*) from traction.alert_rule") == [(0,)])


def requests(up, route, good, bad, at=None):
    stamp = {} if at is None else {"timestamp": at}
    events = [dict({"kind": "performance", "name": "api_request", "value": 12, "unit": "ms",
                    "properties": {"route": route, "status": 500 if i < bad else 200}}, **stamp)
              for i in range(good + bad)]
    status, _, body = up.post(events, "?ack=commit")
    assert status == 202 and not json.loads(body)["rejected"], body


def rule_of(up, name):
    status, answer = admin(up, "GET", "/v1/alerts/" + urllib.parse.quote(name, safe=""))
    assert status == 200, answer
    return answer


def history(up, name):
    status, answer = admin(up, "GET", "/v1/alerts/history?rule=" + urllib.parse.quote(name))
    assert status == 200, answer
    return [change["change"] for change in reversed(answer["history"])]


def test_fires_and_resolves(server, recorder):
    route = "/fires"
    apply(server, [{"name": "Errors", "kpi": "error_rate", "where": ["route:" + route],
                    "above": 0.05, "window": "10s", "min_samples": 10, "severity": "page",
                    "labels": {"team": "web"},
                    "annotations": {"summary": "{{rule}}: {{value}} of {{n}} requests failed"}}],
          recorder, secret="s3cret", headers={"X-Team": "web"})
    requests(server, route, 90, 10)
    sent = time.time()
    alert = recorder.wait("firing", "Errors")
    post = recorder.posts[0]
    assert post["at"] - sent < 60
    body = json.loads(post["raw"])
    assert body["version"] == "4" and body["status"] == "firing" and body["receiver"] == "ops"
    assert body["groupLabels"] == {"alertname": "Errors"}
    assert body["commonLabels"]["team"] == "web"
    assert alert["labels"] == {"alertname": "Errors", "severity": "page", "team": "web",
                               "project": "default"}
    assert alert["annotations"]["summary"] == "Errors: 10 % of 100 requests failed"
    assert alert["endsAt"] == "0001-01-01T00:00:00Z"
    assert post["headers"]["X-Team"] == "web"
    stamp, mac = [part.partition("=")[2] for part in
                  post["headers"]["Traction-Signature"].split(",")]
    expected = hmac.new(b"s3cret", stamp.encode() + b"." + post["raw"], hashlib.sha256)
    assert mac == expected.hexdigest()
    assert abs(int(stamp) - time.time()) < 300
    # The window moves on, and nothing is left to complain about.
    resolved = recorder.wait("resolved", "Errors", seconds=60)
    assert resolved["fingerprint"] == alert["fingerprint"]
    assert resolved["startsAt"] == alert["startsAt"]
    assert resolved["endsAt"] > resolved["startsAt"]
    assert history(server, "Errors")[-3:] in (["firing", "no data", "resolved"],
                                              ["no data", "firing", "resolved"],
                                              ["firing", "resolved", "no data"])


def test_one_alert_a_group_told_together(server, recorder):
    apply(server, [{"name": "By route", "kpi": "error_rate", "by": "route", "above": 0.5,
                    "where": ["route~/group/*"], "window": "1m", "severity": "warn"}], recorder)
    events = []
    for route, bad in (("/group/a", True), ("/group/b", True), ("/group/c", False)):
        events += [{"kind": "performance", "name": "api_request", "value": 1, "unit": "ms",
                    "properties": {"route": route, "status": 500 if bad else 200}}] * 5
    status, _, _ = server.post(events, "?ack=commit")
    assert status == 202
    recorder.wait("firing", "By route", route="/group/a")
    recorder.wait("firing", "By route", route="/group/b")
    assert len(recorder.bodies()) == 1, "both at once"
    assert {alert["labels"]["route"] for alert in recorder.alerts()} == {"/group/a", "/group/b"}
    shown = rule_of(server, "By route")
    assert shown["state"] == "firing"
    assert {one["series"]: one["state"] for one in shown["alerts"]}["/group/a"] == "firing"


def test_pending_before_it_fires_and_no_page_for_a_blip(server, recorder):
    rule = {"name": "Patient", "kpi": "error_rate", "where": ["route:/patient"], "above": 0.5,
            "window": "10s", "for": "60s"}
    apply(server, [rule], recorder)
    requests(server, "/patient", 0, 5)
    harness.wait_for(lambda: history(server, "Patient")[-1:] == ["pending"])
    assert rule_of(server, "Patient")["state"] == "pending"
    requests(server, "/patient", 20, 0)
    harness.wait_for(lambda: "inactive" in history(server, "Patient"))
    assert recorder.alerts() == []
    # The same with less patience fires, and starts when it fired.
    apply(server, [dict(rule, **{"for": "1s"})], recorder)
    requests(server, "/patient", 0, 60)
    recorder.wait("firing", "Patient")


def test_late_events_page_nobody(server, recorder):
    apply(server, [{"name": "Late", "kpi": "error_rate", "where": ["route:/late"], "above": 0.1,
                    "window": "5m"},
                   {"name": "Now", "kpi": "error_rate", "where": ["route:/now"], "above": 0.1,
                    "window": "5m"}], recorder)
    an_hour_ago = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=1)
    requests(server, "/late", 0, 50, an_hour_ago.isoformat())
    requests(server, "/now", 0, 50)
    recorder.wait("firing", "Now")
    assert [alert["labels"]["alertname"] for alert in recorder.alerts()] == ["Now"]


def test_too_few_are_no_data(server, recorder):
    apply(server, [{"name": "Few", "kpi": "error_rate", "where": ["route:/few"], "above": 0.5,
                    "window": "1m", "min_samples": 50},
                   {"name": "Few alert", "kpi": "error_rate", "where": ["route:/few"], "above": 0.5,
                    "window": "1m", "min_samples": 50, "no_data": "alert"}], recorder)
    requests(server, "/few", 0, 49)
    recorder.wait("firing", "Few alert")
    assert rule_of(server, "Few")["state"] == "no data"
    assert {alert["labels"]["alertname"] for alert in recorder.alerts()} == {"Few alert"}
    requests(server, "/few", 100, 1)
    recorder.wait("resolved", "Few alert")


def test_silence(server, recorder):
    apply(server, [{"name": "Hushed", "kpi": "error_rate", "where": ["route:/hush"], "above": 0.1,
                    "window": "1m"}], recorder)
    status, answer = admin(server, "POST", "/v1/alerts/Hushed/silence",
                           {"for": "1h", "comment": "deploying"})
    assert status in (200, 201), answer
    requests(server, "/hush", 0, 5)
    harness.wait_for(lambda: "firing" in history(server, "Hushed"))
    time.sleep(1)
    assert recorder.alerts() == []
    # When it is over and the alert still fires, people hear of it.
    status, answer = admin(server, "DELETE", "/v1/alerts/Hushed/silence")
    assert status == 200, answer
    recorder.wait("firing", "Hushed")


def test_repeats_while_it_fires(server, recorder):
    apply(server, [{"name": "Again", "kpi": "error_rate", "where": ["route:/again"], "above": 0.1,
                    "window": "5m", "repeat": "1s"}], recorder)
    requests(server, "/again", 0, 5)
    recorder.wait("firing", "Again", count=3)
    assert len({(alert["fingerprint"], alert["startsAt"]) for alert in recorder.alerts()}) == 1


def test_a_removed_rule_resolves(server, recorder):
    rule = {"name": "Gone", "kpi": "error_rate", "where": ["route:/gone"], "above": 0.1,
            "window": "5m"}
    apply(server, [rule], recorder)
    requests(server, "/gone", 0, 5)
    fired = recorder.wait("firing", "Gone")
    apply(server, [], recorder)
    assert recorder.wait("resolved", "Gone")["fingerprint"] == fired["fingerprint"]


def test_a_changed_threshold_goes_on(server, recorder):
    rule = {"name": "Tuned", "kpi": "error_rate", "where": ["route:/tuned"], "above": 0.1,
            "window": "5m"}
    apply(server, [rule], recorder)
    requests(server, "/tuned", 50, 50)
    fired = recorder.wait("firing", "Tuned")
    apply(server, [dict(rule, above=0.4)], recorder)
    time.sleep(1.5)
    assert [alert["status"] for alert in recorder.alerts()] == ["firing"]
    apply(server, [dict(rule, above=0.6)], recorder)
    assert recorder.wait("resolved", "Tuned")["startsAt"] == fired["startsAt"]


def test_change_against_the_time_before(server, recorder):
    now = datetime.datetime.now(datetime.timezone.utc)
    name = "checkout"
    before = [{"name": name, "user": f"u{i}",
               "timestamp": (now - datetime.timedelta(minutes=90)).isoformat()} for i in range(40)]
    recent = [{"name": name, "user": f"u{i}"} for i in range(10)]
    status, _, _ = server.post(before + recent, "?ack=commit")
    assert status == 202
    apply(server, [{"name": "Fewer", "kpi": "event_count", "params": {"name": name},
                    "change_below": -0.4, "window": "59m", "min_samples": 20},
                   {"name": "Not that few", "kpi": "event_count", "params": {"name": name},
                    "change_below": -0.8, "window": "59m", "min_samples": 20}], recorder)
    alert = recorder.wait("firing", "Fewer")
    assert alert["labels"]["alertname"] == "Fewer"
    harness.wait_for(lambda: rule_of(server, "Not that few")["alerts"])
    assert rule_of(server, "Not that few")["state"] == "inactive"


def test_burn_rate(server, recorder):
    apply(server, [{"name": "Budget", "kpi": "error_rate", "where": ["route:/slo"],
                    "burn_rate": {"slo": 0.99, "factor": 10, "windows": ["1h", "5m"]}}], recorder)
    requests(server, "/slo", 85, 15)
    recorder.wait("firing", "Budget")


def test_nothing_received(server, recorder):
    requests(server, "/silence", 1, 0)
    apply(server, [{"name": "Silence", "kpi": "ingest_silence", "above": 2}], recorder)
    alert = recorder.wait("firing", "Silence")
    requests(server, "/silence", 1, 0)
    assert recorder.wait("resolved", "Silence")["fingerprint"] == alert["fingerprint"]


def test_a_failing_receiver_is_told_later_and_in_order(server):
    broken = [True]
    requests(server, "/stubborn", 1, 0)
    with receivers.Recorder(lambda post: 503 if broken[0] else 200) as recorder:
        apply(server, [{"name": "Stubborn", "kpi": "ingest_silence", "above": 1}], recorder)
        harness.wait_for(lambda: recorder.posts)
        requests(server, "/stubborn", 1, 0)
        harness.wait_for(lambda: "resolved" in history(server, "Stubborn"))
        harness.wait_for(lambda: b'traction_alert_receiver_failing_seconds{project="default",'
                         b'receiver="ops"}' in harness.request(server.url, "GET", "/metrics")[2])
        doctor = subprocess.run([harness.BINARY, "doctor"], capture_output=True, text=True, timeout=60,
                                env=dict(os.environ, **server.values))
        assert "receiver ops of project default has failed" in doctor.stdout, doctor.stdout
        broken[0] = False
        recorder.wait("resolved", "Stubborn")
        told = [(alert["startsAt"], alert["status"]) for alert in recorder.alerts()]
        assert told == sorted(told, key=lambda one: one[0]) and told[0][1] == "firing"
        assert told[1] == (told[0][0], "resolved")


def test_private_addresses_are_refused_by_default(directory):
    with receivers.Recorder() as recorder:
        program = harness.Up(directory=directory, env={"TRACTION_ALERTS_INTERVAL": "200ms"})
        try:
            program.start()
            apply(program, [{"name": "Silence", "kpi": "ingest_silence", "above": 0.1}], recorder)
            requests(program, "/x", 1, 0)

            def refused():
                _, answer = admin(program, "GET", "/v1/alerts/notifications")
                return [one for one in answer["notifications"] if one.get("error")]
            assert "allow_private" in harness.wait_for(refused)[0]["error"]
            assert recorder.posts == []
        finally:
            program.close()


def test_what_rules_find_is_among_the_metrics(server, recorder):
    apply(server, [{"name": 'Quoted "rule"', "kpi": "error_rate", "by": "route", "above": 0.5,
                    "where": ["route~/metrics/*"], "window": "5m"}], recorder)
    requests(server, "/metrics/a", 3, 1)

    def shown():
        _, _, text = harness.request(server.url, "GET", "/metrics")
        return text if b'route="/metrics/a"} 0.25' in text else None
    text = harness.wait_for(shown)
    assert b'traction_kpi{project="default",rule="Quoted \\"rule\\"",kpi="error_rate",' in text
    checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True)
    problems = [line for line in checked.stderr.decode().splitlines()
                if "error while linting" in line or "error while checking" in line]
    assert checked.returncode in (0, 3) and not problems, checked.stderr


def test_postgresql_away_is_told(directory):
    fast = dict(FAST, TRACTION_ALERTS_DATABASE_AWAY="1s")
    with receivers.Recorder() as recorder:
        program = harness.Up(directory=directory, env=fast)
        try:
            program.start()
            serve = harness.Serve(directory, program.database_url, program.values, env=fast)
            apply(program, [{"name": "Errors", "kpi": "error_rate", "where": ["route:/away"],
                             "above": 0.1, "window": "1h"}], recorder)
            requests(program, "/away", 0, 5)
            before = recorder.wait("firing", "Errors")
            with serve:
                program.stop()
                away = recorder.wait("firing", "TractionDatabaseAway")
                assert away["labels"]["severity"] == "page"
                # One that starts meanwhile knows whom to tell, too.
                serve.kill()
                serve.start(ready=False)
                recorder.wait("firing", "TractionDatabaseAway", count=2)
                program.start()
                recorder.wait("resolved", "TractionDatabaseAway")
                time.sleep(2)
            # What fired before fires still: nothing was forgotten, nothing told twice.
            assert [(alert["status"], alert["startsAt"]) for alert in recorder.alerts()
                    if alert["labels"]["alertname"] == "Errors"] == [("firing", before["startsAt"])]
            assert rule_of(program, "Errors")["state"] == "firing"
        finally:
            program.close()


def test_alertmanager(server, directory):
    with receivers.Recorder() as recorder:
        manager = receivers.Alertmanager(directory, recorder)
        try:
            status, answer = admin(server, "PUT", "/v1/alerts", {
                "rules": [{"name": "Managed", "kpi": "error_rate", "where": ["route:/am"],
                           "above": 0.1, "window": "10s", "keep_firing_for": "5s"}],
                "receivers": [{"name": "am", "alertmanager": manager.url}]})
            assert status == 200, answer
            requests(server, "/am", 0, 5)
            [seen] = harness.wait_for(manager.alerts)
            assert seen["labels"]["alertname"] == "Managed"
            assert seen["status"]["state"] in ("active", "unprocessed")
            told = recorder.wait("firing", "Managed")
            shown = rule_of(server, "Managed")["alerts"][0]
            assert shown["fingerprint"] == seen["fingerprint"] == told["fingerprint"]
            manager.silence("Managed")
            harness.wait_for(lambda: manager.alerts()[0]["status"]["state"] == "suppressed")
            # Resolved there because it is resolved here.
            harness.wait_for(lambda: not manager.alerts(), 90)
        finally:
            manager.close()
