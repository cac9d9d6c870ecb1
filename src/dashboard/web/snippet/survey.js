// SPDX-License-Identifier: MIT
// A question in the corner of the page: not in the way, usable with a keyboard and a screen reader,
// asked once, and then not for 90 days. Styles are set by script, which a strict CSP allows.

import { keep, load, now } from './clock.js'

const AGAIN = 90 * 24 * 3600 * 1000
const KINDS = {
  nps: ['How likely are you to recommend us?', 0, 10],
  csat: ['How satisfied are you?', 1, 5],
  ces: ['How easy was it?', 1, 7],
  text: ['What could be better?']
}
const STYLE =
  'form{position:fixed;z-index:2147483647;right:16px;bottom:16px;max-width:340px;padding:16px;font:15px/1.5 system-ui;' +
  'background:Canvas;color:CanvasText;border:1px solid #8888;border-radius:10px;box-shadow:0 4px 24px #0003}b{display:block}' +
  'button,textarea{font:inherit;margin:8px 4px 0 0;min-width:28px;border:1px solid #888;border-radius:5px}' +
  'textarea{display:block;width:98%}[aria-pressed=true]{background:Highlight;color:HighlightText}'

const make = (parent, name, textContent, attributes) => {
  const node = Object.assign(document.createElement(name), { textContent })
  for (const key in attributes) node.setAttribute(key, attributes[key])
  parent.append(node)
  return node
}

export function askSurvey(client, { type = 'nps', survey = type, question, again }) {
  const [standard, from, to] = KINDS[type]
  const key = 'tr_survey_' + survey
  if (!again && now() - load(key) < AGAIN) return
  keep(key, String(now()))

  let score
  const host = make(document.body, 'div', '')
  const root = host.attachShadow({ mode: 'open' })
  const sheet = new CSSStyleSheet()
  sheet.replaceSync(STYLE)
  root.adoptedStyleSheets = [sheet]
  const close = () => host.remove()
  const button = (text, onclick, attributes) =>
    Object.assign(make(form, 'button', text, { type: 'button', ...attributes }), { onclick })

  question = question || standard
  const form = make(root, 'form', '', { 'aria-label': question })
  make(form, 'b', question + (to ? ` (${from}–${to})` : ''))
  for (let i = from; i <= to; i++)
    button(i, ({ target }) => {
      score = i
      root.querySelectorAll('[aria-pressed]').forEach((one) => one.setAttribute('aria-pressed', one === target))
    }, { 'aria-pressed': false })
  const text = make(form, 'textarea', '', { 'aria-label': to ? 'Why?' : question, maxlength: 2000 })
  button('Send', () => {
    const words = text.value.trim() || undefined
    if (score == null && !words) return
    client.send({
      name: 'survey_answer',
      value: score,
      unit: score == null ? undefined : 'score',
      properties: { survey, type: score == null ? 'text' : type, text: words }
    })
    form.textContent = ''
    make(form, 'div', 'Thank you.', { role: 'status' })
    setTimeout(close, 2000)
  })
  button('Not now', close)
  form.onkeydown = ({ key }) => {
    if (key === 'Escape') close()
  }
}
