// SPDX-License-Identifier: MIT
// KPIs for components: asked when what is looked at changes, and again now and then. What is on the
// screen stays there until something newer has come.

import { useContext, useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import { createContext } from 'preact'
import { ask, call } from './api.js'

export const View = createContext(null) // what is looked at, with project, role and tick

/** The parameters that all questions of a view have. */
export function parametersOf(view, { interval, compare, by, ...others }) {
  return {
    from: view.from, to: view.to,
    interval: interval === undefined ? view.interval : interval,
    compare: compare === undefined && view.compare !== 'none' ? view.compare : compare || undefined,
    where: view.where.length ? view.where : undefined,
    by, ...others
  }
}

/** {answer, error, loading}; question null asks nothing. */
export function useKpi(kpi, options = {}) {
  const view = useContext(View)
  const question = kpi && { kpi, ...parametersOf(view, options) }
  return useAnswer(question && JSON.stringify([view.project.id, question]), () => ask(question), view.tick)
}

/** [whether an element has come near the screen, its ref]: what is further down is asked when somebody scrolls there. */
export function useSeen() {
  const ref = useRef()
  const [seen, setSeen] = useState(false)
  useLayoutEffect(() => {
    if (ref.current.getBoundingClientRect().top < innerHeight) return setSeen(true)
    const observer = new IntersectionObserver(([entry]) => entry.isIntersecting && setSeen(true))
    observer.observe(ref.current)
    return () => observer.disconnect()
  }, [])
  return [seen, ref]
}

/** The same for anything else that GET answers. */
export function useGet(path, parameters) {
  const view = useContext(View)
  return useAnswer(path && JSON.stringify([view.project?.id, path, parameters, view.tick]),
    () => call('GET', path, { parameters }), view.tick)
}

function useAnswer(key, fetchIt, tick) {
  const [state, setState] = useState({ loading: true })
  const [turn, setTurn] = useState(0)
  const latest = useRef(0)
  useEffect(() => {
    if (!key) return
    const number = ++latest.current
    setState((was) => ({ ...was, loading: true }))
    fetchIt().then(
      (answer) => number === latest.current && setState({ answer, loading: false }),
      (error) => number === latest.current && setState((was) => ({ ...was, error, loading: false }))
    )
  }, [key, tick, turn])
  return { ...state, reload: () => setTurn((n) => n + 1) }
}
