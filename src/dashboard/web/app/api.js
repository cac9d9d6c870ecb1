// SPDX-License-Identifier: MIT
// Requests to the server. Questions asked at about the same time travel together: POST /v1/query
// takes many, and three of those are under way at once.

let share = null
let project = null
let onSignedOut = () => {}

export const useShare = (token) => (share = token)
export const useProject = (id) => (project = id)
export const whenSignedOut = (f) => (onSignedOut = f)

export class Failure extends Error {
  constructor(status, { code, message, parameter, hint } = {}) {
    super(message || `The server answered ${status}.`)
    Object.assign(this, { status, code, parameter, hint })
  }
}

// A key may have four questions under way (limits.queries_per_key); three leave room for another tab.
const AT_ONCE = 3
let busy = 0
const queue = []
const enter = () => (busy < AT_ONCE ? void busy++ : new Promise((go) => queue.push(go)))
const leave = () => (queue.length ? queue.shift()() : busy--)

const pause = (ms) => new Promise((done) => setTimeout(done, ms))

// With a cookie the project has to be said; a share's token says it.
export function address(path, parameters = {}) {
  const query = new URLSearchParams()
  if (project && !share) query.set('project', project)
  for (const [name, value] of Object.entries(parameters))
    for (const one of [].concat(value ?? [])) query.append(name, one)
  return query.size ? `${path}?${query}` : path
}

export async function call(method, path, options = {}) {
  await enter()
  try {
    return await request(method, path, options)
  } finally {
    leave()
  }
}

async function request(method, path, { body, parameters, attempts = 3 }) {
  const headers = { 'Traction-Request': '1' }
  if (share) headers.Authorization = 'Bearer ' + share
  if (body !== undefined) headers['Content-Type'] = 'application/json'
  let answer
  try {
    answer = await fetch(address(path, parameters), {
      method, headers, body: body === undefined ? undefined : JSON.stringify(body), cache: 'no-store'
    })
  } catch (error) {
    throw new Failure(0, { message: 'The server cannot be reached.', hint: 'It is asked again by itself.' })
  }
  const found = await answer.json().catch(() => ({}))
  if (answer.ok) return found
  if ((answer.status === 429 || answer.status === 503) && attempts > 1 && found.error?.code !== 'too_many_attempts') {
    await pause(300 * (4 - attempts))
    return request(method, path, { body, parameters, attempts: attempts - 1 })
  }
  if (answer.status === 401 && !path.startsWith('/v1/session')) onSignedOut()
  throw new Failure(answer.status, found.error)
}

let waiting = []

async function send(batch) {
  try {
    const { answers } = await call('POST', '/v1/query', { body: { queries: batch.map((one) => one.query) } })
    batch.forEach((one, i) =>
      answers[i].error?.code ? one.fail(new Failure(400, answers[i].error)) : one.done(answers[i]))
  } catch (error) {
    batch.forEach((one) => one.fail(error))
  }
}

const sendIn = (count, questions) => {
  const batches = Array.from({ length: Math.min(count, questions.length) }, () => [])
  questions.forEach((one, i) => batches[i % batches.length].push(one))
  batches.forEach(send)
}

// A batch is answered as a whole: breakdowns, which may need the events, keep nobody else waiting.
function flush() {
  const slow = waiting.filter((one) => one.query.by)
  const quick = waiting.filter((one) => !one.query.by)
  waiting = []
  sendIn(slow.length ? AT_ONCE - 1 : AT_ONCE, quick)
  sendIn(quick.length ? 1 : AT_ONCE, slow)
}

/** A KPI's answer. Equal questions of a moment are asked once. */
export function ask(query) {
  const text = JSON.stringify(query)
  const same = waiting.find((one) => one.text === text)
  if (same) return same.promise
  if (waiting.length === 0) setTimeout(flush, 0)
  const one = { text, query }
  one.promise = new Promise((done, fail) => Object.assign(one, { done, fail }))
  waiting.push(one)
  return one.promise
}
