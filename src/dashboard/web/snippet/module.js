// SPDX-License-Identifier: MIT
// import { init } from 'traction-web'

import { makeClient } from './client.js'

let client

/** Starts, once. Lists may be arrays. */
export function init(options) {
  if (!options || !options.key || !options.host)
    throw new TypeError('traction: init() needs host and key: init({ host: "https://…", key: "tw_…" })')
  const { apis, routes, without } = options
  const text = (list) => (Array.isArray(list) ? list.join(' ') : list)
  client = client || makeClient({ ...options, apis: text(apis), routes: text(routes), without: text(without) })
  return client
}

const call =
  (name) =>
  (...args) => {
    if (client) client[name](...args)
  }
export const track = call('track')
export const identify = call('identify')
export const reset = call('reset')
export const page = call('page')
export const error = call('error')
export const survey = call('survey')
export const consent = call('consent')
export const flush = call('flush')
