# SPDX-License-Identifier: MIT
"""Events older than their project keeps them go; other projects' stay, and so do rollups."""
import contextlib
import datetime
import subprocess

import harness

DAY = datetime.timedelta(days=1)


def run(up, *words):
    done = subprocess.run([harness.BINARY, *words], env=up.values, text=True, capture_output=True,
                          timeout=60, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def moment(age):
    """Noon of a UTC day that many days ago."""
    today = datetime.datetime.now(datetime.timezone.utc).replace(hour=12, minute=0, second=0,
                                                                 microsecond=0)
    return today - age * DAY


class Project:
    def __init__(self, up, name, retention):
        self.up = up
        self.name = name
        run(up, "project", "add", name, "--retention", retention)
        self.write = run(up, "key", "add", "--project", name, "--scope", "write")
        self.read = run(up, "key", "add", "--project", name, "--scope", "read")
        harness.wait_for(lambda: self.ask("/v1/ledger")[0] == 200)

    def ask(self, path):
        status, _, body = harness.request(self.up.url, "GET", path, self.read)
        return status, body

    def send(self, *ages, count=1):
        events = [{"name": "page_view", "user": f"u{i}", "timestamp": moment(age).isoformat(),
                   "title": "long" * 50} for age in ages for i in range(count)]
        for i in range(0, len(events), 1000):
            status, _, body = harness.request(self.up.url, "POST", "/v1/events?ack=commit",
                                              self.write, events[i:i + 1000])
            assert status == 202, body

    def ages(self):
        """Of its events."""
        return [age for age, in harness.query(
            self.up.database_url, "select distinct (now() at time zone 'UTC')::date"
            " - (ts at time zone 'UTC')::date as age from traction.event as e"
            " join traction.project as p on p.id = e.project_id where p.name = %s order by 1",
            self.name)]

    def rolled_up(self):
        return harness.query(
            self.up.database_url, "select sum(n)::int from traction.rollup_count as r"
            " join traction.project as p on p.id = r.project_id where p.name = %s"
            " and metric = 'event' and grain = 'd'", self.name)[0][0]


def has_partition(up, age):
    return harness.query(up.database_url, "select to_regclass(%s) is not null",
                         f"traction.event_{moment(age):%Y%m%d}") == [(True,)]


def restart(up):
    """Retention is looked after at the start, and every minute."""
    up.stop()
    up.start()


def test_events_go_when_their_time_has_come(up):
    up.start()
    short, long = Project(up, "short", "forever"), Project(up, "long", "forever")
    # More than is deleted at once, and the other project's among it.
    for _ in range(20):
        short.send(40, count=2000)
        long.send(40, count=10)
    assert harness.query(up.database_url, "select pg_relation_size(traction.event_partition(%s))"
                         " > 8 * 1024 * 1024", moment(40).date()) == [(True,)]
    for project in (short, long):
        project.send(0, 29, 30, 31, 59, 70)
    for name, retention in (("default", "1d"), ("short", "30d"), ("long", "60d")):
        run(up, "project", "set", name, "--retention", retention)
    restart(up)
    harness.wait_for(lambda: short.ages() == [0, 29, 30] and long.ages() == [0, 29, 30, 31, 40, 59])
    assert harness.query(up.database_url, "select count(*) from traction.event as e join"
                         " traction.project as p on p.id = e.project_id where p.name = 'long'"
                         ) == [(205,)]
    assert short.rolled_up() == 40006 and long.rolled_up() == 206
    assert not has_partition(up, 70) and has_partition(up, 59)
    harness.wait_for(lambda: not harness.query(up.database_url, "select from traction.expired_day"))


def test_what_lands_late_goes_too(up):
    up.start()
    run(up, "project", "set", "default", "--retention", "365d")
    late = Project(up, "late", "30d")
    restart(up)
    late.send(0, 29, 40, 50)
    harness.wait_for(lambda: late.ages() == [0, 29])
    late.send(40)
    harness.wait_for(lambda: late.ages() == [0, 29])
    assert late.rolled_up() == 5
    assert '"stored":5' in late.ask("/v1/ledger")[1].decode()


def test_a_change_of_mind(up):
    """Kept longer from now on: what arrives late stays. What went is gone."""
    up.start()
    project = Project(up, "changed", "30d")
    project.send(0, 40)
    restart(up)
    harness.wait_for(lambda: project.ages() == [0])
    run(up, "project", "set", "changed", "--retention", "forever")
    restart(up)
    harness.wait_for(lambda: harness.query(
        up.database_url, "select expired_through from traction.project where name = 'changed'"
        ) == [(None,)])
    project.send(40, 300)
    restart(up)
    assert project.ages() == [0, 40, 300]


def test_nothing_waits_for_a_partition_in_use(up):
    """Somebody reads, for as long as they like: events land meanwhile, and it is dropped later."""
    up.start()
    run(up, "project", "set", "default", "--retention", "30d")
    project = Project(up, "busy", "30d")
    restart(up)
    project.send(0)
    with contextlib.closing(harness.database(up.database_url)) as other:
        other.autocommit = False
        with other.cursor() as cursor:
            cursor.execute("select count(*) from traction.event")
        for _ in range(3):  # each time, dropping its partition is tried and given up
            project.send(40)
        project.send(0)
        assert has_partition(up, 40)
    project.send(40)
    harness.wait_for(lambda: not has_partition(up, 40))
    assert project.ages() == [0]
    assert project.rolled_up() == 6
