// SPDX-License-Identifier: MIT
// The frame around the pages: who is signed in, which project, which range, which filters.

import 'uplot/dist/uPlot.min.css'
import './style.css'
import { render } from 'preact'
import { useEffect, useMemo, useState } from 'preact/hooks'
import * as format from './format.js'
import { call, useProject, useShare, whenSignedOut } from './api.js'
import { View } from './data.js'
import { RANGES, followLinks, go, linkTo, useUrl } from './state.js'
import { Boundary, Mark, useClosing } from './widgets.jsx'
import { Overview } from './pages/overview.jsx'
import { Engagement } from './pages/engagement.jsx'
import { Performance } from './pages/performance.jsx'
import { Business } from './pages/business.jsx'
import { Feedback } from './pages/feedback.jsx'
import { Retention } from './pages/retention.jsx'
import { Funnels } from './pages/funnels.jsx'
import { Hypotheses } from './pages/hypotheses.jsx'
import { Alerts } from './pages/alerts.jsx'
import { Live } from './pages/live.jsx'
import { Events } from './pages/events.jsx'
import { Rejects } from './pages/rejects.jsx'
import { Settings } from './pages/settings.jsx'
import { SignIn } from './pages/signin.jsx'

const PAGES = [
  ['overview', 'Overview', Overview], ['engagement', 'Engagement', Engagement], ['performance', 'Performance', Performance],
  ['business', 'Business', Business], ['feedback', 'Feedback', Feedback], ['retention', 'Retention', Retention],
  ['funnels', 'Funnels', Funnels], ['hypotheses', 'Hypotheses', Hypotheses], ['alerts', 'Alerts', Alerts],
  ['live', 'Live', Live], ['events', 'Events', Events], ['rejects', 'Rejects', Rejects], ['settings', 'Settings', Settings]
]
const WITHOUT_RANGE = ['hypotheses', 'alerts', 'live', 'rejects']
const REFRESH = 60000

function Controls({ url, project }) {
  const [filter, setFilter] = useState('')
  const add = (event) => {
    event.preventDefault()
    if (filter.trim()) go({ where: [...url.where, filter.trim()] })
    setFilter('')
  }
  return (
    <div class="controls">
      <div class="ranges" role="group" aria-label="Range">
        {RANGES.map(([name, label]) => (
          <button key={name} aria-pressed={url.range === name} onClick={() => go({ range: name, from: null, to: null, interval: null })}>{label}</button>))}
        {url.range === 'custom' && <span class="chip">{format.time(url.from, project.timezone, 'minute')} – {url.to ? format.time(url.to, project.timezone, 'minute') : 'now'}
          <button aria-label="The last 30 days again" onClick={() => go({ range: '30d', from: null, to: null, interval: null })}>×</button></span>}
      </div>
      <label class="inline">by <select aria-label="Interval" value={url.interval} onChange={(event) => go({ interval: event.target.value })}>
        {['minute', 'hour', 'day', 'week', 'month'].map((one) => <option key={one}>{one}</option>)}</select></label>
      <label class="inline">against <select aria-label="Compared with" value={url.compare} onChange={(event) => go({ compare: event.target.value })}>
        <option value="previous">the time before</option><option value="week">weeks before</option><option value="year">a year before</option><option value="none">nothing</option></select></label>
      <form onSubmit={add} class="filter"><input aria-label="Filter" placeholder="filter, such as country:DE" value={filter} onInput={(event) => setFilter(event.target.value)} /></form>
      {url.where.map((one) => <span class="chip" key={one}>{one}<button aria-label={`Remove the filter ${one}`} onClick={() => go({ where: url.where.filter((other) => other !== one) })}>×</button></span>)}
    </div>
  )
}

const KEYS = { o: 'overview', e: 'engagement', p: 'performance', b: 'business', f: 'feedback', r: 'retention', a: 'alerts', l: 'live' }

function useKeys(help) {
  useEffect(() => {
    let g = 0
    const press = (event) => {
      if (event.target.closest?.('input,textarea,select') || event.metaKey || event.ctrlKey || event.altKey) return
      if (event.key === '/') {
        event.preventDefault()
        document.querySelector('.filter input')?.focus()
      } else if (event.key === '?') help((shown) => !shown)
      else if (event.key === 'g') g = Date.now()
      else if (Date.now() - g < 1500 && KEYS[event.key]) {
        go({ page: KEYS[event.key] })
        g = 0
      } else if ('12345'.includes(event.key)) go({ range: RANGES[event.key - 1][0], from: null, to: null, interval: null })
    }
    addEventListener('keydown', press)
    return () => removeEventListener('keydown', press)
  }, [])
}

