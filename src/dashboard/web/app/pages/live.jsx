// SPDX-License-Identifier: MIT
import { useContext, useEffect, useState } from 'preact/hooks'
import * as format from '../format.js'
import { address } from '../api.js'
import { View } from '../data.js'
import { Bar, Card, Empty } from '../widgets.jsx'

export function useLive() {
  const view = useContext(View)
  const [stats, setStats] = useState(null)
  const [events, setEvents] = useState([])
  const [lost, setLost] = useState(false)
  useEffect(() => {
    const source = new EventSource(address('/v1/live', { properties: 1 }))
    source.addEventListener('stats', (event) => { setStats(JSON.parse(event.data)); setLost(false) })
    source.addEventListener('event', (event) => {
      const one = { ...JSON.parse(event.data), key: Math.random() }
      setEvents((was) => [one, ...was].slice(0, 50))
    })
    source.onerror = () => setLost(true)
    return () => source.close()
  }, [view.project.id])
  return { stats, events, lost }
}

const Tile = ({ title, children, unit }) => <Card title={title} class="stat"><div class="figure"><strong>{children}</strong> <span class="muted">{unit}</span></div></Card>

export function Live() {
  const view = useContext(View)
  const { stats, events, lost } = useLive()
  const views = stats?.page_views.values || []
  const top = Math.max(1, ...views)
  return (
    <div class="grid two">
      <div class="grid four wide">
        <Tile title="Active people" unit="in 5 minutes">{stats ? format.count(stats.active_people.value) : '–'}</Tile>
        <Tile title="Events a second" unit={stats ? `mean ${format.value('score', stats.events_per_second.mean)}` : ''}>{stats ? format.count(stats.events_per_second.last) : '–'}</Tile>
        <Tile title="Error rate" unit="of 5 minutes">{stats?.error_rate ? format.value('ratio', stats.error_rate.value) : '–'}</Tile>
        <Tile title="Client errors" unit="in 5 minutes">{stats ? format.count(stats.client_errors.value) : '–'}</Tile>
      </div>
      {lost && <p class="trouble wide" role="status">The connection is lost; it is tried again.</p>}
      <Card title="Page views of the last 30 minutes">
        <div class="columns" role="img" aria-label={`${stats?.page_views.value ?? 0} page views in 30 minutes`}>
          <svg preserveAspectRatio="none" viewBox={`0 0 ${views.length || 1} 1`} aria-hidden="true">
            {views.map((n, i) => <rect key={i} x={i + 0.08} width="0.84" y={1 - n / top} height={n / top} />)}</svg></div>
      </Card>
      <Card title="Top pages, 5 minutes">
        {stats && !stats.top_pages.length && <Empty>Nobody looks at a page right now.</Empty>}
        <table><tbody>{stats?.top_pages.map((page) => <tr key={page.path}><th scope="row"><Bar of={page.n} max={stats.top_pages[0].n} /><span>{page.path}</span></th><td class="n">{format.count(page.n)}</td></tr>)}</tbody></table>
      </Card>
      <Card title="Events as they come" wide>
        {!events.length && <Empty>Waiting for events.</Empty>}
        <div class="scroll" tabIndex={0} role="log" aria-label="Events as they come" aria-live="off"><table><tbody>
          {events.map((one) => (
            <tr key={one.key}><td class="nowrap">{format.time(one.at, view.project.timezone, 'minute')}</td><th scope="row">{one.name}</th><td>{one.route || one.path || ''}</td>
              <td>{one.who || ''}</td><td>{one.country || ''}</td><td class="muted cut">{one.properties ? JSON.stringify(one.properties) : ''}</td></tr>))}
        </tbody></table></div>
      </Card>
    </div>
  )
}
