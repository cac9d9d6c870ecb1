# SPDX-License-Identifier: MIT
"""`traction up --demo`: what it loads is what it says, once, also when the load is cut off."""
import json
import os
import re
import signal
import subprocess

import pytest

import harness

EVENTS = 100000


def state(program):
    with open(os.path.join(program.data, "demo.json")) as file:
        return json.load(file)


def demo_up(directory, *words):
    program = harness.Up(directory=directory)
    program.command += ["--demo", "--demo-events", str(EVENTS), *words]
    return program


@pytest.fixture(scope="module")
def demo():
    directory = harness.folder()
    program = demo_up(directory)
    program.own_directory = True
    with program:
        yield program


def answer(program, kpi, **parameters):
    words = "&".join(f"{name}={value}" for name, value in parameters.items())
    status, body = program.get(f"/v1/kpi/{kpi}?{words}")
    assert status == 200, body
    return body


def ledger(program):
    status, body = program.get("/v1/ledger")
    assert status == 200
    return body


def test_everything_is_stored_and_nothing_refused(demo):
    said = state(demo)
    assert said["complete"] and said["seed"] == 1
    assert EVENTS * 0.5 < said["loaded"]["events"] < EVENTS * 2
    assert sum(said["loaded"]["by_name"].values()) == said["loaded"]["events"]
    now = ledger(demo)
    assert now["stored"] == now["received"] == said["loaded"]["events"]
    assert (now["rejected"], now["waiting"], now["balanced"]) == ({}, 0, True)
    assert f"has {said['loaded']['events']} events" in demo.log()


def test_it_opens_on_the_project_demo(demo):
    rows = harness.query(demo.database_url, "select name from traction.project where uuid = %s",
                         demo.values["TRACTION_PROJECT_ID"])
    assert rows == [("demo",)]
    assert ledger(demo)["project"] == demo.values["TRACTION_PROJECT_ID"]


def test_commands_ask_the_project_of_the_environment(demo):
    env = {k: v for k, v in os.environ.items() if not k.startswith("TRACTION_")}
    words = [harness.BINARY, "query", "page_views", "--interval", "none", "--format", "json",
             "--from", state(demo)["from"], "include=bots"]
    done = subprocess.run(words, env={**env, **demo.values}, text=True, capture_output=True,
                          timeout=60, check=True)
    assert json.loads(done.stdout)["value"] == state(demo)["loaded"]["by_name"]["page_view"]


def test_names_are_as_often_there_as_said(demo):
    said = state(demo)
    groups = answer(demo, "event_count", by="name", interval="none", include="bots",
                    **{"from": said["from"], "to": "now"})["groups"]
    counted = {group["by"]: group["value"] for group in groups}
    assert counted == {name: n for name, n in said["loaded"]["by_name"].items() if n > 0}


def test_ninety_days_that_end_now(demo):
    rows = harness.query(demo.database_url, """
        select count(distinct (ts at time zone 'UTC')::date), bool_or(clamped),
               max(ts) < now(), min(ts) >= %s, count(distinct id)
        from traction.event""", state(demo)["from"])
    assert rows == [(90, False, True, True, state(demo)["loaded"]["events"])]


def test_the_bad_release_can_be_seen(demo):
    outage = state(demo)["outage"]
    during = {"from": outage["from"], "to": outage["to"]}
    groups = answer(demo, "error_rate", by="route", interval="none", **during)["groups"]
    saves = next(group for group in groups if group["by"] == outage["route"])
    assert outage["failed"] > 0
    assert saves["n"] == outage["requests"]
    assert saves["value"] == pytest.approx(outage["failed"] / outage["requests"])
    hours = answer(demo, "error_rate", interval="hour", **during)["series"]
    assert len(hours) == 26
    assert sum(hour["value"] > 0 for hour in hours if hour["value"] is not None) >= 3
    whole = answer(demo, "error_rate", interval="none",
                   **{"from": state(demo)["from"], "to": "now"})["value"]
    assert answer(demo, "error_rate", interval="none", **during)["value"] > 4 * whole


