# SPDX-License-Identifier: MIT
"""Erasing a person: afterwards everything is as if nothing had ever been sent of them."""
import itertools
import json
import os
import random
import subprocess
import sys

import pytest

sys.path[:0] = [os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
                os.path.dirname(os.path.abspath(__file__))]

import harness  # noqa: E402
import kpi_oracle as oracle  # noqa: E402
import test_kpi_three_ways as three_ways  # noqa: E402

ZONE = "Asia/Kathmandu"
SEEDS = [int(text) for text in os.environ.get("TRACTION_ERASE_SEEDS", "1,2").split(",")]

# What a project has, without what differs between two projects: numbers, digests, times of receipt.
TABLES = {
    "event": "select ts, kind::text, name, id, user_id, anonymous_id, session_id, value, properties::text"
             " from traction.event where project_id = %s",
    "rollup_count": "select metric, grain::text, bucket, key, n, amount from traction.rollup_count"
                    " where project_id = %s and n <> 0",
    "rollup_sketch": "select metric, grain::text, bucket, key, n, total_us, encode(sketch, 'hex')"
                     " from traction.rollup_sketch where project_id = %s",
    "session_day": "select day, first_at, last_at, engaged_us, several_days, page_views, interactions, errors"
                   " from traction.session_day where project_id = %s",
    "session_time": "select day, sessions, total_us, encode(sketch, 'hex'), bounces, failed"
                    " from traction.session_time where project_id = %s",
    "day_member": "select subject, key, day from traction.day_member join traction.member_set s on s.id = set_id"
                  " where project_id = %s",
    "day_matrix": "select subject, key, day, previous_day, members from traction.day_matrix"
                  " join traction.member_set s on s.id = set_id where project_id = %s and members <> 0",
    "day_cohort": "select subject, key, first_day, day, previous_day, members from traction.day_cohort"
                  " join traction.member_set s on s.id = set_id where project_id = %s and members <> 0",
    "visit": "select first_at, last_at from traction.visit where project_id = %s",
    "person": "select first_seen, channel_at, channel, sign_up_at, sign_up_channel, converted_at, paid_at,"
              " signed_up_at from traction.person where project_id = %s",
    "subscription_change": "select at, previous_at, next_at, first, previous_amount, amount, previous_currency,"
                           " currency, previous_plan, plan, id from traction.subscription_change"
                           " where project_id = %s",
    "subscription_day": "select bucket, movement::text, currency0, currency1, n, amount0, amount1"
                        " from traction.subscription_day where project_id = %s and n <> 0",
    "alias": "select from_at = '-infinity', to_at = 'infinity' from traction.alias where project_id = %s",
}


def rows(program, project, table):
    return sorted(harness.query(program.database_url, TABLES[table], project.id),
                  key=lambda row: json.dumps(row, default=str))


def compare(program, erased, never):
    for table in TABLES:
        got, want = rows(program, erased, table), rows(program, never, table)
        different = [pair for pair in itertools.zip_longest(got, want) if pair[0] != pair[1]]
        assert not different, (table, len(got), len(want), different[:3])


def send(program, project, batches):
    for agent, batch in batches:
        status, _, body = harness.request(program.url, "POST", "/v1/events?ack=commit", project.write, batch,
                                          headers={"User-Agent": agent})
        assert status == 202 and not json.loads(body)["rejected"], body


def make_batches(world, count):
    events = []
    while len(events) < count:
        events += world.session()
    world.random.shuffle(events)
    for event in events:
        event.setdefault("id", f"g{world.random.randrange(10**12)}")
        if world.random.random() < 0.05:
            event["session"] = f"shared{world.random.randrange(3)}"  # several people in one session
    batches = [(three_ways.BOT if start == 300 else three_ways.BROWSER, events[start:start + 150])
               for start in range(0, len(events), 150)]
    return batches


def of_others(program, project, batches, users):
    """Without the events that are these users' in the end."""
    digests = [harness.query(program.database_url, oracle_digest(project, user))[0][0] for user in users]
    gone = {row[0] for row in harness.query(program.database_url, """
        select e.id from traction.event e
        left join traction.alias a on a.project_id = e.project_id and a.anonymous = e.person
            and e.received_at >= a.from_at and e.received_at < a.to_at
        where e.project_id = %s and coalesce(a.person, e.person) = any (%s::uuid[])""",
                                            project.id, digests)}
    assert gone
    return [(agent, [event for event in batch if event["id"] not in gone]) for agent, batch in batches]


def oracle_digest(project, user):
    return f"select person from traction.event where project_id = {project.id} and user_id = '{user}' limit 1"


