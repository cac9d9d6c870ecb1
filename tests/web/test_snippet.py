# SPDX-License-Identifier: MIT
"""traction.js in Chromium, on pages of another origin with a strict CSP: what it sees, and what of it
arrives."""
import gzip
import hashlib
import base64
import json
import os

import pytest

import chromium
import harness


@pytest.fixture(scope="module")
def up():
    with harness.Up() as program:
        yield program


@pytest.fixture
def site(up):
    one = chromium.Site(up.url)
    yield one
    one.close()


def page_with(up, attributes="", body="<h1>Hello</h1>", head=""):
    return (f"<!doctype html><title>A page</title>{head}"
            f"<script async src='{up.url}/traction.js' data-key='{up.values['TRACTION_WRITE_KEY']}' "
            f"{attributes}></script>{body}")


def events(up, **where):
    """All there are, newest last, of this name or path."""
    rows = harness.query(up.database_url, """
        select id, name, value::float, unit, user_id, anonymous_id, session_id, url, referrer, title,
               properties, extract(epoch from ts)
        from traction.event order by ts""")
    keys = ("id", "name", "value", "unit", "user", "anonymous", "session", "url", "referrer", "title",
            "properties", "at")
    found = [dict(zip(keys, row)) for row in rows]
    return [event for event in found
            if all(str(event[key] or "").find(value) >= 0 for key, value in where.items())]


def arrived(up, count=1, seconds=20, **where):
    return harness.wait_for(lambda: (found := events(up, **where)) and len(found) >= count and found,
                            seconds=seconds, every=0.1)


def ready(browser):
    browser.run("await page.waitForFunction(() => window.traction && window.traction.track)")


def test_what_is_served(up):
    status, headers, plain = harness.request(up.url, "GET", "/traction.js")
    assert status == 200 and headers["Content-Type"].startswith("text/javascript")
    assert headers["Access-Control-Allow-Origin"] == "*"
    assert "max-age" in headers["Cache-Control"] and headers["SourceMap"] == "/traction.js.map"
    _, small_headers, small = harness.request(up.url, "GET", "/traction.js",
                                              headers={"Accept-Encoding": "gzip"})
    assert small_headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(small) == plain
    assert len(small) <= 6144 and len(gzip.compress(plain, 9)) <= 6144
    status, _, nothing = harness.request(up.url, "GET", "/traction.js",
                                         headers={"If-None-Match": f'W/"x", {headers["ETag"]}'})
    assert (status, nothing) == (304, b"")
    about = json.loads(harness.request(up.url, "GET", "/v1/snippet")[2])
    status, pinned_headers, pinned = harness.request(up.url, "GET", about["pinned"])
    assert status == 200 and pinned == plain and "immutable" in pinned_headers["Cache-Control"]
    digest = base64.b64encode(hashlib.sha384(plain).digest()).decode()
    assert about["integrity"] == "sha384-" + digest
    source_map = json.loads(harness.request(up.url, "GET", "/traction.js.map")[2])
    assert any("queue.js" in source for source in source_map["sources"])
    assert harness.request(up.url, "GET", "/assets/nothing.js")[0] == 404
    assert b"export function init" in harness.request(up.url, "GET", "/traction.d.ts")[2]


