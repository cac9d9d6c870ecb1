# SPDX-License-Identifier: MIT
"""Who may do what: signing in and out, roles, other sites' pages, guessing, keys, shared pages."""
import json
import os
import subprocess
import time

import pytest

import harness


@pytest.fixture(scope="module")
def up():
    with harness.Up() as program:
        yield program


class Person:
    """A browser's worth of cookies."""

    def __init__(self, program, email=None, password=None, **body):
        self.program = program
        self.cookie = None
        self.answer = self.ask("POST", "/v1/session", body or {"email": email, "password": password})

    def ask(self, method, path, body=None, fields=None):
        headers = {"Traction-Request": "1"} if fields is None else dict(fields)
        if self.cookie:
            headers["Cookie"] = "theme=dark; traction_session=" + self.cookie
        status, answer_fields, answer = harness.request(self.program.url, method, path, None, body,
                                                        headers=headers)
        self.fields = answer_fields
        if "Set-Cookie" in answer_fields:
            self.cookie = answer_fields["Set-Cookie"].split(";")[0].partition("=")[2] or None
        return status, json.loads(answer)


@pytest.fixture
def owner(up):
    return Person(up, up.values["TRACTION_OWNER_EMAIL"], up.values["TRACTION_OWNER_PASSWORD"])


def project(up):
    return "project=" + up.values["TRACTION_PROJECT_ID"]


def command(up, *words, stdin=None):
    return subprocess.run([harness.BINARY, *words], env={**os.environ, **up.values}, text=True,
                          capture_output=True, input=stdin)


