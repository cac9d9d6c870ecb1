# SPDX-License-Identifier: MIT
"""The dashboard in Chromium, over the demo's data: every page at two sizes and in two schemes without
a finding of axe, the flows of a founder and of somebody on call, and that its numbers are the API's."""
import json
import os
import re
import subprocess
import time
import urllib.parse

import pytest

import harness

PAGES = ["overview", "engagement", "performance", "business", "feedback", "retention", "funnels",
         "hypotheses", "alerts", "live", "events", "rejects", "settings"]
SHOTS = os.environ.get("TRACTION_SCREENSHOTS")
DESKTOP = {"width": 1360, "height": 900}
PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def demo():
    env = {"TRACTION_ALERTS_INTERVAL": "200ms"}
    program = harness.Up(env=env)
    program.command += ["--demo", "--demo-events", "150000", "--demo-end", "2026-11-20T12:00:00Z"]
    with program:
        with open(os.path.join(program.data, "demo.json")) as file:
            program.story = json.load(file)
        api(program, "POST", "/v1/alerts", {"name": "API error rate", "kpi": "error_rate",
                                            "by": "route", "above": 0.05, "window": "5m"})
        api(program, "POST", "/v1/hypotheses", {"title": "People return", "kpi": "return_rate",
                                                "above": 0.3, "from": "-60d", "until": "2027-01-31"})
        program.post([{"name": "purchase", "value": "much"}, {"name": "page_view"}])
        yield program


def api(program, method, path, body=None):
    status, _, answer = harness.request(program.url, method, path,
                                        program.values["TRACTION_ADMIN_KEY"], body)
    assert status < 300, (method, path, answer)
    return json.loads(answer)


# The demo's last month, whenever the tests run.
RANGE = "?from=2026-10-21T00:00:00Z&to=2026-11-20T12:00:00Z&interval=day"


def sign_in(browser, program, viewport=DESKTOP, **options):
    browser.open(program.url + "/sign-in", viewport=viewport, **options)
    browser.run("""
        await page.getByLabel('E-mail').fill(args.email)
        await page.getByLabel('Password').fill(args.password)
        await page.getByRole('button', { name: 'Sign in' }).click()
        await page.waitForSelector('nav', { state: 'attached' })""",
                email=program.values["TRACTION_OWNER_EMAIL"],
                password=program.values["TRACTION_OWNER_PASSWORD"])


def visit(browser, program, where):
    browser.run("""await page.goto(args.url)
        await page.waitForSelector('main#main')
        // What is further down is asked for when it comes near the screen.
        await page.waitForTimeout(50)
        for (let i = 0; i < 20; i++) {
          const left = await page.evaluate(() => {
            const later = document.querySelector('.later')
            if (later) later.scrollIntoView({ block: 'center' })
            return !!later
          })
          if (!left) break
          await page.waitForTimeout(50)
        }
        await page.evaluate(() => scrollTo(0, 0))
        await page.waitForFunction(() => !document.querySelector('.loading, .busy'))
        await page.waitForTimeout(args.live ? 1500 : 100)""",
                url=program.url + "/" + where, live=where.startswith("live"))


def violations(browser):
    return browser.run("""await page.evaluate(state.axe)
        const found = await page.evaluate(() => axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a',
          'wcag21aa', 'wcag22aa', 'best-practice'] }))
        return found.violations.map((one) => one.id + ': ' + one.nodes.slice(0, 3).map((n) => n.html).join(' '))""")


@pytest.fixture(scope="module", params=["desktop-light", "desktop-dark", "phone-light", "phone-dark"])
def signed_in(request, browser, demo):
    size, scheme = request.param.split("-")
    sign_in(browser, demo, viewport=DESKTOP if size == "desktop" else PHONE, colorScheme=scheme,
            locale="en-GB")
    return request.param


