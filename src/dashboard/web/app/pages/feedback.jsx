// SPDX-License-Identifier: MIT
import { useContext, useState } from 'preact/hooks'
import * as format from '../format.js'
import { View, useGet, useKpi } from '../data.js'
import { Bar, Card, Definition, Empty, Kpi, Loading, Stat, Trouble } from '../widgets.jsx'

function Answers() {
  const view = useContext(View)
  const [search, setSearch] = useState('')
  const range = { from: view.from, to: view.to, where: [...view.where, ...(search ? [`properties.text~*${search}*`] : [])] }
  const answers = useGet('/v1/events', { ...range, name: 'survey_answer' })
  const tickets = useGet('/v1/events', { ...range, name: 'ticket_opened' })
  const said = [...(answers.answer?.events || []), ...(tickets.answer?.events || [])]
    .filter((one) => one.properties?.text).sort((a, b) => (a.at < b.at ? 1 : -1)).slice(0, 100)
  return (
    <Card title="What they say" wide tools={<input type="search" placeholder="Search answers" aria-label="Search answers" value={search}
      onChange={(event) => setSearch(event.target.value.trim())} />}>
      <Trouble error={answers.error} />
      {!answers.answer && !answers.error && <Loading height={200} />}
      {answers.answer && said.length === 0 && <Empty>{search ? 'Nothing with these words.' : 'No answers with words in this range. Turn a survey on: data-survey="nps" in the script\'s tag.'}</Empty>}
      <ul class="said" tabIndex={0} aria-label="Answers">
        {said.map((one) => (
          <li key={one.id}><q>{one.properties.text}</q>
            <small class="muted"> {one.name === 'ticket_opened' ? 'ticket' : one.properties.type} {one.value ?? ''} · {one.user || 'anonymous'} · {format.moment(one.at, view.project.timezone)}</small></li>
        ))}
      </ul>
    </Card>
  )
}

function Sentiment() {
  const { answer, error } = useKpi('sentiment', { interval: 'none' })
  return (
    <Card title="Sentiment" tools={<Definition answer={answer} kpi="sentiment" />}>
      <Trouble error={error} />
      {!answer && !error && <Loading />}
      {answer && (
        <>
          <div class="figure"><strong data-kpi="sentiment" data-value={answer.value ?? ''}>{format.value('score', answer.value)}</strong></div>
          <table><tbody>{[['positive', 'good'], ['neutral', ''], ['negative', 'down']].map(([name, tone]) => (
            <tr key={name}><th scope="row"><Bar tone={tone} of={answer[name] || 0} /><span>{name}</span></th>
              <td class="n">{format.share(answer[name])}</td></tr>))}</tbody></table>
        </>
      )}
    </Card>
  )
}

export function Feedback() {
  return (
    <div class="grid two">
      <Kpi title="Net promoter score" kpi="nps" options={{ interval: 'week' }} sentence={(a) => `${format.count(a.n)} answers`} />
      <Sentiment />
      <div class="grid four wide">
        <Stat title="Satisfaction" kpi="csat" note={(a) => `${format.count(a.n)} answers`} />
        <Stat title="Ease" kpi="ces" note={(a) => `of 7, ${format.count(a.n)} answers`} />
        <Stat title="Answers" kpi="responses" better="none" />
      </div>
      <Answers />
    </div>
  )
}
