# SPDX-License-Identifier: MIT
"""GET /v1/live from outside: what listeners see, and what they cannot do to the server."""
import contextlib
import json
import os
import signal
import socket
import time
import urllib.parse
import uuid

import pytest

import harness

TIMEOUT = 30
SANITIZED = os.environ.get("TR_SANITIZED") == "1"  # memory given back is kept for a while then


class Listener:
    """As curl -N would be one; reads only when asked to."""

    def __init__(self, program, query="", key=None, headers=(), receive_bytes=None):
        where = urllib.parse.urlsplit(program.url)
        self.socket = socket.socket()
        if receive_bytes:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self.socket.settimeout(TIMEOUT)
        self.socket.connect((where.hostname, where.port))
        fields = [f"Host: {where.netloc}", "Accept: text/event-stream", *headers]
        if key is not False:
            fields.append(f"Authorization: Bearer {key or program.values['TRACTION_READ_KEY']}")
        self.socket.sendall(f"GET /v1/live{query} HTTP/1.1\r\n".encode()
                            + "\r\n".join(fields).encode() + b"\r\n\r\n")
        self.raw = self.socket.makefile("rb")
        self.status = int(self.raw.readline().split()[1])
        self.headers = {}
        while (line := self.raw.readline().strip()):
            name, _, value = line.decode().partition(": ")
            self.headers[name.lower()] = value
        self.text = b""

    def chunk(self):
        """The next piece; None at the end of the answer."""
        size = int(self.raw.readline(), 16)
        data = self.raw.read(size)
        assert self.raw.readline() == b"\r\n"
        return data if size else None

    def message(self):
        """The next message as (type, id, data), or ("comment", None, text)."""
        while b"\n\n" not in self.text:
            piece = self.chunk()
            if piece is None:
                return None
            self.text += piece
        block, _, self.text = self.text.partition(b"\n\n")
        fields = {}
        for line in block.decode().split("\n"):
            name, _, value = line.partition(":")
            assert name not in fields, block
            fields[name] = value[1:] if value.startswith(" ") else value
        if set(fields) <= {""}:
            return "comment", None, fields[""]
        if set(fields) == {"retry"}:
            return "retry", None, int(fields["retry"])
        assert set(fields) == {"event", "id", "data"}, fields
        return fields["event"], int(fields["id"]), json.loads(fields["data"])

    def until(self, what, kind="stats"):
        """The data of the first message of that kind for which what(data) holds."""
        until = time.monotonic() + TIMEOUT
        while time.monotonic() < until:
            message = self.message()
            assert message is not None, "the stream ended"
            if message[0] == kind and what(message[2]):
                return message[2]
        raise AssertionError("never came")

    def close(self):
        self.raw.close()
        self.socket.close()


@contextlib.contextmanager
def listening(*arguments, **named):
    listener = Listener(*arguments, **named)
    try:
        yield listener
    finally:
        listener.close()


def metric(program, name):
    _, _, text = harness.request(program.url, "GET", "/metrics")
    for line in text.decode().splitlines():
        if line.startswith(name + " "):
            return float(line.split()[1])
    raise KeyError(name)


def rss(program):
    with open(f"/proc/{program.pid}/status") as lines:
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS"))


def name_of(what):
    return f"{what}_{uuid.uuid4().hex[:8]}"


def send(program, events):
    status, _, body = program.post(events, "?ack=commit")
    assert status == 202, body


