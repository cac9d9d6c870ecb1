// SPDX-License-Identifier: MIT
// Figures and times, for the reader's locale.

const number = (options) => {
  const format = new Intl.NumberFormat(undefined, options)
  return (value) => format.format(value)
}
const whole = number({ maximumFractionDigits: 0 })
const compact = number({ notation: 'compact', maximumFractionDigits: 1 })
const short = number({ maximumFractionDigits: 2 })
const percent = number({ style: 'percent', maximumFractionDigits: 1 })
const fine = number({ style: 'percent', maximumFractionDigits: 2 })
const moneys = {}

const money = (currency, value, small) => {
  const key = currency + !!small
  moneys[key] ??= new Intl.NumberFormat(undefined, {
    style: 'currency', currency, maximumFractionDigits: small ? 2 : 0,
    notation: 'standard'
  })
  return moneys[key].format(value)
}

export function duration(ms) {
  if (ms < 1000) return `${whole(ms)} ms`
  const s = ms / 1000
  if (s < 100) return `${short(s)} s`
  if (s < 5400) return `${whole(s / 60)} min`
  return s < 172800 ? `${short(s / 3600)} h` : `${short(s / 86400)} days`
}

/** A value of a KPI's unit, as people read it. */
export function value(unit, amount, tight) {
  if (amount == null) return '–'
  if (unit === 'ratio') return Math.abs(amount) < 0.01 && amount !== 0 ? fine(amount) : percent(amount)
  if (unit === 'ms') return duration(amount)
  if (unit === 'score') return short(amount)
  if (unit === 'times') return `${short(amount)}×`
  if (unit === 'months') return `${short(amount)} months`
  if (/^[A-Z]{3}$/.test(unit || '')) return money(unit, amount, Math.abs(amount) < 100 && amount % 1 !== 0)
  if (tight || Math.abs(amount) >= 1e6) return compact(amount)
  return Number.isInteger(amount) ? whole(amount) : short(amount)
}

export const count = whole
export const share = (amount) => (amount == null ? '–' : percent(amount))
export const signed = (amount) => (amount > 0 ? '+' : amount < 0 ? '−' : '±') + percent(Math.abs(amount))

export const plural = (n, one, many) => `${whole(n)} ${n === 1 ? one : many}`

const formats = {}
const dateFormat = (timezone, options) => {
  const key = timezone + JSON.stringify(options)
  formats[key] ??= new Intl.DateTimeFormat(undefined, { timeZone: timezone, ...options })
  return formats[key]
}

/** An instant, as exact as the interval. */
export function time(at, timezone, interval) {
  const date = new Date(at)
  if (interval === 'month') return dateFormat(timezone, { month: 'short', year: 'numeric' }).format(date)
  if (interval === 'hour' || interval === 'minute')
    return dateFormat(timezone, { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' }).format(date)
  return dateFormat(timezone, { weekday: 'short', day: 'numeric', month: 'short' }).format(date)
}
export const moment = (at, timezone) =>
  dateFormat(timezone, { day: 'numeric', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit', second: '2-digit' })
    .format(new Date(at))
export const day = (at, timezone) =>
  dateFormat(timezone, { day: 'numeric', month: 'short', year: 'numeric' }).format(new Date(at))

export const ago = (at) => {
  const s = Math.max(0, (Date.now() - new Date(at)) / 1000)
  return s < 60 ? `${whole(s)} s ago` : s < 5400 ? `${whole(s / 60)} min ago` : s < 172800 ? `${whole(s / 3600)} h ago`
    : `${whole(s / 86400)} days ago`
}

/** What stands below a chart, as exact as its length needs. */
export function tick(at, timezone, times) {
  const days = (new Date(times[times.length - 1]) - new Date(times[0])) / 86400000
  return dateFormat(timezone, days > 370 ? { month: 'short', year: '2-digit' } : days > 2.5 ? { day: 'numeric', month: 'short' }
    : { hour: '2-digit', minute: '2-digit' }).format(new Date(at))
}

export const points = (difference) => (difference > 0 ? '+' : difference < 0 ? '−' : '±') + short(Math.abs(difference))
