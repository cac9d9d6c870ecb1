// SPDX-License-Identifier: MIT
// What pages are made of.

import { Component } from 'preact'
import { useContext, useEffect, useId, useRef, useState } from 'preact/hooks'
import * as format from './format.js'
import { address } from './api.js'
import { Chart, Dot, savePng } from './chart.jsx'
import { Nothing } from './nothing.jsx'
import { View, parametersOf, useKpi, useSeen } from './data.js'
import { addFilter, go } from './state.js'

export const Mark = ({ size = 24 }) => (
  <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden="true"><rect width="32" height="32" rx="7" fill="#1f5eff" />
    <path d="M6 23l7-8 5 4 8-11" fill="none" stroke="#fff" stroke-width="3.5" stroke-linecap="round" stroke-linejoin="round" /></svg>
)

/** One widget's mistake is not the page's. */
export class Boundary extends Component {
  componentDidCatch(error) {
    this.setState({ error })
  }
  render() {
    return this.state.error
      ? <section class="card"><p class="trouble" role="alert">This part failed: {String(this.state.error.message)}</p></section>
      : this.props.children
  }
}

const guarded = (Widget) => (props) => <Boundary><Widget {...props} /></Boundary>

export function Card({ title, children, tools, wide, id, class: name = '' }) {
  return (
      <section class={`card ${wide ? 'wide' : ''} ${name}`} id={id} aria-label={title}>
        <header><h2>{title}</h2>{tools}</header>
        {children}
      </section>
  )
}

export const Trouble = ({ error }) => error && (
  <p class="trouble" role="alert">{error.message} {error.hint && <small>{error.hint}</small>}</p>
)

export const Loading = ({ height = 120 }) => <div class="loading" style={{ height: `${height}px` }} aria-hidden="true" />

export const Empty = ({ children }) => <div class="empty">{children}</div>

/** A share of the room there is. Attributes, because a strict CSP allows no styles in the markup. */
export const Bar = ({ of, max = 1, tone = '', class: name = 'bar' }) => (
  <svg class={`${name} ${tone}`} aria-hidden="true" preserveAspectRatio="none"><rect width={`${Math.max(0, Math.min(100, (100 * of) / (max || 1)))}%`} height="100%" rx="3" /></svg>
)

/** What a number means, from the answer itself. */
export function Definition({ answer, kpi }) {
  return (
    <details class="definition">
      <summary aria-label={`What ${kpi} means`} title="What it means">?</summary>
      {answer && <div class="pop">
        <b>{answer.kpi}</b>
        <p>{answer.definition}.</p>
        <p class="muted">{answer.n != null && <>From {format.count(answer.n)} in the range. </>}
          {answer.error > 0 ? `Within ${format.share(answer.error)}. ` : 'Exact. '}
          Up to {format.moment(answer.as_of, answer.timezone)} ({answer.timezone}), from {answer.source === 'rollup' ? 'rollups' : 'events'}.</p>
        {answer.notes?.map((note) => <p class="muted" key={note}>{note}</p>)}
      </div>}
    </details>
  )
}

/** How it compares, coloured by which way is better. */
export function Change({ answer, better = 'up' }) {
  const previous = answer?.previous
  if (!previous || previous.change == null) return null
  const good = better === 'none' || Math.abs(previous.change) < 0.005 ? '' : (previous.change > 0) === (better === 'up') ? 'good' : 'bad'
  const difference = answer.value - previous.value
  return (
    <span class={'change ' + good} title={`before: ${format.value(answer.unit, previous.value)}`}>
      <span aria-hidden="true">{previous.change > 0 ? '▲' : previous.change < 0 ? '▼' : ''}</span> {answer.unit === 'score' ? format.points(difference) : format.signed(previous.change)}
      <span class="hidden"> against {format.value(answer.unit, previous.value)} before</span>
    </span>
  )
}

export function Tools({ kpi, options, answer, plot, table, setTable }) {
  const view = useContext(View)
  return (
    <div class="tools">
      <Definition answer={answer} kpi={kpi} />
      <details class="menu">
        <summary aria-label={`Save ${kpi}`} title="Save">⋯</summary>
        <div class="pop">
          <a download href={address(`/v1/kpi/${kpi}.csv`, parametersOf(view, options))}>CSV</a>
          {plot && <button onClick={() => plot.current && savePng(plot.current, kpi)}>PNG</button>}
          {setTable && <button onClick={() => setTable(!table)}>{table ? 'Chart' : 'Table'}</button>}
        </div>
      </details>
    </div>
  )
}

