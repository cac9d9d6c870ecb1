# SPDX-License-Identifier: MIT
"""`traction up`: what it promises to whoever tries it, and what becomes of it under kill -9."""
import os
import re
import signal
import socket
import stat
import subprocess
import urllib.parse

import pytest

import harness

VARIABLES = {"TRACTION_URL", "TRACTION_PROJECT_ID", "TRACTION_WRITE_KEY", "TRACTION_READ_KEY",
             "TRACTION_ADMIN_KEY", "TRACTION_DATABASE_URL", "TRACTION_OWNER_EMAIL",
             "TRACTION_OWNER_PASSWORD"}


def send(program, *ids):
    events = [{"id": i, "name": "page_view", "user": "u_1", "url": "https://app.example/"}
              for i in ids]
    status, _, body = program.post(events, "?ack=commit")
    assert status == 202, body


def count(program):
    status, answer = program.get("/v1/kpi/page_views?interval=none")
    assert status == 200, answer
    return answer["value"]


def env_path(program):
    return os.path.join(program.data, "traction.env")


def command(*words, env=None, cwd=None):
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("TRACTION_")}
    return subprocess.run([harness.BINARY, *words], env={**inherited, **(env or {})}, cwd=cwd,
                          text=True, capture_output=True, timeout=60, check=False,
                          stdin=subprocess.DEVNULL)


def test_first_start_says_all_that_is_needed(up):
    up.start()
    assert VARIABLES <= set(up.values)
    assert up.values["TRACTION_URL"] == up.url
    assert stat.S_IMODE(os.stat(env_path(up)).st_mode) == 0o600
    assert re.fullmatch(r"tw_[0-9a-z]{38}", up.values["TRACTION_WRITE_KEY"])
    assert re.fullmatch(r"tr_[0-9a-z]{38}", up.values["TRACTION_READ_KEY"])
    assert re.fullmatch(r"ta_[0-9a-z]{38}", up.values["TRACTION_ADMIN_KEY"])
    screen = up.log()
    assert screen.count("\n") <= 25
    for key in ("TRACTION_URL", "TRACTION_WRITE_KEY", "TRACTION_READ_KEY", "TRACTION_ADMIN_KEY"):
        assert up.values[key] in screen


def test_the_lines_to_paste_work(up):
    up.start()
    # The screen is printed right after the file that says "ready".
    lines = harness.wait_for(lambda: re.findall(r"^  (curl .*(?:(?<=\\)\n.*)*)$", up.log(), re.M))
    assert len(lines) == 2
    answers = [subprocess.run(["sh", "-c", line.replace("curl", "curl -sS", 1)], text=True,
                              capture_output=True, check=True, timeout=30).stdout for line in lines]
    assert '"accepted":1' in answers[0].replace(" ", "")
    assert '"value":1' in answers[1].replace(" ", "")


def test_env_is_for_a_shell(up):
    up.start()
    done = subprocess.run(["sh", "-ec", '. "$0"; printf %s "$TRACTION_DATABASE_URL"', env_path(up)],
                          text=True, capture_output=True, check=True)
    assert done.stdout == up.database_url
    assert harness.query(done.stdout, "select count(*) from traction.project") == [(1,)]


def test_stop_and_start_again(up):
    up.start()
    send(up, "a", "b")
    before = dict(up.values)
    up.stop()
    assert up.process.returncode == 0
    assert not os.path.exists(env_path(up))
    assert up.postmaster() == 0
    up.start()
    assert up.values == before
    send(up, "b", "c")
    assert count(up) == 3


def test_interrupt_is_as_good_as_terminate(up):
    up.start()
    os.kill(up.process.pid, signal.SIGINT)
    assert up.process.wait(30) == 0
    assert up.postmaster() == 0


def test_interrupt_as_soon_as_it_answers(up):
    """Before the screen is printed, and maybe before the main loop runs."""
    up.start(ready=False)
    harness.wait_for(lambda: up.status("/healthz"), every=0.001)
    os.kill(up.process.pid, signal.SIGINT)
    assert up.process.wait(30) == 0
    assert not os.path.exists(env_path(up))
    assert up.postmaster() == 0


def test_a_second_up_refuses(up):
    up.start()
    done = command("up", "--data", up.data, "--listen", "127.0.0.1:0")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1 and "another" in done.stderr
    assert up.is_running() and os.path.exists(env_path(up))
    send(up, "still-here")


def test_port_zero_takes_a_free_one(up):
    up.command[up.command.index("--listen") + 1] = "127.0.0.1:0"
    up.start(ready=False)
    harness.wait_for(lambda: os.path.exists(env_path(up)), harness.READY_SECONDS)
    url = harness.read_env(env_path(up))["TRACTION_URL"]
    assert urllib.parse.urlsplit(url).port != 0
    assert harness.request(url, "GET", "/healthz")[0] == 200


def test_a_taken_port_is_an_error_that_leaves_nothing_running(up):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        done = command("up", "--data", up.data, "--listen", "127.0.0.1:%d" % other.getsockname()[1])
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("traction: could not listen")
    assert not os.path.exists(env_path(up))
    assert up.postmaster() == 0


def test_no_tcp_and_nobody_else(up):
    up.start()
    settings = dict(harness.query(up.database_url, "select name, setting from pg_settings"))
    assert settings["listen_addresses"] == ""
    assert settings["fsync"] == settings["synchronous_commit"] == "on"
    folder = settings["unix_socket_directories"]
    if folder.startswith("/proc/self/"):
        folder = urllib.parse.parse_qs(urllib.parse.urlsplit(up.database_url).query)["host"][0]
    assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700