@pytest.mark.parametrize("name", PAGES)
def test_pages(signed_in, browser, demo, name):
    visit(browser, demo, name + ("" if name in ("live", "rejects") else RANGE))
    assert browser.run("return page.locator('h1').textContent()").lower() == name
    assert browser.run("return page.locator('.trouble').allTextContents()") == []
    assert violations(browser) == []
    assert browser.run("const found = state.errors; state.errors = []; return found") == []
    wide = browser.run("return page.evaluate(() => document.documentElement.scrollWidth - innerWidth)")
    assert wide <= 0, "nothing is wider than the screen"
    if SHOTS and signed_in in ("desktop-light", "phone-dark") and name in ("overview", "performance", "business"):
        browser.run("await page.screenshot({ path: args.path })",
                    path=os.path.join(SHOTS, f"{name}-{signed_in}.png"))


def shown(browser):
    """What the page says of each KPI."""
    return browser.run("""return page.evaluate(() => [...document.querySelectorAll('[data-kpi]')]
        .map((node) => [node.dataset.kpi, node.dataset.value, node.textContent]))""")


@pytest.mark.parametrize("name", ["overview", "engagement", "performance", "business", "feedback"])
def test_numbers_are_those_of_the_api(browser, demo, name):
    sign_in(browser, demo, locale="en-GB")
    visit(browser, demo, name + RANGE)
    found = shown(browser)
    assert len(found) >= 3
    for kpi, value, text in found:
        parameters = RANGE + ("&steps=sign_up,conversion,subscription_started&window=30d"
                              if kpi == "funnel" else "")
        interval = {"nps": "week", "funnel": "none"}.get(kpi, "day")
        answer = api(demo, "GET", f"/v1/kpi/{kpi}" + parameters.replace("interval=day", "interval=" + interval))
        assert (float(value) if value else None) == answer["value"], kpi
        assert text != "–" or answer["value"] is None, kpi


def test_overview_is_light(browser, demo):
    """Cold: bytes, requests and layout shift; how long it takes is for tests/bench."""
    sign_in(browser, demo)
    cookies = browser.run("return context.cookies()")
    browser.open()
    found = browser.run("""
        await context.addCookies(args.cookies)
        await page.addInitScript(() => {
          window.shift = 0
          new PerformanceObserver((list) => list.getEntries().forEach((one) => { if (!one.hadRecentInput) window.shift += one.value }))
            .observe({ type: 'layout-shift', buffered: true })
        })
        let bytes = 0
        const requests = []
        page.on('requestfinished', async (request) => {
          requests.push(request.url())
          const sizes = await request.sizes()
          bytes += sizes.responseBodySize + sizes.responseHeadersSize
        })
        await page.goto(args.url)
        await page.waitForFunction(() => document.querySelectorAll('[data-kpi]').length >= 8 && !document.querySelector('.loading, .busy'))
        await page.waitForTimeout(500)
        return { bytes, requests, shift: await page.evaluate(() => window.shift) }""",
                        url=demo.url + "/overview" + RANGE, cookies=cookies)
    assert len(found["requests"]) <= 8, found
    assert found["bytes"] <= 120 * 1024, found
    assert found["shift"] < 0.001, found


