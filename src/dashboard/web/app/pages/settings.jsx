// SPDX-License-Identifier: MIT
import { useContext, useEffect, useState } from 'preact/hooks'
import * as format from '../format.js'
import { call } from '../api.js'
import { View, useGet } from '../data.js'
import { Card, Empty, Form, Loading, Trouble } from '../widgets.jsx'
import { go } from '../state.js'

function Copy({ text, label }) {
  const [done, setDone] = useState(false)
  const copy = async () => {
    await navigator.clipboard?.writeText(text).catch(() => {})
    setDone(true)
    setTimeout(() => setDone(false), 2000)
  }
  return <div class="copy"><pre tabIndex={0} aria-label={label}>{text}</pre><button onClick={copy}>{done ? 'Copied' : 'Copy'}</button></div>
}

const tag = (key) => `<script async src="${location.origin}/traction.js" data-key="${key}"></script>`

/** Until something has come: what to paste, and a button that tries it. */
export function FirstEvent() {
  const view = useContext(View)
  const [key, setKey] = useState(null)
  const [sent, setSent] = useState(false)
  const [error, setError] = useState(null)
  const guarded = (f) => async () => {
    try {
      setError(null)
      await f()
    } catch (problem) {
      setError(problem)
    }
  }
  useEffect(() => {
    const timer = setInterval(view.refresh, 3000)
    return () => clearInterval(timer)
  }, [])
  return (
    <div class="grid">
      <Card title="Nothing has come yet" wide>
        <p>Paste this into the pages of your product, before <code>&lt;/head&gt;</code>:</p>
        <Copy text={tag(key || 'tw_…')} label="The script's tag" />
        {view.owner && !key && <button class="primary" onClick={guarded(async () => setKey((await call('POST', '/v1/keys', { body: { scope: 'write' } })).key))}>Make a write key</button>}
        <p>From a server, or with the SDK you have: <code>POST {location.origin}/v1/events</code>; Segment's SDKs take this server as their host.</p>
        {view.member && <button onClick={guarded(async () => {
          await call('POST', '/v1/events', { body: { name: 'page_view', user: 'me', url: location.origin + '/test', title: 'A test from the dashboard' }, parameters: { ack: 'commit' } })
          setSent(true)
          view.refresh()
        })}>Send a test event</button>}
        {sent && <p role="status">It has arrived.</p>}
        <Trouble error={error} />
      </Card>
    </div>
  )
}

function Keys() {
  const { answer, error, reload } = useGet('/v1/keys')
  const [made, setMade] = useState(null)
  return (
    <Card title="Keys">
      <Trouble error={error} />
      {!answer && !error && <Loading />}
      <table><tbody>{answer?.keys.map((key) => (
        <tr key={key.hint + key.created}><th scope="row"><code>{key.hint}…</code></th><td>{key.scope}</td><td class="muted">{format.day(key.created, 'UTC')}</td>
          <td><button class="link" onClick={async () => { if (confirm(`End ${key.hint}…? Whoever uses it is refused within seconds.`)) { await call('DELETE', '/v1/keys/' + key.hint); reload() } }}>Revoke</button></td></tr>))}
      </tbody></table>
      {made && <><p role="status">Shown once; keep it.</p><Copy text={made.key} label="The new key" />{made.scope === 'write' && <Copy text={tag(made.key)} label="The script's tag" />}</>}
      <Form action="Make a key" initial={{ scope: 'write' }} fields={[{ name: 'scope', label: 'Which may', options: [['write', 'send events (public)'], ['read', 'ask KPIs'], ['admin', 'change things']] }]}
        submit={async ({ scope }) => { setMade(await call('POST', '/v1/keys', { body: { scope } })); reload() }} />
    </Card>
  )
}

