// SPDX-License-Identifier: MIT
// Four questions: growing, coming back, working, paying? Each with its figure, its course and the
// sentence that says it.

import { useContext } from 'preact/hooks'
import * as format from '../format.js'
import { View, useKpi } from '../data.js'
import { Kpi, Stat } from '../widgets.jsx'
import { linkTo } from '../state.js'
import { FirstEvent } from './settings.jsx'

const moved = (answer) => {
  const change = answer?.previous?.change
  if (change == null) return ''
  return Math.abs(change) < 0.005 ? ', as in the time before'
    : `, ${format.share(Math.abs(change))} ${change > 0 ? 'more' : 'fewer'} than in the time before`
}
const rose = (answer, unit) => {
  const previous = answer?.previous
  if (!previous || previous.value == null || answer.value == null) return ''
  return ` It was ${format.value(unit ?? answer.unit, previous.value)} before.`
}

const Question = ({ ask, page, children }) => (
  <div class="question">
    <h2 class="ask">{ask} <a href={linkTo(page)}>more</a></h2>
    {children}
  </div>
)

export function Overview() {
  const view = useContext(View)
  const fresh = useKpi('new_users', { interval: 'none' }).answer
  const weeks = useKpi('retention', { interval: 'week', compare: null }).answer
  const slow = useKpi('api_response_time', { interval: 'none' }).answer
  const load = useKpi('load_time', { interval: 'none' }).answer
  const churn = useKpi('churn_rate', { interval: 'none' }).answer
  const anything = useKpi('event_count', { interval: 'none', compare: null }).answer
  if (anything && anything.value === 0 && !view.where.length) return <FirstEvent />
  return (
    <div class="grid two">
      <Question ask="Is it growing?" page="engagement">
        <Kpi title="Active people" kpi="active_users" hero sentence={(answer) => fresh &&
          <>{format.plural(answer.value, 'person was', 'people were')} active{moved(answer)}
            ; {format.plural(fresh.value, 'person came', 'people came')} for the first time.</>} />
      </Question>
      <Question ask="Are they coming back?" page="retention">
        <Kpi title="Return rate" kpi="return_rate" hero sentence={(answer) => weeks &&
          <>{answer.value == null ? 'Nobody was active.' : `${format.share(answer.value)} of the people came on at least two days.`}{rose(answer)}
            {weeks?.value != null && ` ${format.share(weeks.value)} were there again the week after their first.`}</>} />
      </Question>
      <Question ask="Does it work?" page="performance">
        <Kpi title="Error rate" kpi="error_rate" hero better="down" sentence={(answer) => slow && load &&
          <>{answer.value == null ? 'No request was measured.'
            : `${format.value('ratio', answer.value)} of ${format.count(answer.n)} requests failed.`}{rose(answer)}
            {slow?.value != null && ` 95 of 100 are answered within ${format.duration(slow.value)}`}
            {load?.value != null && `, pages load within ${format.duration(load.value)} for three of four`}{slow?.value != null && '.'}</>} />
      </Question>
      <Question ask="Does it pay?" page="business">
        <Kpi title="Monthly recurring revenue" kpi="mrr" hero sentence={(answer) => churn &&
          <>{format.plural(answer.customers ?? 0, 'customer pays', 'customers pay')} {format.value(answer.unit, answer.value)} a month
            {answer.previous?.value != null && `, ${format.value(answer.unit, Math.abs(answer.value - answer.previous.value))} ${answer.value >= answer.previous.value ? 'more' : 'less'} than before`}.
            {churn?.value != null && ` ${format.share(churn.value)} of the customers ended.`}</>} />
      </Question>
      <div class="grid four wide">
        <Stat title="Sessions" kpi="sessions" />
        <Stat title="Page views" kpi="page_views" />
        <Stat title="Revenue" kpi="revenue" />
        <Stat title="Net promoter score" kpi="nps" note={(answer) => `${format.count(answer.n)} answers`} />
      </div>
    </div>
  )
}