def test_founder(browser, demo):
    """Changes the range, breaks down, filters by a click, comes back, and the URL says it all."""
    sign_in(browser, demo)
    visit(browser, demo, "engagement" + RANGE)
    browser.run("""await page.getByRole('button', { name: 'Country', exact: true }).click()
        await page.getByRole('button', { name: 'DE', exact: true }).click()
        await page.waitForFunction(() => location.search.includes('where=country%3ADE'))
        await page.waitForFunction(() => !document.querySelector('.loading, .busy'))""")
    value = next(float(v) for kpi, v, _ in shown(browser) if kpi == "active_users")
    assert value == api(demo, "GET", "/v1/kpi/active_users" + RANGE + "&where=country:DE")["value"]
    browser.run("await page.goBack(); await page.waitForFunction(() => !location.search.includes('where'))")
    browser.run("""await page.getByRole('button', { name: '90 days' }).click()
        await page.waitForFunction(() => location.search.includes('range=90d'))
        await page.keyboard.press('g'); await page.keyboard.press('b')
        await page.waitForFunction(() => location.pathname === '/business')""")
    assert "range=90d" in browser.run("return page.url()")
    # A click on ? says what a number means, in the words of the API.
    visit(browser, demo, "overview" + RANGE)
    browser.run("await page.getByLabel('What active_users means').click()")
    assert "distinct people with at least one engagement event" in browser.run(
        "return page.locator('details.definition[open]').textContent()")
    # CSV of a chart is the API's.
    href = browser.run("""await page.keyboard.press('Escape')
        await page.getByLabel('Save active_users').click()
        const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'CSV' }).click()])
        return download.suggestedFilename()""")
    assert href.endswith(".csv")
    # The chart as a table has the chart's numbers.
    browser.run("await page.getByLabel('Save active_users').click();"
                "await page.getByRole('button', { name: 'Table' }).click()")
    assert browser.run("return page.locator('section[aria-label=\"Active people\"] tbody tr').count()") == 31


def test_zooming_and_marks(browser, demo):
    sign_in(browser, demo)
    visit(browser, demo, "performance" + RANGE)
    browser.run("""const box = await page.locator('section[aria-label="Error rate"] .u-over').boundingBox()
        await page.mouse.move(box.x + box.width * 0.3, box.y + 40)
        await page.waitForSelector('.tip')
        await page.mouse.down()
        await page.mouse.move(box.x + box.width * 0.6, box.y + 40, { steps: 5 })
        await page.mouse.up()
        await page.waitForFunction(() => !location.search.includes('from=2026-10-21T00'))""")
    query = urllib.parse.parse_qs(urllib.parse.urlsplit(browser.run("return page.url()")).query)
    assert "2026-10-21" < query["from"][0] < query["to"][0] < "2026-11-20T12"


def test_on_call_follows_an_error_to_its_release(browser, demo):
    """From the error rate's day to the route, and to the release that the mark names."""
    outage = demo.story["outage"]
    sign_in(browser, demo, locale="en-GB")
    around = f"?from={outage['from'][:10]}&to={outage['to'][:10]}&interval=hour"
    visit(browser, demo, "performance" + around)
    first = browser.run("""return page.locator('section[aria-label="Routes by errors"] tbody tr')
        .allTextContents()""")
    assert any(outage["route"] in row for row in first)
    browser.run("""await page.locator('section[aria-label="Routes by errors"]').getByRole('button',
          { name: args.route, exact: true }).click()
        await page.waitForFunction(() => location.search.includes('where=route'))
        await page.waitForFunction(() => !document.querySelector('.loading, .busy'))""",
                route=outage["route"])
    # Under the pointer, at the hour of the release, stands the release.
    marks = browser.run("""const box = await page.locator('section[aria-label="Error rate"] .u-over').boundingBox()
        for (let x = 2; x < box.width; x += 3) {
          await page.mouse.move(box.x + x, box.y + 30)
          const text = await page.locator('section[aria-label="Error rate"] .tip em').allTextContents()
          if (text.length) return text
        }
        return []""")
    assert any("2.5" in mark for mark in marks), marks


