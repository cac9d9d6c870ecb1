# SPDX-License-Identifier: MIT
"""The browser's side: what the snippet costs a page, how soon the dashboard shows something."""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.dirname(HERE), os.path.join(os.path.dirname(HERE), "web")]

import chromium  # noqa: E402
import harness  # noqa: E402

PAGES = ["overview", "engagement", "performance", "business", "feedback", "retention"]

# A page that does what pages do: it routes, asks its server, throws, is clicked at, and left.
VISIT = """
    await page.goto(args.url)
    if (args.with) await page.waitForFunction(() => window.traction && window.traction.track)
    for (let i = 0; i < 10; i++)
      await page.evaluate(async (i) => {
        history.pushState({}, '', '/page/' + i)
        await fetch('/api/things/' + i).catch(() => 0)
        document.querySelector('button').click()
        setTimeout(() => { throw new Error('thrown ' + i) }, 0)
      }, i)
    await page.mouse.move(10, 10); await page.mouse.move(200, 200, { steps: 20 })
    await page.waitForTimeout(2500)
    await page.goto('about:blank')"""

TRACE = """
    await browser.startTracing(state.page, { categories: ['devtools.timeline', 'v8.execute', 'toplevel'] })
    for (let i = 0; i < args.visits; i++) {""" + VISIT + """ }
    const trace = JSON.parse((await browser.stopTracing()).toString())
    // Tasks of the main thread that ran a script of ours, and how long ours took of each.
    const ours = trace.traceEvents.filter((one) => one.ph === 'X' && /^(FunctionCall|EvaluateScript|v8.compile)$/.test(one.name) &&
      JSON.stringify(one.args).includes('/traction.js'))
    const main = new Set(trace.traceEvents.filter((one) => one.name === 'FunctionCall').map((one) => one.pid + ' ' + one.tid))
    const tasks = trace.traceEvents.filter((one) => one.ph === 'X' && /RunTask$/.test(one.name) && main.has(one.pid + ' ' + one.tid))
    return { ours: ours.map((one) => one.dur / 1000), longest: Math.max(0, ...tasks.map((one) => one.dur / 1000)) }"""


def quantile(values, q):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * q))]


def snippet(report, browser, up, visits):
    site = chromium.Site(up.url)
    body = "<h1>Page</h1><button data-traction-feature='it'>Do it</button>"
    tag = f"<script async src='{up.url}/traction.js' data-key='{up.values['TRACTION_WRITE_KEY']}'></script>"
    site.pages.update({"/with": "<!doctype html><title>x</title>" + tag + body,
                       "/without": "<!doctype html><title>x</title>" + body})
    longest = {}
    for name in ("without", "with"):
        browser.open()
        found = browser.run(TRACE, url=site.url + "/" + name, visits=visits, **{"with": name == "with"})
        longest[name] = found["longest"]
    report.add("web", "our script, p95 of its calls", quantile(found["ours"], 0.95), "ms", at_most=5)
    report.add("web", "our script, longest call", max(found["ours"]), "ms")
    report.add("web", "calls of our script a visit", len(found["ours"]) / visits)
    report.add("web", "longest task without it", longest["without"], "ms")
    report.add("web", "longest task with it", longest["with"], "ms")
    site.close()


OPEN = """
    const bytes = []
    const page2 = await state.context.newPage()
    await page2.addInitScript(() => {
      window.lcp = 0; window.shift = 0
      new PerformanceObserver((list) => list.getEntries().forEach((one) => { window.lcp = one.startTime }))
        .observe({ type: 'largest-contentful-paint', buffered: true })
      new PerformanceObserver((list) => list.getEntries().forEach((one) => { window.shift += one.value }))
        .observe({ type: 'layout-shift', buffered: true })
    })
    page2.on('requestfinished', (request) => bytes.push(request.sizes().then((s) => s.responseBodySize + s.responseHeadersSize)))
    await page2.goto(args.url)
    await page2.waitForFunction(() => document.querySelector('main') && !document.querySelector('.loading, .busy'))
    await page2.waitForTimeout(300)
    const found = await page2.evaluate(() => {
      const asked = performance.getEntriesByType('resource').filter((one) => one.name.includes('/v1/query'))
      return { lcp: window.lcp, shift: window.shift, ours: Math.max(...asked.map((one) => one.responseEnd)) - Math.min(...asked.map((one) => one.startTime)) }
    })
    const sizes = await Promise.all(bytes)
    await page2.close()
    return { ...found, bytes: sizes.reduce((a, b) => a + b, 0), requests: sizes.length }"""


def dashboard(report, browser, up, rounds):
    browser.open(up.url + "/sign-in")
    browser.run("""await page.getByLabel('E-mail').fill(args.email)
        await page.getByLabel('Password').fill(args.password)
        await page.getByRole('button', { name: 'Sign in' }).click()
        await page.waitForSelector('nav')""", email=up.values["TRACTION_OWNER_EMAIL"],
                password=up.values["TRACTION_OWNER_PASSWORD"])
    cookies = browser.run("return context.cookies()")
    for name in PAGES:
        found = []
        for _ in range(rounds):
            browser.open()
            browser.run("await context.addCookies(args.cookies)", cookies=cookies)
            found.append(browser.run(OPEN, url=up.url + "/" + name))
        middle = {key: quantile([one[key] for one in found], 0.5) for key in found[0]}
        report.add("web", f"{name}: questions answered together", middle["ours"], "ms", at_most=200)
        if name == "overview":
            report.add("web", "overview: LCP, cold cache", middle["lcp"], "ms", at_most=1000)
            report.add("web", "overview: transferred", middle["bytes"] / 1024, "KiB", at_most=120)
            report.add("web", "overview: requests", middle["requests"], at_most=8)
            report.add("web", "overview: layout shift", middle["shift"], at_most=0.001)


def web(report, full):
    browser = chromium.Chromium()
    program = harness.Up()
    program.command += ["--demo", "--demo-events", "1000000" if full else "200000"]
    with program as up:
        snippet(report, browser, up, 20 if full else 5)
        dashboard(report, browser, up, 9 if full else 3)
    browser.close()
