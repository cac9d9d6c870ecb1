# SPDX-License-Identifier: MIT
"""What 0005_feedback.sql makes of events that landed before it is what the writer would have made."""
import json
import os
import sys

sys.path[:0] = [os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
                os.path.dirname(os.path.abspath(__file__))]

import harness  # noqa: E402
import test_kpi_three_ways  # noqa: E402

METRICS = "('satisfied', 'tolerating', 'frustrated', 'vital', 'survey', 'answer', 'sentiment')"
COUNTS = ("select * from traction.rollup_count where metric in " + METRICS
          + " order by project_id, metric, grain, bucket, key")
SKETCHES = ("select project_id, grain, bucket, key, n, total_us, sketch::text from"
            " traction.rollup_sketch where metric = 'vital' order by 1, 2, 3, 4")
FELT = ("select id, sentiment from traction.event where sentiment is not null and (properties ?"
        " 'sentiment' and jsonb_typeof(properties -> 'sentiment') = 'number' or name ="
        " 'survey_answer') order by id")


def fill(up, zone):
    world = test_kpi_three_ways.World(zone, 5)
    events = []
    while len(events) < 900:
        for event in world.session():
            # A text that only the program can judge is not in question here.
            if event["name"] == "ticket_opened":
                event["properties"].pop("text", None)
            if event["name"] == "survey_answer" and event["properties"].get("sentiment") == "bad":
                event["properties"].pop("text", None)
            events.append(event)
    for start in range(0, len(events), 300):
        status, _, body = up.post(events[start:start + 300], "?ack=commit")
        assert status == 202 and not json.loads(body)["rejected"], body


def test_migration_makes_up_for_the_past(traction_up, db):
    with db.cursor() as cursor:
        cursor.execute("update traction.project set timezone = 'America/Havana'")
        fill(traction_up, "America/Havana")
        path = os.path.join(harness.ROOT, "sql", "migrations", "0005_feedback.sql")
        with open(path, encoding="utf-8") as file:
            past = "-- What has landed" + file.read().split("-- What has landed")[1]

        def rows(sql):
            cursor.execute(sql)
            return cursor.fetchall()
        before = rows(COUNTS), rows(SKETCHES), rows(FELT)
        assert all(len(part) > 50 for part in before)
        cursor.execute("begin")
        cursor.execute("delete from traction.rollup_count where metric in " + METRICS)
        cursor.execute("delete from traction.rollup_sketch where metric = 'vital'")
        # Those by their words keep what they have.
        cursor.execute("update traction.event set sentiment = null where properties ->> 'text' is"
                       " null or properties ->> 'text' = '' or properties ->> 'sentiment' <> 'bad'")
        assert rows(SKETCHES) == []
        cursor.execute(past)
        after = rows(COUNTS), rows(SKETCHES), rows(FELT)
        cursor.execute("rollback")
    assert after == before
