# SPDX-License-Identifier: MIT
"""R13: the connection to PostgreSQL is cut after byte N of a batch, in both directions, for a sweep
of N. TRACTION_CUT_STEP bytes between two cuts (150; 1 in the long form)."""
import contextlib
import os
import random
import select
import socket
import struct
import threading
import urllib.parse
import uuid

import harness
import oracle

STEP = int(os.environ.get("TRACTION_CUT_STEP", "150"))
NAME = ".s.PGSQL.5432"


class Proxy:
    """A unix socket in front of PostgreSQL's that cuts the writer's connection when told to."""

    def __init__(self, directory, target):
        self.target = target
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(os.path.join(directory, NAME))
        self.listener.listen(64)
        self.lock = threading.Lock()
        self.armed = None  # [direction, bytes left]
        self.cuts = 0
        self.passed = [0, 0]
        threading.Thread(target=self.accept, daemon=True).start()

    def arm(self, direction, after):
        with self.lock:
            self.armed = [direction, after]

    def is_armed(self):
        with self.lock:
            return self.armed is not None

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def allowed(self, direction, size):
        """How many of the bytes may pass; fewer than size means: cut there."""
        with self.lock:
            self.passed[direction] += size
            if not self.armed or self.armed[0] != direction:
                return size
            if self.armed[1] >= size:
                self.armed[1] -= size
                return size
            left = self.armed[1]
            self.armed = None
            self.cuts += 1
            return left

    def serve(self, client):
        server = socket.socket(socket.AF_UNIX)
        try:
            server.connect(self.target)
            size = struct.unpack("!I", client.recv(4, socket.MSG_PEEK | socket.MSG_WAITALL))[0]
            startup = client.recv(size, socket.MSG_WAITALL)
            server.sendall(startup)
            self.copy(client, server, b"writer" in startup)
        except (OSError, struct.error):
            pass
        finally:
            client.close()
            server.close()

    def copy(self, client, server, is_writer):
        ends = [client, server]
        while True:
            for source in select.select(ends, [], [])[0]:
                direction = ends.index(source)
                data = source.recv(65536)
                if not data:
                    return
                passes = self.allowed(direction, len(data)) if is_writer else len(data)
                ends[1 - direction].sendall(data[:passes])
                if passes < len(data):
                    return

    def close(self):
        self.listener.close()


def through(url, directory):
    """The database's URL, by way of the proxy; and where PostgreSQL's own socket is."""
    parts = urllib.parse.urlsplit(url)
    fields = dict(urllib.parse.parse_qsl(parts.query))
    folder = fields.get("host") or urllib.parse.unquote(parts.hostname)
    fields["host"] = directory
    user = parts.username + "@" if parts.username else ""
    return (f"postgresql://{user}{parts.path}?{urllib.parse.urlencode(fields)}",
            os.path.join(folder, NAME))


def one_batch(server, rng_events):
    status, _, body = server.post(rng_events)
    assert status == 202, body
    harness.wait_for(lambda: oracle.landed(server), 30)


def test_cut(up, directory):
    up.start()
    url, target = through(up.database_url, directory)
    proxy = Proxy(directory, target)
    name = "cut_" + uuid.uuid4().hex[:8]
    sent = 0
    rng = random.Random(13)
    try:
        with harness.Serve(directory, url, up.values) as server:
            one_batch(server, [dict(oracle.make_event(rng), name=name) for _ in range(3)])
            sent += 3
            for direction in (0, 1):
                before = proxy.passed[direction]
                one_batch(server, [dict(oracle.make_event(rng), name=name) for _ in range(3)])
                sent += 3
                cycle = proxy.passed[direction] - before
                assert cycle > 0, "the writer does not pass through the proxy"
                for after in range(0, cycle + STEP, STEP):
                    proxy.arm(direction, after)
                    one_batch(server, [dict(oracle.make_event(rng), name=name) for _ in range(3)])
                    sent += 3
            print(f"{proxy.cuts} cuts, {sent} events")
            assert proxy.cuts > 0
            figures = oracle.check_alive(server)
            assert figures == []
        rows = harness.query(up.database_url, "select count(*), count(distinct id) from"
                             " traction.event where name = %s", name)
        assert rows == [(sent, sent)]
        for source in ("rollup", "events"):
            status, answer = up.get(f"/v1/kpi/event_count?name={name}&{oracle.whole_days(8)}&source={source}")
            assert (status, answer.get("value")) == (200, sent), answer
        assert harness.query(up.database_url, "select count(*) from traction.reject") == [(0,)]
    finally:
        proxy.close()