const isNothing = (answer) => !answer.value && !answer.n

const seriesOf = (answer, pick) => answer.series.map((point) => pick ? pick(point) : point.value)

/** A KPI: its value, how it compares, its course. lines: [[label, of a point, colour]]. */
export const Kpi = guarded(function Kpi({ title, kpi, options = {}, better = 'up', height, children, wide, hero, lines, sentence }) {
  const view = useContext(View)
  const { answer, error, loading } = useKpi(kpi, { annotations: 1, ...options })
  const [table, setTable] = useState(false)
  const plot = useRef()
  const drawn = answer && lines
    ? lines.map(([label, pick, colour]) => ({ label, values: seriesOf(answer, pick), colour }))
    : answer && answer.groups && options.by
      ? answer.groups.slice(0, 8).map((group) => ({ label: group.by ?? '(none)', values: group.series.map((p) => p.value) }))
      : answer && [{ label: title, values: seriesOf(answer) }]
  const times = answer ? (answer.series.length ? answer.series : answer.groups?.[0]?.series || []).map((point) => point.t) : []
  return (
    <Card title={title} wide={wide} class={(hero ? 'hero ' : '') + (loading ? 'busy' : '')}
      tools={<Tools kpi={kpi} options={options} answer={answer} plot={plot} table={table} setTable={setTable} />}>
      <Trouble error={error} />
      {!answer && !error && <Loading height={(height || 180) + (hero ? 146 : lines || sentence ? 68 : 40)} />}
      {answer && (
        <>
          <div class="figure"><strong data-kpi={kpi} data-value={answer.value ?? ''}>{format.value(answer.unit, answer.value)}</strong>
            <Change answer={answer} better={better} /></div>
          {sentence && <p class="sentence">{sentence(answer)}</p>}
          {isNothing(answer) ? <Nothing kpi={kpi} /> : table
            ? <SeriesTable times={times} series={drawn} unit={answer.unit} interval={answer.interval} />
            : times.length > 0 && (
              <Chart series={drawn} times={times} end={answer.to} unit={answer.unit} interval={answer.interval}
                marks={answer.annotations || []} height={height} plotRef={plot}
                label={`${title} by ${answer.interval}, ${format.day(answer.from, view.project.timezone)} to ${format.day(answer.to, view.project.timezone)}`} />)}
          {drawn.length > 1 && <Legend series={drawn} by={options.by} />}
          {children && children(answer)}
        </>
      )}
    </Card>
  )
})

function Legend({ series, by }) {
  const { where } = useContext(View)
  return (
    <ul class="legend">
      {series.map((one, i) => (
        <li key={one.label}><Dot i={i} colour={one.colour} />{' '}
          {by && one.label !== 'other'
            ? <button class="link" onClick={() => go({ where: addFilter(where, `${by}:${one.label}`) })} title={`Only ${one.label}`}>{one.label}</button>
            : one.label}</li>
      ))}
    </ul>
  )
}

