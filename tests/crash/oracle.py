#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The crash oracle: an outside witness of what was acknowledged.

As a process (`oracle.py send`) it makes events with ids of its own, sends them over several
keep-alive connections, one by one and in batches, and writes every event that was answered with
2xx to a log that it flushes to the disk. An answer that did not come, or was 503 or 429, means
"unknown": the same events are sent again under the same ids, as a careful client does.

As a library, verify() compares that log with what PostgreSQL holds, with faults off:

  L  every acknowledged event is stored           D  no event is stored twice
  P  what is stored is what was sent              A  a fresh event gets through in 5 s
  K  each KPI is the same from rollups and from raw events
"""
import argparse
import collections
import contextlib
import datetime
import decimal
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.parse
import uuid

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
import harness  # noqa: E402

FLUSH_SECONDS = 0.05
KPIS = ["event_count", "page_views", "active_users", "new_users", "sessions", "time_on_site",
        "feature_usage", "load_time", "api_response_time", "error_rate", "client_error_rate",
        "conversion_rate", "revenue"]

# What happens ------------------------------------------------------------------------------------

TEXTS = ["plain", "Umlaut äöü", "quote \" and \\ back", "emoji \U0001f642", "tab\tnewline\n", "\\.",
         "%s %d $1", "日本語", "a" * 300, ""]


def make_event(rng, now=None):
    now = now or time.time()
    name, extra = rng.choice([
        ("page_view", lambda: {"url": f"https://app.example/p/{rng.randrange(9)}"}),
        ("page_view", lambda: {"url": "https://app.example/?utm_source=x",
                               "referrer": "https://www.google.com/"}),
        ("engaged_time", lambda: {"value": rng.randrange(60000), "unit": "ms"}),
        ("feature_used", lambda: {"properties": {"feature": f"f{rng.randrange(5)}"}}),
        ("api_request", lambda: {"value": round(rng.expovariate(0.02), 3), "unit": "ms",
                                 "properties": {"route": f"/r/{rng.randrange(4)}", "method": "GET",
                                                "status": rng.choice([200, 200, 404, 500])}}),
        ("page_load", lambda: {"value": round(rng.expovariate(0.001), 3), "unit": "ms"}),
        ("error", lambda: {"properties": {"message": "boom", "type": "E", "fatal": False}}),
        ("conversion", lambda: {"properties": {"goal": rng.choice("ab")}}),
        ("purchase", lambda: {"value": rng.choice([19, 4.9, -4.9, 0.01]), "unit": "USD"}),
        ("thing_done", lambda: {"value": rng.uniform(-1e6, 1e6)}),
    ])
    at = datetime.datetime.fromtimestamp(
        now - rng.choice([0, 1, rng.randrange(300000)]), datetime.timezone.utc)
    event = {"id": str(uuid.UUID(int=rng.getrandbits(128), version=4)), "name": name,
             "timestamp": at.isoformat(timespec="milliseconds").replace("+00:00", "Z")}
    person = rng.randrange(400)
    event["user" if person % 4 else "anonymous"] = f"person_{person}"
    event["session"] = f"session_{person}_{rng.randrange(3)}"
    event.update(extra())
    event.setdefault("properties", {}).update(n=rng.randrange(10**9), text=rng.choice(TEXTS))
    return event


def encode(rng, events):
    """The forms a body may have."""
    texts = [json.dumps(e, ensure_ascii=rng.random() < 0.5) for e in events]
    if len(texts) == 1 and rng.random() < 0.7:
        return texts[0].encode()
    form = rng.randrange(3)
    if form == 0:
        return ("[" + ",".join(texts) + "]").encode()
    if form == 1:
        return ('{"events":[' + ",".join(texts) + "]}").encode()
    return "\n".join(texts).encode()


# Sending -----------------------------------------------------------------------------------------

class Unknown(Exception):
    """No answer came: the events may be stored, or not."""


class Connection:
    """A keep-alive connection with deadlines, as plain as can be."""

    def __init__(self, host, port, key, timeout):
        self.where = (host, port)
        self.key = key
        self.timeout = timeout
        self.socket = None
        self.rest = b""

    def close(self):
        if self.socket:
            self.socket.close()
        self.socket = None
        self.rest = b""

    def receive(self):
        data = self.socket.recv(65536)
        if not data:
            raise Unknown("closed")
        self.rest += data

    def post(self, path, body):
        try:
            if not self.socket:
                self.socket = socket.create_connection(self.where, self.timeout)
                self.socket.settimeout(self.timeout)
                self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.socket.sendall(
                f"POST {path} HTTP/1.1\r\nHost: oracle\r\nAuthorization: Bearer {self.key}\r\n"
                f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
            while b"\r\n\r\n" not in self.rest:
                self.receive()
            head, _, self.rest = self.rest.partition(b"\r\n\r\n")
            lines = head.decode("latin-1").split("\r\n")
            fields = {k.lower(): v.strip() for k, _, v in (x.partition(":") for x in lines[1:])}
            size = int(fields.get("content-length", 0))
            while len(self.rest) < size:
                self.receive()
            answer, self.rest = self.rest[:size], self.rest[size:]
            if fields.get("connection", "").lower() == "close":
                self.close()
            return int(lines[0].split()[1]), fields, answer
        except (OSError, Unknown, ValueError, IndexError) as problem:
            self.close()
            raise Unknown(str(problem)) from problem


class Log:
    """Acknowledged events, one JSON line each, flushed to the disk in groups."""

    def __init__(self, path):
        self.file = open(path, "ab")
        self.lock = threading.Lock()
        self.flushed = time.monotonic()

    def write(self, kind, what):
        with self.lock:
            self.file.write(json.dumps([kind, what]).encode() + b"\n")
            if time.monotonic() - self.flushed > FLUSH_SECONDS:
                self.flush()

    def flush(self):
        self.file.flush()
        os.fdatasync(self.file.fileno())
        self.flushed = time.monotonic()

    def close(self):
        with self.lock:
            self.flush()
            self.file.close()


class Sender(threading.Thread):
    def __init__(self, options, log, seed, stop):
        super().__init__(daemon=True)
        self.options = options
        self.log = log
        self.rng = random.Random(seed)
        self.stop = stop
        where = urllib.parse.urlsplit(options.url)
        self.connection = Connection(where.hostname, where.port, options.key, options.timeout)
        self.unavailable_since = None

    def run(self):
        acknowledged = collections.deque(maxlen=20)
        while not self.stop.is_set():
            if acknowledged and self.rng.random() < 0.05:
                self.deliver(self.rng.choice(acknowledged), True)  # a client that retries for nothing
                continue
            count = 1 if self.rng.random() < 0.5 else self.rng.randrange(2, self.options.batch + 1)
            events = [make_event(self.rng) for _ in range(count)]
            self.log.write("sent", [e["id"] for e in events])
            if self.deliver(events, False):
                acknowledged.append(events)
            if self.options.pause:
                self.stop.wait(self.options.pause)

    def deliver(self, events, again):
        """Sends until the answer is known, or we are told to stop."""
        body = encode(self.rng, events)
        path = "/v1/events" + self.rng.choice([""] * 10 + ["?ack=disk"] * 9 + ["?ack=commit"])
        while True:
            status = self.attempt(path, body, events, again)
            if status is not None:
                return status
            path = "/v1/events"  # whatever was waited for did not come
            if self.stop.wait(0.02):
                return False

    def attempt(self, path, body, events, again):
        try:
            status, fields, answer = self.connection.post(path, body)
        except Unknown:
            return None
        if status in (429, 503):
            if "retry-after" not in fields:
                self.log.write("violation", f"{status} without Retry-After: {answer[:200]!r}")
            self.log.write("busy", [time.time(), status])
            return None
        if not 200 <= status < 300:
            self.log.write("violation", f"status {status}: {answer[:500]!r} for {body[:500]!r}")
            return False
        verdict = json.loads(answer)
        if verdict.get("accepted") != len(events) or verdict.get("rejected"):
            self.log.write("violation", f"not all accepted: {answer[:500]!r}")
            return False
        if not again:
            for event in events:
                self.log.write("acked", event)
        return True


def send(options):
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    log = Log(options.log)
    senders = [Sender(options, log, f"{options.seed}/{i}", stop) for i in range(options.threads)]
    for sender in senders:
        sender.start()
    if options.seconds:
        stop.wait(options.seconds)
        stop.set()
    for sender in senders:
        while sender.is_alive():
            sender.join(0.2)
    log.close()


class Load:
    """The oracle as a process of its own, for the time of a with block."""

    def __init__(self, program, threads=4, batch=30, seed=None, pause=0.0, timeout=30):
        self.path = os.path.join(program.directory, f"oracle-{uuid.uuid4().hex[:8]}.log")
        self.command = [sys.executable, os.path.abspath(__file__), "send", "--url", program.url,
                        "--key", program.values["TRACTION_WRITE_KEY"], "--log", self.path,
                        "--threads", str(threads), "--batch", str(batch), "--pause", str(pause),
                        "--timeout", str(timeout), "--seed", seed or uuid.uuid4().hex]
        self.process = None
        self.counted = 0  # acknowledged events in the log's first `seen` bytes
        self.seen = 0

    def __enter__(self):
        with open(self.path, "xb"):
            pass  # may be read before the process has begun
        self.process = subprocess.Popen(self.command)
        harness.wait_for(lambda: os.path.exists(self.path))
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        if self.process.wait(120) != 0:
            raise RuntimeError(f"the oracle ended with {self.process.returncode}")

    def lines(self, kind):
        """What was logged so far; the last line may not be whole yet."""
        with open(self.path, "rb") as log:
            for line in log:
                with contextlib.suppress(ValueError):
                    found, what = json.loads(line)
                    if found == kind:
                        yield what

    def acknowledged(self):
        with open(self.path, "rb") as log:
            log.seek(self.seen)
            for line in log:
                if line.endswith(b"\n"):
                    self.seen += len(line)
                    self.counted += line.startswith(b'["acked"')
        return self.counted


# Judging -----------------------------------------------------------------------------------------

def stored_events(database_url, ids=None):
    sql = """select id, name, user_id, anonymous_id, session_id, value, url, referrer, ts,
                    properties::text, kind::text
             from traction.event where %s"""
    with contextlib.closing(harness.database(database_url)) as connection:
        connection.autocommit = False
        with connection.cursor("events") as cursor:
            cursor.itersize = 20000
            cursor.execute(sql % ("id = any(%s)" if ids else "true"), (ids,) if ids else None)
            yield from cursor


def parse_json(text):
    return json.loads(text, parse_float=decimal.Decimal, parse_int=decimal.Decimal)


def differences(sent, row):
    """P: what of the event is stored otherwise than it was sent."""
    _, name, user, anonymous, session, value, url, referrer, ts, properties, _ = row
    wanted = {"name": sent["name"], "user": sent.get("user"), "anonymous": sent.get("anonymous"),
              "session": sent.get("session")}
    found = {"name": name, "user": user, "anonymous": anonymous, "session": session}
    if "value" in sent:
        wanted["value"] = decimal.Decimal(json.dumps(sent["value"]))
        found["value"] = value
    wanted["ts"] = datetime.datetime.fromisoformat(sent["timestamp"].replace("Z", "+00:00"))
    found["ts"] = ts
    wanted["properties"] = parse_json(json.dumps(sent["properties"]))
    found["properties"] = parse_json(properties) if properties else None
    return {k: (wanted[k], found[k]) for k in wanted if wanted[k] != found[k]}


def close_enough(kpi, key, a, b):
    """Percentiles may differ by the sketch's 1 %; everything else is equal."""
    if isinstance(a, (int, float)) and isinstance(b, (int, float)) and not isinstance(a, bool):
        rough = key in ("p50", "p75", "p95", "p99") or \
            (key == "value" and kpi in ("load_time", "api_response_time"))
        tolerance = 0.0203 if rough else 1e-9
        return abs(a - b) <= tolerance * max(abs(a), abs(b))
    return a == b


