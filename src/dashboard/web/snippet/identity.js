// SPDX-License-Identifier: MIT
// Who: nothing that outlives the page unless people agreed. Without ids the server tells visitors
// apart by a hash that changes every day.

import { keep, load, now, random, safely } from './clock.js'

const KEY = 'traction'
const SESSION_MS = 30 * 60 * 1000

export function makeIdentity() {
  let user
  let remembers

  const known = () => safely(JSON.parse)(load(KEY)) || {}
  const ids = () => {
    const { anonymous = random(), session, last } = known()
    const ids = { user, anonymous, session: now() - last < SESSION_MS ? session : random() }
    keep(KEY, JSON.stringify({ ...ids, last: now() }))
    return ids
  }

  return {
    stamp: (event) => ({ user, ...(remembers && ids()), ...event }),
    remember(yes) {
      remembers = yes
      user = user || known().user
      if (!yes) keep(KEY)
    },
    is(id) {
      user = String(id)
    },
    reset() {
      user = undefined
      keep(KEY)
    }
  }
}
