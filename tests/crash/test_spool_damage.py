# SPDX-License-Identifier: MIT
"""R7: bytes of a stopped spool are damaged. Only the events they belong to are lost, the damage is
counted, the server starts. src/spool/README.md says how a segment looks."""
import collections
import glob
import os
import random
import re
import struct
import time

import harness
import oracle
import pytest

ROUNDS = int(os.environ.get("TRACTION_DAMAGE_ROUNDS", "1"))
SEED = os.environ.get("TRACTION_KILL_SEED", str(int(time.time())))
SEGMENT_HEADER = 64
FRAME = struct.Struct("<4sIII QQQII")
UUID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")


def frames(path):
    """(begin, end, id) of every frame, as offsets in the file."""
    with open(path, "rb") as segment:
        data = segment.read()
    at = SEGMENT_HEADER
    while at + FRAME.size <= len(data) and data[at:at + 4] == b"TRr1":
        length = FRAME.unpack_from(data, at)[2]
        end = at + FRAME.size + length
        found = UUID.search(data, at + FRAME.size, end)
        yield at, end, found.group().decode() if found else None
        at = end


def segments(up):
    return sorted(glob.glob(os.path.join(up.spool, "*.segment")))


def touched(path, begin, end):
    """How often each event stands in that stretch: a client may have sent it twice."""
    return collections.Counter(i for b, e, i in frames(path) if b < end and e > begin)


def flip(rng, path):
    all_frames = list(frames(path))
    begin, end, _ = rng.choice(all_frames)
    where = rng.randrange(begin, end)
    hit = touched(path, where, where + 1)
    with open(path, "r+b") as segment:
        segment.seek(where)
        byte = segment.read(1)[0]
        segment.seek(where)
        segment.write(bytes([byte ^ (1 << rng.randrange(8))]))
    return hit


def zero(rng, path):
    last = list(frames(path))[-1][1]
    where = rng.randrange(SEGMENT_HEADER, max(SEGMENT_HEADER + 1, last - 4096))
    hit = touched(path, where, where + 4096)
    with open(path, "r+b") as segment:
        segment.seek(where)
        segment.write(bytes(min(4096, last - where)))
    return hit


def truncate(rng, path):
    all_frames = list(frames(path))
    where = rng.randrange(all_frames[len(all_frames) // 2][0], all_frames[-1][1])
    hit = touched(path, where, 1 << 60)
    os.truncate(path, where)
    return hit


def spoil_header(rng, path):
    """Nothing of the segment can be placed any more."""
    hit = touched(path, 0, 1 << 60)
    with open(path, "r+b") as segment:
        segment.seek(rng.randrange(SEGMENT_HEADER))
        segment.write(b"\xff")
    return hit


def metric(up, name):
    for line in harness.request(up.url, "GET", "/metrics",
                                up.values["TRACTION_READ_KEY"])[2].decode().splitlines():
        if line.startswith(name + " "):
            return float(line.split()[1])
    raise KeyError(name)


@pytest.mark.parametrize("damage", [flip, zero, truncate, spoil_header])
def test_damage(up, damage):
    up.env.update(TRACTION_SPOOL_SEGMENT="256KiB")
    for number in range(ROUNDS):
        rng = random.Random(f"{SEED}/{damage.__name__}/{number}")
        up.start()
        before = set(segments(up))
        acked = fill_spool(up)
        fresh = [p for p in segments(up) if p not in before and len(list(frames(p))) > 20]
        copies = sum((touched(p, 0, 1 << 60) for p in segments(up)), collections.Counter())
        hit = damage(rng, rng.choice(fresh))
        expected = {i for i in hit if copies[i] == hit[i]} & acked
        up.start()
        harness.wait_for(lambda: oracle.landed(up), 60)
        lost = acked - {row[0] for row in oracle.stored_events(up.database_url)}
        print(f"{damage.__name__}: {len(acked)} acked, {len(expected)} only there, {len(lost)} lost")
        assert lost <= expected, f"lost though not touched: {list(lost - expected)[:3]}"
        if damage is not spoil_header:
            assert lost == expected, "damaged bytes were taken for an event"
            assert not lost or damage is truncate or metric(up, "traction_spool_damaged_total") > 0
        assert oracle.check_alive(up) == []
        up.stop()


def fill_spool(up):
    """Events that are acknowledged but not in PostgreSQL, in a spool whose server is dead."""
    blocker = harness.database(up.database_url)
    blocker.autocommit = False
    with blocker.cursor() as cursor:
        cursor.execute("lock table traction.id_log_head in access exclusive mode")
    with oracle.Load(up, threads=3, timeout=2, batch=100) as load:
        harness.wait_for(lambda: load.acknowledged() > 3000, 60)
        up.kill_everything()
    blocker.close()
    return {event["id"] for event in load.lines("acked")}
