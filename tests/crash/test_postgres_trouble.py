# SPDX-License-Identifier: MIT
"""R9, R11: PostgreSQL stops, restarts, says no. Nothing is quarantined for it, events are accepted
all the while, and everything lands afterwards."""
import contextlib
import os
import pwd
import signal
import subprocess
import time

import harness
import oracle
import psycopg2
import pytest

LONG = os.environ.get("TRACTION_CRASH_LONG") == "1"
TROUBLE_SECONDS = 60 if LONG else 3
RESTARTS = 200 if LONG else 4


def execute(url, *statements):
    for statement in statements:
        harness.query(url, statement)


@contextlib.contextmanager
def trouble(up):
    """Load, during which the caller makes trouble; then the verdict."""
    up.start()
    with oracle.Load(up, threads=3, timeout=60) as load:
        harness.wait_for(lambda: load.acknowledged() > 100)
        yield load
        before = load.acknowledged()
        harness.wait_for(lambda: load.acknowledged() > before + 100, 60)
    figures = oracle.verify(up, [load])
    quarantined = harness.query(up.database_url,
                                "select count(*) from traction.reject where source = 'postgresql'")
    assert quarantined == [(0,)]
    print(figures)


def keeps_accepting(up, seconds=TROUBLE_SECONDS):
    """ack=disk does not need PostgreSQL."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        status, _, body = up.post({"name": "during_trouble"}, "?ack=disk")
        assert status == 202, body
        time.sleep(0.05)


@pytest.mark.parametrize("how", [signal.SIGQUIT, signal.SIGINT, signal.SIGKILL],
                         ids=["immediate", "fast", "kill"])
def test_restart_loop(up, how):
    with trouble(up):
        for _ in range(RESTARTS):
            before = up.signal_postgres(how)
            assert before, "PostgreSQL does not run"
            keeps_accepting(up, 0.2)
            harness.wait_for(lambda: up.postmaster() not in (0, before), 60)
            harness.wait_for(lambda: can_connect(up.database_url), 60)


def can_connect(url):
    try:
        harness.query(url, "select 1")
        return True
    except psycopg2.Error:
        return False


def test_sessions_are_terminated(up):
    with trouble(up):
        until = time.monotonic() + TROUBLE_SECONDS
        while time.monotonic() < until:
            harness.query(up.database_url,
                          "select pg_terminate_backend(pid) from pg_stat_activity"
                          " where backend_type = 'client backend' and pid <> pg_backend_pid()")
            time.sleep(0.05)


def test_read_only(up):
    with trouble(up):
        execute(up.database_url, "alter system set default_transaction_read_only = on",
                "select pg_reload_conf()")
        # Sessions that set it for themselves are not what a standby would let them be.
        keeps_accepting(up)
        execute(up.database_url, "set default_transaction_read_only = off;"
                " alter system reset default_transaction_read_only")
        execute(up.database_url, "select pg_reload_conf()")


def test_no_connection_is_left(up):
    with trouble(up):
        taken = []
        with contextlib.suppress(psycopg2.OperationalError):
            while True:
                taken.append(harness.database(up.database_url))
        with taken[0].cursor() as cursor:
            mine = [connection.get_backend_pid() for connection in taken]
            for _ in range(5):
                cursor.execute("select pg_terminate_backend(pid) from pg_stat_activity"
                               " where backend_type = 'client backend' and pid <> all(%s)", (mine,))
                with contextlib.suppress(psycopg2.OperationalError):
                    while True:
                        taken.append(harness.database(up.database_url))
                mine = [connection.get_backend_pid() for connection in taken]
        keeps_accepting(up)
        for connection in taken:
            connection.close()


@pytest.mark.parametrize("table", ["event", "id_log_head", "spool_position", "rollup_count"])
def test_a_lock_is_held(up, table):
    with trouble(up):
        with contextlib.closing(harness.database(up.database_url)) as other:
            other.autocommit = False
            with other.cursor() as cursor:
                cursor.execute(f"lock table traction.{table} in access exclusive mode")
            keeps_accepting(up)


def test_disk_of_the_tables_is_full(up, small_disk):
    disk = small_disk("tablespace", "48m", "0700", pwd.getpwnam("postgres").pw_uid)
    os.chmod(up.directory, 0o755)
    with trouble(up) as load:
        execute(up.database_url, f"create tablespace small location '{disk}'")
        partitions = harness.query(
            up.database_url,
            "select inhrelid::regclass::text from pg_inherits where inhparent ="
            " 'traction.event'::regclass and inhrelid::regclass::text between"
            " 'traction.event_' || to_char(now() - interval '6 days', 'YYYYMMDD')"
            " and 'traction.event_' || to_char(now() + interval '1 day', 'YYYYMMDD')")
        for (partition,) in partitions:
            execute(up.database_url, f"alter table {partition} set tablespace small")
        filler = os.path.join(disk, "filler")
        subprocess.run(["dd", "if=/dev/zero", f"of={filler}", "bs=64k"], check=False,
                       capture_output=True)
        stuck = load.acknowledged()
        keeps_accepting(up)
        harness.wait_for(lambda: load.acknowledged() > stuck + 2000, 60)
        assert oracle.waiting(up.get("/v1/ledger")[1]) > 0
        os.unlink(filler)
        harness.wait_for(lambda: move_back(up.database_url, partitions), 60)


def move_back(url, partitions):
    for (partition,) in partitions:
        execute(url, f"alter table {partition} set tablespace pg_default")
    execute(url, "drop tablespace small")
    return True
