// SPDX-License-Identifier: MIT
import { useContext, useState } from 'preact/hooks'
import * as format from '../format.js'
import { call } from '../api.js'
import { View, useGet, useKpi } from '../data.js'
import { Card, Empty, Form, Kpi, Loading, Trouble } from '../widgets.jsx'
import { go, linkTo } from '../state.js'

const TONES = { firing: 'bad', pending: 'warn', 'no data': 'muted', inactive: 'good', resolved: 'good' }
const seconds = (s) => format.duration(s * 1000)
const LIMITS = ['above', 'below', 'change_above', 'change_below']

function condition(rule) {
  const limit = LIMITS.find((name) => rule[name] != null)
  const what = `${rule.kpi}${rule.by ? ' by ' + rule.by : ''}${rule.where?.length ? ' where ' + rule.where.join(', ') : ''}`
  if (limit) return `${what} ${limit.replace('_', ' ')} ${rule[limit]} within ${seconds(rule.window)}${rule.for ? ` for ${seconds(rule.for)}` : ''}`
  return rule.burn_rate ? `${what} burns its budget (SLO ${rule.burn_rate.slo}) ${rule.burn_rate.factor} times too fast` : what
}

// What can be edited here; what else a rule has goes with it untouched.
function RuleForm({ rule, done, cancel }) {
  const kpis = useGet('/v1/kpis').answer?.kpis.map((one) => one.kpi) || []
  const receivers = useGet('/v1/alerts').answer?.receivers || []
  const limit = LIMITS.find((name) => rule?.[name] != null) || 'above'
  const save = async (values) => {
    const { id, state, alerts, created_at, changed_at, silenced_until, ...kept } = rule || {}
    LIMITS.forEach((name) => delete kept[name])
    const body = { ...kept, name: values.name, kpi: values.kpi, by: values.by || undefined, window: values.window, for: values.for || 0,
      severity: values.severity || 'page', min_samples: Number(values.min_samples || 0),
      where: values.where ? values.where.split('\n').filter(Boolean) : [], notify: values.notify ? [values.notify] : [] }
    if (!kept.burn_rate) body[values.limit] = Number(values.bound)
    await (rule ? call('PUT', '/v1/alerts/' + id, { body }) : call('POST', '/v1/alerts', { body }))
    done()
  }
  return <Form action={rule ? 'Save' : 'Create'} onCancel={cancel} submit={save}
    initial={rule ? { ...rule, limit, bound: rule[limit], where: rule.where?.join('\n'), window: rule.window + 's', for: rule.for + 's', notify: rule.notify?.[0] }
      : { kpi: 'error_rate', limit: 'above', window: '5m', for: '2m', severity: 'page' }}
    fields={[
      { name: 'name', label: 'Name' }, { name: 'kpi', label: 'KPI', options: [...kpis, 'ingest_silence'] },
      { name: 'limit', label: 'Condition', options: LIMITS.map((one) => [one, one.replace('_', ' ')]) },
      { name: 'bound', label: 'Threshold', inputMode: 'decimal', hint: '0.05 is 5 %' },
      { name: 'window', label: 'Window', hint: 'such as 5m or 2h' }, { name: 'for', label: 'For', hint: 'so long before anybody hears of it' },
      { name: 'by', label: 'One alert for each', options: [['', 'no: one for all'], 'route', 'country', 'browser', 'device', 'os', 'path', 'channel'] },
      { name: 'min_samples', label: 'At least so many samples', type: 'number', min: 0 },
      { name: 'where', label: 'Only where', type: 'textarea', placeholder: 'route:/api/boards' },
      { name: 'severity', label: 'Severity' },
      { name: 'notify', label: 'Who hears', options: [['', 'all receivers'], ...receivers.map((one) => one.name)] }]} />
}

function Rule({ rule, reload, open }) {
  const view = useContext(View)
  const [editing, setEditing] = useState(false)
  const [tried, setTried] = useState(null)
  const [error, setError] = useState(null)
  const act = (method, path, body) => async () => {
    setError(null)
    try {
      const answer = await call(method, `/v1/alerts/${rule.id}${path}`, { body })
      if (path === '/test') setTried(answer)
      else reload()
    } catch (problem) {
      setError(problem)
    }
  }
  return (
    <Card title={rule.name} id={'rule-' + rule.id} class={open ? 'open' : ''} tools={<span class={'badge ' + (TONES[rule.state] || '')} data-state={rule.state}>{rule.state}</span>}>
      <p>{condition(rule)}</p>
      {rule.silenced_until && <p class="muted">Silent until {format.moment(rule.silenced_until, view.project.timezone)}.</p>}
      {rule.alerts?.length > 0 && (
        <ul class="plain">{rule.alerts.slice(0, 10).map((one) => (
          <li key={one.series ?? ''}><span class={'badge ' + (TONES[one.state] || '')}>{one.state}</span> {one.series || rule.name} {one.value != null && <b>{one.value}</b>}</li>))}</ul>
      )}
      <Trouble error={error} />
      {tried && <p class="muted">{tried.findings.length ? tried.findings.map((one) => `${one.series ? one.series + ': ' : ''}${one.value ?? 'no data'} (n ${one.n ?? 0})`).join('; ') : 'No data.'} {tried.notifications.length} sent.</p>}
      {editing && <RuleForm rule={rule} cancel={() => setEditing(false)} done={() => { setEditing(false); reload() }} />}
      {!editing && (
        <div class="row">
          <a href={linkTo('alerts', { rule: rule.name })}>History</a>
          {view.member && <>
            <button onClick={() => setEditing(true)}>Edit</button>
            <button onClick={act('POST', '/test')}>Test</button>
            {rule.silenced_until ? <button onClick={act('DELETE', '/silence')}>End silence</button>
              : <button onClick={act('POST', '/silence', { for: '2h', comment: 'from the dashboard' })}>Silence for 2 h</button>}
            <button onClick={() => confirm(`Delete the rule "${rule.name}"?`) && act('DELETE', '')()}>Delete</button></>}
        </div>
      )}
    </Card>
  )
}

