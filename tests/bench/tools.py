# SPDX-License-Identifier: MIT
"""What the sections of the benchmark share: the generator, nginx, processor time, memory."""
import contextlib
import io
import json
import os
import statistics
import subprocess
import threading
import time

import harness

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
# Nothing here is about limits; the generator is one client with many connections.
ROOMY = {"TRACTION_LIMITS_CONNECTIONS": "20000",
         "TRACTION_LIMITS_CONNECTIONS_PER_ADDRESS": "20000",
         "TRACTION_LIMITS_REQUESTS_PER_CONNECTION": "1000000000",
         "TRACTION_LIMITS_IDLE_TIMEOUT": "10m",
         "TRACTION_LOG_LEVEL": "warning"}

NGINX = """
worker_processes {workers};
daemon off;
pid {folder}/pid;
error_log {folder}/error.log;
events {{ worker_connections 16384; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{ listen 127.0.0.1:{port} reuseport; location / {{ return 204; }} }}
}}
"""


def generate(program, *arguments, url=None):
    """Runs traction bench; returns its figures."""
    environment = dict(os.environ, **program.values) if program else dict(os.environ)
    if url:
        environment["TRACTION_URL"] = url
    environment.setdefault("TRACTION_WRITE_KEY", "tw_" + "0" * 38)
    done = subprocess.run([harness.BINARY, "bench", "--json", *map(str, arguments)],
                          env=environment, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"bench {arguments} exited with {done.returncode}: {done.stderr}"
                           f"{done.stdout}")
    return json.loads(done.stdout)


@contextlib.contextmanager
def generating(program, *arguments):
    """Load in the background for the time of a with block."""
    load = subprocess.Popen([harness.BINARY, "bench", "--json", *map(str, arguments)],
                            env=dict(os.environ, **program.values), stdout=subprocess.DEVNULL)
    try:
        yield load
    finally:
        load.terminate()
        load.wait()


@contextlib.contextmanager
def nginx(workers):
    """nginx that answers 204 to everything; yields its URL."""
    folder = harness.folder("traction-nginx-")
    port = harness.free_port()
    path = os.path.join(folder, "nginx.conf")
    with open(path, "w") as conf:
        conf.write(NGINX.format(workers=workers, folder=folder, port=port))
    server = subprocess.Popen(["nginx", "-p", folder, "-c", path], stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        harness.wait_for(lambda: answers(url), 10)
        yield url
    finally:
        server.terminate()
        server.wait()
        subprocess.run(["rm", "-rf", folder], check=True)


def answers(url):
    try:
        return harness.request(url, "GET", "/")[0]
    except OSError:
        return 0


def family(pid):
    """A process and all its descendants."""
    found = [pid]
    for parent in found:
        with contextlib.suppress(OSError):
            for thread in os.listdir(f"/proc/{parent}/task"):
                with open(f"/proc/{parent}/task/{thread}/children") as children:
                    found += [int(child) for child in children.read().split()]
    return found


def command(pid):
    with contextlib.suppress(OSError), open(f"/proc/{pid}/comm") as name:
        return name.read().strip()
    return ""


def cpu_seconds(pids):
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError), open(f"/proc/{pid}/stat") as stat:
            fields = stat.read().rpartition(")")[2].split()
            total += int(fields[11]) + int(fields[12])
    return total / TICKS


class Meter:
    """Processor seconds that the program and its PostgreSQL use in a with block."""

    def __init__(self, program):
        self.program = program

    def read(self):
        pids = set(family(self.program.pid)) | set(family(self.program.postmaster()))
        postgres = [pid for pid in pids if command(pid) == "postgres"]
        return (cpu_seconds(pids - set(postgres)), cpu_seconds(postgres))

    def __enter__(self):
        self.before = self.read()
        return self

    def __exit__(self, *_):
        after = self.read()
        self.server = after[0] - self.before[0]
        self.postgres = after[1] - self.before[1]


def rss_mib(program):
    """Resident memory of the program without its PostgreSQL."""
    total = 0
    for pid in family(program.pid):
        if command(pid) != "postgres":
            with contextlib.suppress(OSError), open(f"/proc/{pid}/statm") as statm:
                total += int(statm.read().split()[1]) * PAGE
    return total / (1 << 20)


class MemorySampler(threading.Thread):
    """Samples resident memory once a second."""

    def __init__(self, program):
        super().__init__(daemon=True)
        self.program = program
        self.samples = []
        self.ended = threading.Event()

    def run(self):
        started = time.monotonic()
        while not self.ended.wait(1):
            self.samples.append((time.monotonic() - started, rss_mib(self.program)))

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.join()

    def growth(self):
        """(MiB a second over the second half, the highest)."""
        half = self.samples[len(self.samples) // 2:]
        if len(half) < 3:
            return 0.0, max((m for _, m in self.samples), default=0.0)
        slope = statistics.linear_regression([t for t, _ in half], [m for _, m in half]).slope \
            if hasattr(statistics, "linear_regression") else 0.0
        return slope, max(m for _, m in self.samples)


def wait_landed(program, seconds=3600):
    """Until the spool is empty; returns how long that took."""
    import oracle
    started = time.monotonic()
    harness.wait_for(lambda: oracle.landed(program), seconds, 0.02)
    return time.monotonic() - started


def backlog(program):
    import oracle
    return oracle.waiting(program.get("/v1/ledger")[1])


def export_chunks(url, rows, rows_a_chunk=10000):
    """Rows of traction.event as files of COPY's binary format, in memory."""
    chunks = []
    connection = harness.database(url)
    with contextlib.closing(connection), connection.cursor() as cursor:
        cursor.execute("create temporary table sample as select row_number() over () as sample_n,"
                       " e.* from (select * from traction.event limit %s) e", (rows,))
        cursor.execute("create index on sample (sample_n)")
        cursor.execute("analyze sample")
        cursor.execute("select string_agg(quote_ident(attname), ',' order by attnum) from"
                       " pg_attribute where attrelid = 'traction.event'::regclass and attnum > 0"
                       " and not attisdropped")
        columns = cursor.fetchone()[0]
        cursor.execute("select count(*) from sample")
        count = cursor.fetchone()[0]
        for first in range(1, count + 1, rows_a_chunk):
            chunk = io.BytesIO()
            cursor.copy_expert(f"copy (select {columns} from sample where sample_n between {first}"
                               f" and {first + rows_a_chunk - 1}) to stdout (format binary)", chunk)
            chunks.append(chunk.getvalue())
    return chunks, count


def bare_copy(url, chunks):
    """One connection's binary COPY into a plain, logged table without indexes, a commit a chunk.
    Returns (seconds, seconds of the loader's own processor time)."""
    connection = harness.database(url)
    with contextlib.closing(connection), connection.cursor() as cursor:
        cursor.execute("create table bare_event (like traction.event)")
        try:
            cpu = time.process_time()
            started = time.monotonic()
            for chunk in chunks:
                cursor.copy_expert("copy bare_event from stdin (format binary)", io.BytesIO(chunk),
                                   1 << 18)
            return time.monotonic() - started, time.process_time() - cpu
        finally:
            cursor.execute("drop table bare_event")
