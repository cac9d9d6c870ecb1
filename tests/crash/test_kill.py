# SPDX-License-Identifier: MIT
"""R1, R9: kill -9 at random moments under load, of the server, of PostgreSQL, of everything.

TRACTION_KILL_ROUNDS rounds in all (20; 100 or 1000 for the long form), TRACTION_KILL_SEED to
repeat one."""
import os
import random
import signal
import time

import harness
import oracle
import pytest

ROUNDS = int(os.environ.get("TRACTION_KILL_ROUNDS", "20"))
SEED = os.environ.get("TRACTION_KILL_SEED", str(int(time.time())))
VICTIMS = {"server": 0.4, "postgres": 0.3, "everything": 0.3}


def kill_server(up):
    up.kill()
    up.start()


def kill_postgres(up):
    """The program starts its PostgreSQL again by itself, and keeps accepting meanwhile."""
    before = up.signal_postgres(signal.SIGKILL)
    assert before, "PostgreSQL does not run"
    harness.wait_for(lambda: up.postmaster() not in (0, before), 60)
    up.wait_ready()


def kill_everything(up):
    up.kill_everything()
    up.start()


@pytest.mark.parametrize("victim", VICTIMS)
def test_kill(up, victim):
    rng = random.Random(f"{SEED}/{victim}")
    kill = {"server": kill_server, "postgres": kill_postgres,
            "everything": kill_everything}[victim]
    up.start()
    with oracle.Load(up, threads=6) as load:
        for _ in range(max(1, round(ROUNDS * VICTIMS[victim]))):
            time.sleep(rng.uniform(0.05, 1.0))
            kill(up)
        time.sleep(0.3)
    figures = oracle.verify(up, [load])
    print(f"seed {SEED}, {victim}: {figures}")
    assert figures["acked"] > 0


def test_postgres_is_stopped_while_the_server_is_killed(up):
    """The orphan of a killed parent is found and taken over, whatever state it is in."""
    up.start()
    with oracle.Load(up, threads=2) as load:
        time.sleep(0.5)
        up.signal_postgres(signal.SIGTERM)  # smart shutdown: waits for sessions to end
        up.kill()
        up.start()
        time.sleep(0.5)
    oracle.verify(up, [load], kpis=False)