def test_page_views_and_how_the_page_loaded(up, browser, site):
    site.pages["/first"] = page_with(up, body="<h1>One</h1><a href='/second'>on</a>")
    site.pages["/second"] = page_with(up)
    browser.open(site.url + "/first?utm_source=mail")
    ready(browser)
    browser.run("await page.mouse.move(5, 5); await page.waitForTimeout(1500);"
                "await page.click('a'); await page.waitForURL('**/second')")
    ready(browser)
    first = arrived(up, name="page_view", url="/first")[0]
    assert first["title"] == "A page" and first["referrer"] is None
    assert "utm_source=mail" in first["url"]
    assert arrived(up, name="page_view", url="/second")[0]["referrer"].endswith("/first?utm_source=mail")
    assert arrived(up, name="page_load", url="/first")[0]["unit"] == "ms"
    # What is known only when people leave: it has arrived although the page had gone.
    metrics = {event["properties"]["metric"] for event in arrived(up, 4, name="web_vital", url="/first")}
    assert metrics >= {"LCP", "CLS", "FCP", "TTFB"}
    lcp = next(event for event in events(up, name="web_vital", url="/first")
               if event["properties"]["metric"] == "LCP")
    assert lcp["properties"]["element"] == "h1" and lcp["properties"]["rating"] == "good"
    engaged = arrived(up, name="engaged_time", url="/first")
    assert 900 <= sum(event["value"] for event in engaged) <= 10000
    assert browser.run("return state.errors") == []
    # Nothing that would tell a person again: no ids unless people agreed, no cookies.
    assert first["session"] is None and (first["anonymous"] or "").startswith("~")
    assert browser.run("return [await context.cookies(), await page.evaluate(() => "
                       "Object.keys(localStorage).filter((key) => key === 'traction'))]") == [[], []]


def test_single_page_applications(up, browser, site):
    site.pages["/app"] = page_with(up, "data-hash")
    browser.open(site.url + "/app")
    ready(browser)
    browser.run("""await page.evaluate(() => {
        history.pushState({}, '', '/app/boards'); document.title = 'Boards'
        history.replaceState({ scroll: 1 }, '', '/app/boards')
        location.hash = 'open'
      })
      await page.waitForTimeout(50)
      await page.goBack()
      await page.evaluate(() => traction.flush())""")
    views = arrived(up, 4, name="page_view", url="/app")
    # Clocks are corrected request by request, so their order is that of times only to some milliseconds.
    assert sorted(view["url"].split("/app")[1] for view in views) == ["", "/boards", "/boards", "/boards/open"]
    assert any(view["url"].endswith("/boards") and view["title"] == "Boards"
               and view["referrer"].endswith("/app") for view in views)


def test_errors(up, browser, site):
    site.pages["/broken.js"] = "setTimeout(function () { null.boom() }, 0)"
    site.pages["/errors"] = page_with(up)
    browser.open(site.url + "/errors")
    ready(browser)
    browser.run("""await page.evaluate(() => {
        for (let i = 0; i < 10; i++) setTimeout(() => { throw new TypeError('ten times') }, 0)
        Promise.reject(new RangeError('nobody caught it'))
        Promise.reject('just words')
        const script = document.createElement('script'); script.src = '/broken.js'
        document.head.append(script)
        try { undefined.x } catch (e) { traction.error(e) }
      })
      await page.waitForTimeout(300)
      await page.evaluate(() => traction.flush())""")
    found = arrived(up, 7, name="error", url="/errors")
    kinds = [(event["properties"]["type"], event["properties"]["message"]) for event in found]
    assert kinds.count(("TypeError", "ten times")) == 3
    assert ("RangeError", "nobody caught it") in kinds and ("Error", "just words") in kinds
    broken = next(event for event in found if "boom" in event["properties"]["message"])
    assert broken["properties"]["at"].endswith("/broken.js:1")
    assert "boom" in broken["properties"]["stack"]


def test_scripts_of_others_say_nothing(up, browser, site):
    other = chromium.Site(up.url)
    other.pages["/foreign.js"] = "setTimeout(function () { null.boom() }, 0)"
    site.headers = {}
    site.pages["/foreign"] = page_with(up)
    browser.open(site.url + "/foreign")
    ready(browser)
    browser.run("""await page.evaluate((src) => { const script = document.createElement('script')
        script.src = src; document.head.append(script) }, args.src)
        await page.waitForTimeout(300); await page.evaluate(() => traction.flush())""",
                src=other.url + "/foreign.js")
    other.close()
    properties = arrived(up, name="error", url="/foreign")[0]["properties"]
    assert properties["foreign"] is True and properties["message"] == "Script error."


