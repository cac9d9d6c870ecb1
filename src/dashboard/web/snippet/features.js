// SPDX-License-Identifier: MIT
// Clicks on what carries data-traction-feature.

import { on } from './clock.js'

export function watchFeatures(client) {
  on(document, 'click', ({ target }) => {
    const marked = target.closest('[data-traction-feature]')
    if (marked) client.send({ name: 'feature_used', properties: { feature: marked.dataset.tractionFeature } })
  })
}
