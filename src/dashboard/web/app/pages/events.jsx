// SPDX-License-Identifier: MIT
import { useContext, useState } from 'preact/hooks'
import * as format from '../format.js'
import { View, useGet } from '../data.js'
import { Card, Empty, Groups, Kpi, Loading, Trouble } from '../widgets.jsx'
import { go } from '../state.js'

const DIMENSIONS = ['name', 'kind', 'country', 'device', 'browser', 'os', 'channel', 'path', 'host', 'referrer', 'user', 'session', 'route',
  'status', 'feature', 'goal', 'plan', 'metric']

function Event({ one, timezone }) {
  const [open, setOpen] = useState(false)
  return (
    <>
      <tr><td class="nowrap">{format.moment(one.at, timezone)}</td>
        <th scope="row"><button class="link" aria-expanded={open} onClick={() => setOpen(!open)}>{one.name}</button></th>
        <td class="cut">{one.user || one.anonymous || ''}</td><td class="cut">{one.url || one.properties?.route || ''}</td><td class="n">{one.value != null ? `${one.value} ${one.unit || ''}` : ''}</td></tr>
      {open && <tr><td colSpan="5"><pre tabIndex={0}>{JSON.stringify(one, null, 2)}</pre></td></tr>}
    </>
  )
}

export function Events() {
  const view = useContext(View)
  const name = view.query.get('name') || undefined
  const by = view.query.get('by') || 'name'
  const names = useGet('/v1/names', { from: view.from, to: view.to }).answer?.names || []
  const properties = useGet('/v1/properties', { name }).answer?.properties || []
  const list = useGet('/v1/events', { from: view.from, to: view.to, name, where: view.where })
  const options = [...DIMENSIONS, ...properties.map((one) => 'properties.' + one.property)]
  return (
    <div class="grid two">
      <div class="row wide">
        <label class="inline">Event <select value={name || ''} onChange={(event) => go({ name: event.target.value || null })}>
          <option value="">all</option>{names.map((one) => <option key={one.name} value={one.name}>{one.name} ({format.count(one.events)})</option>)}</select></label>
        <label class="inline">Broken down by <select value={by} onChange={(event) => go({ by: event.target.value })}>
          {options.map((one) => <option key={one}>{one}</option>)}</select></label>
      </div>
      <Kpi title={name || 'All events'} kpi="event_count" options={{ name }} better="none" />
      <Groups title={`By ${by}`} kpi="event_count" label={by} options={{ name, by }} columns={[['events', (g) => format.count(g.value)]]} limit={12} />
      <Card title="The newest 100" wide class={list.loading ? 'busy' : ''}>
        <Trouble error={list.error} />
        {!list.answer && !list.error && <Loading height={300} />}
        {list.answer && !list.answer.events.length && <Empty>No such event in this range.</Empty>}
        {list.answer?.events.length > 0 && (
          <div class="scroll" tabIndex={0} role="region" aria-label="Events, a table"><table>
            <thead><tr><th scope="col">When</th><th scope="col">Event</th><th scope="col">Who</th><th scope="col">Where</th><th scope="col" class="n">Value</th></tr></thead>
            <tbody>{list.answer.events.map((one) => <Event key={one.id + one.at} one={one} timezone={view.project.timezone} />)}</tbody>
          </table></div>
        )}
      </Card>
    </div>
  )
}