function Users() {
  const { answer, error, reload } = useGet('/v1/users')
  return (
    <Card title="People who may sign in">
      <Trouble error={error} />
      <table><tbody>{answer?.users.map((user) => (
        <tr key={user.id}><th scope="row">{user.email}</th>
          <td><label class="hidden" for={'role' + user.id}>Role of {user.email}</label>
            <select id={'role' + user.id} value={user.role} onChange={async (event) => { await call('PUT', '/v1/users/' + user.id, { body: { role: event.target.value } }).catch((problem) => alert(problem.message)); reload() }}>
              {['owner', 'member', 'viewer'].map((role) => <option key={role}>{role}</option>)}</select></td>
          <td><button class="link" onClick={async () => { if (confirm(`Remove ${user.email}?`)) { await call('DELETE', '/v1/users/' + user.id).catch((problem) => alert(problem.message)); reload() } }}>Remove</button></td></tr>))}
      </tbody></table>
      <Form action="Add" initial={{ role: 'member' }} submit={async (values) => { await call('POST', '/v1/users', { body: values }); reload() }} fields={[
        { name: 'email', label: 'E-mail', type: 'email', autoComplete: 'off' }, { name: 'role', label: 'Role', options: ['viewer', 'member', 'owner'] },
        { name: 'password', label: 'Password', type: 'password', autoComplete: 'new-password', hint: 'at least 10 characters' }]} />
    </Card>
  )
}

function Project() {
  const view = useContext(View)
  const { answer, reload } = useGet('/v1/projects')
  const mine = answer?.projects.find((one) => one.id === view.project.id)
  const [saved, setSaved] = useState(false)
  return (
    <Card title="Project">
      {!mine && <Loading height={300} />}
      {mine && <Form action="Save" initial={{ ...mine, origins: mine.origins.join('\n'), retention_days: mine.retention_days || 0, respect_dnt: String(mine.respect_dnt) }}
        submit={async (values) => {
          await call('PUT', '/v1/project', { body: { name: values.name, origins: values.origins.split(/\s+/).filter(Boolean), retention_days: Number(values.retention_days || 0), respect_dnt: values.respect_dnt === 'true' } })
          setSaved(true)
          reload()
          view.reloadSession()
        }} fields={[
          { name: 'name', label: 'Name' },
          { name: 'origins', label: 'Origins whose pages may send', type: 'textarea', hint: 'one a line; none: any' },
          { name: 'retention_days', label: 'Days to keep events', type: 'number', min: 0, hint: '0: for ever; older ones are deleted for good, rollups stay' },
          { name: 'respect_dnt', label: 'People who ask not to be tracked', options: [['false', 'are counted as others'], ['true', 'are left out']] }]} />}
      {saved && <p role="status">Saved.</p>}
      {mine && <p class="muted">Days begin in {mine.timezone}; money is in {mine.currency}. <code>traction project set</code> changes currency and rates.</p>}
      <details><summary>Another project</summary>
        <Form action="Make a project" submit={async (values) => { const made = await call('POST', '/v1/projects', { body: values }); await view.reloadSession(); go({ project: made.id, page: 'overview' }) }} fields={[
          { name: 'name', label: 'Name' }, { name: 'timezone', label: 'Time zone', hint: 'fixed once it has events; UTC unless given' }, { name: 'currency', label: 'Currency', hint: 'USD unless given' }]} />
      </details>
    </Card>
  )
}

function Shares() {
  const view = useContext(View)
  const { answer, error, reload } = useGet('/v1/shares')
  const [made, setMade] = useState(null)
  return (
    <Card title="Shared links">
      <p class="muted">Who has such a link sees one page, and can change nothing.</p>
      <Trouble error={error} />
      <table><tbody>{answer?.shares.map((one) => (
        <tr key={one.id}><th scope="row">{one.page}</th><td>{one.title}</td><td class="muted">{one.by}</td>
          <td>{view.member && <button class="link" onClick={async () => { await call('DELETE', '/v1/shares/' + one.id); reload() }}>Revoke</button>}</td></tr>))}</tbody></table>
      {answer && !answer.shares.length && <Empty>Nothing is shared.</Empty>}
      {made && <Copy text={`${location.origin}/share#${made.token}`} label="The shared link" />}
      {view.member && <Form action="Make a link" initial={{ page: 'overview' }} submit={async (values) => { setMade(await call('POST', '/v1/shares', { body: values })); reload() }} fields={[
        { name: 'page', label: 'Page', options: ['overview', 'engagement', 'performance', 'business', 'feedback', 'retention'] }, { name: 'title', label: 'What for' }]} />}
    </Card>
  )
}

