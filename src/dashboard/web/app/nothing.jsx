// SPDX-License-Identifier: MIT
// Where there is nothing to show: what a KPI is made of, and a button that sends one of it.

import { useContext, useState } from 'preact/hooks'
import { call } from './api.js'
import { View } from './data.js'

const url = location.origin + '/test'

// Events by name: who sends them, and one of them.
const EVENTS = {
  page_view: ['traction.js sends one for every page.', { url, title: 'A test' }],
  feature_used: ['Put data-traction-feature="export" on what people click.', { properties: { feature: 'export' } }],
  api_request: ['traction.js times what pages fetch; servers can send their own.', { value: 120, unit: 'ms', properties: { route: '/api/test', status: 200 } }],
  error: ['traction.js reports what pages do not catch.', { url, properties: { type: 'TypeError', message: 'A test' } }],
  page_load: ['traction.js measures it.', { url, value: 900, unit: 'ms' }],
  web_vital: ['traction.js measures them.', { url, value: 1200, properties: { metric: 'LCP' } }],
  sign_up: ['Send one where accounts are made.', { properties: { channel: 'direct' } }],
  conversion: ['Send one where somebody reaches your goal.', { properties: { goal: 'trial' } }],
  purchase: ['Send one for every payment.', { value: 29 }],
  subscription_started: ['Send one where somebody begins to pay; value is what it comes to a month.', { value: 29, properties: { plan: 'team' } }],
  survey_answer: ['Put data-survey="nps" in the script\'s tag.', { value: 9, properties: { type: 'nps', text: 'A test' } }],
}

const SOURCES = {
  feature_usage: 'feature_used', error_rate: 'api_request', api_response_time: 'api_request', apdex: 'api_request',
  errors: 'error', client_error_rate: 'error', load_time: 'page_load', web_vitals: 'web_vital', acquisition: 'sign_up',
  conversion_rate: 'conversion', revenue: 'purchase', mrr: 'subscription_started', nps: 'survey_answer',
  sentiment: 'survey_answer',
}

export function Nothing({ kpi }) {
  const view = useContext(View)
  const [said, setSaid] = useState('')
  const name = SOURCES[kpi] || 'page_view'
  const [how, more] = EVENTS[name]
  const event = { name, user: 'test', ...more }
  const send = async () => {
    try {
      await call('POST', '/v1/events', { body: event, parameters: { ack: 'commit' } })
      setSaid('It has arrived, from a user “test”.')
      view.refresh()
    } catch (problem) {
      setSaid(problem.message)
    }
  }
  return (
    <div class="empty">
      <p>Nothing in this range. It comes from events named <code>{name}</code>. {how}</p>
      <details><summary>What to send</summary><pre tabIndex={0} aria-label={`An event named ${name}`}>POST {location.origin}/v1/events{'\n'}{JSON.stringify(event, null, 2)}</pre></details>
      {view.member && view.where.length === 0 && <button onClick={send}>Send a test event</button>}
      <p role="status">{said}</p>
    </div>
  )
}