def test_stats_of_what_was_sent(traction_up):
    """Within two looks, one second each, of the commit."""
    path = "/" + name_of("page")
    with listening(traction_up) as listener:
        assert (listener.status, listener.headers["content-type"]) == (200, "text/event-stream")
        assert listener.headers["cache-control"] == "no-store"
        assert "access-control-allow-origin" not in listener.headers
        assert listener.message() == ("retry", None, 2000)
        before = listener.until(lambda data: not data["stale"])
        people = [name_of("u") for _ in range(3)]
        send(traction_up, [{"name": "page_view", "user": user, "url": "https://a.example" + path}
                           for user in people for _ in range(2)]
             + [{"name": "api_request", "value": 5,
                 "properties": {"route": "/r", "status": 503 if i == 0 else 200}} for i in range(4)]
             + [{"name": "error", "user": people[0], "properties": {"message": "m"}}])
        looks = []

        def has_come(data):
            looks.append(data)
            return any(page["path"] == path for page in data["top_pages"])

        after = listener.until(has_come)
        assert len(looks) <= 3  # one may have been on its way
        assert {"path": path, "n": 6} in after["top_pages"]
        assert after["active_people"]["value"] == before["active_people"]["value"] + 3
        assert after["active_people"]["error"] == 0
        assert after["page_views"]["value"] == before["page_views"]["value"] + 6
        assert len(after["page_views"]["values"]) == 30
        assert after["error_rate"]["requests"] == before["error_rate"]["requests"] + 4
        assert after["error_rate"]["failed"] == before["error_rate"]["failed"] + 1
        assert after["error_rate"]["value"] == pytest.approx(
            after["error_rate"]["failed"] / after["error_rate"]["requests"], rel=1e-5)
        assert after["client_errors"]["value"] == before["client_errors"]["value"] + 1
        assert {"name": "page_view", "kind": "engagement"} in [
            {"name": top["name"], "kind": top["kind"]} for top in after["top_names"]]
        counted = listener.until(lambda data: data["events_per_second"]["mean"]
                                 > before["events_per_second"]["mean"])
        assert counted["events_per_second"]["mean"] * 60 == pytest.approx(
            before["events_per_second"]["mean"] * 60 + 11, rel=0.01)


def test_bots_are_left_out(traction_up):
    name = name_of("bot")
    status, _, _ = traction_up.post([{"name": name}], "?ack=commit",
                                    headers={"User-Agent": "Googlebot/2.1"})
    assert status == 202
    marker = name_of("marker")
    send(traction_up, [{"name": marker}])
    with listening(traction_up) as listener:
        stats = listener.until(
            lambda data: any(top["name"] == marker for top in data["top_names"]))
        bots = harness.query(traction_up.database_url,
                             "select bot from traction.event where name = %s", name)
        shown = any(top["name"] == name for top in stats["top_names"])
        assert shown != bots[0][0]


def test_events(traction_up):
    name = name_of("event")
    with listening(traction_up) as plain, listening(traction_up, "?properties=1") as full:
        plain.until(lambda data: True)
        full.until(lambda data: True)
        properties = {"a": [1, {"b": "line\nbreak"}], "event": "x"}
        text = json.dumps([{"name": name, "user": "somebody@example.com",
                            "url": "https://a.example/p?q=1", "properties": properties}], indent=1)
        # Line breaks between tokens, too: as they are in a pretty-printed body.
        status, _, _ = harness.request(traction_up.url, "POST", "/v1/events?ack=commit",
                                       traction_up.values["TRACTION_WRITE_KEY"],
                                       text.replace("\n", "\r\n\r\n"))
        assert status == 202
        event = plain.until(lambda data: data["name"] == name, "event")
        assert set(event) == {"at", "kind", "name", "path", "route", "country", "who"}
        assert (event["kind"], event["path"], event["who"]) == ("engagement", "/p", "somebody…")
        event = full.until(lambda data: data["name"] == name, "event")
        assert event["properties"] == properties


def test_at_most_ten_events_a_second(traction_up):
    name = name_of("many")
    with listening(traction_up) as listener:
        listener.until(lambda data: True)
        send(traction_up, [{"name": name, "user": f"u{i}"} for i in range(500)])
        shown = 0
        while True:
            kind, _, data = listener.message()
            shown += kind == "event" and data["name"] == name
            if kind == "stats" and any(top["name"] == name and top["n"] == 500
                                       for top in data["top_names"]):
                break
        assert 0 < shown <= 10


def test_identified_visitors_are_counted_once(traction_up):
    """As the table of aliases says; who writes it does not matter here."""
    project = harness.query(traction_up.database_url,
                            "select project_id from traction.api_key where scope = 'read'"
                            " order by created_at limit 1")[0][0]
    anonymous, user = name_of("a"), name_of("u")
    with listening(traction_up) as listener:
        before = listener.until(lambda data: True)["active_people"]["value"]
        send(traction_up, [{"name": "seen", "anonymous": anonymous}, {"name": "seen", "user": user}])
        listener.until(lambda data: data["active_people"]["value"] == before + 2)
        person, other = (
            harness.query(traction_up.database_url, "select person::text from traction.event"
                          f" where {column} = %s", value)[0][0]
            for column, value in (("anonymous_id", anonymous), ("user_id", user)))
        harness.query(traction_up.database_url,
                      "insert into traction.alias (project_id, anonymous, from_at, to_at, person)"
                      " values (%s, %s, '-infinity', 'infinity', %s) on conflict do nothing",
                      project, person, other)
        send(traction_up, [{"name": "identify", "user": user, "anonymous": anonymous}])
        listener.until(lambda data: data["active_people"]["value"] == before + 1)


