# SPDX-License-Identifier: MIT
"""R14: PostgreSQL refuses some rows for what is in them. Exactly those are set aside, with the
reason, and the others of their batch land. A trigger plays the part of a row the door let through."""
import random
import uuid

import harness
import oracle
import pytest

TRIGGER = """
create function public.refuse_poison() returns trigger language plpgsql as $$
begin
    if new.name = 'poison' then
        raise exception 'this row is poison' using errcode = '{state}'{more};
    end if;
    return new;
end $$;
create trigger refuse_poison before insert on traction.event
    for each row execute function public.refuse_poison()"""


def places(rng, size, count):
    """At the beginning, in the middle, at the end, and anywhere."""
    yield set(range(count))
    yield set(range(size // 2, size // 2 + count))
    yield set(range(size - count, size))
    yield set(rng.sample(range(size), count))


# 23514 is also what PostgreSQL says when a partition is missing: about a table, without a constraint.
STATES = [("22023", ""), ("23514", ", constraint = 'poison'"), ("23514", ""),
          ("23514", ", schema = 'traction', table = 'event'"), ("54000", ""),
          ("54023", "")]


@pytest.mark.parametrize("state, more", STATES)
def test_poison(up, state, more):
    rng = random.Random(state)
    up.start()
    harness.query(up.database_url, TRIGGER.format(state=state, more=more))
    name = "healthy_" + uuid.uuid4().hex[:8]
    healthy, poison = set(), set()
    for count in (1, 20):
        for bad in places(rng, 1000, count):
            events = [dict(oracle.make_event(rng), name="poison" if i in bad else name)
                      for i in range(1000)]
            status, _, body = up.post(events, "?ack=disk")
            assert status == 202, body
            poison |= {e["id"] for i, e in enumerate(events) if i in bad}
            healthy |= {e["id"] for i, e in enumerate(events) if i not in bad}
    ledger = harness.wait_for(lambda: oracle.landed(up), 60)
    stored = harness.query(up.database_url, "select id from traction.event where name = %s", name)
    assert len(stored) == len(healthy) and {row[0] for row in stored} == healthy
    rejects = harness.query(up.database_url, "select source, code, event"
                            " from traction.reject")
    assert len(rejects) == len(poison)
    assert all(source == "postgresql" and state in code for source, code, _ in rejects), rejects[0]
    rows = b"".join(bytes(event) for _, _, event in rejects)
    assert all(i.encode() in rows for i in poison)
    assert oracle.check_ledger(ledger) == []
    assert sum(ledger["rejected"].values()) == len(poison)
    assert oracle.check_kpis(up) == []
    status, answer = up.get(f"/v1/kpi/event_count?{oracle.whole_days(8)}")
    assert (status, answer["value"]) == (200, len(healthy))
