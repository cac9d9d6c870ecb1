// SPDX-License-Identifier: MIT
// Page views: the first, those of single-page applications, and those out of the back-forward cache;
// and how long each page was in use, which is while it is visible and somebody did something lately.

import { address, hidden, now, on, onHide } from './clock.js'

const IDLE = 30000
const TICK = 1000
const REPORT = 60000

export function watchPages(client, config) {
  let url
  let referrer = document.referrer || undefined
  let engaged = 0
  let seen = now()
  let active = seen

  const report = () => {
    if (engaged < TICK) return
    client.send({ name: 'engaged_time', value: engaged, unit: 'ms', url })
    engaged = 0
  }
  const count = () => {
    // A timer that was late, as of a machine that slept, says nothing about the time between.
    if (!hidden() && now() - active < IDLE) engaged += Math.min(now() - seen, 2 * TICK)
    seen = now()
    if (engaged >= REPORT) report()
  }
  const view = (again) => {
    const next = address(config)
    const place = next.split('#')[0]
    if (again !== true && place === (url || '').split('#')[0]) return
    count()
    report()
    referrer = url || referrer
    url = next
    // The title of a single-page application is set after its address.
    const event = client.stamp({ name: 'page_view', url, referrer })
    setTimeout(() => client.send({ ...event, title: document.title || undefined }), 0)
  }

  if (config.pages) {
    document.prerendering ? on(document, 'prerenderingchange', view) : view()
    for (const name of ['pushState', 'replaceState']) {
      const original = history[name]
      history[name] = function () {
        original.apply(this, arguments)
        view()
      }
    }
    on(window, 'popstate hashchange', view)
    on(window, 'pageshow', ({ persisted }) => persisted && view(true))
  }
  on(window, 'pointerdown pointermove keydown scroll', () => (active = now()))
  on(document, 'visibilitychange', () => (seen = active = now()))
  setInterval(count, TICK)
  onHide(report)
  return view
}