def kill_program(up):
    up.kill()


def kill_everything(up):
    up.kill_everything()


def kill_program_and_hold_postgres(up):
    """The postmaster can't notice that its parent is gone: it stays, an orphan."""
    up.signal_postgres(signal.SIGSTOP)
    up.kill()


def kill_postmaster_and_program(up):
    up.signal_postgres(signal.SIGKILL)
    up.kill()


@pytest.mark.parametrize("kill", [kill_program, kill_everything, kill_program_and_hold_postgres,
                                  kill_postmaster_and_program])
def test_recovers_from_kills(up, kill):
    up.start()
    keys = up.values["TRACTION_WRITE_KEY"]
    send(up, "before")
    kill(up)
    up.start()
    assert up.values["TRACTION_WRITE_KEY"] == keys
    assert count(up) == 1
    send(up, "before", "after")
    assert count(up) == 2


def test_a_killed_postmaster_is_replaced_while_running(up):
    up.start()
    send(up, "before")
    old = up.signal_postgres(signal.SIGKILL)
    assert up.post([{"id": "during", "name": "page_view", "user": "u_1"}])[0] == 202
    harness.wait_for(lambda: up.postmaster() not in (0, old), 30)
    harness.wait_for(lambda: up.get("/v1/kpi/page_views?interval=none")[0] == 200, 30)
    harness.wait_for(lambda: count(up) == 2, 30)
    assert up.is_running()


def test_killed_while_starting(up):
    """At any moment of the first start; the next one finishes the work."""
    for moment in ("postgres/lock", "postgres/data.new", "postgres/data", "postgres/data/postmaster.pid"):
        up.start(ready=False)
        harness.wait_for(lambda: os.path.exists(os.path.join(up.data, moment))
                         or up.check_ready(), 60, 0.001)
        up.kill()
    up.start()
    send(up, "a")
    assert count(up) == 1


def test_a_folder_with_spaces_and_a_long_path(directory):
    path = os.path.join(directory, "with spaces & more", "x" * 100)
    with harness.Up(directory=directory) as up:
        up.stop()
        up.data = path
        up.command[up.command.index("--data") + 1] = path
        up.start()
        assert harness.query(up.database_url, "select 1") == [(1,)]
        send(up, "a")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs a folder that PostgreSQL's user may not enter")
def test_below_a_folder_of_roots_alone(directory):
    os.chmod(directory, 0o700)
    with harness.Up(directory=directory) as up:
        send(up, "a")
        assert count(up) == 1


def test_wrong_usage():
    for words in (["up", "--lisen", "x"], ["up", "extra"], ["up", "--listen", "nowhere"], ["key"],
                  ["nope"], ["key", "add"], ["query"], ["rejects", "list", "--limit", "0"]):
        done = command(*words)
        assert done.returncode == 2, words
        assert done.stderr.count("\n") == 1, done.stderr
    for words in ([], ["up"], ["key"], ["key", "add"], ["project", "set"], ["doctor"], ["query"],
                  ["bench"]):
        done = command(*words, "--help")
        assert done.returncode == 0 and "usage:" in done.stdout.lower(), words
    assert command("version").stdout.startswith("traction ")


def test_commands_find_everything_in_the_environment(traction_up):
    env = traction_up.values

    def run(*words, status=0):
        done = command(*words, env=env)
        assert done.returncode == status, done.stderr
        return done.stdout if status == 0 else done.stderr

    assert re.fullmatch(r"[0-9a-f-]{36}\n", run("project", "add", "shop", "--currency", "EUR",
                                                "--timezone", "Asia/Kolkata"))
    assert "already" in run("project", "add", "shop", status=1)
    assert "--timezone" in run("project", "add", "x", "--timezone", "Mars/Base", status=1)
    assert "--currency" in run("project", "add", "x", "--currency", "euro", status=1)
    assert "--origin" in run("project", "add", "x", "--origin", "https://a.example/path", status=1)
    run("project", "set", "shop", "--origin", "https://a.example", "--retention", "90d")
    assert "https://a.example" in run("project", "list")
    key = run("key", "add", "--project", "shop", "--scope", "write").strip()
    harness.wait_for(lambda: harness.request(traction_up.url, "POST", "/v1/events", key,
                                             {"name": "page_view", "user": "u"})[0] == 202)
    assert key[:9] in run("key", "list", "--project", "shop")
    assert key not in run("key", "list", "--json")
    run("key", "revoke", key)
    harness.wait_for(lambda: harness.request(traction_up.url, "POST", "/v1/events", key,
                                             {"name": "page_view", "user": "u"})[0] == 401)
    assert "no valid key" in run("key", "revoke", key, status=1)

    send(traction_up, "q1")
    assert "page_views: 1 views" in run("query", "page_views")
    assert '"value": 1' in run("query", "page_views", "--format", "json")
    assert "traction query: " in run("query", "page_views", "--from", "yesteryear", status=2)
    assert "has events" in run("project", "set", "default", "--timezone", "Asia/Kolkata", status=1)
    traction_up.post([{"name": "", "user": "u"}])
    harness.wait_for(lambda: '"field": "name"' in run("rejects", "list", "--json"))
    assert "up to date" in run("migrate")
    assert "0001_init" in run("migrate", "--status")
    assert "bad " not in run("doctor")
