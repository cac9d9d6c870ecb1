// SPDX-License-Identifier: MIT
import { useContext, useState } from 'preact/hooks'
import * as format from '../format.js'
import { call } from '../api.js'
import { View, useGet } from '../data.js'
import { Card, Empty, Form, Loading, Trouble } from '../widgets.jsx'

const TONES = { validated: 'good', refuted: 'bad' }

function Hypothesis({ one, reload }) {
  const view = useContext(View)
  const bound = one.above ?? one.below
  const low = Math.min(bound, one.interval?.low ?? one.value ?? bound)
  const high = Math.max(bound, one.interval?.high ?? one.value ?? bound)
  const room = (high - low || 1) * 0.15
  const x = (v) => ((v - low + room) / (high - low + 2 * room)) * 300
  return (
    <Card title={one.title} tools={<span class={'badge ' + (TONES[one.verdict] || '')}>{one.verdict}</span>}>
      <p>{one.kpi} {one.above != null ? 'above' : 'below'} <b>{format.value(one.unit, bound)}</b>, {format.day(one.from, view.project.timezone)} to {format.day(one.until, view.project.timezone)}</p>
      <svg class="interval" viewBox="0 0 300 34" role="img" aria-label={one.interval ? `value ${format.value(one.unit, one.value)}, interval ${format.value(one.unit, one.interval.low)} to ${format.value(one.unit, one.interval.high)}, bound ${format.value(one.unit, bound)}` : 'no interval yet'}>
        {one.interval && <line class="range" x1={x(one.interval.low)} x2={x(one.interval.high)} y1="17" y2="17" />}
        {one.value != null && <circle cx={x(one.value)} cy="17" r="5" />}
        <line class="bound" x1={x(bound)} x2={x(bound)} y1="3" y2="31" />
      </svg>
      <p class="muted">{one.value == null ? 'No value yet.' : `${format.value(one.unit, one.value)}`}{one.interval && `, between ${format.value(one.unit, one.interval.low)} and ${format.value(one.unit, one.interval.high)}`}; {format.count(one.n)} of at least {format.count(one.min_sample)}.
        {one.verdict === 'too early' && <> {one.reason}. {one.decided_on ? `Decided about ${format.day(one.decided_on, view.project.timezone)} at this rate.` : ''}</>}</p>
      {view.member && <button class="link" onClick={async () => { await call('DELETE', '/v1/hypotheses/' + one.id); reload() }}>Take out of sight</button>}
    </Card>
  )
}

export function Hypotheses() {
  const view = useContext(View)
  const { answer, error, reload } = useGet('/v1/hypotheses')
  const kpis = useGet('/v1/kpis').answer?.kpis.filter((one) => one.evidence !== 'none') || []
  const [adding, setAdding] = useState(false)
  const add = async ({ title, kpi, direction, bound, from, until, min_sample, where }) => {
    await call('POST', '/v1/hypotheses', { body: {
      title, kpi, [direction || 'above']: Number(bound), from: from || undefined, until,
      min_sample: min_sample ? Number(min_sample) : undefined, where: where ? [where] : undefined } })
    setAdding(false)
    reload()
  }
  return (
    <div class="grid two">
      <Card title="What you believe" wide tools={view.member && !adding && <button class="primary" onClick={() => setAdding(true)}>New hypothesis</button>}>
        <p>A hypothesis says in advance what a number shall be, by when, and from how many people on it counts. Its verdict may be looked at every day without becoming wrong more often.</p>
        {adding && <Form action="State it" onCancel={() => setAdding(false)} submit={add} initial={{ kpi: 'return_rate', direction: 'above' }} fields={[
          { name: 'title', label: 'What you believe', placeholder: 'Teams come back' },
          { name: 'kpi', label: 'KPI', options: kpis.map((one) => one.kpi) },
          { name: 'direction', label: 'shall be', options: ['above', 'below'] },
          { name: 'bound', label: 'the bound', hint: 'of a share between 0 and 1', inputMode: 'decimal' },
          { name: 'from', label: 'From', type: 'date', hint: 'now, unless given' }, { name: 'until', label: 'Until', type: 'date' },
          { name: 'min_sample', label: 'At least so many', type: 'number', min: 30 }, { name: 'where', label: 'Only where', placeholder: 'country:DE' }]} />}
      </Card>
      <Trouble error={error} />
      {!answer && !error && <Loading />}
      {answer && !answer.hypotheses.length && !adding && <Empty>No hypothesis yet. An MVP exists to test one.</Empty>}
      {answer?.hypotheses.map((one) => <Hypothesis key={one.id} one={one} reload={reload} />)}
    </div>
  )
}
