// SPDX-License-Identifier: MIT
import * as format from '../format.js'
import { Groups, Kpi, Stat } from '../widgets.jsx'

const uses = [['people', (group) => format.count(group.people ?? 0)], ['of all', (group) => format.share(group.adoption)],
  ['uses', (group) => format.count(group.uses ?? group.value)]]
const n = [['', (group, answer) => format.value(answer.unit, group.value)]]

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
      <Groups title="Channels" kpi="active_users" label="Channel" options={{ by: 'channel' }} columns={[['people', n[0][1]]]} />
      <Groups title="Countries" kpi="active_users" label="Country" options={{ by: 'country' }} columns={[['people', n[0][1]]]} />
      <Groups title="Browsers" kpi="active_users" label="Browser" options={{ by: 'browser' }} columns={[['people', n[0][1]]]} />
      <Groups title="Devices" kpi="active_users" label="Device" options={{ by: 'device' }} columns={[['people', n[0][1]]]} />
    </div>
  )
}