def test_an_alert_from_here_to_firing(browser, demo):
    sign_in(browser, demo)
    visit(browser, demo, "alerts")
    browser.run("""await page.getByRole('button', { name: 'New rule' }).click()
        await page.getByLabel('Name').fill('Made here')
        await page.getByLabel('Threshold').fill('much')
        await page.getByRole('button', { name: 'Create' }).click()
        await page.locator('.trouble').waitFor()
        await page.getByLabel('Threshold').fill('0.5')
        await page.getByLabel('For', { exact: true }).fill('0s')
        await page.getByLabel('Only where').fill('route:/made/here')
        await page.getByRole('button', { name: 'Create' }).click()
        await page.getByRole('region', { name: 'Made here' }).waitFor()""")
    demo.post([{"name": "api_request", "value": 5, "properties": {"route": "/made/here", "status": 500}}] * 5)
    deadline = time.monotonic() + 30
    state = ""
    while state != "firing" and time.monotonic() < deadline:
        visit(browser, demo, "alerts")
        state = browser.run("return page.locator('section[aria-label=\"Made here\"] [data-state]').getAttribute('data-state')")
    assert state == "firing"
    browser.run("""const card = page.locator('section[aria-label="Made here"]')
        await card.getByRole('button', { name: 'Silence for 2 h' }).click()
        await card.getByText('Silent until').waitFor()
        await card.getByRole('link', { name: 'History' }).click()
        await page.getByRole('region', { name: 'What Made here went through' }).waitFor()
        await page.locator('td', { hasText: 'firing' }).first().waitFor()""")
    # A link from a notification opens at its rule and moment.
    visit(browser, demo, "alerts?rule=Made%20here&at=" + time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))
    assert browser.run("return page.getByRole('region', { name: /^Made here, around/ }).count()") == 1


def test_who_hears(browser, demo):
    sign_in(browser, demo)
    visit(browser, demo, "alerts")
    browser.run("""await page.getByRole('button', { name: 'New receiver' }).click()
        await page.getByLabel('Receiver').fill('ops')
        await page.getByLabel('Address').fill('ops')
        await page.getByRole('button', { name: 'Add', exact: true }).click()
        await page.locator('.trouble').waitFor()
        await page.getByLabel('Address').fill('https://hooks.example.org/alerts')
        await page.getByRole('button', { name: 'Add', exact: true }).click()
        await page.getByRole('button', { name: 'Remove ops' }).waitFor()""")
    found = api(demo, "GET", "/v1/alerts")["receivers"]
    assert [(one["name"], one["webhook"]) for one in found] == [("ops", "https://hooks.example.org/alerts")]
    browser.run("""await page.getByRole('button', { name: 'Remove ops' }).click()
        await page.getByText('Nobody hears of alerts yet.').waitFor()""")


@pytest.mark.parametrize("name", ["engagement", "performance", "business", "feedback", "retention"])
def test_nothing_jumps(browser, demo, name):
    """What is still to come has its room already."""
    sign_in(browser, demo, viewport={"width": 1280, "height": 720})
    shift = browser.run("""
        await page.addInitScript(() => {
          window.shift = 0
          new PerformanceObserver((list) => list.getEntries().forEach((one) => { if (!one.hadRecentInput) window.shift += one.value }))
            .observe({ type: 'layout-shift', buffered: true })
        })
        await page.goto(args.url)
        await page.waitForFunction(() => document.querySelector('[data-kpi], tbody') && !document.querySelector('.loading, .busy'))
        await page.waitForTimeout(300)
        return await page.evaluate(() => window.shift)""", url=demo.url + "/" + name + RANGE)
    assert shift < 0.05


def test_people_by_what_their_events_say(browser, demo):
    sign_in(browser, demo, locale="en-GB")
    visit(browser, demo, "engagement")
    rows = browser.run("""const part = page.getByRole('region', { name: 'People', exact: true })
        await part.scrollIntoViewIfNeeded()
        await part.getByRole('button', { name: 'Device' }).click()
        await part.getByRole('columnheader', { name: 'Device' }).waitFor()
        await part.getByText('mobile').waitFor()
        return await part.locator('tbody tr').allTextContents()""")
    groups = api(demo, "GET", "/v1/kpi/active_users?from=-29d&interval=none&by=device")["groups"]
    assert len(rows) == len(groups) > 1
    for row, group in zip(rows, groups):
        assert row.startswith(f"{group['by'] or '(none)'}{group['value']:,}"), (row, group)


