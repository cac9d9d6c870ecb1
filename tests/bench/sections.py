# SPDX-License-Identifier: MIT
"""The sections of the benchmark: each measures one promise and adds its figures to the report.

A round of Traction and a round of the reference alternate, because machines drift; figures are
medians of the rounds.
"""
import contextlib
import datetime
import http.client
import json
import os
import re
import statistics
import subprocess
import sys
import time
import urllib.parse
import uuid

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(os.path.dirname(HERE), "crash"), os.path.dirname(HERE)]

import harness  # noqa: E402
import oracle  # noqa: E402
import receivers  # noqa: E402
import tools  # noqa: E402
import web  # noqa: E402

ROUNDS = 3
CORES = os.cpu_count()


class Report:
    def __init__(self):
        self.figures = []
        self.single_rate = 0  # requests a second, which later sections halve

    def add(self, section, name, value, unit="", at_least=None, at_most=None, **more):
        limit = at_least if at_least is not None else at_most
        good = (at_least is None or value >= at_least) and (at_most is None or value <= at_most)
        figure = {"section": section, "name": name, "value": value, "unit": unit, "ok": good}
        if limit is not None:
            figure.update(limit=limit, sense="min" if at_least is not None else "max")
        figure.update(more)
        self.figures.append(figure)
        print(f"  {name}: {value:,.3f} {unit}", file=sys.stderr, flush=True)


def server(**env):
    return harness.Up(env={**tools.ROOMY, **env})


def median(values):
    return statistics.median(values)


# What the machine does at best ----------------------------------------------------------------------

