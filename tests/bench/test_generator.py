# SPDX-License-Identifier: MIT
"""traction bench against a server that is not Traction: what it sends, what it makes of answers."""
import json
import os
import socketserver
import subprocess
import sys
import threading

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import harness  # noqa: E402

KEY = "tw_" + "k" * 38


class Handler(socketserver.StreamRequestHandler):
    """Reads requests and answers as the test's script says; one that returns None hangs up."""

    def handle(self):
        while True:
            head = {}
            line = self.rfile.readline()
            if not line:
                return
            for field in iter(self.rfile.readline, b"\r\n"):
                name, _, value = field.decode().partition(":")
                head[name.lower()] = value.strip()
            body = self.rfile.read(int(head.get("content-length", 0)))
            with self.server.lock:
                self.server.requests.append((line.decode().split(), head, body))
                answer = self.server.script(len(self.server.requests), body)
            if answer is None:
                return
            for piece in answer:
                self.wfile.write(piece)
                self.wfile.flush()


class Responder(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, script):
        super().__init__(("127.0.0.1", 0), Handler)
        self.script = script
        self.requests = []
        self.lock = threading.Lock()
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    def events(self):
        for _, _, body in self.requests:
            found = json.loads(body)
            yield from found if isinstance(found, list) else [found]


def accept(body):
    found = json.loads(body)
    count = len(found) if isinstance(found, list) else 1
    return answer("202 Accepted", json.dumps({"accepted": count, "rejected": []},
                                             separators=(",", ":")))


def answer(status, body, more=""):
    return [f"HTTP/1.1 {status}\r\n{more}Content-Length: {len(body)}\r\n\r\n{body}".encode()]


def bench(responder, *arguments):
    url = f"http://127.0.0.1:{responder.server_address[1]}"
    done = subprocess.run([harness.BINARY, "bench", "--url", url, "--key", KEY, "--json",
                           "--connections", "4", *map(str, arguments)],
                          capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr


@pytest.fixture
def respond():
    made = []

    def make(script):
        made.append(Responder(script))
        return made[-1]

    yield make
    for responder in made:
        responder.shutdown()
        responder.server_close()


def test_exactly_so_many_events(respond):
    responder = respond(lambda n, body: accept(body))
    code, figures = bench(responder, "--events", 1234, "--batch", 100, "--ack", "disk")
    events = list(responder.events())
    assert (code, figures["accepted"], len(events)) == (0, 1234, 1234)
    assert len({e["id"] for e in events}) == 1234
    line, head, _ = responder.requests[0]
    assert line == ["POST", "/v1/events?ack=disk", "HTTP/1.1"]
    assert head["authorization"] == "Bearer " + KEY


def test_same_seed_same_events(respond):
    runs = []
    for connections in (1, 4):
        responder = respond(lambda n, body: accept(body))
        bench(responder, "--events", 3000, "--batch", 7, "--seed", 42, "--connections", connections,
              "--backfill", "30d")
        runs.append({e["id"]: {k: v for k, v in e.items() if k != "timestamp"}
                     for e in responder.events()})
    assert runs[0] == runs[1]
    responder = respond(lambda n, body: accept(body))
    bench(responder, "--events", 100, "--batch", 7, "--seed", 43)
    assert not runs[0].keys() & {e["id"] for e in responder.events()}


def test_single_events_without_ids(respond):
    responder = respond(lambda n, body: accept(body))
    code, _ = bench(responder, "--events", 50, "--no-ids", "--new-connections")
    assert code == 0
    assert all(isinstance(json.loads(body), dict) for _, _, body in responder.requests)
    assert all("id" not in event for event in responder.events())
    assert all(head["connection"] == "close" for _, head, _ in responder.requests)


def test_refusals_fail_the_run(respond):
    responder = respond(lambda n, body: accept(body) if n != 3 else
                        answer("202 Accepted", '{"accepted":0,"rejected":[{"index":0}]}'))
    code, figures = bench(responder, "--events", 20)
    assert (code, figures["errors"]["refused_events"], figures["accepted"]) == (1, 1, 19)
    responder = respond(lambda n, body: answer("401 Unauthorized", "{}"))
    code, figures = bench(responder, "--events", 20)
    assert (code, figures["status"]) == (1, {"401": 20})


def test_busy_servers_get_the_same_again(respond):
    def script(n, body):
        if n % 3 == 0:
            return answer("503 Service Unavailable", "{}", "Retry-After: 1\r\n")
        return None if n % 5 == 0 else accept(body)
    responder = respond(script)
    code, figures = bench(responder, "--events", 12, "--retry")
    assert (code, figures["accepted"]) == (0, 12)
    assert figures["retries"] == len(responder.requests) - 12 > 0
    assert len({e["id"] for e in responder.events()}) == 12


def test_answers_in_pieces(respond):
    responder = respond(lambda n, body: [bytes([b]) for b in accept(body)[0]])
    code, figures = bench(responder, "--events", 8)
    assert (code, figures["accepted"]) == (0, 8)


@pytest.mark.parametrize("text", [
    "HTTP/1.1 999 What\r\n\r\n", "nonsense\r\n\r\n", "HTTP/1.1 200 OK\r\nX: " + "y" * 9000,
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\nmore"])
def test_bad_answers_are_counted(respond, text):
    responder = respond(lambda n, body: [text.encode()])
    code, figures = bench(responder, "--events", 2, "--timeout", "2s")
    assert code == 1
    assert figures["errors"]["bad_answer"] == 2


def test_a_server_that_hangs_up_or_does_not_answer(respond):
    code, figures = bench(respond(lambda n, body: None), "--events", 3)
    assert (code, figures["errors"]["lost"]) == (1, 3)
    code, figures = bench(respond(lambda n, body: []), "--events", 3, "--timeout", "300ms")
    assert (code, figures["errors"]["timeout"]) == (1, 3)


@pytest.mark.parametrize("arguments", [
    ("--batch", "0"), ("--batch", "1001"), ("--rate", "-1"), ("--ack", "never"),
    ("--duration", "10 parsecs"), ("--events", "x"), ("--backfill", "30d"), ("surplus",),
    ("--path", "no"), ("--nonsense",)])
def test_wrong_usage(respond, arguments):
    assert bench(respond(lambda n, body: accept(body)), *arguments)[0] == 2


def test_rate(respond):
    responder = respond(lambda n, body: accept(body))
    code, figures = bench(responder, "--rate", 200, "--duration", "1s")
    assert code == 0
    assert figures["requests"] + figures["unsent"] <= 201
