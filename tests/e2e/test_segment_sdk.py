# SPDX-License-Identifier: MIT
"""The real @segment/analytics-node against the real program."""
import os
import subprocess
import time

import harness

HERE = os.path.dirname(os.path.abspath(__file__))
PEOPLE = 20


def start_story(program, people=PEOPLE):
    return subprocess.Popen(["node", os.path.join(HERE, "segment_send.mjs"), program.url,
                             program.values["TRACTION_WRITE_KEY"], str(people)], cwd=HERE)


def stored(program):
    return harness.query(program.database_url,
                         "select name, count(*), count(distinct id) from traction.event"
                         " group by name order by name")


def expected(people):
    names = ["group", "identify", "page_view", "purchase", "sign_up"]
    return [(name, people, people) for name in names]


def test_every_event_arrives_as_what_it_is(up):
    up.start()
    assert start_story(up).wait(90) == 0
    harness.wait_for(lambda: sum(row[1] for row in stored(up)) == 5 * PEOPLE)
    assert stored(up) == expected(PEOPLE)
    rows = harness.query(up.database_url,
                         "select user_id, value, unit, properties->>'order_id' from traction.event"
                         " where name = 'purchase' and user_id = 'user-3'")
    assert [(row[0], float(row[1]), row[2], row[3]) for row in rows] == [
        ("user-3", 19.5, "USD", "o-3")]
    assert up.get("/v1/kpi/revenue?interval=none")[1]["value"] == 19.5 * PEOPLE
    assert up.get("/v1/kpi/page_views?interval=none")[1]["value"] == PEOPLE
    assert up.get("/v1/kpi/active_users?interval=none")[1]["value"] == PEOPLE


def test_its_retries_count_once_when_the_server_dies(up):
    """The SDK sends again what was not answered; its message ids tell what had been kept."""
    up.start()
    people = 60
    story = start_story(up, people)
    for _ in range(2):
        time.sleep(0.5)
        up.kill()
        up.start()
    assert story.wait(120) == 0
    harness.wait_for(lambda: sum(row[1] for row in stored(up)) >= 5 * people)
    assert stored(up) == expected(people)
