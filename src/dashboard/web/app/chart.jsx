// SPDX-License-Identifier: MIT
// Lines over time: exact values under the pointer, periods that are not over yet dashed, releases and
// other annotations as marks, dragging zooms in. The same as a table for whoever cannot see it.

import uPlot from 'uplot'
import { useContext, useEffect, useRef, useState } from 'preact/hooks'
import * as format from './format.js'
import { View } from './data.js'
import { go } from './state.js'

export const COLOURS = ['--c1', '--c2', '--c3', '--c4', '--c5', '--c6', '--c7', '--c8']
const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim()

// Values without a neighbour, which no line would show.
const lonely = (values) => values.flatMap((v, at) => (v != null && values[at - 1] == null && values[at + 1] == null ? [at] : []))

// The last period is drawn apart when it is not over.
function split(series, times, end) {
  const partial = times.length > 1 && new Date(end) > Date.now()
  const data = [times.map((t) => new Date(t) / 1000)]
  const lines = []
  series.forEach((one, i) => {
    const colour = style(one.colour || COLOURS[i % COLOURS.length])
    const solid = partial ? [...one.values.slice(0, -1), null] : one.values
    const alone = lonely(one.values)
    data.push(solid)
    lines.push({ label: one.label, stroke: colour, width: one.faint ? 1.5 : 2, dash: one.faint ? [2, 4] : undefined,
      fill: series.length === 1 && !one.faint ? colour + '18' : undefined, points: { show: true, size: 6, filter: () => alone.filter((at) => solid[at] != null) } })
    if (!partial || one.faint) return
    data.push(one.values.map((v, at) => (at >= times.length - 2 ? v : null)))
    lines.push({ label: one.label, stroke: colour, width: 2, dash: [5, 4], points: { show: true, size: 6, filter: () => alone.filter((at) => at === times.length - 1) } })
  })
  return { data, lines, partial }
}

function drawMarks(plot, marks) {
  const { ctx, bbox } = plot
  ctx.save()
  ctx.strokeStyle = style('--mark')
  ctx.fillStyle = style('--mark')
  ctx.lineWidth = devicePixelRatio
  for (const mark of marks) {
    const x = Math.round(plot.valToPos(new Date(mark.at) / 1000, 'x', true))
    if (x < bbox.left || x > bbox.left + bbox.width) continue
    ctx.setLineDash([3 * devicePixelRatio, 3 * devicePixelRatio])
    ctx.beginPath()
    ctx.moveTo(x, bbox.top)
    ctx.lineTo(x, bbox.top + bbox.height)
    ctx.stroke()
    ctx.setLineDash([])
    ctx.beginPath()
    ctx.arc(x, bbox.top + 3 * devicePixelRatio, 3 * devicePixelRatio, 0, 7)
    ctx.fill()
  }
  ctx.restore()
}

/** series: [{label, values, colour, faint}], times: of their points; end: of the last period. */
export function Chart({ series, times, end, unit, interval, marks = [], height = 180, label, plotRef }) {
  const box = useRef()
  const [tip, setTip] = useState(null)
  const view = useContext(View)
  const timezone = view.project.timezone
  useEffect(() => {
    if (!times.length) return
    const { data, lines } = split(series, times, end)
    const axis = { stroke: style('--muted'), grid: { stroke: style('--line'), width: 1 }, ticks: { show: false },
      font: '12px system-ui', gap: 4 }
    const plot = new uPlot({
      width: box.current.clientWidth || 300, height,
      tzDate: (s) => uPlot.tzDate(new Date(s * 1000), timezone),
      legend: { show: false },
      cursor: { y: false, drag: { x: true, y: false, setScale: false }, points: { size: 7 } },
      scales: { y: { range: (_, low, high) => [Math.min(0, low ?? 0), high > 0 ? high * 1.08 : low < 0 ? 0 : 1] } },
      series: [{}, ...lines],
      axes: [{ ...axis, space: 80, size: 26, values: (_, ticks) => ticks.map((s) => format.tick(s * 1000, timezone, times)) }, { ...axis, size: 58, values: (_, ticks) => ticks.map((v) => format.value(unit, v, true)) }],
      hooks: {
        drawClear: [(one) => drawMarks(one, marks)],
        setCursor: [(one) => {
          const at = one.cursor.idx
          setTip(at == null ? null : { at, left: one.valToPos(one.data[0][at], 'x') + one.bbox.left / devicePixelRatio })
        }],
        setSelect: [(one) => {
          if (one.select.width < 12) return
          const from = one.posToVal(one.select.left, 'x')
          const to = one.posToVal(one.select.left + one.select.width, 'x')
          one.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false)
          go({ range: null, interval: null, from: new Date(from * 1000).toISOString().slice(0, 19) + 'Z',
            to: new Date(to * 1000).toISOString().slice(0, 19) + 'Z' })
        }]
      }
    }, data, box.current)
    if (plotRef) plotRef.current = plot
    const observer = new ResizeObserver(([entry]) => plot.setSize({ width: entry.contentRect.width, height }))
    observer.observe(box.current)
    return () => {
      observer.disconnect()
      plot.destroy()
    }
  }, [JSON.stringify([series, times, end, unit, marks, timezone, view.dark])])
  const near = tip && marks.filter((mark) => periodOf(times, mark.at) === tip.at)
  return (
    <div class="chart">
      <div class="plot" ref={box} role="img" aria-label={label} />
      {tip && times[tip.at] && (
        <div class="tip" ref={(node) => node && place(node, tip.left, box.current)}>
          <b>{format.time(times[tip.at], timezone, interval)}</b>
          {series.map((one, i) => (
            <span key={i}><Dot i={i} colour={one.colour} /> {series.length > 1 ? one.label + ' ' : ''}
              <b>{format.value(unit, one.values[tip.at])}</b></span>
          ))}
          {near.map((mark) => <em key={mark.id}>{mark.kind}: {mark.title}</em>)}
        </div>
      )}
    </div>
  )
}

const place = (node, left, box) => {
  node.style.left = Math.max(0, Math.min(left + 8, box.clientWidth - node.offsetWidth - 4)) + 'px'
}
const periodOf = (times, at) => {
  let i = -1
  while (i + 1 < times.length && new Date(times[i + 1]) <= new Date(at)) i++
  return i
}

export const Dot = ({ i, colour }) => <i class={'dot ' + (colour || COLOURS[i % COLOURS.length]).slice(2)} aria-hidden="true" />

/** A picture of a chart. */
export function savePng(plot, name) {
  const canvas = document.createElement('canvas')
  canvas.width = plot.ctx.canvas.width
  canvas.height = plot.ctx.canvas.height
  const ctx = canvas.getContext('2d')
  ctx.fillStyle = style('--card')
  ctx.fillRect(0, 0, canvas.width, canvas.height)
  ctx.drawImage(plot.ctx.canvas, 0, 0)
  canvas.toBlob((blob) => {
    const link = document.createElement('a')
    link.href = URL.createObjectURL(blob)
    link.download = name + '.png'
    link.click()
    setTimeout(() => URL.revokeObjectURL(link.href), 1000)
  })
}
