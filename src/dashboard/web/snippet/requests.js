// SPDX-License-Identifier: MIT
// What the page asks of its servers: how long each request took and how it ended, by route.

import { safely } from './clock.js'

// What looks like an id rather than like a word: /users/42/posts/9f1c… is the route /users/:id/posts/:id.
const ID = /^(\d+|[\da-f-]{8,}|.*\d.*\d.*\d.*|.{25,})$/i

export const routeOf = (path, routes) =>
  routes.find((route) => new RegExp('^' + route.replace(/:\w+/g, '[^/]+') + '$').test(path)) ||
  path.split('/').map((part) => part.replace(ID, ':id')).join('/')

export function watchRequests(client, config) {
  const watch = (method, address) => {
    const start = performance.now()
    return safely((status) => {
      const { origin, host, pathname } = new URL(address, location.href)
      const own = origin === location.origin
      if ((origin === config.host && pathname.startsWith('/v1/')) || !(own || config.apis.includes(origin)))
        return
      client.send({
        name: 'api_request',
        value: Math.round(performance.now() - start),
        unit: 'ms',
        properties: { route: (own ? '' : host) + routeOf(pathname, config.routes), method, status }
      })
    })
  }

  const original = window.fetch
  window.fetch = function (input, options) {
    const done = watch((options || input || 0).method || 'GET', (input && input.url) || input)
    const promise = original.apply(this, arguments)
    promise.then(
      ({ status }) => done(status),
      (error) => Object(error).name === 'AbortError' || done(0)
    )
    return promise
  }

  const { open, send } = XMLHttpRequest.prototype
  XMLHttpRequest.prototype.open = function (...args) {
    this._traction = args
    return open.apply(this, args)
  }
  XMLHttpRequest.prototype.send = function (body) {
    const [method, address] = this._traction || []
    const done = watch(method, address)
    this.addEventListener('load', () => done(this.status))
    this.addEventListener('error', () => done(0))
    return send.call(this, body)
  }
}