def test_many_people_are_estimated(up):
    """More in a batch than a note holds; the error that is told is two standard errors."""
    up.start()
    people = 20000
    with listening(up) as listener:
        for first in range(0, people, 1000):
            status, _, _ = up.post([{"name": "crowd", "user": f"u{first + i}"} for i in range(1000)])
            assert status == 202
        stats = listener.until(lambda data: any(top["n"] == people for top in data["top_names"]))
        found = stats["active_people"]
        assert abs(found["value"] - people) <= 2 * found["error"] * people
        assert found["error"] < 0.05
        levels = harness.query(up.database_url, "select max(people_level), max(length(people))"
                               " from traction.live_note")[0]
        assert (found["error"] > 0) == (levels[0] > 0)
        assert levels[1] <= 4096 * 20


def test_a_listener_that_comes_back(traction_up):
    name = name_of("again")
    send(traction_up, [{"name": name}])
    with listening(traction_up) as listener:
        listener.until(lambda data: data["name"] == name, "event")
        kind, number, _ = listener.message()
        assert kind in ("event", "stats")
    with listening(traction_up, headers=[f"Last-Event-ID: {number}"]) as listener:
        message = listener.message()
        while message[0] != "stats":
            assert message[0] != "event" or message[2]["name"] != name
            message = listener.message()
    with listening(traction_up, headers=["Last-Event-ID: rubbish"]) as listener:
        listener.until(lambda data: data["name"] == name, "event")


def test_heartbeat(traction_up):
    with listening(traction_up) as listener:
        stats = 0
        while (message := listener.message())[0] != "comment":
            stats += message[0] == "stats"
            assert stats < 20
        assert message[2] == "still here"


def test_who_may_listen(traction_up):
    values = traction_up.values
    for key, status in ((values["TRACTION_WRITE_KEY"], 403), ("tr_unknown", 401), (False, 401)):
        with listening(traction_up, key=key) as listener:
            assert listener.status == status
    for query, parameter in (("?properties=maybe", "properties"), ("?interval=day", "interval"),
                             ("?project=other", "project")):
        with listening(traction_up, query) as listener:
            assert listener.status == (403 if parameter == "project" else 400)
            assert json.loads(listener.raw.read(int(listener.headers["content-length"])))[
                "error"]["parameter"] == parameter
    for query in ("?key=" + values["TRACTION_READ_KEY"],
                  f"?project={values['TRACTION_PROJECT_ID']}&key={values['TRACTION_READ_KEY']}"):
        with listening(traction_up, query, key=False) as listener:
            assert listener.status == 200
            listener.until(lambda data: True)
    assert harness.request(traction_up.url, "HEAD", "/v1/live", values["TRACTION_READ_KEY"])[0] == 200
    assert harness.request(traction_up.url, "POST", "/v1/live", values["TRACTION_READ_KEY"])[0] == 405


def test_two_hundred_listeners_see_the_same(traction_up):
    name = name_of("crowd")
    with contextlib.ExitStack() as stack:
        listeners = [stack.enter_context(listening(traction_up)) for _ in range(200)]
        assert metric(traction_up, "traction_live_listeners") == 200
        send(traction_up, [{"name": name, "user": f"u{i}"} for i in range(7)])
        for listener in listeners:
            top = listener.until(lambda data: any(t["name"] == name for t in data["top_names"]))
            assert {"name": name, "kind": "engagement", "n": 7} in top["top_names"]
    harness.wait_for(lambda: metric(traction_up, "traction_live_listeners") == 0, TIMEOUT)


def test_a_listener_that_does_not_read_is_cut(traction_up):
    """What is kept for one is a frame; 100 that do not read cost little and are gone in the end."""
    for i in range(20):  # long names and paths: large frames
        send(traction_up, [{"name": name, "url": f"https://a.example/{i:02}" + "p" * 190}
                           for name in ("page_view", f"{i:02}" + "n" * 190) for _ in range(20)])
    cut = metric(traction_up, "traction_live_skipped_total")
    with contextlib.ExitStack() as stack:
        reader = stack.enter_context(listening(traction_up))
        reader.until(lambda data: len(data["top_pages"]) == 10)
        before = rss(traction_up)
        lazy = [stack.enter_context(listening(traction_up, "?properties=1", receive_bytes=2048))
                for _ in range(100)]
        highest = 0

        def all_gone():
            nonlocal highest
            reader.until(lambda data: True)  # the others go on all the while
            send(traction_up, [{"name": f"{i:02}" + "n" * 190, "user": "u" * 190,
                                "properties": {"p": "x" * 4000}} for i in range(10)])
            highest = max(highest, rss(traction_up))
            return metric(traction_up, "traction_live_listeners") == 1

        harness.wait_for(all_gone, 240, 0)
        assert metric(traction_up, "traction_live_skipped_total") > cut
        assert len(lazy) == 100
        # Each keeps at most a frame (here ~60 KiB) and a connection.
        print(f"{(highest - before) >> 10} KiB for 100 listeners")
        assert SANITIZED or highest - before < 100 * (128 << 10) + (4 << 20)


