// SPDX-License-Identifier: MIT
// What every part needs: when, ids, what the browser remembers, and being told that the page goes away.

export const now = () => Date.now()

// crypto.randomUUID is not there on pages without TLS.
export const random = () =>
  [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => (byte + 256).toString(16).slice(1)).join('')

// Nothing of ours may reach the page as an exception.
export const safely =
  (f) =>
  (...args) => {
    try {
      return f(...args)
    } catch (e) {}
  }

// Storage may be forbidden, full or absent: then nothing is remembered.
export const load = safely((key) => localStorage.getItem(key))
export const keep = safely((key, value) =>
  value ? localStorage.setItem(key, value) : localStorage.removeItem(key)
)

export const on = (target, names, f) =>
  names.split(' ').forEach((name) => target.addEventListener(name, safely(f), { capture: true, passive: true }))

// Of applications that route behind the #, that part belongs to the path: what is left behind a # is
// not kept.
export const address = ({ hash }) =>
  hash && location.hash
    ? location.origin + (location.pathname + location.hash.replace(/^#!?\/*/, '/')).replace('//', '/')
    : location.href

export const hidden = () => document.visibilityState === 'hidden'

// A page that is closed says pagehide, one that is put away on a phone only visibilitychange.
export const onHide = (f) => {
  on(document, 'visibilitychange', () => hidden() && f())
  on(window, 'pagehide', f)
}