def test_nothing_yet_and_what_to_send(browser):
    """Each empty part says what it is made of; what its button sends fills it."""
    with harness.Up() as fresh:
        sign_in(browser, fresh)
        assert harness.request(fresh.url, "POST", "/v1/events?ack=commit", fresh.values["TRACTION_WRITE_KEY"],
                               [{"name": "page_view", "user": "x"}])[0] == 202
        for page, part, name in (("performance", "Error rate", "api_request"), ("performance", "Errors", "error"),
                                 ("performance", "Web vitals", "web_vital"), ("performance", "Page load, p75", "page_load"),
                                 ("engagement", "Features", "feature_used"), ("business", "Revenue", "purchase"),
                                 ("business", "Monthly recurring revenue", "subscription_started"),
                                 ("feedback", "Net promoter score", "survey_answer")):
            visit(browser, fresh, page)
            browser.run("""const part = page.getByRole('region', { name: args.part, exact: true })
                await part.scrollIntoViewIfNeeded()
                await part.getByText('It comes from events named ' + args.name).waitFor()
                await part.getByRole('button', { name: 'Send a test event' }).click()
                await part.getByText('It comes from').waitFor({ state: 'detached' })""", part=part, name=name)
        names = {one["name"] for one in api(fresh, "GET", "/v1/events?from=today")["events"]}
        assert {"api_request", "error", "web_vital", "purchase", "survey_answer"} <= names
        assert api(fresh, "GET", "/v1/rejects")["rejects"] == []


def test_somebody_asks_to_be_forgotten(browser):
    with harness.Up() as fresh:
        sign_in(browser, fresh)
        for user in ("ada", "bob"):
            assert harness.request(fresh.url, "POST", "/v1/events?ack=commit", fresh.values["TRACTION_WRITE_KEY"],
                                   [{"name": "page_view", "user": user}])[0] == 202
        visit(browser, fresh, "settings")
        browser.run("""const card = page.getByRole('region', { name: 'Erase a person' })
            page.once('dialog', (dialog) => dialog.accept())
            await card.getByLabel('User').fill('nobody')
            await card.getByRole('button', { name: 'Erase' }).click()
            await card.getByText('nothing of this user is stored here').waitFor()
            page.once('dialog', (dialog) => dialog.dismiss())
            await card.getByLabel('User').fill('ada')
            await card.getByRole('button', { name: 'Erase' }).click()""")
        assert api(fresh, "GET", "/v1/kpi/active_users?from=today")["value"] == 2
        browser.run("""const card = page.getByRole('region', { name: 'Erase a person' })
            page.once('dialog', (dialog) => dialog.accept())
            await card.getByRole('button', { name: 'Erase' }).click()
            await card.getByText('ada is gone, with 1 event and 1 session').waitFor()""")
        assert api(fresh, "GET", "/v1/kpi/active_users?from=today")["value"] == 1


def test_a_key_and_the_first_event_live(browser):
    with harness.Up() as fresh:
        sign_in(browser, fresh)
        browser.run("""await page.getByText('Nothing has come yet').waitFor()
            await page.getByRole('button', { name: 'Make a write key' }).click()
            await page.waitForFunction(() => /data-key="tw_\\w{38}"/.test(document.body.textContent))""")
        key = re.search(r"tw_\w{38}", browser.run("return page.locator('pre').first().textContent()"))[0]
        live = "state.live = await context.newPage(); await state.live.goto(args.url)"
        browser.run(live, url=fresh.url + "/live")
        browser.run("await state.live.getByText('Waiting for events.').waitFor()")
        status, _, _ = harness.request(fresh.url, "POST", "/v1/events?key=" + key, body={"name": "hello"})
        assert status == 202
        browser.run("await state.live.getByRole('row').filter({ hasText: 'hello' }).first().waitFor()")
        browser.run("""await page.getByRole('button', { name: 'Send a test event' }).click()
            await page.waitForSelector('[data-kpi=active_users]')""")
        assert browser.run("return page.locator('[data-kpi=active_users]').textContent()") == "2"


