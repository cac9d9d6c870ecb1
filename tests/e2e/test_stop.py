# SPDX-License-Identifier: MIT
"""Stopping while PostgreSQL does not answer: it ends soon all the same, and what was acknowledged
is stored once by the next start."""
import contextlib
import os
import signal
import threading

import pytest

import harness

# Far above the second of drain_timeout and the ten for the rest, far below what a statement may take.
STOP_SECONDS = 30
DRAIN = {"TRACTION_SERVER_DRAIN_TIMEOUT": "1s"}


@contextlib.contextmanager
def lock(url, table="id_log_head"):
    with contextlib.closing(harness.database(url)) as other:
        other.autocommit = False
        with other.cursor() as cursor:
            cursor.execute(f"lock table traction.{table} in access exclusive mode")
            yield


def wait_for_writer_to_wait(url):
    harness.wait_for(lambda: harness.query(
        url, "select pid from pg_stat_activity"
             " where application_name = 'traction writer' and wait_event_type = 'Lock'"))


def send(program, *ids, ack="disk"):
    status, _, body = program.post([{"id": i, "name": "page_view", "user": "u"} for i in ids],
                                   "?ack=" + ack)
    assert status == 202, body


def count(program):
    status, answer = program.get("/v1/kpi/page_views?interval=none")
    assert status == 200, answer
    return answer["value"]


@contextlib.contextmanager
def frozen(processes):
    """Stopped, not ended: connections stay and nothing answers on them."""
    for pid in processes:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in processes:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


@pytest.mark.parametrize("table", ["event", "id_log_head", "spool_position", "rollup_count"])
def test_a_lock_is_held(up, table):
    up.env = dict(DRAIN)
    up.start()
    send(up, "before", ack="commit")
    with lock(up.database_url, table):
        send(up, "before", "during")
        wait_for_writer_to_wait(up.database_url)
        up.stop(STOP_SECONDS)
        assert up.process.returncode == 0
    up.start()
    send(up, "after", ack="commit")
    assert count(up) == 3


def test_postgresql_hangs_below_up(up):
    up.env = dict(DRAIN)
    up.start()
    send(up, "before", ack="commit")
    with frozen([up.postmaster()] + up.backends()):
        send(up, "during")
        up.stop(STOP_SECONDS)
    assert up.postmaster() == 0
    up.start()
    send(up, "after", ack="commit")
    assert count(up) == 3


def test_postgresql_hangs_elsewhere(up, directory):
    """Somebody else's PostgreSQL, and a question under way."""
    up.start()
    with harness.Serve(directory, up.database_url, up.values, DRAIN) as server:
        send(server, "before", ack="commit")
        with frozen([up.postmaster()] + up.backends()):
            send(server, "during")
            asking = threading.Thread(target=ignore_end, args=(count, server))
            asking.start()
            server.stop(STOP_SECONDS)
            assert server.process.returncode == 0
            asking.join()
        server.start()
        send(server, "after", ack="commit")
        assert count(server) == 3


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_at_once(up, number):
    """However long the drain may take: a client waits for a commit that does not come."""
    up.env = {"TRACTION_SERVER_DRAIN_TIMEOUT": "1h", "TRACTION_LIMITS_COMMIT_TIMEOUT": "1h"}
    up.start()
    with lock(up.database_url):
        waiting = threading.Thread(target=ignore_end, args=(send_and_wait, up, "during"))
        waiting.start()
        wait_for_writer_to_wait(up.database_url)
        os.kill(up.pid, number)
        harness.wait_for(lambda: up.status("/healthz") == 0)
        assert up.is_running()
        os.kill(up.pid, number)
        assert up.process.wait(STOP_SECONDS) == -number
        waiting.join()
    up.start()
    send(up, "during", "after", ack="commit")
    assert count(up) == 2


def send_and_wait(program, *ids):
    send(program, *ids, ack="commit")


def ignore_end(what, *values):
    with contextlib.suppress(OSError, harness.http.client.HTTPException):
        what(*values)
