// SPDX-License-Identifier: MIT
// Events on their way. They are kept in memory and, until a server has taken them, in localStorage, so
// that they survive a reload, a closed tab and hours without a network. Each has an id, which makes
// sending it twice harmless; whatever is not known to have arrived is sent again, by the next page if
// need be.

import { hidden, keep, load, now, on, onHide, random, safely } from './clock.js'

const SEND_AFTER = 2000
const SAVE_AFTER = 200
const EVENTS_AT_ONCE = 50
const BYTES_AT_ONCE = 50000 // browsers allow 64 KiB under way when the page is gone
const EVENTS_KEPT = 1000
const RETRY_LAST = 60000
const DEDUPE = 23 * 3600 * 1000 // servers know ids for a day

export function makeQueue(config) {
  const prefix = 'traction_' + config.key.slice(-8)
  const mine = prefix + random()
  const url = config.host + '/v1/events?key=' + config.key
  const fetch = window.fetch.bind(window) // the page's, before it is watched
  let events = [] // {event, tried: when it was first sent}
  let limit = EVENTS_AT_ONCE
  let failures = 0
  let sending
  let ended
  let timer
  let saver

  const save = () => {
    clearTimeout(saver)
    saver = 0
    keep(mine, events[0] && JSON.stringify(events))
  }
  const later = (ms) => {
    clearTimeout(timer)
    timer = setTimeout(send, ms)
  }

  // What goes next, as [its entries, the body]. Written down as tried before it goes.
  const pick = () => {
    let size = 0
    const batch = []
    if (ended || config.waits()) return [batch]
    for (const entry of events) {
      size += JSON.stringify(entry).length
      if (batch[0] && (size > BYTES_AT_ONCE || batch.length >= limit)) break
      entry.tried = entry.tried || now()
      batch.push(entry)
    }
    save()
    return [batch, JSON.stringify({ events: batch.map((entry) => entry.event), sent_at: now() })]
  }
  const taken = (batch) => {
    failures = 0
    events = events.filter((entry) => !batch.includes(entry))
    save()
    if (events[0]) later(0)
  }
  const again = (ms) => later(ms + Math.min(RETRY_LAST, 1000 << failures++) * (0.5 + Math.random()))

  const send = () => {
    const [batch, body] = pick()
    if (sending || !batch[0]) return
    sending = 1
    // Text, so that no preflight is needed.
    fetch(url, { method: 'POST', body, keepalive: true, credentials: 'omit' })
      .then(({ status, headers }) => {
        sending = 0
        if (status === 413 && batch[1]) {
          limit = batch.length >> 1
          return later(0)
        }
        if (status === 429 || status >= 500) return again(1000 * headers.get('Retry-After'))
        // Others were judged, or would be judged the same again.
        if (status === 401 || status === 403) {
          ended = 1
          console.warn('traction: HTTP ' + status + ': is data-key right, is this origin allowed?')
        }
        taken(batch)
      })
      .catch(() => {
        sending = 0
        again(0)
      })
  }
  // Beside what is under way, which may never be answered: a beacon outlives the page.
  const leave = () => {
    const [batch, body] = pick()
    if (batch[0]) navigator.sendBeacon(url, body)
  }

  // What earlier pages left behind. A tab that is alive may send the same: the ids are the same.
  // What was sent so long ago that servers have forgotten its id has most likely arrived.
  setTimeout(
    safely(() => {
      for (const key of Object.keys(localStorage))
        if (key.startsWith(prefix) && key !== mine) {
          events = JSON.parse(load(key)).filter(({ tried }) => !(now() - tried > DEDUPE)).concat(events)
          keep(key)
        }
      send()
    }),
    0
  )
  onHide(leave)
  on(window, 'online pageshow', () => later(0))

  return {
    add(event) {
      if (ended) return
      events.push({ event })
      if (events.length > EVENTS_KEPT) events.shift()
      if (hidden()) Promise.resolve().then(leave)
      saver = saver || setTimeout(save, SAVE_AFTER)
      if (!failures && events.length === 1) later(SEND_AFTER)
      if (!failures && events.length === EVENTS_AT_ONCE) later(0)
    },
    send: () => later(0),
    drop() {
      events = []
      save()
    }
  }
}
