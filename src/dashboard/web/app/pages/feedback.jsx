// SPDX-License-Identifier: MIT
import { useContext, useState } from 'preact/hooks'
import * as format from '../format.js'
import { View, useGet, useKpi } from '../data.js'
import { Nothing } from '../nothing.jsx'
import { Bar, Card, Definition, Empty, Kpi, Loading, Stat, Trouble } from '../widgets.jsx'

function Answers() {
  const view = useContext(View)
  const [search, setSearch] = useState('')
  const answers = useGet('/v1/events', { from: view.from, to: view.to, limit: 100,
    where: [...view.where, 'kind:feedback', search ? `properties.text~*${search}*` : '!properties.text:'] })
  const said = (answers.answer?.events || []).filter((one) => one.properties?.text)
  return (
    <Card title="What they say" wide tools={<input type="search" placeholder="Search answers" aria-label="Search answers" value={search}
      onChange={(event) => setSearch(event.target.value.trim())} />}>
      <Trouble error={answers.error} />
      {!answers.answer && !answers.error && <Loading height={200} />}
      {answers.answer && said.length === 0 && (search ? <Empty>Nothing with these words.</Empty> : <Nothing kpi="nps" />)}
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
      <Kpi title="Net promoter score" kpi="nps" options={{ interval: 'week' }} sentence={(a) => format.plural(a.n, 'answer', 'answers')} />
      <Sentiment />
      <div class="grid four wide">
        <Stat title="Satisfaction" kpi="csat" note={(a) => format.plural(a.n, 'answer', 'answers')} />
        <Stat title="Ease" kpi="ces" note={(a) => `of 7, ${format.plural(a.n, 'answer', 'answers')}`} />
        <Stat title="Answers" kpi="responses" better="none" />
      </div>
      <Answers />
    </div>
  )
}