def test_a_funnel_is_built(browser, demo):
    sign_in(browser, demo)
    visit(browser, demo, "funnels" + RANGE)
    browser.run("""await page.getByRole('button', { name: 'Add a step' }).click()
        await page.getByLabel('Step 3', { exact: true }).fill('subscription_started')
        await page.getByRole('button', { name: 'Show' }).click()
        await page.waitForFunction(() => document.querySelectorAll('.funnel li').length === 3)""")
    answer = api(demo, "GET", "/v1/kpi/funnel" + RANGE.replace("interval=day", "interval=none")
                 + "&steps=sign_up,conversion,subscription_started&window=7d")
    people = browser.run("return page.locator('.funnel li b').allTextContents()")
    assert [int(text.replace(",", "")) for text in people] == [step["people"] for step in answer["steps"]]


def test_a_refused_event_is_mended(browser, demo):
    sign_in(browser, demo)
    visit(browser, demo, "rejects")
    browser.run("""
        await page.getByRole('button', { name: 'Look' }).first().click()
        await page.getByLabel('The event').fill(JSON.stringify({ name: 'purchase', value: 12, unit: 'USD', id: 'mended-1' }))
        await page.getByRole('button', { name: 'Send again' }).click()
        await page.getByText('Nothing was refused.').waitFor()""")
    assert harness.query(demo.database_url, "select value::int from traction.event where id = 'mended-1'") == [(12,)]


def test_a_shared_link(browser, demo):
    sign_in(browser, demo)
    visit(browser, demo, "settings")
    browser.run("""await page.getByLabel('Page', { exact: true }).selectOption('overview')
        await page.getByLabel('What for').fill('For the board')
        await page.getByRole('button', { name: 'Make a link' }).click()
        await page.getByLabel('The shared link').waitFor()""")
    link = browser.run("return page.getByLabel('The shared link').textContent()")
    for page in ("overview", "engagement", "performance", "business", "feedback", "retention"):
        token = link.partition("#")[2]
        if page != "overview":
            token = api(demo, "POST", "/v1/shares", {"page": page})["token"]
        browser.open(demo.url + "/share" + RANGE + "#" + token)
        browser.run("""await page.waitForSelector('[data-kpi], .matrix')
            await page.waitForFunction(() => !document.querySelector('.loading, .busy'))""")
        found = browser.run("return page.locator('.trouble').allTextContents()")
        # The words people wrote are not shared.
        assert [text for text in found if "shows its page only" not in text or page != "feedback"] == []
        assert browser.run("return page.locator('nav').count()") == 0
    token = link.partition("#")[2]
    def asked(path):
        return harness.request(demo.url, "GET", path, token)[0]
    assert asked("/v1/kpi/active_users") == 200
    assert [asked(path) for path in ("/v1/kpi/sentiment", "/v1/events", "/v1/live", "/v1/rejects",
                                     "/v1/alerts", "/v1/names")] == [403] * 6
    number = next(one["id"] for one in api(demo, "GET", "/v1/shares")["shares"] if one["title"] == "For the board")
    api(demo, "DELETE", f"/v1/shares/{number}")
    harness.wait_for(lambda: asked("/v1/kpi/active_users") == 401)
    browser.open(link)
    browser.run("await page.getByText('This link shows nothing any more.').waitFor()")


def test_data_is_saved_whole(browser, demo):
    sign_in(browser, demo)
    visit(browser, demo, "settings?from=2026-11-16T00:00:00Z&to=2026-11-18T00:00:00Z")
    path = browser.run("""const [download] = await Promise.all([page.waitForEvent('download'),
          page.getByRole('button', { name: 'Save as NDJSON' }).click()])
        return download.path()""")
    with open(path) as file:
        ids = [json.loads(line)["id"] for line in file]
    there = harness.query(demo.database_url, "select e.id from traction.event e join traction.project p on "
                          "p.id = e.project_id where p.name = 'demo' and ts >= '2026-11-16' and ts < '2026-11-18'")
    assert len(ids) > 1500 and sorted(ids) == sorted(row[0] for row in there)


