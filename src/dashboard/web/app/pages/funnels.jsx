// SPDX-License-Identifier: MIT
import { useContext, useState } from 'preact/hooks'
import * as format from '../format.js'
import { View, useGet, useKpi } from '../data.js'
import { Bar, Card, Definition, Empty, Loading, Trouble } from '../widgets.jsx'
import { go } from '../state.js'

export function FunnelSteps({ steps, window, by }) {
  const { answer, error, loading } = useKpi('funnel', { interval: 'none', compare: null, steps, window, by })
  if (error) return <Trouble error={error} />
  if (!answer) return <Loading height={282} />
  const all = by && answer.groups ? answer.groups.filter((group) => group.steps) : [{ by: null, steps: answer.steps, value: answer.value }]
  return (
    <div class={loading ? 'busy' : ''}>
      <div class="figure"><strong data-kpi="funnel" data-value={answer.value ?? ''}>{format.share(answer.value)}</strong><span class="muted">of {format.plural(answer.n, 'person', 'people')} went all the way</span><Definition answer={answer} kpi="funnel" /></div>
      {all.map((group) => (
        <ol class="funnel" key={String(group.by)}>
          {by && <h3>{group.by ?? '(none)'}</h3>}
          {group.steps.map((step) => (
            <li key={step.step}>
              <span class="name">{step.step}. {step.name}</span>
              <Bar class="step" of={step.people} max={group.steps[0].people} />
              <span class="n"><b>{format.count(step.people)}</b> {format.share(step.share_of_first)}
                {step.share_of_previous != null && <small class="muted"> · {format.share(step.share_of_previous)} of the step before
                  {step.median_seconds_from_previous != null && `, after ${format.duration(step.median_seconds_from_previous * 1000)}`}</small>}</span>
            </li>
          ))}
        </ol>
      ))}
      {answer.n === 0 && <Empty>Nobody did the first step in this range.</Empty>}
    </div>
  )
}

export function Funnels() {
  const view = useContext(View)
  const given = (view.query.get('steps') || 'sign_up,conversion').split(',')
  const [steps, setSteps] = useState(given)
  const [error, setError] = useState(null)
  const names = useGet('/v1/names', { from: view.from, to: view.to }).answer?.names || []
  const window = view.query.get('window') || '7d'
  const by = view.query.get('by') || ''
  const change = (i, value) => setSteps(steps.map((one, at) => (at === i ? value : one)))
  const show = (event) => {
    event.preventDefault()
    const wanted = steps.map((step) => step.trim()).filter(Boolean)
    setError(wanted.length < 2 ? { message: 'A funnel has at least two steps.' } : null)
    if (wanted.length >= 2) go({ steps: wanted.join(',') })
  }
  return (
    <div class="grid two">
      <Card title="Steps">
        <form onSubmit={show} class="form">
          <datalist id="names">{names.map((one) => <option key={one.name} value={one.name}>{format.count(one.events)}</option>)}</datalist>
          {steps.map((step, i) => (
            <div class="field row" key={i}>
              <label class="hidden" for={'step' + i}>Step {i + 1}</label>
              <input id={'step' + i} list="names" value={step} placeholder="an event's name, or page_view:/pricing" onInput={(event) => change(i, event.target.value)} />
              <button type="button" aria-label={`Remove step ${i + 1}`} onClick={() => setSteps(steps.filter((_, at) => at !== i))}>×</button>
            </div>
          ))}
          <div class="row"><button type="button" onClick={() => setSteps([...steps, ''])} disabled={steps.length > 9}>Add a step</button>
            <button class="primary">Show</button></div>
          <Trouble error={error} />
          <div class="row">
            <label class="inline">Within <select value={window} onChange={(event) => go({ window: event.target.value })}>
              {[['1h', 'an hour'], ['1d', 'a day'], ['7d', '7 days'], ['30d', '30 days'], ['90d', '90 days']].map(([v, t]) => <option key={v} value={v}>{t}</option>)}</select></label>
            <label class="inline">By <select value={by} onChange={(event) => go({ by: event.target.value || null })}>
              {['', 'channel', 'country', 'device', 'browser', 'os'].map((one) => <option key={one} value={one}>{one || 'nothing'}</option>)}</select></label>
          </div>
        </form>
      </Card>
      <Card title="How far they get"><FunnelSteps steps={given.join(',')} window={window} by={by || undefined} /></Card>
    </div>
  )
}
