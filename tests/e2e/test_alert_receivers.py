# SPDX-License-Identifier: MIT
"""Receivers that misbehave, mail, TLS: each is tried with the test of a rule, and what came of it is
read from the list of notifications."""
import email
import email.policy
import http.server
import json
import os
import socket
import ssl
import subprocess
import threading
import time

import pytest
from aiosmtpd.controller import Controller

import harness
import receivers

SETTINGS = {"TRACTION_ALERTS_ALLOW_PRIVATE": "yes", "TRACTION_ALERTS_GROUP_WAIT": "0ms",
            "TRACTION_ALERTS_RECEIVER_TIMEOUT": "1s"}


def make_certificate(directory):
    """An authority, and a certificate of localhost by it."""
    def run(*words):
        subprocess.run(["openssl", *words], cwd=directory, check=True, capture_output=True)
    run("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem",
        "-days", "2", "-subj", "/CN=Test authority")
    run("req", "-newkey", "rsa:2048", "-nodes", "-keyout", "server.key", "-out", "server.csr",
        "-subj", "/CN=localhost")
    with open(os.path.join(directory, "names.txt"), "w") as names:
        names.write("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    run("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-days", "2",
        "-CAcreateserial", "-out", "server.pem", "-extfile", "names.txt")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(os.path.join(directory, "server.pem"),
                            os.path.join(directory, "server.key"))
    return os.path.join(directory, "ca.pem"), context


class Mails:
    def __init__(self):
        self.taken = []

    async def handle_DATA(self, server, session, envelope):
        self.taken.append((session.ssl is not None, envelope))
        return "250 OK"


@pytest.fixture(scope="module")
def tls():
    directory = harness.folder()
    return make_certificate(directory)


@pytest.fixture(scope="module")
def mail_server(tls):
    """With STARTTLS."""
    mails = Mails()
    controller = Controller(mails, hostname="127.0.0.1", port=harness.free_port(),
                            tls_context=tls[1], require_starttls=False)
    controller.start()
    yield mails, controller.port
    controller.stop()


@pytest.fixture(scope="module")
def server(tls, mail_server):
    env = dict(SETTINGS, TRACTION_ALERTS_CA_FILE=tls[0],
               TRACTION_ALERTS_SMTP_URL=f"smtp://localhost:{mail_server[1]}",
               TRACTION_ALERTS_MAIL_FROM="traction@example.org")
    with harness.Up(env=env) as program:
        yield program


def admin(up, method, path, body=None):
    status, _, answer = harness.request(up.url, method, path, up.values["TRACTION_ADMIN_KEY"], body)
    return status, json.loads(answer)


def attempt(up, receiver):
    """One notification to it: what the first attempt said, None if it was taken."""
    rule = {"name": "Tried", "kpi": "event_count", "above": 1e9,
            "annotations": {"summary": "äöü – {{value}}"}}
    status, answer = admin(up, "PUT", "/v1/alerts",
                           {"rules": [rule], "receivers": [dict(receiver, name="tried")]})
    assert status == 200, answer
    status, answer = admin(up, "POST", "/v1/alerts/Tried/test")
    assert status == 200 and len(answer["notifications"]) == 1, answer
    number = answer["notifications"][0]

    def tried():
        _, answer = admin(up, "GET", f"/v1/alerts/notifications?id={number}")
        one = answer["notifications"][-1]
        return one if one["attempts"] else None
    one = harness.wait_for(tried, 60)
    assert (one["error"] is None) == (one["sent_at"] is not None)
    # Nobody is told any more: the next test has another receiver of this name.
    harness.query(up.database_url, "update traction.alert_notification set dropped_at = now()"
                  " where sent_at is null returning id")
    return one["error"]


def test_statuses(server):
    for status in (200, 204, 299):
        with receivers.Recorder(lambda post: status) as recorder:
            assert attempt(server, {"webhook": recorder.url}) is None
    for status in (400, 404, 429, 500, 503):
        with receivers.Recorder(lambda post: status) as recorder:
            assert str(status) in attempt(server, {"webhook": recorder.url})


