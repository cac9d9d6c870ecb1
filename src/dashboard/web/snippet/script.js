// SPDX-License-Identifier: MIT
// <script async src="https://HOST/traction.js" data-key="tw_…"></script>
// What was called before it came is in the array window.traction.

import { makeClient } from './client.js'
import { safely } from './clock.js'

safely(() => {
  const script = document.currentScript
  const early = window.traction || []
  if (early.track) return
  window.traction = makeClient({ host: script.src, ...script.dataset })
  ;[...early].forEach(window.traction.push)
})()
