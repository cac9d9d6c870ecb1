// SPDX-License-Identifier: MIT
// A small story told by the real SDK: node segment_send.mjs URL KEY PEOPLE
import { Analytics } from '@segment/analytics-node'

const [host, writeKey, people] = process.argv.slice(2)
const analytics = new Analytics({ host, writeKey, maxRetries: 20, flushInterval: 50 })
let failed = 0
analytics.on('error', () => { failed++ })

for (let i = 0; i < Number(people); i++) {
  const who = { userId: `user-${i}`, anonymousId: `anon-${i}` }
  analytics.identify({ ...who, traits: { plan: 'pro' } })
  analytics.page({ ...who, name: 'Pricing', properties: { url: 'https://app.example/pricing?utm_source=news', title: 'Pricing' } })
  analytics.track({ ...who, event: 'Signed Up', properties: { method: 'email' } })
  analytics.track({ ...who, event: 'Order Completed', properties: { order_id: `o-${i}`, revenue: 19.5, currency: 'USD' } })
  analytics.group({ ...who, groupId: 'org-1', traits: { name: 'Org' } })
  await new Promise((resolve) => setTimeout(resolve, 20))
}
await analytics.closeAndFlush({ timeout: 60000 })
process.exit(failed ? 1 : 0)
