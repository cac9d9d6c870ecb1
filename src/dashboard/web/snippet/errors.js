// SPDX-License-Identifier: MIT
// Errors that nobody caught: each kind a few times, all together so many a page and minute. Of scripts
// from other origins without CORS the browser says nothing but "Script error.".

import { on } from './clock.js'

const OF_A_KIND = 3
const A_MINUTE = 20

export function watchErrors(client) {
  const kinds = {}
  let count = 0
  setInterval(() => (count = 0), 60000)

  const report = (error, message, at) => {
    const { name: type = 'Error', message: text, stack } = Object(error)
    message = String(text || message || error).slice(0, 500)
    const kind = type + message + at
    kinds[kind] = (kinds[kind] || 0) + 1
    if (kinds[kind] > OF_A_KIND || count++ >= A_MINUTE) return
    client.send({
      name: 'error',
      properties: {
        type,
        message,
        stack: stack && String(stack).slice(0, 4000),
        at,
        foreign: /^Script error/.test(message) || undefined
      }
    })
  }
  on(window, 'error', ({ error, message, filename, lineno }) => {
    if (message) report(error, message, filename ? filename + ':' + lineno : undefined)
  })
  on(window, 'unhandledrejection', ({ reason }) => report(reason))
  return report
}