function Account() {
  const [done, setDone] = useState('')
  return (
    <Card title="You">
      <Form action="Change the password" submit={async (values) => { await call('PUT', '/v1/session/password', { body: values }); setDone('Changed; you are signed out everywhere else.') }} fields={[
        { name: 'current', label: 'Password now', type: 'password', autoComplete: 'current-password' },
        { name: 'password', label: 'New password', type: 'password', autoComplete: 'new-password', hint: 'at least 10 characters' }]} />
      {done && <p role="status">{done}</p>}
      <button onClick={async () => { await call('DELETE', '/v1/session', { parameters: { everywhere: 1 } }); location.assign('/sign-in') }}>Sign out everywhere</button>
    </Card>
  )
}

// Everything of a range, page by page.
async function exportEvents(view, progress) {
  const lines = []
  let cursor
  do {
    const { events, next } = await call('GET', '/v1/events', { parameters: { from: view.from, to: view.to, where: view.where, include: 'bots', limit: 500, cursor } })
    events.forEach((one) => lines.push(JSON.stringify(one) + '\n'))
    progress(lines.length)
    cursor = next
  } while (cursor)
  return lines
}

function Export() {
  const view = useContext(View)
  const [state, setState] = useState('')
  const [error, setError] = useState(null)
  const save = async () => {
    try {
      setError(null)
      const lines = await exportEvents(view, (n) => setState(`${format.count(n)} events so far`))
      const link = document.createElement('a')
      link.href = URL.createObjectURL(new Blob(lines, { type: 'application/x-ndjson' }))
      link.download = 'events.ndjson'
      link.click()
      setTimeout(() => URL.revokeObjectURL(link.href), 1000)
      setState(`${format.plural(lines.length, 'event', 'events')} saved.`)
    } catch (problem) {
      setError(problem)
    }
  }
  return (
    <Card title="Data">
      <p>The events of the range above that match the filters, as they are stored, one a line.</p>
      <button onClick={save}>Save as NDJSON</button>
      <p role="status">{state}</p>
      <Trouble error={error} />
      <p class="muted">Events go by age with the project's days to keep them.</p>
    </Card>
  )
}

function Person() {
  const view = useContext(View)
  const [went, setWent] = useState(null)
  const erase = async ({ user }) => {
    setWent(null)
    if (!confirm(`Erase ${user} for good? Every event, session and sum of theirs goes, as if nothing had ever been sent of them.`)) return
    setWent(await call('POST', '/v1/erase', { body: { user: user || '' } }))
    view.refresh()
  }
  return (
    <Card title="Erase a person">
      <p class="muted">For those who ask for it. To give them what is stored first: filter by <code>user:ID</code> above, and save it.</p>
      <Form action="Erase" submit={erase} fields={[{ name: 'user', label: 'User', autoComplete: 'off', hint: 'the id that their events have' }]} />
      {went && <p role="status">{went.user} is gone, with {format.plural(went.events, 'event', 'events')} and {format.plural(went.sessions, 'session', 'sessions')}.
        {!went.landed && ' What was received just before may still land: erase again in a minute.'}</p>}
    </Card>
  )
}

export function Settings() {
  const view = useContext(View)
  return (
    <div class="grid two">
      <Card title="The snippet" wide><p>One line in your pages; docs/browser.md says what it sends and how to ask for consent.</p><Copy text={tag('tw_…')} label="The script's tag" /></Card>
      {view.owner && <Project />}
      {view.owner && <Keys />}
      <Shares />
      {view.owner && <Users />}
      <Account />
      <Export />
      {view.owner && <Person />}
    </div>
  )
}
