// SPDX-License-Identifier: MIT
import { useState } from 'preact/hooks'
import * as format from '../format.js'
import { Groups, Kpi, Stat } from '../widgets.jsx'

const uses = [['people', (group) => format.count(group.people ?? 0)], ['of all', (group) => format.share(group.adoption)],
  ['uses', (group) => format.count(group.uses ?? group.value)]]
const n = [['', (group, answer) => format.value(answer.unit, group.value)]]

const PARTS = [['channel', 'Channel'], ['country', 'Country'], ['device', 'Device'], ['browser', 'Browser'], ['os', 'System'],
  ['referrer', 'Referrer']]

// One at a time: who is told apart by what their events say is not in rollups, and costs a look at the events.
function People() {
  const [by, setBy] = useState('channel')
  const choice = (
    <div class="choice" role="group" aria-label="People by">
      {PARTS.map(([name, title]) => <button key={name} aria-pressed={by === name} onClick={() => setBy(name)}>{title}</button>)}
    </div>
  )
  return <Groups title="People" wide kpi="active_users" label={PARTS.find(([name]) => name === by)[1]} options={{ by }} choice={choice}
    columns={[['people', n[0][1]], ['of all', (group, answer) => format.share(group.value / (answer.value || 1))]]} />
}

export function Engagement() {
  return (
    <div class="grid two">
      <Kpi title="Active people" kpi="active_users" />
      <Kpi title="Who they are" kpi="lifecycle" lines={[['new', (p) => p.new, '--c1'], ['returning', (p) => p.returning, '--c2'],
        ['resurrected', (p) => p.resurrected, '--c3'], ['dormant', (p) => p.dormant == null ? null : -p.dormant, '--c4']]} />
      <div class="grid four wide">
        <Stat title="Sessions" kpi="sessions" />
        <Stat title="Time on site" kpi="time_on_site" />
        <Stat title="Bounce rate" kpi="bounce_rate" better="down" />
        <Stat title="Stickiness" kpi="stickiness" note={() => 'mean DAU ÷ MAU'} />
      </div>
      <Groups title="Pages" kpi="page_views" label="Path" options={{ by: 'path' }} columns={[['views', n[0][1]]]} />
      <Groups title="Features" kpi="feature_usage" label="Feature" options={{}} dimension="feature" columns={uses} />
      <People />
    </div>
  )
}