def test_requests(up, browser, site):
    site.pages["/requests"] = page_with(up, "data-routes='/api/:team/boards'")
    site.pages["/api/users/42"] = "{}"
    site.pages["/api/fails"] = (500, "no")
    site.pages["/api/blue/boards"] = "[]"
    browser.open(site.url + "/requests")
    ready(browser)
    browser.run("""await page.evaluate(async () => {
        await fetch('/api/users/42?secret=1')
        await fetch(new Request('/api/fails', { method: 'POST' }))
        await fetch('/api/blue/boards')
        await fetch('https://nowhere.invalid/x').catch(() => 0)
        const stop = new AbortController(); stop.abort()
        await fetch('/api/aborted', { signal: stop.signal }).catch(() => 0)
        await new Promise((done) => {
          const request = new XMLHttpRequest()
          request.open('GET', '/api/orders/7f9c2ba4e88f827d'); request.onloadend = done; request.send()
        })
        traction.flush() })""")
    found = arrived(up, 4, name="api_request", url="/requests")
    seen = {(event["properties"]["method"], event["properties"]["route"], event["properties"]["status"])
            for event in found}
    assert seen == {("GET", "/api/users/:id", 200), ("POST", "/api/fails", 501),
                    ("GET", "/api/:team/boards", 200), ("GET", "/api/orders/:id", 404)}
    assert all(event["value"] >= 0 and event["unit"] == "ms" for event in found)


def test_features_and_own_events(up, browser, site):
    site.pages["/features"] = page_with(
        up, body="<button data-traction-feature='export'><b>Export</b></button>",
        head="<script src='/early.js'></script>")
    site.pages["/early.js"] = "window.traction = [['track', 'early_bird', { n: 1 }]]"
    browser.open(site.url + "/features")
    ready(browser)
    browser.run("""await page.click('b')
        await page.evaluate(() => {
          traction.track('purchase', { order_id: 'o1' }, { value: 9.5, unit: 'EUR', id: 'order-o1' })
          traction.identify('u_7', { plan: 'team' })
          traction.track('after')
          traction.reset()
          traction.track('nobody')
          traction.track()
          traction.push(['nonsense', 1])
          traction.flush() })""")
    assert arrived(up, name="feature_used")[0]["properties"]["feature"] == "export"
    assert arrived(up, name="early_bird")[0]["properties"] == {"n": 1}
    purchase = arrived(up, name="purchase")[0]
    assert (purchase["id"], purchase["value"], purchase["unit"]) == ("order-o1", 9.5, "EUR")
    assert purchase["url"].endswith("/features"), "what it is given does not keep the rest away"
    assert arrived(up, name="identify")[0]["user"] == "u_7"
    assert arrived(up, name="after")[0]["user"] == "u_7"
    assert arrived(up, name="nobody")[0]["user"] is None
    assert browser.run("return state.errors") == []


def test_consent(up, browser, site):
    site.pages["/consent"] = page_with(up, "data-consent='required'")
    browser.open(site.url + "/consent")
    ready(browser)
    browser.run("await page.evaluate(() => traction.track('before')); await page.waitForTimeout(2500)")
    assert not any("/v1/events" in url for url in browser.run("return state.requests"))
    browser.run("await page.evaluate(() => traction.consent(true))")
    arrived(up, name="before")
    browser.run("await page.evaluate(() => { traction.track('agreed'); traction.flush() })")
    agreed = arrived(up, name="agreed")[0]
    assert len(agreed["anonymous"]) == 32 and len(agreed["session"]) == 32
    browser.run("await page.reload()")
    ready(browser)
    browser.run("await page.evaluate(() => { traction.consent(true); traction.track('again');"
                "traction.flush() })")
    again = arrived(up, name="again")[0]
    assert (again["anonymous"], again["session"]) == (agreed["anonymous"], agreed["session"])
    browser.run("await page.evaluate(() => { traction.consent(false); traction.track('withdrawn') })")
    assert browser.run("return page.evaluate(() => localStorage.getItem('traction'))") is None


def test_people_who_do_not_want_it(up, browser, site):
    site.pages["/gpc"] = page_with(up, "data-dnt")
    browser.open()
    browser.run("await page.addInitScript(() => Object.defineProperty(navigator, "
                "'globalPrivacyControl', { value: true })); await page.goto(args.url)",
                url=site.url + "/gpc")
    ready(browser)
    browser.run("await page.evaluate(() => { traction.track('no'); traction.flush() });"
                "await page.waitForTimeout(500)")
    assert not any("/v1/events" in url for url in browser.run("return state.requests"))


