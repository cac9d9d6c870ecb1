# SPDX-License-Identifier: MIT
"""The http module from outside, over real sockets: what it answers, what it survives, what it
costs. The server under test is http_echo_server, with deadlines and limits made small."""

import contextlib
import gzip
import hashlib
import json
import os
import pathlib
import resource
import shutil
import signal
import socket
import struct
import subprocess
import time
import zlib

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
ECHO = os.environ.get("TR_HTTP_ECHO", str(ROOT / "build/tests/e2e/http_echo_server"))
SANITIZED = os.environ.get("TR_SANITIZED") == "1"
CORPUS = ROOT / "tests/fuzz/corpus/http_parser"
TIMEOUT = 20  # of every read in these tests; reaching it is a failure
GET = b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n"


class Server:
    def __init__(self, process, port):
        self.process = process
        self.port = port

    def connect(self):
        client = socket.create_connection(("127.0.0.1", self.port), timeout=TIMEOUT)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return client

    def rss(self):
        for line in open(f"/proc/{self.process.pid}/status"):
            if line.startswith("VmRSS"):
                return int(line.split()[1]) * 1024
        raise RuntimeError("no VmRSS")

    def cpu(self):
        fields = open(f"/proc/{self.process.pid}/stat").read().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self):
        """Drains; returns the counters it prints at its end."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        rest, _ = self.process.communicate(timeout=TIMEOUT)
        assert self.process.returncode == 0, rest
        words = rest.split()
        return {words[i]: int(words[i + 1]) for i in range(0, len(words), 2)}


@contextlib.contextmanager
def serve(*options, prepare=None, **named):
    arguments = list(options) + [f"{name}={value}" for name, value in named.items()]
    process = subprocess.Popen([ECHO] + arguments, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True, preexec_fn=prepare)
    try:
        port = int(process.stdout.readline().split()[1])
        server = Server(process, port)
        yield server
        if process.poll() is None:
            server.stop()
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture(params=["now", "later"])
def server(request):
    with serve(*(["later"] if request.param == "later" else [])) as started:
        yield started


class Answer:
    def __init__(self, status, fields, body):
        self.status = status
        self.fields = fields
        self.body = body

    @property
    def json(self):
        return json.loads(self.body)


def read_answer(stream, head=False):
    """One answer from a file made of a socket; None at the end."""
    line = stream.readline()
    if not line:
        return None
    version, status, _ = line.split(b" ", 2)
    assert version == b"HTTP/1.1"
    fields = {}
    while (line := stream.readline()) != b"\r\n":
        name, value = line.decode().rstrip("\r\n").split(": ", 1)
        assert name.lower() not in fields
        fields[name.lower()] = value
    has_body = not head and int(status) not in (100, 204, 304)
    body = stream.read(int(fields["content-length"])) if has_body else b""
    return Answer(int(status), fields, body)


def ask(client, data, head=False):
    client.sendall(data)
    return read_answer(client.makefile("rb"), head)


def post(body, *fields, path=b"/x", length=None):
    fields = [b"Host: a", b"Content-Length: %d" % (len(body) if length is None else length),
              *fields]
    return b"POST " + path + b" HTTP/1.1\r\n" + b"\r\n".join(fields) + b"\r\n\r\n" + body


def chunked(body, size, *fields):
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(body[i:i + size]), body[i:i + size])
                      for i in range(0, len(body), size))
    fields = [b"Host: a", b"Transfer-Encoding: chunked", *fields]
    return (b"POST /x HTTP/1.1\r\n" + b"\r\n".join(fields) + b"\r\n\r\n" + chunks +
            b"0\r\n\r\n")


def is_echo(answer, body):
    return (answer.status == 200 and answer.json["size"] == len(body) and
            answer.json["sha256"] == hashlib.sha256(body).hexdigest())


def ended(client):
    """True when the server has ended the connection, by FIN or RST."""
    try:
        return client.recv(1) == b""
    except ConnectionResetError:
        return True


def dribble(client, data, pause):
    """Sends byte by byte until all is sent (False) or the server ends it (True)."""
    client.setblocking(False)
    for i in range(len(data)):
        try:
            if client.recv(65536, socket.MSG_PEEK) is not None:
                client.settimeout(TIMEOUT)
                return True
        except BlockingIOError:
            pass
        except ConnectionResetError:
            return True
        try:
            client.send(data[i:i + 1])
        except (BrokenPipeError, ConnectionResetError):
            return True
        time.sleep(pause)
    client.settimeout(TIMEOUT)
    return False


# ---- requests and answers ----

BODIES = [b"", b"x", b"hello" * 100, os.urandom(40000), os.urandom(1 << 20)]


@pytest.mark.parametrize("body", BODIES, ids=len)
def test_bodies(server, body):
    packed = gzip.compress(body, 1)
    raw = zlib.compressobj(1, zlib.DEFLATED, -15)
    raw = raw.compress(body) + raw.flush()
    requests = [post(body), chunked(body, 5000)]
    if len(packed) < 1 << 20:
        requests += [post(packed, b"Content-Encoding: gzip"),
                     post(zlib.compress(body), b"Content-Encoding: deflate"),
                     post(raw, b"Content-Encoding: deflate"),
                     chunked(packed, 777, b"Content-Encoding: x-gzip")]
    with server.connect() as client:
        for request in requests:
            assert is_echo(ask(client, request), body)


def test_answer_fields(server):
    with server.connect() as client:
        answer = ask(client, GET)
        assert answer.status == 200
        assert answer.fields["content-type"] == "application/json"
        assert answer.fields["date"].endswith(" GMT")
        assert "connection" not in answer.fields
        answer = ask(client, GET.replace(b"/x", b"/empty"))
        assert answer.status == 204 and "content-length" not in answer.fields


def test_head_has_no_body(server):
    with server.connect() as client:
        answer = ask(client, GET.replace(b"GET", b"HEAD"), head=True)
        assert answer.status == 200 and int(answer.fields["content-length"]) > 0
        assert ask(client, GET).status == 200


def test_http_1_0(server):
    with server.connect() as client:
        answer = ask(client, b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        assert answer.fields["connection"] == "keep-alive"
        answer = ask(client, b"GET / HTTP/1.0\r\n\r\n")
        assert answer.fields["connection"] == "close" and ended(client)


def test_client_closes(server):
    with server.connect() as client:
        answer = ask(client, GET[:-2] + b"Connection: close\r\n\r\n")
        assert answer.fields["connection"] == "close" and ended(client)


def test_requests_per_connection():
    with serve(requests_per_connection=3) as server, server.connect() as client:
        assert "connection" not in ask(client, GET).fields
        assert "connection" not in ask(client, GET).fields
        assert ask(client, GET).fields["connection"] == "close"
        assert ended(client)


@pytest.mark.parametrize("request_bytes", [
    b"\r\nGET /a%20b?c=d HTTP/1.1\r\nHost: a\r\nX:  y\r\n\r\n",
    post(b"hello world"),
    chunked(b"hello world", 4),
    post(gzip.compress(b"hello world" * 9, mtime=0), b"Content-Encoding: gzip"),
    b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 03\r\n\r\nabc",
], ids=["get", "length", "chunked", "gzip", "refused"])
def test_cut_anywhere(server, request_bytes):
    with server.connect() as client:
        whole = ask(client, request_bytes)
    with server.connect() as client:
        for at in range(1, len(request_bytes)):
            client.sendall(request_bytes[:at])
            time.sleep(0.001)
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                client.sendall(request_bytes[at:])
            answer = read_answer(client.makefile("rb"))
            assert (answer.status, answer.body) == (whole.status, whole.body), at
            if "connection" in answer.fields:
                client.close()
                client = server.connect()
        client.close()


def test_single_bytes(server):
    body = os.urandom(300)
    with server.connect() as client:
        for byte in chunked(body, 1):
            client.sendall(bytes([byte]))
        assert is_echo(read_answer(client.makefile("rb")), body)


# ---- pipelining ----

def test_pipelined_in_order(server):
    bodies = [os.urandom(i * 37 % 5000) for i in range(300)]
    requests = [post(body) if i % 2 else chunked(body, 1000) for i, body in enumerate(bodies)]
    with server.connect() as client:
        stream = client.makefile("rb")
        pid = os.fork()
        if pid == 0:
            client.sendall(b"".join(requests))
            os._exit(0)
        for body in bodies:
            assert is_echo(read_answer(stream), body)
        os.waitpid(pid, 0)


def test_pipelined_heads_at_every_offset(server):
    """Heads of many sizes, so that they end everywhere in the input buffer."""
    request = b"".join(b"GET /x HTTP/1.1\r\nHost: a\r\nX: %s\r\n\r\n" % (b"y" * (i * 61 % 9000))
                       for i in range(200))
    with server.connect() as client:
        stream = client.makefile("rb")
        for i in range(0, len(request), 100000):
            client.sendall(request[i:i + 100000])
        for _ in range(200):
            assert read_answer(stream).json["fields"] == 2


@pytest.mark.parametrize("mode", [[], ["later"]])
@pytest.mark.parametrize("path", [b"/x", b"/big?size=100000"])
def test_pipelining_without_reading_is_bounded(mode, path):
    with serve(*mode, requests_per_connection=10**9) as server, server.connect() as client:
        assert ask(client, GET).status == 200  # what the first request touches is not its cost
        before = server.rss()
        client.settimeout(1)
        with contextlib.suppress(TimeoutError):
            for _ in range(20000):
                client.sendall(GET.replace(b"/x", path) * 100)
        cpu = server.cpu()
        time.sleep(0.5)
        assert server.cpu() - cpu <= 0.05  # waits, does not spin
        if not SANITIZED:
            assert server.rss() - before < 2 << 20
        with server.connect() as other:
            assert ask(other, GET).status == 200


# ---- refusals ----

def test_refusal_says_why(server):
    with server.connect() as client:
        answer = ask(client, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1x\r\n\r\n")
        assert answer.status == 400 and answer.fields["connection"] == "close"
        assert answer.fields["content-type"] == "application/json"
        assert answer.json["error"]["code"] == "bad_request"
        assert "Content-Length" in answer.json["error"]["message"]
        assert ended(client)


@pytest.mark.parametrize("probe", sorted(CORPUS.glob("bad-*")), ids=lambda path: path.name)
def test_hostile(hostile_server, probe):
    """Refused and closed, and what follows is never taken for a request."""
    with hostile_server.connect() as client:
        answer = ask(client, probe.read_bytes() + GET * 3)
        assert 400 <= answer.status < 600
        assert answer.fields["connection"] == "close"
        assert ended(client)


@pytest.fixture(scope="module")
def hostile_server():
    with serve() as started:
        yield started


@pytest.mark.parametrize("data, status", [
    (b"GET /" + b"a" * 8192 + b" HTTP/1.1\r\n", 414),
    (b"GET / HTTP/1.1\r\nX: " + b"a" * 20000, 431),
    (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 64 + b"\r\n", 431),
    (post(b"", length=(1 << 20) + 1), 413),
    (post(b"x", b"Content-Encoding: br"), 415),
    (post(b"xxxx", b"Content-Encoding: gzip"), 400),
    (post(gzip.compress(b"hello")[:-1], b"Content-Encoding: gzip"), 400),
    (post(gzip.compress(b"hello") + b"x", b"Content-Encoding: gzip"), 400),
    (post(gzip.compress(b"hello") * 2, b"Content-Encoding: gzip"), 400),
    (b"GET / HTTP/2.0\r\n\r\n", 505),
    (post(b"x", b"Expect: more"), 417),
])
def test_limits_and_codings(server, data, status):
    with server.connect() as client:
        assert ask(client, data).status == status
        assert ended(client)


def test_body_limit_at_the_limit():
    with serve(body_bytes=100000) as server, server.connect() as client:
        body = os.urandom(99000) + b"x" * 1000
        for request in (post(body), chunked(body, 999),
                        post(gzip.compress(b"y" * 100000),
                             b"Content-Encoding: gzip")):
            assert ask(client, request).json["size"] == 100000
        for request in (post(body + b"x"), chunked(body + b"x", 999),
                        post(gzip.compress(b"y" * 100001), b"Content-Encoding: gzip")):
            with server.connect() as other:
                answer = ask(other, request)
                assert answer.status == 413 and "100000" in answer.json["error"]["message"]


def test_bomb(server):
    bomb = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join(bomb.compress(bytes(1 << 20)) for _ in range(256)) + bomb.flush()
    before = server.rss()
    with server.connect() as client:
        assert ask(client, post(bomb, b"Content-Encoding: gzip")).status == 413
    if not SANITIZED:
        assert server.rss() - before < 3 << 20


@pytest.mark.parametrize("endless", [b"0" * 4096, b"1;" + b"a" * 4096, b"\r\n" * 2048,
                                     b"1\r\nx\r\n" * 700],
                         ids=["size", "extension", "blank", "tiny"])
def test_endless_chunks(server, endless):
    with server.connect() as client:
        assert ask(client, GET).status == 200
        before, cpu = server.rss(), server.cpu()
        client.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            for _ in range(3000):
                client.sendall(endless)
        with contextlib.suppress(ConnectionError):
            answer = read_answer(client.makefile("rb"))
            assert answer is None or answer.status in (400, 413)
            assert ended(client)
        if not SANITIZED:
            assert server.cpu() - cpu <= 0.2
            assert server.rss() - before <= (2 << 20) + 65536


def test_refused_upload_sees_the_answer(server):
    """The client is in the middle of sending when the answer comes; no RST may overtake it."""
    for path in (b"/deny", b"/x"):
        length = 1 << 20 if path == b"/deny" else 50 << 20
        with server.connect() as client:
            client.sendall(post(b"", path=path, length=length) + bytes(30000))
            time.sleep(0.05)
            client.sendall(bytes(20000))
            time.sleep(0.05)
            answer = read_answer(client.makefile("rb"))
            assert answer.status == (401 if path == b"/deny" else 413)
            assert answer.fields["connection"] == "close"


# ---- answers before the body ----

def test_denied_before_the_body(server):
    with server.connect() as client:
        answer = ask(client, post(b"", path=b"/deny", length=1000000))
        assert answer.status == 401 and answer.fields["connection"] == "close"
        assert ended(client)


def test_denied_with_a_small_body_keeps_the_connection(server):
    with server.connect() as client:
        for request in (post(b"x" * 400, path=b"/deny"),
                        chunked(b"x" * 400, 50).replace(b"/x", b"/deny")):
            answer = ask(client, request)
            assert answer.status == 401 and "connection" not in answer.fields
            assert ask(client, GET).status == 200


def test_continue(server):
    with server.connect() as client:
        stream = client.makefile("rb")
        for _ in range(2):
            client.sendall(post(b"", b"Expect: 100-continue", length=5))
            assert read_answer(stream).fields == {}
            client.sendall(b"hello")
            assert is_echo(read_answer(stream), b"hello")
        # Not where the body is here already, and not where there is none.
        client.sendall(post(b"hello", b"Expect: 100-continue"))
        assert is_echo(read_answer(stream), b"hello")
        client.sendall(post(b"", b"Expect: 100-continue"))
        assert is_echo(read_answer(stream), b"")


@pytest.mark.parametrize("path, length, status", [(b"/deny", 5, 401), (b"/x", 2 << 20, 413)])
def test_no_continue_for_what_is_refused(server, path, length, status):
    with server.connect() as client:
        answer = ask(client, post(b"", b"Expect: 100-continue", path=path, length=length))
        assert answer.status == status and ended(client)


# ---- deadlines ----

def test_slow_head():
    with serve(head_timeout_ms=400) as server:
        with server.connect() as client:
            assert dribble(client, GET[:-2] + b"X: " + b"y" * 500, 0.05)
            assert read_answer(client.makefile("rb")).status == 408
        with server.connect() as client:
            assert ask(client, GET).status == 200
            assert dribble(client, GET[:-2] + b"X: " + b"y" * 500, 0.05)
        assert server.stop()["timeouts"] == 2


def test_slow_body():
    with serve(body_timeout_ms=400) as server:
        for request in (post(b"", length=500), post(b"", length=500000), chunked(b"", 1)[:-5]):
            with server.connect() as client:
                client.sendall(request)
                data = b"1\r\nx\r\n" * 50 if b"chunked" in request else b"x" * 500
                assert dribble(client, data, 0.05)
                assert read_answer(client.makefile("rb")).status == 408


def test_body_rate():
    with serve(body_rate_bytes=1000) as server, server.connect() as client:
        client.sendall(post(b"", length=100000))
        assert dribble(client, b"x" * 2000, 0.02)  # 50 B/s, for 40 s at most
        assert read_answer(client.makefile("rb")).status == 408


def test_silence():
    with serve(head_timeout_ms=300, idle_timeout_ms=300) as server:
        with server.connect() as fresh, server.connect() as idle:
            assert ask(idle, GET).status == 200
            assert ended(fresh) and ended(idle)


def test_unread_answer():
    with serve(write_timeout_ms=300) as server:
        with server.connect() as client:
            client.sendall(GET.replace(b"/x", b"/big?size=30000000"))
            time.sleep(1)
            with contextlib.suppress(ConnectionResetError):
                got = 0
                while data := client.recv(1 << 20):
                    got += len(data)
                assert got < 30000000
        assert server.stop()["timeouts"] == 1


def test_slow_reader_gets_it_all(server):
    with server.connect() as client:
        client.sendall(GET.replace(b"/x", b"/big?size=20000000") + GET)
        time.sleep(0.3)
        stream = client.makefile("rb")
        assert len(read_answer(stream).body) == 20000000
        assert read_answer(stream).status == 200


# ---- clients that go away ----

def abort(client):
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


def test_gone_before_the_answer():
    with serve() as server:
        slow = GET.replace(b"/x", b"/slow")
        for end in (socket.socket.close, abort):
            for request in (slow, slow + GET, slow * 3):
                clients = [server.connect() for _ in range(20)]
                for client in clients:
                    client.sendall(request)
                time.sleep(0.05)
                for client in clients:
                    end(client)
        with server.connect() as client:
            assert ask(client, slow).status == 200
        server.stop()  # ends only when every request was answered


def test_gone_in_the_middle():
    with serve() as server:
        for part in (GET[:10], post(b"abc", length=10), post(b"x" * 9, length=900000),
                     chunked(b"hello", 3)[:-8],
                     post(gzip.compress(os.urandom(1000))[:500], b"Content-Encoding: gzip",
                          length=900)):
            for end in (socket.socket.close, abort):
                client = server.connect()
                client.sendall(part)
                time.sleep(0.01)
                end(client)
        with server.connect() as client:
            assert ask(client, GET).status == 200


@pytest.mark.parametrize("path", [b"/x", b"/slow", b"/big?size=8000000"])
def test_half_closed_client_gets_its_answer(server, path):
    with server.connect() as client:
        client.sendall(GET.replace(b"/x", path) * 2)
        client.shutdown(socket.SHUT_WR)
        stream = client.makefile("rb")
        assert read_answer(stream).status == 200
        assert read_answer(stream).status == 200
        assert read_answer(stream) is None


# ---- exhaustion ----

def test_no_descriptors():
    def prepare():
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))

    with serve(idle_timeout_ms=60000, head_timeout_ms=60000, prepare=prepare) as server:
        first = server.connect()
        assert ask(first, GET).status == 200
        others = [server.connect() for _ in range(200)]
        time.sleep(0.5)
        cpu = server.cpu()
        time.sleep(2)
        assert server.cpu() - cpu <= 0.1
        assert ask(first, GET).status == 200
        for client in others:
            client.close()
        with server.connect() as client:
            assert ask(client, GET).status == 200
        first.close()
        server.process.send_signal(signal.SIGTERM)
        _, log = server.process.communicate(timeout=TIMEOUT)
        assert 1 <= log.count("cannot accept connections") <= 6


def test_connection_cap():
    with serve(connections=5) as server:
        clients = [server.connect() for _ in range(5)]
        for client in clients:
            assert ask(client, GET).status == 200
        with server.connect() as newcomer:  # the oldest idle one makes room
            assert ask(newcomer, GET).status == 200
            assert ended(clients[0])
            for client in clients[1:] + [newcomer]:
                client.sendall(GET.replace(b"/x", b"/slow"))
            time.sleep(0.05)
            with server.connect() as refused:
                assert ended(refused)
            for client in clients[1:] + [newcomer]:
                assert read_answer(client.makefile("rb")).status == 200
        for client in clients:
            client.close()
        assert server.stop()["refused"] == 1


def test_body_budget():
    with serve(body_memory_bytes=300000) as server:
        holders = [server.connect() for _ in range(2)]
        for client in holders:
            client.sendall(post(b"x" * 100000, length=130000))  # 128 KiB each
        time.sleep(0.2)
        with server.connect() as client:
            answer = ask(client, post(b"x" * 100000))
            assert answer.status == 503 and answer.fields["retry-after"] == "1"
        with server.connect() as client:  # what fits in the input buffer needs no budget
            assert is_echo(ask(client, post(b"x" * 10000)), b"x" * 10000)
        for client in holders:
            assert ask(client, b"x" * 30000).status == 200
        with server.connect() as client:
            assert ask(client, post(b"x" * 200000)).status == 200
        for client in holders:
            client.close()


@pytest.mark.skipif(SANITIZED, reason="memory is not what it is")
def test_a_thousand_large_bodies():
    """Nobody's bodies, almost whole: most are told to come again, and memory stays bounded."""
    with serve() as server:
        clients = []
        piece = bytes(250000)
        for _ in range(1000):
            client = server.connect()
            client.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                client.send(post(b"", length=1000000) + piece)
            clients.append(client)
        for _ in range(3):
            for client in clients:
                with contextlib.suppress(BlockingIOError, ConnectionError):
                    client.send(piece)
        answers = 0
        for client in clients:
            client.settimeout(0.01)
            with contextlib.suppress(TimeoutError, ConnectionError):
                answers += client.recv(100).startswith(b"HTTP/1.1 503")
        assert answers > 100
        assert server.rss() < 200 << 20
        with server.connect() as client:
            assert ask(client, GET).status == 200
        for client in clients:
            client.close()


