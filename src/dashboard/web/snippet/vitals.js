// SPDX-License-Identifier: MIT
// Web vitals, by the library that defines them, and how long the page took to load.

import { onCLS, onFCP, onINP, onLCP, onTTFB } from 'web-vitals'
import { on } from './clock.js'

// The element that the metric was about, where its entries know.
const element = (entries) => {
  const { element, target, sources } = entries[entries.length - 1] || {}
  const node = element || target || (sources && sources[0] && sources[0].node)
  return node && node.localName && node.localName + (node.id ? '#' + node.id : node.className ? '.' + node.classList[0] : '')
}

export function watchVitals(client) {
  for (const watch of [onCLS, onFCP, onINP, onLCP, onTTFB])
    watch(({ name, value, rating, entries, navigationType }) =>
      client.send({
        name: 'web_vital',
        value: Math.round(value * 1e4) / 1e4,
        unit: name === 'CLS' ? 'score' : 'ms',
        properties: { metric: name, rating, element: element(entries), navigation: navigationType }
      })
    )
  const loaded = () =>
    setTimeout(() => {
      const { loadEventEnd, activationStart } = performance.getEntriesByType('navigation')[0]
      client.send({ name: 'page_load', value: Math.max(0, loadEventEnd - (activationStart || 0)), unit: 'ms' })
    })
  document.readyState === 'complete' ? loaded() : on(window, 'load', loaded)
}
