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


# What is not about a row: disk full, out of memory, connections, read-only, locks, serialization,
# shutdown, I/O, internal, permission, undefined table.
STATES = ["53100", "53200", "53300", "25006", "55P03", "40001", "40P01", "57P01", "57P03", "58030",
          "XX000", "42501", "42P01", "28P01", "08006"]


@pytest.mark.parametrize("table", ["event", "spool_position"])
def test_postgres_says_no(up, table):
    """Whatever is no fault of an event is waited for, while the rows are copied and at the end."""
    with trouble(up):
        for state in STATES:
            execute(up.database_url, f"""
                create or replace function public.refuse() returns trigger language plpgsql as
                $$ begin raise exception 'no' using errcode = '{state}'; end $$""", f"""
                create or replace trigger refuse before insert or update on traction.{table}
                for each statement execute function public.refuse()""")
            keeps_accepting(up, TROUBLE_SECONDS / 4)
            assert oracle.waiting(up.get("/v1/ledger")[1]) > 0
            execute(up.database_url, f"drop trigger refuse on traction.{table}")
            assert harness.wait_for(lambda: up.post({"name": "after_trouble"}, "?ack=commit")[0],
                                    30) == 202, state


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
