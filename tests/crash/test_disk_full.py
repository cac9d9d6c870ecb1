# SPDX-License-Identifier: MIT
"""R8: the spool's disk fills, before a write and in the middle of one."""
import contextlib
import os
import time

import harness
import oracle

MIB = 1 << 20


def fill(path, leave):
    """Takes all space but `leave` bytes, against somebody who takes space, too."""
    name = os.path.join(path, "filler")
    with open(name, "ab", buffering=0) as filler:
        while True:
            disk = os.statvfs(path)
            size = min(disk.f_bavail * disk.f_frsize - leave, 1 << 16)
            if size <= 0:
                return name
            with contextlib.suppress(OSError):
                filler.write(bytes(size))


def post_one(up):
    """(status, Retry-After, seconds)"""
    started = time.monotonic()
    status, fields, _ = up.post({"name": "disk_probe"}, timeout=10)
    return status, fields.get("Retry-After"), time.monotonic() - started


@contextlib.contextmanager
def nothing_lands(up):
    """PostgreSQL takes nothing, so that the spool has to grow."""
    blocker = harness.database(up.database_url)
    blocker.autocommit = False
    with contextlib.closing(blocker), blocker.cursor() as cursor:
        cursor.execute("lock table traction.id_log_head in access exclusive mode")
        yield
        blocker.rollback()


def run(up, spool, leave):
    with oracle.Load(up, threads=6, batch=100) as load, nothing_lands(up):
        harness.wait_for(lambda: load.acknowledged() > 200)
        filler = fill(spool, leave)
        harness.wait_for(lambda: post_one(up)[0] == 503, 30)
        refused = [post_one(up) for _ in range(20)]
        assert all(status == 503 for status, _, _ in refused), refused
        assert all(after and int(after) > 0 for _, after, _ in refused), refused
        assert sorted(seconds for _, _, seconds in refused)[10] < 0.05, refused
        assert up.get("/v1/ledger")[0] == 200
        status, answer = up.get("/v1/kpi/event_count?from=-7d")
        assert status == 200, answer
        assert up.is_running()
        os.unlink(filler)
        started = time.monotonic()
        harness.wait_for(lambda: post_one(up)[0] == 202, 10)
        print(f"accepts again {time.monotonic() - started:.2f} s after space came back")
        before = load.acknowledged()
        harness.wait_for(lambda: load.acknowledged() > before + 50)
    return load


def start_on_small_disk(up, small_disk, **env):
    spool = small_disk("data/spool", "24m")
    up.env.update(TRACTION_SPOOL_SEGMENT="256KiB", TRACTION_SPOOL_KEEP="1MiB", **env)
    up.start()
    return spool


def test_space_runs_low(up, small_disk):
    """The reserve is reached: refused before anything is written."""
    spool = start_on_small_disk(up, small_disk, TRACTION_SPOOL_MIN_FREE="4MiB",
                                TRACTION_SPOOL_MIN_FREE_SHARE="0.05")
    loads = [run(up, spool, 2 * MIB), run(up, spool, 2 * MIB)]  # the second fill is as the first
    print(oracle.verify(up, loads))


def test_space_runs_out_during_a_write(up, small_disk):
    """Somebody else takes the last byte between the check and the write."""
    spool = start_on_small_disk(up, small_disk, TRACTION_SPOOL_MIN_FREE="0B",
                                TRACTION_SPOOL_MIN_FREE_SHARE="0")
    loads = [run(up, spool, 0)]
    print(oracle.verify(up, loads))


def test_spool_limit(up):
    """The spool's own limit, while PostgreSQL takes nothing."""
    up.env.update(TRACTION_SPOOL_LIMIT="1MiB", TRACTION_SPOOL_SEGMENT="256KiB")
    up.start()
    with oracle.Load(up, threads=6, batch=100) as load:
        with nothing_lands(up):
            harness.wait_for(lambda: post_one(up)[0] == 503, 60)
            assert oracle.waiting(up.get("/v1/ledger")[1]) > 0
        harness.wait_for(lambda: post_one(up)[0] == 202, 30)
    print(oracle.verify(up, [load]))
