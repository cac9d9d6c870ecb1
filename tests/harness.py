# SPDX-License-Identifier: MIT
"""Runs the real program for tests: `traction up` and `traction serve` in folders of their own.

Only processes that were started here are ever ended, by their number. A free port is chosen once
and kept over restarts, so that clients under test reconnect to where they were.
"""
import contextlib
import glob
import http.client
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.parse

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BINARY = os.environ.get("TRACTION_BINARY", os.path.join(
    os.environ.get("TRACTION_BUILD", os.path.join(ROOT, "build")), "traction"))
READY_SECONDS = 60


def free_port():
    """Below the ports that outgoing connections take, so that it stays free over a restart."""
    while True:
        port = random.randrange(20000, 32000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def wait_for(what, seconds=30, every=0.01):
    """Calls what() until it returns something true, and returns that."""
    until = time.monotonic() + seconds
    while True:
        value = what()
        if value:
            return value
        if time.monotonic() > until:
            raise TimeoutError(f"{getattr(what, '__name__', what)} did not come true in {seconds} s")
        time.sleep(every)


def folder(prefix="traction-test-"):
    """A folder that PostgreSQL's user may reach, too."""
    path = tempfile.mkdtemp(prefix=prefix, dir=os.environ.get("TRACTION_TEST_DIR"))
    os.chmod(path, 0o755)
    return path


def read_env(path):
    values = {}
    with open(path) as lines:
        for line in lines:
            name, found, value = line.strip().removeprefix("export ").partition("=")
            if found and not name.startswith("#"):
                values[name] = value.strip("'\"")
    return values


def request(url, method, path, key=None, body=None, timeout=30, headers=None):
    """One request on a connection of its own: (status, headers, bytes)."""
    where = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(where.hostname, where.port, timeout=timeout)
    try:
        fields = dict(headers or {})
        if key:
            fields["Authorization"] = "Bearer " + key
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
        connection.request(method, path, body, fields)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


class Program:
    """A running traction, whatever the command."""

    def __init__(self, directory, command, env=None, wrapper=()):
        self.directory = directory
        self.command = list(command)
        self.env = dict(env or {})
        self.wrapper = list(wrapper)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log_path = os.path.join(directory, f"program-{self.port}.log")
        self.process = None
        self.values = {}

    def start(self, ready=True):
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("TRACTION_")}
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                self.wrapper + [BINARY] + self.command, stdout=log, stderr=log,
                stdin=subprocess.DEVNULL, cwd=self.directory, env={**inherited, **self.env})
        if ready:
            self.wait_ready()
        return self

    def wait_ready(self, seconds=READY_SECONDS):
        wait_for(self.check_ready, seconds)
        return self

    def check_ready(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"{self.command[0]} ended with {self.process.returncode}:\n"
                               + self.log()[-4000:])
        return self.status("/readyz") == 200

    def status(self, path, timeout=5):
        try:
            return request(self.url, "GET", path, timeout=timeout)[0]
        except (OSError, http.client.HTTPException):
            return 0

    def log(self):
        with open(self.log_path, errors="replace") as log:
            return log.read()

    @property
    def pid(self):
        """Of traction itself, below the wrapper if there is one."""
        if not self.wrapper:
            return self.process.pid
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children") as children:
            return int(children.read().split()[0])

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def kill(self):
        """As when the machine's out-of-memory killer takes the program."""
        if self.is_running():
            os.kill(self.pid, signal.SIGKILL)
            self.process.wait()

    def stop(self, seconds=30):
        if not self.is_running():
            return
        os.kill(self.pid, signal.SIGTERM)
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def post(self, events, query="", **more):
        return request(self.url, "POST", "/v1/events" + query, self.values["TRACTION_WRITE_KEY"],
                       events, **more)

    def get(self, path, **more):
        status, _, body = request(self.url, "GET", path, self.values["TRACTION_READ_KEY"], **more)
        return status, json.loads(body)


class Up(Program):
    """`traction up` with its private PostgreSQL."""

    def __init__(self, env=None, directory=None, wrapper=()):
        self.own_directory = directory is None
        directory = directory or folder()
        self.data = os.path.join(directory, "data")
        super().__init__(directory, (), env, wrapper)
        self.command = ["up", "--data", self.data, "--listen", f"127.0.0.1:{self.port}"]

    def check_ready(self):
        path = os.path.join(self.data, "traction.env")
        if not super().check_ready() or not os.path.exists(path):
            return False
        self.values = read_env(path)
        return True

    @property
    def spool(self):
        return os.path.join(self.data, "spool")

    @property
    def database_url(self):
        return self.values["TRACTION_DATABASE_URL"]

    def postmaster(self):
        """The number of this folder's postmaster, 0 if it does not run."""
        for path in glob.glob(os.path.join(self.data, "**", "postmaster.pid"), recursive=True):
            with contextlib.suppress(OSError, ValueError, IndexError):
                with open(path) as lines:
                    pid = int(lines.readline())
                # The number may belong to somebody else by now.
                with open(f"/proc/{pid}/comm") as name:
                    if name.read().strip() != "postgres":
                        continue
                here = os.path.realpath(os.path.dirname(path))
                if os.path.realpath(f"/proc/{pid}/cwd") == here:
                    return pid
        return 0

    def backends(self):
        pid = self.postmaster()
        if not pid:
            return []
        with contextlib.suppress(OSError):
            with open(f"/proc/{pid}/task/{pid}/children") as children:
                return [int(child) for child in children.read().split()]
        return []

    def signal_postgres(self, number):
        pid = self.postmaster()
        if pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        return pid

    def kill_everything(self):
        """The program, the postmaster and all backends at once, as in a power cut."""
        doomed = [self.postmaster()] + self.backends()
        for pid in [self.pid] + doomed:
            with contextlib.suppress(ProcessLookupError):
                if pid:
                    os.kill(pid, signal.SIGKILL)
        self.process.wait()

    def close(self):
        with contextlib.suppress(Exception):
            self.stop()
        pid = self.signal_postgres(signal.SIGQUIT)
        if pid:
            wait_for(lambda: not self.postmaster(), 15)
        if self.own_directory and not os.environ.get("TRACTION_TEST_KEEP"):
            shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(self, *_):
        self.close()


class Serve(Program):
    """`traction serve` against a PostgreSQL that runs already; keys are those of `values`."""

    def __init__(self, directory, database_url, values, env=None, wrapper=(), name="serve"):
        super().__init__(directory, ["serve"], env, wrapper)
        self.values = dict(values, TRACTION_URL=self.url)
        self.spool = os.path.join(directory, name + "-spool")
        self.env.setdefault("TRACTION_SPOOL_DIRECTORY", self.spool)
        self.env.update(TRACTION_SERVER_LISTEN=f"127.0.0.1:{self.port}",
                        TRACTION_DATABASE_URL=database_url)

    def close(self):
        with contextlib.suppress(Exception):
            self.stop()

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(self, *_):
        self.close()


def database(url):
    import psycopg2
    connection = psycopg2.connect(url)
    connection.autocommit = True
    return connection


def query(url, sql, *values):
    with contextlib.closing(database(url)) as connection:
        with connection.cursor() as cursor:
            cursor.execute(sql, values)
            return cursor.fetchall() if cursor.description else []