def compare(kpi, a, b, path, found):
    if isinstance(a, dict) and isinstance(b, dict):
        for key in a.keys() | b.keys():
            if path == "" and key in ("source", "as_of", "error", "notes", "took_ms"):
                continue
            compare_at(kpi, key, a.get(key), b.get(key), f"{path}.{key}", found)
    elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        for i, (x, y) in enumerate(zip(a, b)):
            compare(kpi, x, y, f"{path}[{i}]", found)
    elif not close_enough(kpi, "", a, b):
        found.append(f"{kpi}{path}: {a} from rollups, {b} from events")


def compare_at(kpi, key, a, b, path, found):
    if isinstance(a, (dict, list)) and isinstance(b, (dict, list)):
        compare(kpi, a, b, path, found)
    elif not close_enough(kpi, key, a, b):
        found.append(f"{kpi}{path}: {a} from rollups, {b} from events")


def whole_days(back):
    """A range that rollups can answer: from and to are bounds of days, and all of now is in it."""
    today = datetime.datetime.now(datetime.timezone.utc).date()
    return f"from={today - datetime.timedelta(days=back)}&to={today + datetime.timedelta(days=1)}"


def check_kpis(program):
    """K."""
    found = []
    days = whole_days(7)
    for kpi in KPIS:
        for more in ("", "&interval=day"):
            answers = []
            for source in ("rollup", "events"):
                status, answer = program.get(
                    f"/v1/kpi/{kpi}?{days}&source={source}{more}", timeout=60)
                if status != 200:
                    found.append(f"{kpi}{more} from {source}: status {status} {answer}")
                answers.append(answer)
            if not found:
                compare(kpi, answers[0], answers[1], "", found)
    return found