def test_survey(up, browser, site):
    site.pages["/survey"] = page_with(up, "data-survey='nps' data-survey-delay='0.1'")
    browser.open(site.url + "/survey")
    form = "form[aria-label='How likely are you to recommend us?']"
    browser.run("""await page.waitForSelector(args.form)
        await page.evaluate(state.axe)
        const found = await page.evaluate(() => axe.run('div'))
        state.violations = found.violations.map((one) => one.id)
        // With the keyboard alone.
        await page.locator(args.form).getByRole('button', { name: '9', exact: true }).focus()
        await page.keyboard.press('Enter')
        await page.getByRole('textbox').fill('It just works')
        await page.getByRole('button', { name: 'Send' }).press('Enter')
        await page.waitForSelector('text=Thank you.')""", form=form)
    assert browser.run("return state.violations") == []
    answer = arrived(up, name="survey_answer")[0]
    assert answer["value"] == 9
    assert answer["properties"] == {"survey": "nps", "type": "nps", "text": "It just works"}
    browser.run("await page.reload(); await page.waitForTimeout(600)")
    assert browser.run("return page.locator('form').count()") == 0, "asked once"
    browser.run("await page.evaluate(() => traction.survey({ type: 'text', survey: 'why', "
                "question: 'Why?' })); await page.waitForSelector('form[aria-label=\"Why?\"]');"
                "await page.getByRole('textbox').press('Escape')")
    assert browser.run("return page.locator('form').count()") == 0
    assert browser.run("return state.errors") == []


def test_the_module(up, browser, site):
    site.pages["/module.js"] = (
        "import { init, track } from '/traction.mjs'\n"
        f"init({{ host: '{up.url}', key: '{up.values['TRACTION_WRITE_KEY']}', without: ['vitals'] }})\n"
        "track('from_module')\n")
    import io
    import tarfile
    packed = harness.request(up.url, "GET", "/traction-web.tgz")[2]
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        site.pages["/traction.mjs.js"] = archive.extractfile("package/traction.mjs").read().decode()
        assert json.load(archive.extractfile("package/package.json"))["types"] == "./traction.d.ts"
    site.pages["/module.js"] = site.pages["/module.js"].replace("/traction.mjs", "/traction.mjs.js")
    site.pages["/module"] = "<!doctype html><script type=module src='/module.js'></script>"
    browser.open(site.url + "/module")
    arrived(up, name="from_module")
    arrived(up, name="page_view", url="/module")
    assert browser.run("return state.errors") == []


# Nothing is lost -------------------------------------------------------------------------------------

def track_many(browser, name, count, then=""):
    browser.run(f"""await page.evaluate(() => {{
        for (let i = 0; i < {count}; i++) traction.track('{name}', {{ i }}, {{ id: '{name}-' + i }}) }});
        {then}""")


def all_there(up, name, count):
    found = arrived(up, count, seconds=60, name=name)
    assert sorted(event["id"] for event in found) == sorted(f"{name}-{i}" for i in range(count))


def leave_by(how):
    return {"navigation": "await page.goto('about:blank')",
            "reload": "await page.reload()",
            "close": "await page.close()",
            "hide": "state.other = await context.newPage(); await state.other.bringToFront()"}[how]


@pytest.mark.parametrize("how", ["navigation", "reload", "close"])
def test_nothing_is_lost_by(up, browser, site, how):
    site.pages["/leave"] = page_with(up)
    browser.open(site.url + "/leave")
    ready(browser)
    track_many(browser, "by_" + how, 60, leave_by(how))
    if how == "close":
        browser.run("state.page = await context.newPage(); await state.page.goto(args.url)",
                    url=site.url + "/leave")
    elif how == "navigation":
        browser.run("await page.goto(args.url)", url=site.url + "/leave")
    all_there(up, "by_" + how, 60)


