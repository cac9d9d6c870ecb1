// SPDX-License-Identifier: MIT
import * as format from '../format.js'
import { Card, Definition, Groups, Kpi, Loading, Stat, Trouble } from '../widgets.jsx'
import { useKpi } from '../data.js'
import { Nothing } from '../nothing.jsx'
import { failing, slowest } from '../rank.js'

const NAMES = { LCP: 'Largest contentful paint', INP: 'Interaction to next paint', CLS: 'Layout shift',
  FCP: 'First contentful paint', TTFB: 'Time to first byte' }

function Vitals() {
  const { answer, error } = useKpi('web_vitals', { interval: 'none', compare: null })
  return (
    <Card title="Web vitals" wide tools={<Definition answer={answer} kpi="web_vitals" />}>
      <Trouble error={error} />
      {!answer && !error && <Loading height={105} />}
      <div class="vitals">
        {answer?.groups.map((group) => (
          <div key={group.by} class="vital">
            <h3>{NAMES[group.by] || group.by}</h3>
            <strong class={'rating ' + (group.rating || '').replace(/\W+/g, '-')}>
              {group.by === 'CLS' ? format.value('score', group.value) : format.duration(group.value)}</strong>
            <span class="muted"> {group.rating}</span>
            <div class="shares" role="img" aria-label={`${format.share(group.good)} good, ${format.share(group.needs_improvement)} need improvement, ${format.share(group.poor)} poor`}>
              <svg class="part" preserveAspectRatio="none" viewBox="0 0 1 1" aria-hidden="true">
                <rect class="good" width={group.good} height="1" />
                <rect class="fair" x={group.good} width={group.needs_improvement} height="1" />
                <rect class="poor" x={group.good + group.needs_improvement} width={group.poor} height="1" />
              </svg>
            </div>
            <small class="muted">{format.share(group.good)} good · {format.share(group.poor)} poor · n {format.count(group.n)}</small>
          </div>
        ))}
        {answer && !answer.groups.length && <Nothing kpi="web_vitals" />}
      </div>
    </Card>
  )
}

export function Performance() {
  return (
    <div class="grid two">
      <Kpi title="Error rate" kpi="error_rate" better="down" sentence={(a) => format.plural(a.n, 'request', 'requests')} />
      <Kpi title="API response time, p95" kpi="api_response_time" better="down" sentence={(a) => a.value != null &&
        `p50 ${format.duration(a.p50)}, p75 ${format.duration(a.p75)}, p99 ${format.duration(a.p99)}`} />
      <Vitals />
      <Groups title="Routes by errors" rank={failing} kpi="error_rate" label="Route" options={{ by: 'route' }}
        columns={[['failed', (g) => format.value('ratio', g.value)], ['requests', (g) => format.count(g.n)]]} />
      <Groups title="Routes by response time" rank={slowest} kpi="api_response_time" label="Route" options={{ by: 'route' }}
        columns={[['p50', (g) => format.value('ms', g.p50)], ['p95', (g) => format.value('ms', g.p95)], ['requests', (g) => format.count(g.n)]]} />
      <Groups title="Errors" wide kpi="errors" label="Type and message" options={{}} dimension="error"
        columns={[['people', (g) => format.count(g.people ?? 0)], ['sessions', (g) => format.count(g.sessions ?? 0)],
          ['errors', (g) => format.count(g.value)], ['last seen', (g) => g.last_seen ? format.ago(g.last_seen) : '–']]} />
      <Kpi title="Page load, p75" kpi="load_time" better="down" />
      <Kpi title="Sessions with an error" kpi="client_error_rate" better="down" />
      <Groups title="Slow pages" rank={slowest} kpi="load_time" label="Path" options={{ by: 'path' }}
        columns={[['p75', (g) => format.value('ms', g.value)], ['p95', (g) => format.value('ms', g.p95)], ['loads', (g) => format.count(g.n)]]} />
      <Stat title="Apdex" kpi="apdex" note={() => 'T = 500 ms'} />
    </div>
  )
}