@pytest.mark.skipif(SANITIZED, reason="memory is not what it is")
def test_ten_thousand_idle():
    count = 10000
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < count + 200:
        pytest.skip(f"only {hard} descriptors")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    clients = []
    try:
        with serve(idle_timeout_ms=600000, connections=count + 10) as server:
            with server.connect() as client:
                assert ask(client, post(b"x" * 400)).status == 200
            before = server.rss()
            for i in range(count):
                clients.append(server.connect())
                clients[-1].sendall(post(b"x" * 400))
                if i % 100 == 99:
                    for client in clients[-100:]:
                        assert client.recv(4096).startswith(b"HTTP/1.1 200")
            each = (server.rss() - before) / count
            print(f"{each:.0f} bytes a connection, {server.rss() / 1e6:.1f} MB in all")
            assert each <= 1024 and server.rss() < 60e6
            cpu = server.cpu()
            time.sleep(1)
            assert server.cpu() - cpu <= 0.05
    finally:
        for client in clients:
            client.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


# ---- the end ----

@pytest.mark.parametrize("workers", [1, 2])
def test_drain(workers):
    with serve(workers=workers) as server:
        idle = [server.connect() for _ in range(20)]
        for client in idle:
            assert ask(client, GET).status == 200
        busy = [server.connect() for _ in range(20)]
        for client in busy:
            client.sendall(GET.replace(b"/x", b"/slow"))
        uploading = [server.connect() for _ in range(20)]
        for client in uploading:
            client.sendall(post(b"he", length=5))
        time.sleep(0.1)
        last = server.connect()
        server.process.send_signal(signal.SIGSTOP)
        last.sendall(GET)  # has reached the server when it is told to end
        waiting = server.connect()
        waiting.sendall(GET)
        server.process.send_signal(signal.SIGTERM)
        server.process.send_signal(signal.SIGCONT)
        assert ask(last, b"").status == 200
        assert ask(waiting, b"").status == 200
        for client in idle:
            assert ended(client)
        for client in busy:
            answer = ask(client, b"")
            assert answer.status == 200 and answer.fields["connection"] == "close"
        for client in uploading:
            assert is_echo(ask(client, b"llo"), b"hello")
        for client in idle + busy + uploading + [last, waiting]:
            client.close()
        server.stop()