def test_nothing_is_lost_offline(up, browser, site):
    site.pages["/offline"] = page_with(up)
    browser.open(site.url + "/offline")
    ready(browser)
    browser.run("await context.setOffline(true)")
    track_many(browser, "offline", 30, "await page.waitForTimeout(3500)")
    assert events(up, name="offline") == []
    browser.run("await context.setOffline(false)")
    all_there(up, "offline", 30)
    # And over a closed tab: the next page sends what is left.
    browser.run("await context.setOffline(true)")
    track_many(browser, "left", 5, "await page.waitForTimeout(300); await page.close()")
    browser.run("await context.setOffline(false); state.page = await context.newPage();"
                "await state.page.goto(args.url)", url=site.url + "/offline")
    all_there(up, "left", 5)


def test_nothing_is_lost_by_503(browser):
    with harness.Up() as program:
        site = chromium.Site(program.url)
        site.pages["/busy"] = page_with(program)
        browser.open(site.url + "/busy")
        ready(browser)
        browser.run("""await context.route('**/v1/events*', async (route) => {
            state.refused = (state.refused || 0) + 1
            if (state.refused > 3) return route.continue()
            await route.fulfill({ status: 503, headers: { 'Retry-After': '1',
              'Access-Control-Allow-Origin': '*' }, body: '{}' }) })""")
        track_many(browser, "busy", 10, "await page.evaluate(() => traction.flush())")
        all_there(program, "busy", 10)
        assert browser.run("return state.refused") >= 4
        site.close()


def test_nothing_is_lost_by_a_restart(browser, up, site):
    site.pages["/restart"] = page_with(up)
    browser.open(site.url + "/restart")
    ready(browser)
    track_many(browser, "restart", 5)
    up.stop()
    track_many(browser, "meanwhile", 20, "await page.evaluate(() => traction.flush());"
               "await page.waitForTimeout(1000)")
    up.start()
    all_there(up, "meanwhile", 20)
    all_there(up, "restart", 5)


def test_a_key_that_is_none_ends_it_quietly(up, browser, site):
    site.pages["/key"] = page_with(up).replace(up.values["TRACTION_WRITE_KEY"], "tw_" + "x" * 38)
    browser.open(site.url + "/key")
    ready(browser)
    browser.run("await page.evaluate(() => traction.flush()); await page.waitForTimeout(1000)")
    before = len(browser.run("return state.requests"))
    browser.run("await page.evaluate(() => { traction.track('x'); traction.flush() });"
                "await page.waitForTimeout(500)")
    assert len(browser.run("return state.requests")) == before


def test_the_demo_application(up, browser, site):
    """docs/demo-app, as it stands there but for server and key."""
    folder = os.path.join(harness.ROOT, "docs", "demo-app")
    with open(os.path.join(folder, "index.html")) as file:
        page = file.read().replace("http://127.0.0.1:8080", up.url)
    with open(os.path.join(folder, "app.js")) as file:
        site.pages["/demo/app.js"] = file.read()
    site.pages["/demo/index.html"] = page.replace("tw_…", up.values["TRACTION_WRITE_KEY"])
    site.pages["/api/boards/2"] = "{}"
    browser.open(site.url + "/demo/index.html")
    ready(browser)
    browser.run("""for (const name of ['Second board']) await page.getByRole('link', { name }).click()
        for (const name of ['Export', 'Sign in', 'Buy', 'Fail', 'What do you think?'])
          await page.getByRole('button', { name }).click()
        await page.getByRole('button', { name: '10', exact: true }).click()
        await page.getByRole('button', { name: 'Send' }).click()
        await page.evaluate(() => traction.flush())""")
    for name in ("feature_used", "sign_up", "purchase", "error", "survey_answer", "api_request"):
        assert arrived(up, name=name, url="/demo/index.html"), name
    titles = {event["title"] for event in arrived(up, 2, name="page_view", url="/demo/index.html")}
    assert titles == {"Boards", "Board 2"}
    assert arrived(up, name="api_request", url="/demo/index.html")[0]["properties"]["route"] == "/api/boards/:id"
    assert arrived(up, name="sign_up")[0]["user"] == "u_42"
