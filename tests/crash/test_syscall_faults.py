# SPDX-License-Identifier: MIT
"""R3 in short: a system call of the spool's path fails once. No event of a failed group is
acknowledged, what was acknowledged is there afterwards, and a restart works."""
import random
import shutil

import harness
import oracle
import pytest

# Which call, how it fails, in which of its calls by a thread. Start-up takes some of the first.
FAULTS = [
    ("fdatasync", "error=EIO", 3),
    ("fdatasync", "error=ENOSPC", 2),
    ("pwrite64", "error=EIO", 4),
    ("pwrite64", "error=ENOSPC", 5),
    ("pwrite64", "error=EINTR", 4),
    ("pwrite64", "retval=0", 4),
    ("fallocate", "error=ENOSPC", 2),
    ("ftruncate", "error=EIO", 1),
    ("fsync", "error=EIO", 6),
    ("openat", "error=EMFILE", 60),
    ("recvfrom", "error=ENOMEM", 3),
    ("sendto", "error=EAGAIN", 3),
    ("epoll_wait", "error=EINTR", 5),
]


@pytest.mark.parametrize("call,fault,when", FAULTS, ids=lambda x: str(x))
def test_fault(up, directory, call, fault, when):
    if not shutil.which("strace"):
        pytest.skip("needs strace")
    up.start()
    trace = directory + "/strace.log"
    server = harness.Serve(
        directory, up.database_url, up.values, {"TRACTION_SPOOL_SEGMENT": "64KiB"},
        wrapper=["strace", "-f", "-qq", "-o", trace, "-e", f"trace={call}",
                 "-e", f"inject={call}:{fault}:when={when}"])
    rng = random.Random(3)
    try:
        try:
            server.start()
        except RuntimeError:  # the fault hit the start, which may fail, once
            pass
        acked = [] if not server.is_running() else send_some(server, rng)
        server.kill()
        server.wrapper = []
        server.start()
        harness.wait_for(lambda: oracle.landed(server), 30)
        stored = {row[0]: row for row in oracle.stored_events(up.database_url)}
        assert [e["id"] for e in acked if e["id"] not in stored] == []
        twice = harness.query(up.database_url, "select id from traction.event group by 1"
                              " having count(*) > 1")
        assert twice == []
        assert oracle.check_alive(server) == []
        with open(trace) as log:
            injected = log.read().count("(INJECTED)")
        print(f"{call} {fault}: {len(acked)} acknowledged, {injected} faults")
    finally:
        server.close()


def send_some(server, rng):
    """Events one by one and in batches, whatever is answered; returns those that got a 2xx."""
    connection = oracle.Connection("127.0.0.1", server.port, server.values["TRACTION_WRITE_KEY"], 5)
    acked = []
    for _ in range(60):
        events = [oracle.make_event(rng) for _ in range(rng.choice([1, 1, 40]))]
        try:
            status, _, answer = connection.post("/v1/events", oracle.encode(rng, events))
        except oracle.Unknown:
            if not server.is_running():
                break
            continue
        assert status in (202, 503), (status, answer)
        if status == 202:
            acked += events
    return acked
