// SPDX-License-Identifier: MIT
// Lets Python drive Chromium: reads {"code", "args"} a line, runs the code with browser, context, page,
// args and state at hand, and answers {"value"} or {"error"} a line.

import { chromium } from 'playwright-core'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { createRequire } from 'node:module'

const AsyncFunction = (async () => {}).constructor
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu']
})
const state = { axe }
const answer = (value) => process.stdout.write(JSON.stringify(value) + '\n')

for await (const line of createInterface({ input: process.stdin })) {
  const { code, args } = JSON.parse(line)
  try {
    const run = new AsyncFunction('browser', 'state', 'args', 'const { context, page } = state;' + code)
    const value = await run(browser, state, args)
    answer({ value: value === undefined ? null : value })
  } catch (error) {
    answer({ error: String((error && error.stack) || error) })
  }
}
await browser.close()
