# SPDX-License-Identifier: MIT
"""R16: the same ids, three times in random order, to two servers of one database, with kill -9
between: each is counted once. TRACTION_TWO_SERVERS_IDS of them (5,000; 100,000 in the long form)."""
import os
import random
import threading
import time
import uuid

import harness
import oracle

IDS = int(os.environ.get("TRACTION_TWO_SERVERS_IDS", "5000"))
BATCH = 50


def plan(rng, events):
    """Every event three times, each time to a server drawn by lot, in batches of mixed sizes."""
    copies = events * 3
    rng.shuffle(copies)
    while copies:
        size = rng.randrange(1, BATCH)
        yield copies[:size]
        copies = copies[size:]


def deliver(connection, body):
    """Until there is a 2xx: what is unknown is sent again."""
    while True:
        try:
            status, _, answer = connection.post("/v1/events", body)
        except oracle.Unknown:
            time.sleep(0.02)
            continue
        if status == 202:
            return
        assert status in (429, 503), (status, answer)
        time.sleep(0.1)


def send_all(server, batches, rng):
    connection = oracle.Connection("127.0.0.1", server.port, server.values["TRACTION_WRITE_KEY"], 30)
    for batch in batches:
        deliver(connection, oracle.encode(rng, batch))
    connection.close()


def test_two_servers(up):
    rng = random.Random(16)
    up.start()
    name = "counted_" + uuid.uuid4().hex[:8]
    events = [dict(oracle.make_event(rng), name=name) for _ in range(IDS)]
    servers = [harness.Serve(up.directory, up.database_url, up.values, name=f"serve{i}")
               for i in range(2)]
    try:
        for server in servers:
            server.start()
        batches = list(plan(rng, events))
        half = len(batches) // 2
        threads = [threading.Thread(target=send_all, args=(servers[i], part, random.Random(i)))
                   for i, part in enumerate((batches[:half], batches[half:]))]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            time.sleep(rng.uniform(0.2, 1.0))
            victim = rng.choice(servers)
            victim.kill()
            victim.start()
        for server in servers:
            harness.wait_for(lambda: oracle.landed(server), 60)  # noqa: B023
        check(up, name)
    finally:
        for server in servers:
            server.close()


def check(up, name):
    rows = harness.query(up.database_url, "select count(*), count(distinct id) from traction.event"
                         " where name = %s", name)
    assert rows == [(IDS, IDS)]
    for source in ("rollup", "events"):
        status, answer = up.get(f"/v1/kpi/event_count?name={name}&{oracle.whole_days(8)}&source={source}")
        assert (status, answer.get("value")) == (200, IDS), answer