def limits(report, full):
    """The disk's flushes; nginx alone, by requests of one event and by new connections."""
    folder = harness.folder()
    path = os.path.join(folder, "flush")
    times = []
    fd = os.open(path, os.O_RDWR | os.O_CREAT)
    os.posix_fallocate(fd, 0, 64 << 20)
    os.fsync(fd)
    for i in range(4000 if full else 1000):
        started = time.perf_counter()
        os.pwrite(fd, b"x" * 8192, i * 8192)
        os.fdatasync(fd)
        times.append(time.perf_counter() - started)
    os.close(fd)
    subprocess.run(["rm", "-rf", folder], check=True)
    times.sort()
    report.add("limits", "fdatasync of 8 KiB, p50", times[len(times) // 2] * 1000, "ms")
    report.add("limits", "fdatasync of 8 KiB, p99", times[len(times) * 99 // 100] * 1000, "ms")
    with tools.nginx(CORES) as url:
        seconds = 5 if full else 2
        figures = tools.generate(None, "--duration", f"{seconds}s", url=url)
        report.add("limits", "nginx 204, keep-alive", figures["requests_per_s"], "/s")
        report.add("limits", "generator, µs of CPU a request",
                   figures["generator_cpu_s"] * 1e6 / figures["requests"], "µs")
        figures = tools.generate(None, "--duration", f"{seconds}s", "--new-connections", url=url)
        report.add("limits", "nginx 204, new connections", figures["requests_per_s"], "/s")


# Requests a second ------------------------------------------------------------------------------------

def single_round(up, seconds):
    with tools.Meter(up) as meter:
        figures = tools.generate(up, "--duration", f"{seconds}s", "--ack", "disk")
        figures["backlog"] = tools.backlog(up)
        figures["drain_s"] = tools.wait_landed(up)
    figures["server_us"] = meter.server * 1e6 / figures["requests"]
    figures["postgres_us"] = meter.postgres * 1e6 / figures["requests"]
    figures["landed_per_s"] = figures["requests"] / (figures["seconds"] + figures["drain_s"])
    return figures


def single(report, full):
    """Single events, ack=disk, 64 connections, against nginx answering 204 to the same requests."""
    seconds = 20 if full else 4
    ours, theirs = [], []
    with server() as up, tools.nginx(CORES) as url:
        tools.generate(up, "--duration", "1s")
        tools.wait_landed(up)
        for _ in range(ROUNDS):
            ours.append(single_round(up, seconds))
            theirs.append(tools.generate(None, "--duration", f"{seconds}s", url=url))
    rate = median([f["requests_per_s"] for f in ours])
    nginx = median([f["requests_per_s"] for f in theirs])
    report.single_rate = rate
    report.add("single", "requests a second", rate, "/s", rounds=ours)
    report.add("single", "nginx, the same requests", nginx, "/s")
    report.add("single", "ratio", rate / nginx, at_least=0.5)
    report.add("single", "ratio when all has landed",
               median([f["landed_per_s"] for f in ours]) / nginx)
    report.add("single", "backlog at the end", median([f["backlog"] for f in ours]), "events")
    report.add("single", "time to drain it", median([f["drain_s"] for f in ours]), "s")
    report.add("single", "server, CPU a request", median([f["server_us"] for f in ours]), "µs")
    report.add("single", "PostgreSQL, CPU a request", median([f["postgres_us"] for f in ours]), "µs")
    with server() as up, tools.nginx(CORES) as url:
        figures = tools.generate(up, "--duration", f"{seconds}s", "--new-connections")
        other = tools.generate(None, "--duration", f"{seconds}s", "--new-connections", url=url)
    report.add("single", "new connections, ratio",
               figures["requests_per_s"] / other["requests_per_s"])


def batch(report, full):
    """Batches of 500 until committed, against one connection's COPY of the same rows."""
    events = 1000000 if full else 150000
    committed, copied, loader = [], [], []
    with server() as up:
        tools.generate(up, "--events", 50000, "--batch", 500, "--wait-commit")
        chunks = None
        for _ in range(ROUNDS):
            with tools.Meter(up) as meter:
                figures = tools.generate(up, "--events", events, "--batch", 500,
                                         "--connections", 16, "--wait-commit")
            committed.append(dict(figures, server_us=meter.server * 1e6 / events,
                                  postgres_us=meter.postgres * 1e6 / events))
            chunks = chunks or tools.export_chunks(up.database_url, events)
            seconds, cpu = tools.bare_copy(up.database_url, chunks[0])
            copied.append(chunks[1] / seconds)
            loader.append(cpu / seconds)
    ours = median([f["committed_events_per_s"] for f in committed])
    report.add("batch", "events a second, committed", ours, "/s", rounds=committed)
    report.add("batch", "events a second, acknowledged",
               median([f["events_per_s"] for f in committed]), "/s")
    report.add("batch", "bare COPY of the same rows", median(copied), "/s", rounds=copied)
    report.add("batch", "ratio", ours / median(copied), at_least=0.5)
    report.add("batch", "server, CPU an event", median([f["server_us"] for f in committed]), "µs")
    report.add("batch", "PostgreSQL, CPU an event",
               median([f["postgres_us"] for f in committed]), "µs")
    report.add("batch", "the loader of COPY, share of a core", median(loader))


# Latency ----------------------------------------------------------------------------------------------

def half_rate(report, up):
    if not report.single_rate:
        report.single_rate = tools.generate(up, "--duration", "4s",
                                            "--ack", "disk")["requests_per_s"]
        tools.wait_landed(up)
    return report.single_rate / 2


def latency(report, full):
    """From when a request was due to its 2xx, at half of the highest rate."""
    with server() as up:
        rate = half_rate(report, up)
        rounds = [tools.generate(up, "--duration", "20s" if full else "5s", "--ack", "disk",
                                 "--rate", rate) for _ in range(ROUNDS)]
    report.add("latency", "rate", rate, "/s")
    for name, limit in (("p50", None), ("p99", 5), ("p99.9", None), ("max", None)):
        report.add("latency", name, median([f["latency_ms"][name] for f in rounds]), "ms",
                   at_most=limit)
    report.add("latency", "due but not sent", sum(f["unsent"] for f in rounds), "requests",
               at_most=0)


class Client:
    """Keep-alive questions with the read key."""

    def __init__(self, program):
        where = urllib.parse.urlsplit(program.url)
        self.connection = http.client.HTTPConnection(where.hostname, where.port, timeout=600)
        self.keys = program.values

    def ask(self, method, path, body=None, key="TRACTION_READ_KEY"):
        self.connection.request(method, path, body,
                                {"Authorization": "Bearer " + self.keys[key]})
        answer = self.connection.getresponse()
        data = answer.read()
        if answer.status not in (200, 202):
            raise RuntimeError(f"{method} {path}: {answer.status} {data[:500]!r}")
        return json.loads(data)


def probe(client):
    """Seconds from the 2xx of an event to its being counted."""
    name = "probe_" + uuid.uuid4().hex
    client.ask("POST", "/v1/events?ack=disk", json.dumps({"name": name}), "TRACTION_WRITE_KEY")
    started = time.monotonic()
    while client.ask("GET", f"/v1/kpi/event_count?name={name}&from=-1d")["value"] != 1:
        time.sleep(0.005)
    return time.monotonic() - started


def visible(report, full):
    """From 2xx to counted by a KPI, while load runs at half of the highest rate."""
    probes = 300 if full else 60
    with server() as up:
        rate = half_rate(report, up)
        with tools.generating(up, "--duration", "1h", "--rate", rate, "--ack", "disk"):
            time.sleep(2)
            client = Client(up)
            times = sorted(probe(client) for _ in range(probes))
    report.add("visible", "p50", times[len(times) // 2], "s")
    report.add("visible", "p99", times[len(times) * 99 // 100], "s", at_most=1)


# Memory -----------------------------------------------------------------------------------------------

def idle(report, full):
    """Resident memory with 10,000 idle connections."""
    count = 10000 if full else 2000
    with server() as up:
        before = tools.rss_mib(up)
        holder = subprocess.Popen([harness.BINARY, "bench", "--idle", str(count), "--duration",
                                   "1h"], env=dict(os.environ, **up.values),
                                  stdout=subprocess.PIPE, text=True)
        try:
            line = holder.stdout.readline()
            if "holding" not in line:
                raise RuntimeError("the idle connections could not be opened")
            time.sleep(1)
            after = tools.rss_mib(up)
        finally:
            holder.terminate()
            holder.wait()
    report.add("idle", "memory before", before, "MiB")
    report.add("idle", f"memory with {count} idle connections", after, "MiB", at_most=60)
    report.add("idle", "bytes a connection", (after - before) * (1 << 20) / count, "B")


@contextlib.contextmanager
def listening(up, count):
    """So many listeners to GET /v1/live, each with its first frame."""
    if count == 0:
        yield
        return
    holder = subprocess.Popen([sys.executable, os.path.join(HERE, "listeners.py"), up.url,
                               up.values["TRACTION_READ_KEY"], str(count)],
                              stdout=subprocess.PIPE, text=True)
    try:
        if "listening" not in holder.stdout.readline():
            raise RuntimeError("the listeners could not be connected")
        yield
    finally:
        holder.terminate()
        holder.wait()


def live_round(up, count, seconds):
    """30,000 events a second with so many listeners: figures of the load, processor time."""
    with listening(up, count), tools.Meter(up) as meter:
        figures = tools.generate(up, "--batch", 500, "--rate", 60, "--duration", f"{seconds}s",
                                 "--ack", "disk")
        tools.wait_landed(up)
    return figures, meter.server, meter.postgres


def live(report, full):
    """What 1,000 listeners cost 30,000 events a second."""
    seconds = 30 if full else 10
    rounds = {0: [], 1: [], 1000: []}
    with server() as up:
        memory = []
        for count in (100, 1000):  # what the first of them costs is not theirs
            with listening(up, count):
                time.sleep(3)
                memory.append(tools.rss_mib(up))
        report.add("live", "bytes a listener", (memory[1] - memory[0]) * (1 << 20) / 900, "B",
                   at_most=4096)
        for _ in range(ROUNDS):
            for count, done in rounds.items():
                done.append(live_round(up, count, seconds))
        for count in rounds:
            with listening(up, count), tools.Meter(up) as meter:
                time.sleep(seconds)
            report.add("live", f"processor, {count} listeners, nothing else",
                       (meter.server + meter.postgres) / seconds, "cores")
    for count, done in rounds.items():
        events = median([figures["events_per_s"] for figures, _, _ in done])
        report.add("live", f"events a second, {count} listeners", events, "/s")
        report.add("live", f"p99, {count} listeners",
                   median([figures["latency_ms"]["p99"] for figures, _, _ in done]), "ms")
        for name, place in (("server", 1), ("PostgreSQL", 2)):
            report.add("live", f"processor of the {name}, {count} listeners",
                       median([spent[place] for spent in done]) / seconds, "cores")
    report.add("live", "events with 1,000 listeners ÷ with none", median(
        [many[0]["events_per_s"] / none[0]["events_per_s"]
         for none, many in zip(rounds[0], rounds[1000])]), "", at_least=0.98)


def memory(report, full):
    """Whether memory is flat while millions of events pass."""
    events = 10000000 if full else 600000
    with server() as up:
        with tools.MemorySampler(up) as sampler:
            figures = tools.generate(up, "--events", events, "--batch", 500, "--connections", 8,
                                     "--retry", "--wait-commit", "--wait-limit", "1h")
        slope, highest = sampler.growth()
        per_million = slope * 1e6 / figures["committed_events_per_s"]
    report.add("memory", "highest", highest, "MiB", samples=sampler.samples)
    # 1.5 bytes for each id of the dedupe window are meant to be kept.
    report.add("memory", "growth in the second half", per_million, "MiB a million events",
               at_most=2 if full else None)
    report.add("memory", "sustained", figures["committed_events_per_s"], "/s")


# Questions --------------------------------------------------------------------------------------------

# What a question needs beside the range.
NEEDED = {"funnel": "&steps=page_view,feature_used,conversion", "retention": "&interval=week"}
# Read from events whatever is asked.
FROM_EVENTS = {"funnel", "errors"}
# Questions that rollups cannot answer.
BROKEN_DOWN = ["page_views?by=path", "active_users?by=browser", "sessions?by=path",
               "conversion_rate?by=path", "error_rate?where=properties.plan:pro",
               "event_count?by=properties.plan", "funnel?by=path&steps=page_view,conversion"]


def time_question(client, path, times, budget_s):
    """Median of so many questions, or of what fits into the budget (at least three)."""
    taken = []
    while len(taken) < times and (len(taken) < 3 or sum(taken) < budget_s):
        started = time.monotonic()
        client.ask("GET", path)
        taken.append(time.monotonic() - started)
    return median(taken) * 1000


def explain_questions(up):
    """From now on PostgreSQL logs the plan of everything that is asked."""
    harness.query(up.database_url, "alter database traction set session_preload_libraries ="
                  " 'auto_explain'")
    harness.query(up.database_url, "alter database traction set auto_explain.log_min_duration = 0")
    harness.query(up.database_url, "select pg_terminate_backend(pid) from pg_stat_activity"
                  " where application_name = 'traction query'")


def partitions_read(up, ask):
    """The days of the partitions that the plan of one question reads."""
    log = os.path.join(up.directory, "data", "postgres", "postgres.log")
    size = os.path.getsize(log)
    ask()
    time.sleep(0.3)
    with open(log, errors="replace") as file:
        file.seek(size)
        return {datetime.datetime.strptime(day, "%Y%m%d").date()
                for day in re.findall(r" on event_(\d{8})", file.read())}


def check_plans(report, up, client, days):
    """Of a week in the middle, no partition outside of it is read."""
    explain_questions(up)
    today = datetime.datetime.now(datetime.timezone.utc).date()
    first, last = today - datetime.timedelta(days // 2), today - datetime.timedelta(days // 2 - 6)
    for question in BROKEN_DOWN:
        path = f"/v1/kpi/{question}&from={first}&to={last}&interval=day"
        path = path.replace("&interval=day", "") if "funnel" in path else path
        with contextlib.suppress(http.client.HTTPException, OSError, RuntimeError):
            client.ask("GET", "/v1/kpi/page_views?from=-1d&source=events")
        read = partitions_read(up, lambda: client.ask("GET", path))
        report.add("kpi", f"{question}, a week: partitions read", len(read), "")
        report.add("kpi", f"{question}, a week: partitions outside",
                   len([day for day in read if not first <= day <= last]), "", at_most=0)


def kpi(report, full):
    """Every KPI over 90 days from rollups, some broken down from events, at several sizes; and that
    nothing outside the range is read."""
    sizes = [1000000, 10000000] if full else [100000, 300000]
    sizes = [int(size) for size in os.environ.get("TRACTION_BENCH_SIZES", "").split()] or sizes
    with server(TRACTION_DATABASE_STATEMENT_TIMEOUT="30m") as up:
        have = 0
        for size in sizes:
            tools.generate(up, "--backfill", "89d", "--events", size - have, "--users", 100000,
                           "--connections", 4, "--wait-commit", "--wait-limit", "2h", "--seed", have)
            have = size
            harness.query(up.database_url, "vacuum analyze")
            client = Client(up)
            last = size == sizes[-1]
            for name in [kpi["kpi"] for kpi in client.ask("GET", "/v1/kpis")["kpis"]]:
                source = "events" if name in FROM_EVENTS else "rollup"
                path = f"/v1/kpi/{name}?{oracle.whole_days(89)}&source={source}{NEEDED.get(name, '')}"
                report.add("kpi", f"{name} at {size // 1000:,}k, {source}",
                           time_question(client, path, 20, 30), "ms",
                           at_most=(50 if source == "rollup" else 2000) if last else None)
            for question in BROKEN_DOWN:
                path = f"/v1/kpi/{question}&{oracle.whole_days(89)}"
                report.add("kpi", f"{question} at {size // 1000:,}k, events",
                           time_question(client, path, 3, 10), "ms", at_most=2000 if last else None)
        check_plans(report, up, client, 89)


# Alerts -----------------------------------------------------------------------------------------------

def apply_rules(up, rules, told=()):
    body = {"rules": rules, "receivers": [{"name": "recorder", "webhook": one.url} for one in told]}
    status, _, answer = harness.request(up.url, "PUT", "/v1/alerts", up.values["TRACTION_ADMIN_KEY"],
                                        body, timeout=120)
    if status != 200:
        raise RuntimeError(f"PUT /v1/alerts: {status} {answer[:500]!r}")


def thousand_rules():
    """Fifty questions, each with twenty thresholds."""
    kpis = ["error_rate", "event_count", "page_views", "api_response_time", "load_time", "revenue",
            "apdex", "active_users", "conversion_rate", "client_error_rate"]
    return [{"name": f"{kpi} {window} {i}", "kpi": kpi, "window": window, "above": 1e9 + i}
            for kpi in kpis for window in ("5m", "15m", "1h", "6h", "1d") for i in range(20)]


def rules_cost(report, full):
    """What 1,000 rules looked at every ten seconds take of a processor."""
    seconds = 60 if full else 20
    with server(TRACTION_ALERTS_INTERVAL="10s", TRACTION_DATABASE_STATEMENT_TIMEOUT="30m") as up:
        tools.generate(up, "--backfill", "89d", "--events", 10000000 if full else 300000, "--users",
                       100000, "--connections", 4, "--wait-commit", "--wait-limit", "2h")
        harness.query(up.database_url, "vacuum analyze")
        spent = []
        for rules in ([], thousand_rules()):
            apply_rules(up, rules)
            time.sleep(15)
            with tools.Meter(up) as meter:
                time.sleep(seconds)
            spent.append((meter.server + meter.postgres) / seconds)
        questions = re.search(rb"traction_alert_questions (\d+)", harness.request(
            up.url, "GET", "/metrics")[2])
    report.add("alerts", "questions of 1,000 rules", int(questions.group(1)))
    report.add("alerts", "processor, 1,000 rules every 10 s", spent[1] - spent[0], "cores",
               at_most=0.1)


def cross(up, recorder, rule, seen):
    """Seconds from the 2xx of what crosses a threshold to the webhook."""
    events = [{"kind": "performance", "name": "api_request", "value": 1, "unit": "ms",
               "properties": {"route": f"/cross/{rule}", "status": 500}}] * 5
    if up.post(events, "?ack=disk")[0] != 202:
        raise RuntimeError("an event was not taken")
    acknowledged = time.time()
    recorder.wait("firing", f"Cross {rule}", count=seen + 1, seconds=60)
    return [post["at"] for post in recorder.posts
            if any(alert["labels"]["alertname"] == f"Cross {rule}" and alert["status"] == "firing"
                   for alert in json.loads(post["raw"])["alerts"])][seen] - acknowledged


def alerts(report, full):
    """From a crossing to the webhook, under load; and what many rules cost."""
    rules = [{"name": f"Cross {i}", "kpi": "error_rate", "where": [f"route:/cross/{i}"],
              "above": 0.5, "window": "10s", "for": "1s"} for i in range(10)]
    times = []
    with server(TRACTION_ALERTS_ALLOW_PRIVATE="yes") as up, receivers.Recorder() as recorder:
        apply_rules(up, rules, [recorder])
        with tools.generating(up, "--duration", "1h", "--rate", 2000, "--ack", "disk"):
            time.sleep(3)
            for turn in range(20 if full else 2):
                for rule in range(len(rules)):
                    if turn > 0:
                        recorder.wait("resolved", f"Cross {rule}", count=turn, seconds=60)
                    times.append(cross(up, recorder, rule, turn))
    times = sorted(one - 1 for one in times)
    report.add("alerts", "crossings", len(times))
    report.add("alerts", "p50 beyond for", times[len(times) // 2], "s")
    report.add("alerts", "p99 beyond for", times[len(times) * 99 // 100], "s", at_most=5)
    rules_cost(report, full)


# Recovery ---------------------------------------------------------------------------------------------

def recovery(report, full):
    """From start to ready after kill -9, with events in the spool that have not landed."""
    size = 1 << 30 if full else 128 << 20
    with server() as up:
        with harness.Serve(up.directory, up.database_url, up.values, dict(tools.ROOMY)) as other:
            blocker = harness.database(up.database_url)
            blocker.autocommit = False
            with contextlib.closing(blocker), blocker.cursor() as cursor:
                cursor.execute("lock table traction.id_log_head in access exclusive mode")
                while spool_bytes(other) < size:
                    tools.generate(other, "--events", 200000, "--batch", 500, "--connections", 8)
                other.kill()
                started = time.monotonic()
                other.start()
                ready_blocked = time.monotonic() - started
                other.kill()
            started = time.monotonic()
            other.start()
            ready = time.monotonic() - started
            waiting = tools.backlog(other)
            drained = tools.wait_landed(other)
    report.add("recovery", "spool", size / (1 << 30), "GiB")
    report.add("recovery", "ready, PostgreSQL blocked", ready_blocked, "s", at_most=1)
    report.add("recovery", "ready", ready, "s", at_most=1)
    report.add("recovery", "catching up", waiting / drained, "events/s")


def spool_bytes(program):
    return sum(entry.stat().st_size for entry in os.scandir(program.spool))


SECTIONS = {"limits": limits, "single": single, "latency": latency, "visible": visible, "live": live,
            "batch": batch, "idle": idle, "memory": memory, "kpi": kpi, "alerts": alerts, "web": web.web,
            "recovery": recovery}