def test_sign_in_and_out(up, owner):
    assert owner.answer == (200, {"user": {"email": "owner@localhost", "role": "owner"}})
    cookie = owner.fields["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie and "Secure" not in cookie
    status, found = owner.ask("GET", "/v1/session")
    assert status == 200 and found["projects"][0]["id"] == up.values["TRACTION_PROJECT_ID"]
    assert owner.ask("GET", "/v1/kpi/active_users?" + project(up))[0] == 200
    token = owner.cookie
    assert owner.ask("DELETE", "/v1/session") == (200, {"ended": 1})
    owner.cookie = token
    harness.wait_for(lambda: owner.ask("GET", "/v1/kpi/active_users?" + project(up))[0] == 401)
    assert owner.ask("GET", "/v1/session") == (200, {"user": None})


def test_the_cookie_is_secure_behind_tls(up):
    status, fields, _ = harness.request(
        up.url, "POST", "/v1/session", None,
        {"email": "owner@localhost", "password": up.values["TRACTION_OWNER_PASSWORD"]},
        headers={"Traction-Request": "1", "X-Forwarded-Proto": "https"})
    assert status == 200 and "; Secure" in fields["Set-Cookie"]


def test_sign_out_everywhere(up, owner):
    other = Person(up, "owner@localhost", up.values["TRACTION_OWNER_PASSWORD"])
    assert owner.ask("DELETE", "/v1/session?everywhere=1")[1]["ended"] >= 2
    harness.wait_for(lambda: other.ask("GET", "/v1/session")[1]["user"] is None)


def test_rotation(up, owner):
    before = owner.cookie
    assert owner.ask("GET", "/v1/session")[1]["rotate"] is False
    harness.query(up.database_url, "update traction.user_session set made_at = now() - interval '2 days' returning 1")
    assert owner.ask("GET", "/v1/session")[1]["rotate"] is True
    assert owner.ask("POST", "/v1/session/rotate") == (200, {"rotated": True})
    assert owner.cookie != before
    assert owner.ask("GET", "/v1/session")[1]["rotate"] is False
    # Requests under way with the old cookie are still answered, for a minute; it is not made longer.
    old = Person.__new__(Person)
    old.program, old.cookie = up, before
    assert old.ask("GET", "/v1/session")[1]["user"] is not None
    assert old.ask("POST", "/v1/session/rotate") == (200, {"rotated": False})
    harness.query(up.database_url, "update traction.user_session set expires_at = now() - interval '1 s' "
                  "where expires_at < now() + interval '2 minutes' returning 1")
    assert old.ask("GET", "/v1/session")[1] in ({"user": None}, old.ask("GET", "/v1/session")[1])


def test_other_sites_pages_change_nothing(up, owner):
    assert owner.ask("POST", "/v1/keys?" + project(up), {"scope": "read"}, fields={})[0] == 403
    assert owner.ask("DELETE", "/v1/session", fields={})[0] == 403
    assert owner.ask("POST", "/v1/events?" + project(up), {"name": "x"}, fields={})[0] == 401
    status, answer = Person(up).ask("POST", "/v1/session", {"email": "a@b", "password": "x"}, fields={})
    assert status == 403 and answer["error"]["code"] == "cross_site"
    # And no page of another origin may set the field: nothing answers its question.
    status, fields, _ = harness.request(up.url, "OPTIONS", "/v1/keys", None, headers={
        "Origin": "https://evil.example", "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "Traction-Request"})
    assert "Access-Control-Allow-Origin" not in fields


def test_roles(up, owner):
    people = {}
    for role in ("viewer", "member"):
        status, made = owner.ask("POST", "/v1/users", {"email": role + "@example.org", "role": role,
                                                       "password": "correct horse"})
        assert status == 201 and made["role"] == role
        people[role] = Person(up, role.upper() + "@example.org", "correct horse")
        assert people[role].answer[0] == 200
    viewer, member = people["viewer"], people["member"]
    rule = {"name": "By role", "kpi": "error_rate", "above": 0.5}
    for person, read, change, own in ((viewer, 200, 403, 403), (member, 200, 201, 403)):
        assert person.ask("GET", "/v1/kpi/active_users?" + project(up))[0] == read
        assert person.ask("GET", "/v1/rejects?" + project(up))[0] == read
        assert person.ask("POST", "/v1/alerts?" + project(up), rule)[0] == change
        assert person.ask("POST", "/v1/shares?" + project(up), {"page": "overview"})[0] == change
        assert person.ask("POST", "/v1/events?" + project(up), {"name": "tried"})[0] == (202 if change == 201 else 401)
        assert person.ask("POST", "/v1/keys?" + project(up), {"scope": "read"})[0] == own
        assert person.ask("GET", "/v1/keys?" + project(up))[0] == own
        assert person.ask("PUT", "/v1/project?" + project(up), {"retention_days": 1})[0] == own
        assert person.ask("GET", "/v1/users")[0] == own
        assert person.ask("POST", "/v1/projects", {"name": "mine"})[0] == own
    # An admin key has its project, and nothing beside it.
    key = up.values["TRACTION_ADMIN_KEY"]
    assert harness.request(up.url, "GET", "/v1/keys", key)[0] == 200
    assert harness.request(up.url, "GET", "/v1/users", key)[0] == 403
    assert harness.request(up.url, "GET", "/v1/session", key)[0] == 401
    # A role that was taken away is gone at once.
    number = next(one["id"] for one in owner.ask("GET", "/v1/users")[1]["users"] if one["role"] == "member")
    assert owner.ask("PUT", f"/v1/users/{number}", {"role": "viewer"})[0] == 200
    harness.wait_for(lambda: member.ask("DELETE", "/v1/alerts/By%20role?" + project(up))[0] == 403)
    assert owner.ask("DELETE", f"/v1/users/{number}")[0] == 200
    harness.wait_for(lambda: member.ask("GET", "/v1/session")[1]["user"] is None)


def test_the_last_owner_stays(owner):
    number = next(one["id"] for one in owner.ask("GET", "/v1/users")[1]["users"] if one["role"] == "owner")
    assert owner.ask("PUT", f"/v1/users/{number}", {"role": "viewer"})[0] == 409
    assert owner.ask("DELETE", f"/v1/users/{number}")[0] == 409


@pytest.mark.parametrize("method, path, body, field", [
    ("POST", "/v1/users", {"email": "ada", "role": "viewer", "password": "0123456789"}, "email"),
    ("POST", "/v1/users", {"email": "ada@x.org", "role": "king", "password": "0123456789"}, "role"),
    ("POST", "/v1/users", {"email": "ada@x.org", "role": "viewer", "password": "short"}, "password"),
    ("POST", "/v1/users", {"email": "ada@x.org", "role": "viewer"}, "password"),
    ("POST", "/v1/users", {"email": "ada@x.org", "role": "viewer", "password": "0123456789", "x": 1}, "x"),
    ("PUT", "/v1/users/x", {"role": "viewer"}, "id"),
    ("POST", "/v1/projects", {"name": ""}, "name"),
    ("POST", "/v1/projects", {"name": "x", "currency": "eur"}, "currency"),
    ("PUT", "/v1/project?{}", {"origins": "https://a.b"}, "origins"),
    ("PUT", "/v1/project?{}", {"origins": [7]}, "origins"),
    ("PUT", "/v1/project?{}", {"retention_days": -1}, "retention_days"),
    ("PUT", "/v1/project?{}", {"respect_dnt": "yes"}, "respect_dnt"),
    ("POST", "/v1/keys?{}", {"scope": "all"}, "scope"),
    ("POST", "/v1/shares?{}", {"page": "settings"}, "page"),
    ("GET", "/v1/rejects?before=x&{}", None, "before"),
    ("GET", "/v1/events?limit=501&{}", None, "limit"),
    ("GET", "/v1/events?limit=x&{}", None, "limit"),
    ("GET", "/v1/events?by=name&{}", None, "parameter"),
    ("GET", "/v1/keys", None, "project"),
    ("GET", "/v1/keys?project=nope", None, "project"),
])
def test_what_does_not_fit_is_named(up, owner, method, path, body, field):
    status, answer = owner.ask(method, path.format(project(up)), body)
    assert status in (400, 404), answer
    assert answer["error"]["parameter"] == field
    assert "expected" in answer["error"]["message"] or "no such" in answer["error"]["message"] \
        or "no field" in answer["error"]["message"] or "say which" in answer["error"]["message"]


def test_guessing_ends():
    with harness.Up(env={"TRACTION_LIMITS_SIGN_IN_ATTEMPTS": "3"}) as program:
        statuses = [Person(program, "owner@localhost", f"guess number {i}").answer[0] for i in range(5)]
        assert statuses == [401, 401, 401, 429, 429]
        status, answer = Person(program, "owner@localhost", program.values["TRACTION_OWNER_PASSWORD"]).answer
        assert status == 429 and answer["error"]["code"] == "too_many_attempts"
        # Others may go on.
        assert Person(program, "somebody@else.org", "a password").answer[0] == 401


def test_guessing_links_ends():
    with harness.Up(env={"TRACTION_LIMITS_SIGN_IN_ATTEMPTS": "3"}) as program:
        statuses = [Person(program, link="tl_" + "0" * 40).answer[0] for _ in range(5)]
        assert statuses == [401, 401, 401, 429, 429]


def test_passwords(up, owner):
    command(up, "user", "add", "grace@example.org", "--password-stdin", stdin="first password\n")
    grace = Person(up, "grace@example.org", "first password")
    other = Person(up, "grace@example.org", "first password")
    change = {"current": "wrong", "password": "second password"}
    assert grace.ask("PUT", "/v1/session/password", change)[0] == 403
    change["current"] = "first password"
    assert grace.ask("PUT", "/v1/session/password", change)[0] == 200
    assert grace.ask("GET", "/v1/session")[1]["user"]["email"] == "grace@example.org"
    harness.wait_for(lambda: other.ask("GET", "/v1/session")[1]["user"] is None)
    assert Person(up, "grace@example.org", "first password").answer[0] == 401
    stored = harness.query(up.database_url, "select password from traction.app_user")
    assert all(row[0].startswith("$scrypt$ln=15,r=8,p=3$") for row in stored)


def test_user_command(up):
    made = command(up, "user", "add", "hal@example.org", "--role", "owner", "--json")
    password = json.loads(made.stdout)["password"]
    assert Person(up, "hal@example.org", password).answer[0] == 200
    again = command(up, "user", "add", "hal@example.org")
    assert again.returncode == 1 and "there is a user hal@example.org already" in again.stderr
    assert "hal@example.org" in command(up, "user", "list").stdout
    new = command(up, "user", "passwd", "hal@example.org").stdout.strip()
    assert Person(up, "hal@example.org", password).answer[0] == 401
    assert Person(up, "hal@example.org", new).answer[0] == 200
    link = command(up, "user", "link", "hal@example.org").stdout.strip()
    assert link.startswith(up.url + "/sign-in#tl_")
    assert Person(up, link=link.partition("#")[2]).answer[0] == 200
    assert Person(up, link=link.partition("#")[2]).answer[0] == 401, "once"
    assert command(up, "user", "remove", "hal@example.org").returncode == 0
    last = command(up, "user", "remove", "owner@localhost")
    assert last.returncode == 1 and "last owner" in last.stderr
    assert command(up, "user", "add", "nobody").returncode == 1
    assert command(up, "user", "add", "x@y.z", "--role", "king").returncode == 2


def test_keys_over_http(up, owner):
    made = owner.ask("POST", "/v1/keys?" + project(up), {"scope": "read"})[1]
    key = made["key"]
    harness.wait_for(lambda: harness.request(up.url, "GET", "/v1/kpi/sessions", key)[0] == 200)
    assert owner.ask("DELETE", f"/v1/keys/{key[:9]}?" + project(up))[0] == 200
    harness.wait_for(lambda: harness.request(up.url, "GET", "/v1/kpi/sessions", key)[0] == 401)
    assert owner.ask("DELETE", f"/v1/keys/{key[:9]}?" + project(up))[0] == 404


def test_projects_are_apart(up, owner):
    made = owner.ask("POST", "/v1/projects", {"name": "Second", "timezone": "Europe/Berlin", "currency": "EUR"})[1]
    assert owner.ask("POST", "/v1/projects", {"name": "Second"})[0] == 409
    second = "project=" + made["id"]
    harness.wait_for(lambda: owner.ask("GET", "/v1/kpi/revenue?" + second)[0] == 200)
    assert owner.ask("GET", "/v1/kpi/revenue?" + second)[1]["unit"] == "EUR"
    assert owner.ask("POST", "/v1/events?ack=commit&" + second, {"name": "only_there"})[0] == 202
    names = [[event["name"] for event in owner.ask("GET", "/v1/events?" + one)[1]["events"]]
             for one in (project(up), second)]
    assert "only_there" not in names[0] and names[1] == ["only_there"]
    share = owner.ask("POST", "/v1/shares?" + second, {"page": "overview"})[1]["token"]
    harness.wait_for(lambda: harness.request(up.url, "GET", "/v1/kpi/sessions", share)[0] == 200)
    assert harness.request(up.url, "GET", "/v1/kpi/sessions?" + project(up), share)[0] == 403


def test_sessions_outlive_a_restart_and_are_known_to_another_server(up, owner):
    directory = harness.folder()
    with harness.Serve(directory, up.database_url, up.values) as other:
        there = Person.__new__(Person)
        there.program, there.cookie = other, owner.cookie
        harness.wait_for(lambda: there.ask("GET", "/v1/kpi/sessions?" + project(up))[0] == 200)
        owner.ask("DELETE", "/v1/session")
        there.cookie = there.cookie
        harness.wait_for(lambda: there.ask("GET", "/v1/kpi/sessions?" + project(up))[0] == 401)


def test_live_with_a_session(up, owner):
    import http.client
    import urllib.parse
    where = urllib.parse.urlsplit(up.url)
    connection = http.client.HTTPConnection(where.hostname, where.port, timeout=20)
    connection.request("GET", "/v1/live?" + project(up), headers={"Cookie": "traction_session=" + owner.cookie})
    answer = connection.getresponse()
    assert answer.status == 200 and answer.readline().startswith(b"retry")
    connection.close()


def test_rubbish(up):
    """Whatever stands in a cookie or a body, there is an answer."""
    for cookie in ("", "traction_session", "traction_session=", "traction_session=" + "x" * 5000,
                   ";;;=;", "traction_session=\u00ff"):
        status, _, _ = harness.request(up.url, "GET", "/v1/kpi/sessions?" + project(up),
                                       headers={"Cookie": cookie.encode("latin-1")})
        assert status in (400, 401)
    for body in ("", "[]", "{", "null", '{"email":1,"password":{}}', '{"link":""}', '{"email":"a@b","password":"' + "x" * 300 + '"}'):
        status, _, _ = harness.request(up.url, "POST", "/v1/session", body=body.encode(),
                                       headers={"Traction-Request": "1"})
        assert status in (400, 401, 429), body
        time.sleep(0)