def landed(program):
    """True once nothing waits in the spool."""
    status, ledger = program.get("/v1/ledger")
    return status == 200 and waiting(ledger) == 0 and ledger


def waiting(ledger):
    for name in ("waiting", "spooled", "in_spool"):
        if name in ledger:
            return ledger[name]
    raise KeyError(f"the ledger does not say what waits: {ledger}")


def check_alive(program, seconds=5):
    """A: a fresh event gets through and can be seen."""
    event = make_event(random.Random())
    started = time.monotonic()
    status, _, body = program.post(event, "?ack=commit", timeout=seconds + 5)
    took = time.monotonic() - started
    if status != 202 or took > seconds:
        return [f"a fresh event: status {status} after {took:.1f} s: {body[:300]!r}"]
    rows = list(stored_events(program.values["TRACTION_DATABASE_URL"], [event["id"]]))
    return [] if len(rows) == 1 else [f"a fresh event is stored {len(rows)} times"]


def check_ledger(ledger):
    rejected = ledger.get("rejected", 0)
    if isinstance(rejected, dict):
        rejected = sum(rejected.values())
    total = ledger["stored"] + ledger["duplicate"] + rejected + waiting(ledger)
    return [] if ledger["received"] == total else [f"the ledger does not balance: {ledger}"]