def erase(program, project, user):
    done = subprocess.run([harness.BINARY, "erase", "--user", user, "--project", project.name, "--json",
                           "--database", program.database_url], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def program():
    with harness.Up() as up:
        yield up


@pytest.mark.parametrize("seed", SEEDS)
def test_as_if_never_sent(program, seed):
    erased = three_ways.Project(program, ZONE, "NPR", f"erased {seed}")
    never = three_ways.Project(program, ZONE, "NPR", f"never {seed}")
    world = three_ways.World(ZONE, f"erase {seed}")
    batches = make_batches(world, 1500)
    users = ["u1", "u2", "u30"]
    send(program, erased, batches)
    others = of_others(program, erased, batches, users)
    send(program, never, [(agent, batch) for agent, batch in others if batch])
    for user in users:
        went = erase(program, erased, user)
        assert went["user"] == user and went["events"] > 0 and went["landed"]
    compare(program, erased, never)
    # What the server remembers of people is not true any more: they come back on the same days.
    again = make_batches(world, 300)
    again.append((three_ways.BROWSER, [{**event, "id": event["id"] + " again"} for _, batch in batches
                                       for event in batch if event.get("user") in users][:300]))
    send(program, erased, again)
    send(program, never, again)
    compare(program, erased, never)


def test_kpis_agree(program):
    """By rollups, by events and by naive SQL, after some were erased."""
    project = three_ways.Project(program, "Europe/Berlin", "EUR", "kpis")
    send(program, project, make_batches(project.world, 1200))
    for user in ("u3", "u4"):
        erase(program, project, user)
    harness.query(program.database_url, oracle.PREPARE)
    rng = random.Random(5)
    for kpi in oracle.KPIS:
        question = three_ways.random_question(project, kpi, rng, True)
        answers = []
        for source in ("rollup", "events"):
            status, answer = project.ask(kpi, {**question, "source": source})
            assert status in (200, 400), answer
            if status == 200:
                answers.append({key: answer[key] for key in answer if key in ("value", "series", "n")})
        assert len(answers) < 2 or answers[0] == answers[1], (kpi, question)


def test_nothing_is_left(program):
    """Of somebody who did everything, in all columns of all tables that can hold it."""
    who = "ada@example.org"
    project = three_ways.Project(program, "UTC", "USD", "all")
    events = [{"name": name, "user": who, "anonymous": "device-of-ada", "session": "ses-of-ada", **more}
              for name, more in [
                  ("page_view", {"url": "https://app.example/x?who=" + who}), ("identify", {}),
                  ("purchase", {"value": 5}), ("subscription_started", {"value": 9}),
                  ("survey_answer", {"value": 9, "properties": {"type": "nps", "text": who}}),
                  ("error", {"properties": {"message": "of ada@example.org"}})]]
    send(program, project, [(three_ways.BROWSER, events), (three_ways.BROWSER, [
        {"name": "page_view", "anonymous": "device-of-ada"}])])
    harness.request(program.url, "POST", "/v1/events", project.write,
                    [{"name": "bad", "user": who, "value": "no number"}])
    harness.wait_for(lambda: harness.query(
        program.database_url, "select id from traction.reject where project_id = %s", project.id))
    harness.query(program.database_url, "insert into traction.alert_history (project_id, rule_id, rule, series,"
                  " fingerprint, change, at) values (%s, 1, 'r', %s, 'f', 'firing', now())", project.id, who)
    harness.query(program.database_url, "insert into traction.alert_notification (project_id, receiver, rule_id,"
                  " group_key, alert, created_at, sent_at) values (%s, 'r', 1, 'g', json_build_object('labels',"
                  " json_build_object('user', %s)), now(), now())", project.id, who)
    digests = [row[0] for row in harness.query(
        program.database_url, "select distinct person from traction.event where project_id = %s union"
        " select anonymous from traction.alias where project_id = %s", project.id, project.id)]
    assert len(digests) == 2
    went = erase(program, project, who)
    assert went == {"user": who, "events": 7, "sessions": 2, "visitors": 1, "rejects": 1, "landed": True}
    columns = harness.query(program.database_url, """
        select c.table_name, c.column_name, c.data_type from information_schema.columns c
        join information_schema.tables t using (table_schema, table_name)
        where c.table_schema = 'traction' and t.table_type = 'BASE TABLE'
            and c.data_type in ('uuid', 'text', 'json', 'jsonb', 'bytea')""")
    assert len(columns) > 50
    for table, column, kind in columns:
        if kind == "uuid":
            found = harness.query(program.database_url, f"select 1 from traction.{table} where {column} = any"
                                  " (%s::uuid[])", digests)
        else:
            text = f"encode({column}, 'escape')" if kind == "bytea" else f"{column}::text"
            found = harness.query(program.database_url, f"select 1 from traction.{table} where {text} ~ "
                                  "'ada@example|device-of-ada|ses-of-ada'")
        assert not found, (table, column)


def test_nobody(program):
    done = subprocess.run([harness.BINARY, "erase", "--user", "no such person", "--project", "default",
                           "--database", program.database_url], capture_output=True, text=True)
    assert done.returncode == 1 and "no such person" in done.stderr
    assert subprocess.run([harness.BINARY, "erase"], capture_output=True).returncode == 2


def test_over_http(program):
    keys = program.values
    send_one = harness.request(program.url, "POST", "/v1/events?ack=commit", keys["TRACTION_WRITE_KEY"],
                               [{"name": "page_view", "user": "web"}])
    assert send_one[0] == 202

    def ask(body, key="TRACTION_ADMIN_KEY"):
        status, _, answer = harness.request(program.url, "POST", "/v1/erase", keys[key], body)
        return status, json.loads(answer)
    assert ask({"user": "web"}, "TRACTION_READ_KEY")[0] == 403
    for wrong in ({}, {"user": ""}, {"user": 3}, {"user": "web", "anonymous": "x"}, []):
        status, answer = ask(wrong)
        assert status == 400 and answer["error"]["parameter"] == "user", wrong
    assert ask({"user": "web"}) == (200, {"user": "web", "events": 1, "sessions": 1, "visitors": 0, "rejects": 0,
                                          "landed": True})
    status, answer = ask({"user": "web"})
    assert status == 404 and "Ids are compared" in answer["error"]["hint"]
