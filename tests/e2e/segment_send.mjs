// SPDX-License-Identifier: MIT
// Sends a small story with Segment's own SDK: node segment_send.mjs HOST WRITE_KEY PERSON ORDERS.
// Prints a line for each call that was delivered or given up, and ends when all of them were.
import { Analytics } from '@segment/analytics-node';

const [host, writeKey, person, orders] = process.argv.slice(2);
const analytics = new Analytics({
  host, writeKey, flushAt: 4, flushInterval: 50, maxRetries: 60, httpRequestTimeout: 5000,
});
analytics.on('error', (error) => console.error(JSON.stringify(error, null, 1)));

const who = { userId: `user-${person}`, anonymousId: `anon-${person}` };
const calls = [
  ['identify', { ...who, traits: { plan: 'pro', email: `${person}@app.example` } }],
  ['page', {
    ...who, name: 'Pricing', timestamp: new Date(Date.now() - 3600e3),
    properties: {
      url: 'https://app.example/pricing?utm_source=newsletter&secret=1', title: 'Prices',
      referrer: 'https://news.example/',
    },
  }],
  ['track', { ...who, event: 'Feature Used', properties: { feature: 'export', text: 'ü€😀' } }],
  ['group', { ...who, groupId: 'g-1', traits: { name: 'Initech' } }],
  ['alias', { userId: `user-${person}`, previousId: `anon-${person}` }],
];
for (let i = 0; i < Number(orders); i++) {
  calls.push(['track', {
    ...who, event: 'Order Completed', messageId: `${person}-order-${i}`,
    properties: { order_id: `${person}-${i}`, revenue: 20.5, currency: 'USD' },
  }]);
}

const delivered = calls.map(([type, call]) => new Promise((resolve) => {
  analytics[type](call, (error) => {
    console.log(`${type} ${error ? 'failed' : 'delivered'}`);
    resolve();
  });
}));
await Promise.all(delivered);
await analytics.closeAndFlush();