def test_limits(up):
    up.env.update(TRACTION_LIMITS_LIVE_LISTENERS="3", TRACTION_LIMITS_LIVE_LISTENERS_PER_KEY="2")
    up.start()
    admin = up.values["TRACTION_ADMIN_KEY"]
    with contextlib.ExitStack() as stack:
        for key in (None, None, admin):
            assert stack.enter_context(listening(up, key=key)).status == 200
        with listening(up) as refused:
            assert (refused.status, refused.headers["retry-after"]) == (429, "1")
        with listening(up, key=admin) as refused:
            assert (refused.status, refused.headers["retry-after"]) == (503, "1")
    harness.wait_for(lambda: metric(up, "traction_live_listeners") == 0, TIMEOUT)
    with listening(up) as listener:
        assert listener.status == 200


def test_project_limit(up):
    up.env.update(TRACTION_LIMITS_LIVE_PROJECTS="0")
    up.start()
    with listening(up) as refused:
        assert refused.status == 503
    assert metric(up, "traction_live_listeners") == 0


def test_revoked_key_stops_listening(up):
    up.start()
    with listening(up) as listener:
        listener.until(lambda data: True)
        harness.query(up.database_url, "update traction.api_key set revoked_at = now()"
                      " where scope = 'read'")
        while listener.message() is not None:
            pass


def test_termination_ends_streams(up):
    up.start()
    with contextlib.ExitStack() as stack:
        listeners = [stack.enter_context(listening(up)) for _ in range(20)]
        lazy = [stack.enter_context(listening(up, receive_bytes=2048)) for _ in range(20)]
        for listener in listeners:
            listener.until(lambda data: True)
        os.kill(up.pid, signal.SIGTERM)
        for listener in listeners:
            while listener.message() is not None:
                pass  # to the very end of the answer
        # With nothing to wait for, far below drain_timeout (10 s) and what a slow client may take.
        up.process.wait(8)
        assert up.process.returncode == 0
        assert len(lazy) == 20


def test_restart_shows_the_minutes_before(up):
    up.start()
    name = name_of("kept")
    path = "/" + name
    send(up, [{"name": "page_view", "user": f"u{i}", "url": "https://a.example" + path}
              for i in range(5)])
    up.stop()
    up.start()
    with listening(up) as listener:
        stats = listener.until(lambda data: True)
        assert stats["active_people"]["value"] == 5
        assert stats["page_views"]["value"] == 5
        assert {"path": path, "n": 5} in stats["top_pages"]


def test_database_away_and_back(up):
    up.start()
    send(up, [{"name": "here", "user": "u1"}])
    with listening(up) as listener:
        listener.until(lambda data: data["active_people"]["value"] == 1 and not data["stale"])
        for backend in up.backends():
            with contextlib.suppress(ProcessLookupError):
                os.kill(backend, signal.SIGTERM)
        stats = listener.until(lambda data: True)
        assert stats["active_people"]["value"] in (0, 1)
        send(up, [{"name": "here", "user": "u2"}])
        listener.until(lambda data: data["active_people"]["value"] == 2 and not data["stale"])


def test_two_servers_show_the_events_of_both(up):
    up.start()
    name = name_of("both")
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(harness.Serve(up.directory, up.database_url, up.values,
                                                     name=f"serve{i}")) for i in range(2)]
        listeners = [stack.enter_context(listening(server)) for server in servers]
        for i, server in enumerate(servers):
            send(server, [{"name": name, "user": f"u{i}_{j}"} for j in range(4)]
                 + [{"name": name, "user": "in both"}])
        for listener in listeners:
            stats = listener.until(lambda data: any(t["name"] == name and t["n"] == 10
                                                    for t in data["top_names"]))
            assert stats["active_people"]["value"] == 9