// What a rule asks, around the moment that a link names.
function Moment({ rule, at }) {
  const view = useContext(View)
  const around = new Date(at).getTime()
  const span = Math.max(3600e3, rule.window * 6000)
  const there = { ...view, from: new Date(around - span).toISOString(), to: new Date(Math.min(Date.now(), around + span)).toISOString(), where: rule.where || [], interval: undefined, compare: 'none' }
  return (
    <View.Provider value={there}>
      <Kpi title={`${rule.name}, around ${format.moment(at, view.project.timezone)}`} kpi={rule.kpi} wide options={{ by: rule.by || undefined, interval: span > 86400e3 ? 'hour' : 'minute', compare: null, ...rule.params }} />
    </View.Provider>
  )
}

function History({ rule }) {
  const view = useContext(View)
  const { answer, error } = useGet('/v1/alerts/history', { from: '-30d', limit: 100, rule: rule || undefined })
  return (
    <Card title={rule ? `What ${rule} went through` : 'What happened'} wide tools={rule && <button class="link" onClick={() => go({ rule: null, at: null })}>All rules</button>}>
      <Trouble error={error} />
      {answer && !answer.history.length && <Empty>Nothing in the last 30 days.</Empty>}
      {answer?.history.length > 0 && (
        <div class="scroll" tabIndex={0} role="region" aria-label="History, a table"><table>
          <thead><tr><th scope="col">When</th><th scope="col">Rule</th><th scope="col">What</th><th scope="col">Group</th><th scope="col" class="n">Value</th></tr></thead>
          <tbody>{answer.history.map((one, i) => (
            <tr key={i}><td>{format.moment(one.at, view.project.timezone)}</td><td>{one.rule}</td>
              <td><span class={'badge ' + (TONES[one.change] || '')}>{one.change}</span></td><td>{one.series ?? ''}</td><td class="n">{one.value ?? ''}</td></tr>))}
          </tbody></table></div>
      )}
    </Card>
  )
}

const KINDS = { webhook: 'Webhook', slack: 'Slack', alertmanager: 'Alertmanager', email: 'E-mail' }

function Receivers({ receivers, reload }) {
  const [adding, setAdding] = useState(false)
  const [error, setError] = useState(null)
  const remove = (name) => async () => {
    setError(null)
    await call('DELETE', '/v1/alerts/receivers/' + encodeURIComponent(name)).then(reload, setError)
  }
  return (
    <Card title="Who hears" wide tools={!adding && <button onClick={() => setAdding(true)}>New receiver</button>}>
      {!receivers.length && !adding && <Empty>Nobody hears of alerts yet.</Empty>}
      <ul class="plain">{receivers.map((one) => (
        <li key={one.name}><b>{one.name}</b> {Object.keys(KINDS).filter((kind) => one[kind]).map((kind) => `${KINDS[kind]} ${one[kind]}`).join()}
          {one.failing_since && <span class="bad"> fails since {format.ago(one.failing_since)}: {one.last_error}</span>}{' '}
          <button class="link" aria-label={`Remove ${one.name}`} onClick={remove(one.name)}>Remove</button></li>))}</ul>
      <Trouble error={error} />
      {adding && <Form action="Add" onCancel={() => setAdding(false)} initial={{ kind: 'webhook' }}
        submit={async ({ name, kind, to, secret }) => {
          await call('POST', '/v1/alerts/receivers', { body: { name, [kind]: to, secret: secret || undefined } })
          setAdding(false)
          reload()
        }} fields={[
          { name: 'name', label: 'Receiver' }, { name: 'kind', label: 'Kind', options: Object.entries(KINDS) },
          { name: 'to', label: 'Address', hint: 'a URL, or an e-mail address' }, { name: 'secret', label: 'Secret', hint: 'signs what is sent; none is fine' }]} />}
    </Card>
  )
}

export function Alerts() {
  const view = useContext(View)
  const { answer, error, reload } = useGet('/v1/alerts')
  const [adding, setAdding] = useState(false)
  const wanted = view.query.get('rule')
  const at = view.query.get('at')
  const rules = answer?.rules || []
  const shown = rules.find((rule) => rule.name === wanted)
  const order = { firing: 0, pending: 1, 'no data': 2 }
  return (
    <div class="grid two">
      {view.member && (adding
        ? <Card title="New rule" wide><RuleForm cancel={() => setAdding(false)} done={() => { setAdding(false); reload() }} /></Card>
        : <div class="wide row"><button class="primary" onClick={() => setAdding(true)}>New rule</button></div>)}
      <Trouble error={error} />
      {!answer && !error && <Loading />}
      {shown && at && <Moment rule={shown} at={at} />}
      {answer && !rules.length && !adding && <Empty>No rules. The first one to have: API error rate above 5 % for two minutes.</Empty>}
      {[...rules].sort((a, b) => (order[a.state] ?? 3) - (order[b.state] ?? 3)).map((rule) => <Rule key={rule.id} rule={rule} reload={reload} open={rule === shown} />)}
      <History rule={wanted} />
      {answer && view.member && <Receivers receivers={answer.receivers} reload={reload} />}
    </div>
  )
}