def test_redirects_are_not_followed(server):
    with receivers.Recorder() as elsewhere:
        class Redirect(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self.send_response(307)
                self.send_header("Location", elsewhere.url + "/metadata")
                self.end_headers()

            def log_message(self, *arguments):
                pass
        web = http.server.HTTPServer(("127.0.0.1", 0), Redirect)
        threading.Thread(target=web.serve_forever, daemon=True).start()
        error = attempt(server, {"webhook": f"http://127.0.0.1:{web.server_address[1]}/"})
        web.shutdown()
        web.server_close()
        assert "307" in error and "not followed" in error
        assert elsewhere.posts == []


def raw_server(serve):
    """Calls serve(connection) for each connection."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(8)

    def run():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()
    threading.Thread(target=run, daemon=True).start()
    return listener, f"http://127.0.0.1:{listener.getsockname()[1]}/"


def test_one_that_hangs(server):
    listener, url = raw_server(lambda connection: time.sleep(30))
    assert attempt(server, {"webhook": url})
    listener.close()


def test_one_that_closes(server):
    listener, url = raw_server(lambda connection: connection.close())
    assert attempt(server, {"webhook": url})
    listener.close()


def test_one_that_never_ends_its_answer(server):
    def serve(connection):
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
        try:
            while True:
                connection.sendall(b"x" * 65536)
        except OSError:
            connection.close()
    listener, url = raw_server(serve)
    # It took it; nobody wants to hear all it has to say.
    assert attempt(server, {"webhook": url}) is None
    listener.close()


def test_one_that_speaks_no_http(server):
    def serve(connection):
        connection.recv(65536)
        connection.sendall(b"\x00\xff" * 5000)
        connection.close()
    listener, url = raw_server(serve)
    assert attempt(server, {"webhook": url})
    listener.close()


def test_nobody_there(server):
    assert attempt(server, {"webhook": f"http://127.0.0.1:{harness.free_port()}/"})
    assert attempt(server, {"webhook": "http://nowhere.invalid/"})


def test_tls(server, tls):
    posts = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            posts.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *arguments):
            pass
    web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    web.socket = tls[1].wrap_socket(web.socket, server_side=True)
    threading.Thread(target=web.serve_forever, daemon=True).start()
    port = web.server_address[1]
    assert attempt(server, {"webhook": f"https://localhost:{port}/"}) is None
    assert len(posts) == 1
    # A certificate for another name is none.
    assert attempt(server, {"webhook": f"https://ip6-localhost.localdomain:{port}/"})
    with harness.Up(env=SETTINGS) as other:
        error = attempt(other, {"webhook": f"https://localhost:{port}/"})
        assert "certificate" in error
    web.shutdown()
    web.server_close()
    assert len(posts) == 1


def test_mail(server, mail_server):
    mails, _ = mail_server
    assert attempt(server, {"email": "ops@example.org"}) is None
    encrypted, envelope = mails.taken[-1]
    assert encrypted
    assert envelope.mail_from == "traction@example.org"
    assert envelope.rcpt_tos == ["ops@example.org"]
    message = email.message_from_bytes(envelope.content, policy=email.policy.default)
    assert message["Subject"] == "[FIRING:1] Tried"
    assert "äöü – 0" in message.get_content()


def test_mail_without_tls_is_refused(tls):
    mails = Mails()
    controller = Controller(mails, hostname="127.0.0.1", port=harness.free_port())
    controller.start()
    env = dict(SETTINGS, TRACTION_ALERTS_SMTP_URL=f"smtp://127.0.0.1:{controller.port}")
    try:
        with harness.Up(env=env) as program:
            assert "smtp_plain" in attempt(program, {"email": "ops@example.org"})
        assert mails.taken == []
        with harness.Up(env=dict(env, TRACTION_ALERTS_SMTP_PLAIN="yes")) as program:
            assert attempt(program, {"email": "ops@example.org"}) is None
        assert len(mails.taken) == 1
    finally:
        controller.stop()


def test_no_mail_server():
    with harness.Up(env=SETTINGS) as program:
        assert "alerts.smtp_url" in attempt(program, {"email": "ops@example.org"})


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1", "0x7f.1", "2130706433", "localhost",
                                  "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "169.254.169.254",
                                  "10.1.2.3"])
def test_private_addresses(private_server, host):
    with receivers.Recorder() as recorder:
        port = recorder.server.server_address[1]
        error = attempt(private_server, {"webhook": f"http://{host}:{port}/"})
        assert "is not public; allow it with alerts.allow_private" in error
        assert recorder.posts == []


@pytest.fixture(scope="module")
def private_server():
    with harness.Up(env={"TRACTION_ALERTS_GROUP_WAIT": "0ms",
                         "http_proxy": "http://127.0.0.1:1", "ALL_PROXY": "http://127.0.0.1:1"}) as up:
        yield up


def test_slack(server):
    with receivers.Recorder() as recorder:
        assert attempt(server, {"slack": recorder.url + "/services/T/B/x"}) is None
        [body] = recorder.bodies()
        assert body["text"] == "[FIRING:1] Tried"
        assert "äöü" in body["attachments"][0]["text"]
