// SPDX-License-Identifier: MIT
// What is looked at stands in the URL: page, project, range, comparison, filters. So every view can
// be sent to somebody, and the back button goes back.

import { useEffect, useReducer } from 'preact/hooks'

const listeners = new Set()
const changed = () => listeners.forEach((listener) => listener())
addEventListener('popstate', changed)

export const RANGES = [
  ['today', 'Today', { from: 'today', interval: 'hour' }],
  ['7d', '7 days', { from: '-6d', interval: 'day' }],
  ['30d', '30 days', { from: '-29d', interval: 'day' }],
  ['90d', '90 days', { from: '-89d', interval: 'day' }],
  ['12m', '12 months', { from: '-364d', interval: 'week' }]
]

export function read() {
  const query = new URLSearchParams(location.search)
  const range = query.get('range') || (query.get('from') ? 'custom' : '30d')
  const preset = RANGES.find(([name]) => name === range)
  const from = query.get('from') || (preset || RANGES[2])[2].from
  const to = query.get('to') || undefined
  return {
    page: location.pathname.slice(1).replace(/\/$/, '') || 'overview',
    query, range, from, to,
    interval: query.get('interval') || (preset ? preset[2].interval : intervalOf(from, to)),
    compare: query.get('compare') ?? 'previous',
    where: query.getAll('where')
  }
}

// About as many points as can be told apart.
function intervalOf(from, to) {
  const days = (new Date(to || Date.now()) - new Date(from)) / 86400000
  return days <= 0.15 ? 'minute' : days <= 3 ? 'hour' : days <= 120 ? 'day' : days <= 800 ? 'week' : 'month'
}

/** Changes the URL: null takes a parameter out, a list has several; page may be given. */
export function go(patch, replace) {
  const query = new URLSearchParams(location.search)
  const { page, ...parameters } = patch
  for (const [name, value] of Object.entries(parameters)) {
    query.delete(name)
    for (const one of [].concat(value ?? [])) query.append(name, one)
  }
  const url = (page === undefined ? location.pathname : '/' + page) + (query.size ? '?' + query : '')
  if (url !== location.pathname + location.search) history[replace ? 'replaceState' : 'pushState'](null, '', url)
  changed()
}

/** The address of another page with the same project, range and filters. */
export function linkTo(page, parameters = {}) {
  const query = new URLSearchParams()
  const now = new URLSearchParams(location.search)
  for (const name of ['project', 'range', 'from', 'to', 'interval', 'compare', 'where'])
    now.getAll(name).forEach((value) => query.append(name, value))
  for (const [name, value] of Object.entries(parameters)) {
    query.delete(name)
    for (const one of [].concat(value ?? [])) query.append(name, one)
  }
  return '/' + page + (query.size ? '?' + query : '')
}

export function useUrl() {
  const [, again] = useReducer((n) => n + 1, 0)
  useEffect(() => {
    listeners.add(again)
    return () => listeners.delete(again)
  }, [])
  return read()
}

export const addFilter = (where, condition) => (where.includes(condition) ? where : [...where, condition])

/** Clicks on links within the dashboard do not load the page again. */
export function followLinks() {
  addEventListener('click', (event) => {
    const link = event.target.closest?.('a[href^="/"]')
    if (!link || event.defaultPrevented || event.metaKey || event.ctrlKey || event.shiftKey || event.button ||
      link.target || link.hasAttribute('download') || link.pathname.startsWith('/v1/'))
      return
    event.preventDefault()
    history.pushState(null, '', link.href)
    changed()
    scrollTo(0, 0)
    document.querySelector('main')?.focus({ preventScroll: true })
  })
}