def test_again_it_adds_nothing_and_default_is_another_project(directory):
    program = demo_up(directory)
    try:
        program.start()
        first, loaded, values = ledger(program), state(program), dict(program.values)
        program.stop()
        program.command += ["--demo-seed", "5"]
        program.start()
        assert (ledger(program), state(program), program.values) == (first, loaded, values)
        program.stop()
        program.command = program.command[:program.command.index("--demo")]
        program.start()
        assert program.values["TRACTION_PROJECT_ID"] != values["TRACTION_PROJECT_ID"]
        assert program.values["TRACTION_OWNER_PASSWORD"] == values["TRACTION_OWNER_PASSWORD"]
        assert ledger(program)["received"] == 0
        default = dict(program.values)
        program.stop()
        program.command += ["--demo"]
        program.start()
        assert program.values == values
        program.stop()
        program.command.remove("--demo")
        program.start()
        assert program.values == default
    finally:
        program.close()


def accepted(program):
    """Events that the server has taken, as its metrics say; 0 while it does not answer."""
    try:
        status, _, text = harness.request(program.url, "GET", "/metrics", timeout=5)
    except OSError:
        return 0
    found = re.findall(rb"^traction_events_accepted_total\S* (\d+)", text, re.M)
    return sum(map(int, found)) if status == 200 else 0


@pytest.mark.parametrize("how", ["kill", "interrupt"])
def test_a_load_that_was_cut_off_goes_on(directory, how):
    program = demo_up(directory, "--demo-events", "250000")
    try:
        program.start(ready=False)
        harness.wait_for(lambda: accepted(program) > 5000, harness.READY_SECONDS)
        if how == "kill":
            program.kill()
        else:
            os.kill(program.pid, signal.SIGINT)
            assert program.process.wait(60) == 0
            assert "goes on" in program.log()
        begun = state(program)
        assert not begun["complete"]
        assert not os.path.exists(os.path.join(program.data, "traction.env"))
        program.command += ["--demo-seed", "9"]
        program.start()
        done = state(program)
        assert done["complete"]
        assert (done["seed"], done["end_us"]) == (1, begun["end_us"])
        now = ledger(program)
        assert now["stored"] == done["loaded"]["events"]
        assert now["duplicate"] > 0 and now["rejected"] == {}
        assert sum(n for n, in harness.query(program.database_url,
                                             "select count(*) from traction.event")) \
            == done["loaded"]["events"]
    finally:
        program.close()


def test_a_project_with_events_of_its_own_is_left_alone(directory):
    program = demo_up(directory)
    try:
        program.start()
        before = ledger(program)
        program.stop()
        os.remove(os.path.join(program.data, "demo.json"))
        program.start()
        assert ledger(program) == before
        assert "events of its own" in program.log()
        assert not os.path.exists(os.path.join(program.data, "demo.json"))
    finally:
        program.close()


@pytest.mark.parametrize("words, what", [
    (["--demo-seed", "1"], "--demo-seed needs --demo"),
    (["--demo-end", "2026-01-01"], "--demo-end needs --demo"),
    (["--demo", "--demo-seed", "x"], "--demo-seed"),
    (["--demo", "--demo-seed", "-1"], "--demo-seed"),
    (["--demo", "--demo-events", "12"], "--demo-events"),
    (["--demo", "--demo-events", "1e6"], "--demo-events"),
    (["--demo", "--demo-end", "soon"], "--demo-end"),
    (["--demo", "--demo-end", "2999-01-01T00:00:00Z"], "--demo-end"),
    (["--demo", "--demo-end", "2001-01-01T00:00:00Z"], "limits.past"),
])
def test_wrong_usage_names_the_option(directory, words, what):
    done = subprocess.run([harness.BINARY, "up", "--data", os.path.join(directory, "x"),
                           "--listen", "127.0.0.1:0", *words], text=True, capture_output=True,
                          timeout=60, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == 2
    assert what in done.stderr and done.stderr.count("\n") == 1
    assert not os.path.exists(os.path.join(directory, "x"))