def test_signing_out(browser, demo):
    sign_in(browser, demo)
    browser.run("""await page.getByRole('button', { name: 'Sign out' }).first().click()
        await page.getByRole('heading', { name: 'Sign in to Traction' }).waitFor()
        await page.goto(args.url)
        await page.getByRole('heading', { name: 'Sign in to Traction' }).waitFor()""",
                url=demo.url + "/overview")


def test_the_link_that_up_prints(browser, demo):
    link = re.search(r"http://\S+/sign-in#tl_\w+", demo.log())[0]
    browser.open(link)
    browser.run("await page.waitForSelector('nav')")
    assert "tl_" not in browser.run("return page.url()")
    browser.open(link)
    browser.run("await page.getByText('this link has been used, or is too old').waitFor()")


def test_a_viewer_only_looks(browser, demo):
    done = subprocess.run([harness.BINARY, "user", "add", "viewer@example.org", "--role", "viewer"],
                          env={**os.environ, **demo.values}, text=True, capture_output=True, check=True)
    password = done.stdout.strip()
    browser.open(demo.url + "/sign-in", viewport=DESKTOP)
    browser.run("""await page.getByLabel('E-mail').fill('Viewer@example.org')
        await page.getByLabel('Password').fill(args.password)
        await page.getByRole('button', { name: 'Sign in' }).click()
        await page.waitForSelector('nav')""", password=password)
    visit(browser, demo, "alerts")
    assert browser.run("return page.getByRole('button', { name: /New rule|Edit|Delete/ }).count()") == 0
    visit(browser, demo, "settings")
    assert browser.run("return page.getByRole('region', { name: 'Keys' }).count()") == 0


def test_one_broken_widget_leaves_the_rest(browser, demo):
    sign_in(browser, demo)
    browser.run("""await context.route('**/v1/query*', async (route) => {
          const answer = await route.fetch()
          const body = await answer.json()
          body.answers.forEach((one) => { if (one.kpi === 'return_rate') one.series = null })
          await route.fulfill({ response: answer, json: body })
        })
        await page.goto(args.url)
        await page.getByText('This part failed').waitFor()""", url=demo.url + "/overview" + RANGE)
    assert browser.run("return page.locator('[data-kpi=active_users]').count()") == 1


def shoot(browser, name):
    if SHOTS:
        browser.run("await page.waitForTimeout(300); await page.screenshot({ path: args.path })",
                    path=os.path.join(SHOTS, f"tour-{name}.png"))


def test_the_tour(browser, demo):
    """docs/tour.md, step by step: when the bad release was, what it broke, what it cost."""
    outage = demo.story["outage"]
    end = "&to=2026-11-20T12:00:00Z"
    sign_in(browser, demo, viewport={"width": 1200, "height": 860}, locale="en-GB")
    visit(browser, demo, "overview?from=2026-08-22T00:00:00Z" + end + "&interval=day")
    shoot(browser, "1-overview")
    visit(browser, demo, "performance?from=2026-08-22T00:00:00Z" + end + "&interval=day")
    rows = browser.run("""return page.locator('section[aria-label="Errors"] tbody tr').allTextContents()""")
    assert any("SaveError" in row for row in rows)
    around = f"from={outage['from'][:10]}&to={outage['to'][:10]}&interval=hour"
    visit(browser, demo, "performance?" + around)
    routes = browser.run("""return page.locator('section[aria-label="Routes by errors"] tbody tr').allTextContents()""")
    assert routes[0].startswith(outage["route"]), routes
    shoot(browser, "2-what")
    visit(browser, demo, "feedback?from=2026-08-22T00:00:00Z" + end + "&interval=week")
    shoot(browser, "3-feedback")
    visit(browser, demo, "business?from=2026-08-22T00:00:00Z" + end + "&interval=week")
    shoot(browser, "4-business")