def judge_stored(loads, database_url, lost_allowed):
    acked = {e["id"]: e for load in loads for e in load.lines("acked")}
    sent = {i for load in loads for ids in load.lines("sent") for i in ids}
    stored = collections.Counter()
    problems = []
    for row in stored_events(database_url):
        stored[row[0]] += 1
        if row[0] in acked:
            wrong = differences(acked[row[0]], row)
            if wrong:
                problems.append(f"P: {row[0]}: {wrong}")
    lost = [i for i in acked if i not in stored]
    twice = [i for i, n in stored.items() if n > 1]
    if len(lost) > lost_allowed:
        problems.append(f"L: {len(lost)} of {len(acked)} acknowledged events are lost: {lost[:3]}")
    if twice:
        problems.append(f"D: {len(twice)} events are stored twice: {twice[:3]}")
    strange = [i for i in stored if i in acked or i in sent]
    return problems[:20], {"acked": len(acked), "sent": len(sent), "stored": sum(stored.values()),
                           "known": len(strange), "lost": len(lost), "twice": len(twice)}


def verify(program, loads, lost_allowed=0, land_seconds=120, kpis=True):
    """Waits until everything landed, then judges. Returns the figures, or raises."""
    ledger = harness.wait_for(lambda: landed(program), land_seconds, 0.1)
    problems = [f"client: {v}" for load in loads for v in load.lines("violation")][:10]
    found, figures = judge_stored(loads, program.values["TRACTION_DATABASE_URL"], lost_allowed)
    problems += found
    problems += [f"ledger: {p}" for p in check_ledger(ledger)]
    problems += [f"A: {p}" for p in check_alive(program)]
    if kpis:
        problems += [f"K: {p}" for p in check_kpis(program)][:10]
    if problems:
        raise AssertionError("\n".join(problems) + f"\n{figures}")
    return figures


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(required=True)
    sending = commands.add_parser("send")
    for name, kind, default in [("url", str, None), ("key", str, None), ("log", str, None),
                                ("threads", int, 4), ("batch", int, 30), ("pause", float, 0.0),
                                ("timeout", float, 30.0), ("seconds", float, 0.0),
                                ("seed", str, "1")]:
        sending.add_argument("--" + name, type=kind, default=default, required=default is None)
    send(parser.parse_args())


if __name__ == "__main__":
    main()
