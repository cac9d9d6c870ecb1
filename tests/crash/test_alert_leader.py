# SPDX-License-Identifier: MIT
"""R32: alerts while the server that evaluates is killed, again and again. Nothing that is to be told
is lost, nothing is told out of order, and at most one request is told twice for each kill.
TRACTION_LEADER_KILLS of them (8; 200 in the long form)."""
import collections
import json
import os
import random
import time

import harness
import receivers

KILLS = int(os.environ.get("TRACTION_LEADER_KILLS", "8"))
SETTINGS = {"TRACTION_ALERTS_ALLOW_PRIVATE": "yes", "TRACTION_ALERTS_INTERVAL": "200ms",
            "TRACTION_ALERTS_GROUP_WAIT": "100ms"}


def apply(program, rules, recorder):
    body = {"rules": rules, "receivers": [{"name": "ops", "webhook": recorder.url}]}
    status, _, answer = harness.request(program.url, "PUT", "/v1/alerts",
                                        program.values["TRACTION_ADMIN_KEY"], body)
    assert status == 200, answer


def fail(program, route, good, bad):
    events = [{"kind": "performance", "name": "api_request", "value": 1, "unit": "ms",
               "properties": {"route": route, "status": 500 if i < bad else 200}}
              for i in range(good + bad)]
    status, _, _ = program.post(events, "?ack=commit")
    assert status == 202


def leader(servers):
    def find():
        for server in servers:
            if not server.is_running():
                continue
            try:
                _, _, text = harness.request(server.url, "GET", "/metrics", timeout=5)
            except OSError:
                continue
            if b"traction_alerts_leader 1" in text:
                return server
        return None
    return harness.wait_for(find, 30)


def two_servers(up):
    return [harness.Serve(up.directory, up.database_url, up.values, env=SETTINGS, name=f"serve{i}")
            for i in range(2)]


def test_killed_while_pending(up):
    """One page, when it is due."""
    up.env["TRACTION_ALERTS_EVALUATE"] = "no"
    up.start()
    with receivers.Recorder() as recorder:
        servers = two_servers(up)
        try:
            for server in servers:
                server.start()
            apply(up, [{"name": "Errors", "kpi": "error_rate", "where": ["route:/kill"],
                        "above": 0.1, "window": "5m", "for": "8s"}], recorder)
            chosen = leader(servers)
            fail(up, "/kill", 0, 20)
            began = harness.wait_for(lambda: harness.query(
                up.database_url, "select extract(epoch from active_at)::float8 from"
                " traction.alert_state where phase = 'pending'"))[0][0]
            chosen.kill()
            alert = recorder.wait("firing", "Errors", seconds=60)
            time.sleep(2)
            assert len(recorder.alerts()) == 1
            fired = harness.query(up.database_url, "select extract(epoch from fired_at)::float8"
                                  " from traction.alert_state")[0][0]
            assert fired - began >= 8 and alert["status"] == "firing"
        finally:
            for server in servers:
                server.close()


def test_kills(up):
    rng = random.Random(32)
    up.env["TRACTION_ALERTS_EVALUATE"] = "no"
    up.start()
    with receivers.Recorder() as recorder:
        servers = two_servers(up)
        try:
            for server in servers:
                server.start()
            rules = [{"name": f"Rule {i}", "kpi": "error_rate", "where": [f"route:/kill/{i}"],
                      "above": 0.5, "window": "10s", "repeat": 0} for i in range(4)]
            apply(up, rules, recorder)
            for kill in range(KILLS):
                chosen = leader(servers)
                fail(up, f"/kill/{rng.randrange(4)}", rng.randrange(2), 3)
                time.sleep(rng.random() * 2)
                chosen.kill()
                chosen.start()
            # All of what was found is told in the end.
            harness.wait_for(lambda: harness.query(
                up.database_url, "select count(*) from traction.alert_state"
                " where phase <> 'inactive'") == [(0,)], 120)
            harness.wait_for(lambda: harness.query(
                up.database_url, "select count(*) from traction.alert_notification"
                " where sent_at is null") == [(0,)], 60)
        finally:
            for server in servers:
                server.close()
        check(up, recorder)


def check(up, recorder):
    expected = [(fingerprint, change) for fingerprint, change in harness.query(
        up.database_url, "select fingerprint, change from traction.alert_history"
        " where change in ('firing', 'resolved') order by id")]
    told = [(alert["fingerprint"], alert["startsAt"], alert["status"])
            for alert in recorder.alerts()]
    assert expected, "no alert fired: nothing was tested"
    times = collections.Counter(told)
    repeats = sum(count - 1 for count in times.values())
    assert repeats <= KILLS, f"{repeats} told twice in {KILLS} kills"
    changes = collections.Counter((fingerprint, status) for fingerprint, _, status in times)
    assert changes == collections.Counter(expected), json.dumps(told)
    # In order: of each alert, each episode fires and then resolves, one after the other.
    for fingerprint in {one[0] for one in told}:
        seen = []
        for _, starts, status in [one for one in told if one[0] == fingerprint]:
            step = (starts, status == "resolved")
            if not seen or seen[-1] != step:
                assert step not in seen[:-1] or step == seen[-1], f"out of order: {told}"
                seen.append(step)
        assert seen == sorted(seen)