function SeriesTable({ times, series, unit, interval }) {
  const { project } = useContext(View)
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="Values">
      <table>
        <thead><tr><th scope="col">Time</th>{series.map((one) => <th scope="col" class="n" key={one.label}>{one.label}</th>)}</tr></thead>
        <tbody>
          {times.map((t, i) => (
            <tr key={t}><th scope="row">{format.time(t, project.timezone, interval)}</th>
              {series.map((one) => <td class="n" key={one.label}>{format.value(unit, one.values[i])}</td>)}</tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

/** A KPI by groups, as a table; a click on a row looks at that group alone. columns: [[title, of group]]; rank (of a group): the
 *  largest come first, otherwise the order is the answer's; choice: of what stands above the table. */
export const Groups = guarded(function Groups({ title, kpi, options, columns, wide, label, limit = 10, dimension, rank, choice }) {
  const { where } = useContext(View)
  const [seen, place] = useSeen()
  const { answer, error, loading } = useKpi(seen && kpi, { interval: 'none', compare: null, ...options })
  const [all, setAll] = useState(false)
  const groups = (answer?.groups || []).filter((group) => group.by !== null || group.value > 0)
  if (rank) groups.sort((a, b) => rank(b) - rank(a))
  const shown = all ? groups : groups.slice(0, limit)
  const top = Math.max(1e-9, ...groups.map((group) => Math.abs(group.value || 0)))
  const by = dimension === undefined ? options.by : dimension
  return (
    <Card title={title} wide={wide} class={seen && loading ? 'busy' : ''}
      tools={<Tools kpi={kpi} options={{ interval: 'none', ...options }} answer={answer} />}>
      {choice}
      <Trouble error={error} />
      <div ref={place} />
      {!seen && <div class="later" />}
      {seen && !answer && !error && <Loading height={412} />}
      {answer && groups.length === 0 && <Nothing kpi={kpi} />}
      {shown.length > 0 && (
        <div class="scroll" tabIndex={0} role="region" aria-label={`${title}, a table`}>
          <table>
            <thead><tr><th scope="col">{label}</th>{columns.map(([name]) => <th scope="col" class="n" key={name}>{name}</th>)}</tr></thead>
            <tbody>
              {shown.map((group) => (
                <tr key={String(group.by)}>
                  <th scope="row">
                    <Bar of={Math.abs(group.value || 0)} max={top} />
                    {by && group.by != null && group.by !== 'other'
                      ? <button class="link" title={`Only ${group.by}`} onClick={() => go({ where: addFilter(where, `${by}:${group.by}`) })}>{group.by}</button>
                      : <span>{group.by ?? '(none)'}</span>}
                  </th>
                  {columns.map(([name, pick]) => <td class="n" key={name}>{pick(group, answer)}</td>)}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {groups.length > limit && <button class="link more" onClick={() => setAll(!all)}>{all ? 'Fewer' : `All ${groups.length}`}</button>}
    </Card>
  )
})

/** A number without a chart. */
export const Stat = guarded(function Stat({ title, kpi, options = {}, better = 'up', note }) {
  const { answer, error } = useKpi(kpi, { interval: 'none', ...options })
  return (
    <Card title={title} class="stat" tools={<Definition answer={answer} kpi={kpi} />}>
      <Trouble error={error} />
      {!answer && !error && <Loading height={note ? 60 : 54} />}
      {answer && <div class="figure"><strong data-kpi={kpi} data-value={answer.value ?? ''}>{format.value(answer.unit, answer.value)}</strong><Change answer={answer} better={better} /></div>}
      {answer && note && <p class="muted">{note(answer)}</p>}
    </Card>
  )
})

/** Fields with labels; the server's complaint stands at its field. fields: [{name, label, type, …}]. */
export function Form({ fields, initial = {}, submit, action, onCancel, children }) {
  const [values, setValues] = useState(initial)
  const [error, setError] = useState(null)
  const [busy, setBusy] = useState(false)
  const id = useId()
  const send = async (event) => {
    event.preventDefault()
    setBusy(true)
    setError(null)
    try {
      await submit(values)
    } catch (problem) {
      setError(problem)
    }
    setBusy(false)
  }
  const known = error?.parameter && fields.some((field) => error.parameter.startsWith(field.name))
  return (
    <form onSubmit={send} class="form">
      {fields.map(({ name, label, type = 'text', options, hint, ...others }) => {
        const wrong = error?.parameter?.startsWith(name)
        const common = {
          id: id + name, name, value: values[name] ?? '', 'aria-invalid': wrong || undefined,
          'aria-describedby': hint || wrong ? `${id}${name}-hint` : undefined,
          onInput: (event) => setValues({ ...values, [name]: event.target.value }), ...others
        }
        return (
          <div class="field" key={name}>
            <label for={id + name}>{label}</label>
            {options
              ? <select {...common}>{options.map((one) => { const [v, t] = [].concat(one); return <option key={v} value={v}>{t ?? v}</option> })}</select>
              : type === 'textarea' ? <textarea rows="4" {...common} /> : <input type={type} {...common} />}
            {(hint || wrong) && <small id={`${id}${name}-hint`} class={wrong ? 'wrong' : ''}>{wrong ? error.message : hint}</small>}
          </div>
        )
      })}
      {children}
      {!known && <Trouble error={error} />}
      <div class="row"><button class="primary" disabled={busy}>{action}</button>
        {onCancel && <button type="button" onClick={onCancel}>Cancel</button>}</div>
    </form>
  )
}

/** Popovers close when somebody looks elsewhere. */
export function useClosing() {
  useEffect(() => {
    const close = (event) => {
      if (event.type === 'keydown' && event.key !== 'Escape') return
      document.querySelectorAll('details.definition[open],details.menu[open]').forEach((one) => {
        const chosen = one.classList.contains('menu') && event.target.closest?.('.pop')
        if (event.type === 'keydown' || chosen || !one.contains(event.target)) one.open = false
      })
    }
    addEventListener('click', close)
    addEventListener('keydown', close)
    return () => {
      removeEventListener('click', close)
      removeEventListener('keydown', close)
    }
  }, [])
}