def test_port_in_use():
    with serve() as server:
        second = subprocess.run([ECHO, f"port={server.port}"], capture_output=True, text=True,
                                timeout=TIMEOUT)
        assert second.returncode == 1 and str(server.port) in second.stderr


def test_workers_share_a_port():
    with serve(workers=2) as server:
        for _ in range(50):
            with server.connect() as client:
                assert ask(client, GET).status == 200


# ---- what a proxy would see ----

@pytest.fixture(scope="module")
def nginx(tmp_path_factory):
    folder = tmp_path_factory.mktemp("nginx")
    if shutil.which("nginx") is None:
        pytest.skip("no nginx")
    config = folder / "nginx.conf"
    config.write_text(f"""
        daemon off; pid {folder}/pid; error_log {folder}/error crit; worker_processes 1;
        events {{ worker_connections 64; }}
        http {{
            access_log off; client_body_temp_path {folder}; proxy_temp_path {folder};
            fastcgi_temp_path {folder}; uwsgi_temp_path {folder}; scgi_temp_path {folder};
            server {{ listen unix:{folder}/socket; location / {{ return 204; }} }}
        }}""")
    process = subprocess.Popen(["nginx", "-e", f"{folder}/error", "-c", str(config)],
                               stderr=subprocess.DEVNULL)
    for _ in range(200):
        if (folder / "socket").exists():
            break
        time.sleep(0.02)
    yield str(folder / "socket")
    process.terminate()
    process.wait(TIMEOUT)


def statuses(client, data):
    """Of all answers to data, after which the client sends no more."""
    with client, contextlib.suppress(ConnectionResetError):
        client.settimeout(TIMEOUT)
        client.sendall(data)
        client.shutdown(socket.SHUT_WR)
        stream = client.makefile("rb")
        found = []
        while line := stream.readline():
            found.append(int(line.split()[1]))
            length = 0
            while (line := stream.readline()) not in (b"\r\n", b""):
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split()[1])
            if not (data.startswith(b"HEAD") and len(found) == 1):
                stream.read(length)
        return found


@pytest.mark.parametrize("probe", sorted(CORPUS.glob("good-*")), ids=lambda path: path.name)
def test_same_requests_as_nginx(hostile_server, nginx, probe):
    """Where nginx takes a stream, it finds as many requests in it as we do."""
    data = probe.read_bytes() + GET.replace(b"/x", b"/empty") * 3
    client = socket.socket(socket.AF_UNIX)
    client.connect(nginx)
    theirs = [status for status in statuses(client, data) if status != 100]
    ours = statuses(hostile_server.connect(), data)
    if all(status < 400 for status in theirs):
        assert len(ours) == len(theirs)
        assert all(status < 400 for status in ours)
