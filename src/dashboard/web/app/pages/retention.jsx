// SPDX-License-Identifier: MIT
import { useContext } from 'preact/hooks'
import * as format from '../format.js'
import { View, useKpi } from '../data.js'
import { Card, Empty, Loading, Tools, Trouble, Kpi } from '../widgets.jsx'
import { go } from '../state.js'

const shade = (share) => 'heat' + (share == null ? 'n' : Math.min(9, Math.ceil(share * 10)))

export function Retention() {
  const view = useContext(View)
  const interval = ['day', 'week', 'month'].includes(view.query.get('cohorts')) ? view.query.get('cohorts') : 'week'
  const { answer, error, loading } = useKpi('retention', { interval, compare: null })
  const cohorts = answer?.cohorts || []
  const width = Math.max(0, ...cohorts.map((cohort) => cohort.periods.length))
  return (
    <div class="grid">
      <Card title="Who comes back" wide class={loading ? 'busy' : ''} tools={<>
        <label class="inline">Cohorts by <select value={interval} onChange={(event) => go({ cohorts: event.target.value })}>
          {['day', 'week', 'month'].map((one) => <option key={one}>{one}</option>)}</select></label>
        <Tools kpi="retention" options={{ interval }} answer={answer} /></>}>
        <Trouble error={error} />
        {!answer && !error && <Loading height={300} />}
        {answer && !cohorts.length && <Empty>Nobody came for the first time in this range.</Empty>}
        {cohorts.length > 0 && (
          <>
            <p class="sentence">Of the people who came for the first time in a {interval}, {format.share(answer.value)} were there again in the next.</p>
            <div class="scroll" tabIndex={0} role="region" aria-label="Retention by cohort">
              <table class="matrix">
                <thead><tr><th scope="col">First {interval}</th><th scope="col" class="n">people</th>
                  {Array.from({ length: width }, (_, i) => <th scope="col" class="n" key={i}>{i}</th>)}</tr></thead>
                <tbody>
                  {cohorts.map((cohort) => (
                    <tr key={cohort.t}><th scope="row">{format.day(cohort.t + 'T12:00:00Z', 'UTC')}</th><td class="n">{format.count(cohort.size)}</td>
                      {cohort.periods.map((period) => (
                        <td key={period.n} class={'n ' + shade(period.share)} title={period.share == null ? 'not over yet' : `${period.active} of ${cohort.size}`}>
                          {period.share == null ? '' : format.share(period.share)}</td>))}
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          </>
        )}
      </Card>
      <Kpi title="Return rate" kpi="return_rate" wide />
    </div>
  )
}