const Help = ({ close }) => (
  <div class="help" role="dialog" aria-label="Keys">
    <h2>Keys</h2>
    <p><kbd>1</kbd>–<kbd>5</kbd> range · <kbd>/</kbd> filter · <kbd>?</kbd> this</p>
    <p>{Object.entries(KEYS).map(([key, page]) => <span key={key}><kbd>g</kbd> <kbd>{key}</kbd> {page} · </span>)}</p>
    <button onClick={close}>Close</button>
  </div>
)

function Frame({ session, reloadSession, share }) {
  const url = useUrl()
  const [tick, setTick] = useState(0)
  const [dark, setDark] = useState(matchMedia('(prefers-color-scheme: dark)').matches)
  const [menu, setMenu] = useState(false)
  const [help, setHelp] = useState(false)
  const project = session.projects.find((one) => one.id === url.query.get('project')) || session.projects[0]
  useProject(project.id)
  useClosing()
  useKeys(setHelp)
  useEffect(() => {
    const timer = setInterval(() => document.visibilityState === 'visible' && setTick((n) => n + 1), REFRESH)
    return () => clearInterval(timer)
  }, [])
  useEffect(() => setMenu(false), [url.page])
  useEffect(() => {
    const scheme = matchMedia('(prefers-color-scheme: dark)')
    scheme.onchange = () => setDark(scheme.matches)
  }, [])
  const page = share ? session.page : PAGES.some(([name]) => name === url.page) ? url.page : 'overview'
  const [, title, Page] = PAGES.find(([name]) => name === page)
  useEffect(() => { document.title = `${title} · ${project.name} · Traction` }, [title, project.name])
  const role = session.user?.role
  const view = useMemo(() => ({ ...url, project, tick, dark, reloadSession, refresh: () => setTick((n) => n + 1),
    owner: role === 'owner', member: role === 'owner' || role === 'member' }), [location.href, project, tick, dark, role])
  return (
    <View.Provider value={view}>
      <a class="skip" href="#main">Skip to the content</a>
      {!share && (
        <nav class={menu ? 'open' : ''} aria-label="Pages">
          <div class="brand"><Mark /> Traction</div>
          {session.projects.length > 1
            ? <select aria-label="Project" value={project.id} onChange={(event) => go({ project: event.target.value, where: null })}>
                {session.projects.map((one) => <option key={one.id} value={one.id}>{one.name}</option>)}</select>
            : <p class="muted">{project.name}</p>}
          <ul>{PAGES.map(([name, label]) => <li key={name}><a href={linkTo(name)} aria-current={name === page ? 'page' : undefined}>{label}</a></li>)}</ul>
          <div class="who"><span class="cut">{session.user.email}</span>
            <button class="link" onClick={async () => { await call('DELETE', '/v1/session'); location.assign('/sign-in') }}>Sign out</button></div>
        </nav>
      )}
      <div class="page">
        <header class="top">
          {!share && <button class="burger" aria-expanded={menu} aria-label="Pages" onClick={() => setMenu(!menu)}>☰</button>}
          <h1>{share && session.title ? session.title : title}</h1>
          {share && <span class="muted">{project.name}</span>}
          {!WITHOUT_RANGE.includes(page) && <Controls url={url} project={project} />}
        </header>
        <main id="main" tabIndex={-1} key={page + project.id}><Boundary><Page /></Boundary></main>
      </div>
      {help && <Help close={() => setHelp(false)} />}
    </View.Provider>
  )
}

function App() {
  const [session, setSession] = useState(null)
  const [error, setError] = useState(null)
  const share = location.pathname === '/share' ? location.hash.slice(1) : null
  const loadSession = async () => {
    try {
      if (share) {
        useShare(share)
        const shared = await call('GET', '/v1/share')
        setSession({ ...shared, projects: [shared.project] })
        return
      }
      const found = await call('GET', '/v1/session')
      setSession(found.user ? found : false)
      if (found.rotate) call('POST', '/v1/session/rotate').catch(() => {})
    } catch (problem) {
      setError(problem)
    }
  }
  useEffect(() => {
    whenSignedOut(() => setSession(false))
    loadSession()
  }, [])
  if (error) return <main class="alone"><h1>Traction</h1><p role="alert">{share ? 'This link shows nothing any more.' : error.message}</p><button onClick={() => location.reload()}>Again</button></main>
  if (session === null) return <div class="page" aria-busy="true" />
  if (session === false && share) return <main class="alone"><h1>Traction</h1><p role="alert">This link shows nothing any more.</p></main>
  if (session === false || location.pathname === '/sign-in') return <SignIn done={() => { if (location.pathname === '/sign-in') go({ page: 'overview' }, true); loadSession() }} />
  return <Frame session={session} reloadSession={loadSession} share={share} />
}

followLinks()
render(<App />, document.getElementById('app'))
