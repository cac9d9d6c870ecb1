// SPDX-License-Identifier: MIT
// Puts the parts together. Every call is safe: nothing it does reaches the page as an exception.

import { address, now, random, safely } from './clock.js'
import { makeIdentity } from './identity.js'
import { makeQueue } from './queue.js'
import { watchErrors } from './errors.js'
import { watchFeatures } from './features.js'
import { watchPages } from './pages.js'
import { watchRequests } from './requests.js'
import { watchVitals } from './vitals.js'
import { askSurvey } from './survey.js'

// Of data- attributes, or of init()'s options: all are text.
export function makeClient({ host, key, consent, dnt, hash, without, apis, routes, survey, question, surveyDelay }) {
  const list = (text) => (text || '').split(/[\s,]+/).filter(Boolean)
  const config = { host: new URL(host).origin, key, hash: hash != null, apis: list(apis), routes: list(routes) }
  const refuses = dnt != null && (navigator.globalPrivacyControl || navigator.doNotTrack === '1')
  let waits = consent === 'required'
  const identity = makeIdentity()
  const queue = makeQueue({ ...config, waits: () => waits })
  const client = {
    stamp: (event) => identity.stamp({ id: random(), timestamp: now(), url: address(config), ...event }),
    send: (event) => refuses || queue.add(client.stamp(event))
  }
  if (consent === 'granted') identity.remember(true)

  const start = (part, watch) => list(without).includes(part) || safely(watch)(client, config)
  config.pages = !list(without).includes('pages')
  const view = watchPages(client, config)
  const report = start('errors', watchErrors)
  start('vitals', watchVitals)
  start('requests', watchRequests)
  start('features', watchFeatures)

  const api = {
    track: (name, properties, options) => client.send({ name, properties, ...options }),
    identify(user, properties) {
      identity.is(user)
      client.send({ name: 'identify', properties })
    },
    reset: identity.reset,
    page: () => view(true),
    error: (error) => report(error),
    survey: (options) => askSurvey(client, options.type ? options : { type: options }),
    consent(yes) {
      identity.remember(yes)
      waits = consent === 'required' && !yes
      waits ? queue.drop() : queue.send()
    },
    flush: queue.send
  }
  for (const name in api) api[name] = safely(api[name])
  api.push = safely(([name, ...args]) => api[name](...args))
  if (survey) setTimeout(() => api.survey({ type: survey, question }), 1000 * (surveyDelay || 20))
  return api
}
