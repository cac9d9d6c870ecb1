# SPDX-License-Identifier: MIT
"""What the door tells of who sends an event, in the real program: agents and bots, countries,
proxies, what is stored of addresses, and those who do not want to be counted."""
import json
import os
import subprocess
import sys

import harness
import pytest

sys.path.insert(0, os.path.join(harness.ROOT, "tests", "support"))
import mmdb  # noqa: E402

CHROME = ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
          "Chrome/131.0.0.0 Safari/537.36")
GOOGLEBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
SAFARI = ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
          "Gecko) Version/18.1 Mobile/15E148 Safari/604.1")


def send(program, event, path="/v1/events", **fields):
    headers = {name.replace("_", "-"): value for name, value in fields.items()}
    status, _, answer = harness.request(program.url, "POST", path + "?ack=commit",
                                        program.values["TRACTION_WRITE_KEY"], event,
                                        headers=headers)
    return status, json.loads(answer)


def stored(program, name, columns):
    rows = harness.query(program.database_url,
                         f"select {columns} from traction.event where name = %s order by ts", name)
    return rows[-1] if rows else None


def kpi(program, name, query=""):
    status, answer = program.get(f"/v1/kpi/{name}?from=-7d&{query}")
    assert status == 200, answer
    return answer


def command(program, *words):
    done = subprocess.run([harness.BINARY, *words], env={**os.environ, **program.values},
                          capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.fixture(scope="module")
def countries(tmp_path_factory):
    path = tmp_path_factory.mktemp("geo") / "countries.mmdb"
    mmdb.write(path, mmdb.EXAMPLE)
    return path


@pytest.fixture(scope="module")
def program(countries):
    """Behind a proxy, with countries, keeping networks."""
    with harness.Up(env={"TRACTION_SERVER_TRUSTED_PROXIES": "127.0.0.0/8, 10.0.0.0/8",
                         "TRACTION_ENRICHMENT_GEOIP": str(countries),
                         "TRACTION_PRIVACY_ADDRESS": "truncate",
                         "TRACTION_PRIVACY_QUERY_PARAMETERS": "utm_source page"}) as up:
        yield up


def test_agents(program):
    send(program, {"name": "agent_1", "user": "u"}, User_Agent=CHROME)
    assert stored(program, "agent_1", "device, browser, os, bot") == \
        ("desktop", "Chrome", "Windows", False)
    send(program, {"name": "agent_2", "user": "u"}, User_Agent=CHROME, Sec_CH_UA_Mobile="?0",
         Sec_CH_UA='"Brave";v="131", "Chromium";v="131"', Sec_CH_UA_Platform='"Windows"')
    assert stored(program, "agent_2", "browser") == ("Brave",)
    send(program, {"name": "agent_3", "user": "u"}, User_Agent="analytics-node/1.3.0")
    assert stored(program, "agent_3", "device, browser, os, bot") == (None, None, None, False)
    send(program, {"name": "agent_4", "user": "u"}, User_Agent=b"\xff\xfe \xc0/1".decode("latin1"))
    assert stored(program, "agent_4", "device, browser, os, bot") == (None, None, None, False)


def test_bots_are_left_out(program):
    before = kpi(program, "page_views")["value"]
    before_bots = kpi(program, "page_views", "include=bots")["value"]
    people = kpi(program, "active_users")["value"]
    for number in range(3):
        status, answer = send(program, {"name": "page_view", "anonymous": f"bot{number}"},
                              User_Agent=GOOGLEBOT)
        assert status == 202 and answer["accepted"] == 1
    send(program, {"name": "page_view", "anonymous": "person"}, User_Agent=SAFARI)
    answer = kpi(program, "page_views")
    assert answer["value"] == before + 1 and answer["source"] == "rollup"
    assert kpi(program, "page_views", "source=events")["value"] == before + 1
    assert kpi(program, "page_views", "include=bots")["value"] == before_bots + 4
    assert kpi(program, "active_users")["value"] == people + 1
    groups = kpi(program, "page_views", "include=bots&by=device")["groups"]
    assert {"bot": 3, "mobile": 1}.items() <= {g["by"]: g["value"] for g in groups}.items()
    assert stored(program, "page_view", "browser") is not None


@pytest.mark.parametrize("chain, country, network", [
    ("192.0.2.9", "DE", "192.0.2.0/24"),
    ("6.6.6.6, 192.0.2.9", "DE", "192.0.2.0/24"),
    ("192.0.2.9, 10.1.2.3", "DE", "192.0.2.0/24"),
    ("203.0.113.7", "FR", "203.0.113.0/24"),
    ("203.0.113.8", None, "203.0.113.0/24"),
    ("2001:db8:1:2::3", "JP", "2001:db8:1::/48"),
    ("[2001:db8:1:2::3]:4711", "JP", "2001:db8:1::/48"),
    ("::ffff:192.0.2.9", "DE", "192.0.2.0/24"),
    ("rubbish", None, "127.0.0.0/24"),
    ("192.0.2.9, rubbish", None, "127.0.0.0/24"),
])
def test_countries_behind_proxies(program, chain, country, network):
    name = "country_" + chain
    status, _ = send(program, {"name": name, "user": "u"}, X_Forwarded_For=chain)
    assert status == 202
    assert stored(program, name, "country, address::text") == (country, network)


def test_country_of_the_properties_wins(program):
    send(program, {"name": "country_own", "user": "u", "properties": {"country": "se"}},
         X_Forwarded_For="192.0.2.9")
    assert stored(program, "country_own", "country, properties->>'country'") == ("SE", "se")


def test_other_header_is_not_believed(program):
    send(program, {"name": "forwarded", "user": "u"}, Forwarded="for=192.0.2.9")
    assert stored(program, "forwarded", "country") == (None,)


def test_visitors_without_id_are_told_apart_by_address(program):
    for address in ("192.0.2.1", "192.0.2.2", "192.0.2.1"):
        send(program, {"name": "nobody"}, X_Forwarded_For=address, User_Agent=CHROME)
    rows = harness.query(program.database_url,
                         "select count(*), count(distinct person) from traction.event "
                         "where name = 'nobody'")
    assert rows == [(3, 2)]


def test_query_parameters(program):
    send(program, {"name": "query", "user": "u",
                   "url": "https://h/?q=secret&page=2&utm_source=x&utm_medium=email"})
    assert stored(program, "query", "url, channel") == ("https://h/?page=2&utm_source=x", "email")


def test_segment_servers_speak_for_their_users(program):
    call = {"type": "track", "event": "seg_1", "userId": "u",
            "context": {"ip": "203.0.113.7", "userAgent": SAFARI, "library": {"name": "x"}}}
    agent = {"User_Agent": "analytics-python/2.2", "Sec_CH_UA_Platform": '"Windows"'}
    send(program, {"batch": [call, dict(call, event="seg_2", context={})]}, "/v1/batch", **agent)
    assert stored(program, "seg_1", "device, os, country") == ("mobile", "iOS", "FR")
    assert stored(program, "seg_2", "device, country") == (None, None)
    # A page says whose address it is only by lying.
    send(program, dict(call, event="seg_3"), "/v1/track", Origin="https://app.example", **agent)
    assert stored(program, "seg_3", "device, country") == ("mobile", None)
    # Rubbish changes nothing.
    send(program, dict(call, event="seg_4", context={"ip": "203.0.113.7; drop"}), "/v1/track")
    assert stored(program, "seg_4", "country") == (None,)


def test_database_of_countries_is_read_again(program, countries):
    mmdb.write(countries, {"192.0.2.0/24": "AT"})

    def changed():
        send(program, {"name": "renewed", "user": "u"}, X_Forwarded_For="192.0.2.9")
        return stored(program, "renewed", "country") == ("AT",)
    try:
        harness.wait_for(changed, 60, 0.5)
        with open(countries, "wb") as file:
            file.write(b"no database")
        harness.wait_for(lambda: "countries: " + str(countries) in program.log(), 60, 0.5)
        assert changed()
    finally:
        mmdb.write(countries, mmdb.EXAMPLE)


def ledger(program, code):
    status, answer = program.get("/v1/ledger")
    assert status == 200 and answer["balanced"], answer
    return answer["rejected"].get(code, 0)


def test_do_not_track(program):
    assert send(program, {"name": "dnt_0", "user": "u"}, DNT="1")[0] == 202
    assert stored(program, "dnt_0", "name") is not None
    assert command(program, "project", "set", "default", "--respect-dnt", "perhaps")[0] == 1
    assert command(program, "project", "set", "default", "--respect-dnt", "on")[0] == 0
    try:
        harness.wait_for(lambda: send(program, {"name": "dnt_1", "user": "u"}, DNT="1")[1]
                         ["accepted"] == 0)
        counted = ledger(program, "do_not_track")
        for number, fields in enumerate(({"DNT": "1"}, {"Sec_GPC": "1"})):
            status, answer = send(program, [{"name": "dnt_2", "user": "u"}, {"name": ""}], **fields)
            assert status == 202 and answer["accepted"] == 0
            assert [r["code"] for r in answer["rejected"]] == ["do_not_track"] * 2
        assert ledger(program, "do_not_track") > counted
        assert stored(program, "dnt_2", "name") is None
        rejects = harness.query(program.database_url, "select event from traction.reject")
        assert not [r for r in rejects if b"dnt_" in bytes(r[0])]
        assert harness.query(program.database_url,
                             "select count(*) from traction.reject where code = 'do_not_track'") \
            == [(0,)]
        # As their own servers would answer.
        call = {"event": "dnt_3", "userId": "u"}
        assert send(program, call, "/v1/track", DNT="1") == (200, {"success": True})
        status, _, _ = harness.request(program.url, "GET", "/v1/pixel.gif?name=dnt_3",
                                       program.values["TRACTION_WRITE_KEY"],
                                       headers={"Sec-GPC": "1"})
        assert status == 200 and stored(program, "dnt_3", "name") is None
        for fields in ({"DNT": "0"}, {"DNT": "unspecified"}, {}):
            assert send(program, {"name": "dnt_4", "user": "u"}, **fields)[1]["accepted"] == 1
    finally:
        command(program, "project", "set", "default", "--respect-dnt", "off")
    assert harness.wait_for(lambda: send(program, {"name": "dnt_5", "user": "u"},
                                         DNT="1")[1]["accepted"] == 1)
    code, listed, _ = command(program, "project", "list", "--json")
    assert code == 0 and json.loads(listed)[0]["respect_dnt"] is False


def test_defaults_believe_and_keep_nothing(traction_up):
    send(traction_up, {"name": "plain", "user": "u"}, X_Forwarded_For="192.0.2.9",
         User_Agent=CHROME)
    assert stored(traction_up, "plain", "country, address, device") == (None, None, "desktop")


def test_addresses_are_not_kept_anywhere(directory):
    """An address that is used for the country and dropped is in no file and no row."""
    address = "192.0.2.231"
    with harness.Up(directory=directory,
                    env={"TRACTION_SERVER_TRUSTED_PROXIES": "127.0.0.1"}) as program:
        send(program, [{"name": "secret"}, {"name": "secret", "value": "bad"}],
             X_Forwarded_For=address)
        program.stop()
        raw = bytes(map(int, address.split(".")))
        for folder, _, names in os.walk(program.spool):
            for name in names:
                with open(os.path.join(folder, name), "rb") as file:
                    content = file.read()
                assert address.encode() not in content and raw not in content
        assert address not in program.log()


def test_whole_addresses(directory):
    with harness.Up(directory=directory, env={"TRACTION_SERVER_TRUSTED_PROXIES": "127.0.0.1",
                                              "TRACTION_SERVER_PROXY_FIELD": "forwarded",
                                              "TRACTION_PRIVACY_ADDRESS": "keep"}) as program:
        send(program, {"name": "kept", "user": "u"}, Forwarded='for="[2001:db8::7]";proto=https',
             X_Forwarded_For="6.6.6.6")
        assert stored(program, "kept", "address::text") == ("2001:db8::7/128",)
        send(program, {"name": "kept_v4", "user": "u"}, Forwarded="for=192.0.2.9")
        assert stored(program, "kept_v4", "host(address)") == ("192.0.2.9",)
