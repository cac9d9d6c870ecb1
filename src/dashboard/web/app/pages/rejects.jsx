// SPDX-License-Identifier: MIT
import { useContext, useState } from 'preact/hooks'
import * as format from '../format.js'
import { call } from '../api.js'
import { View, useGet } from '../data.js'
import { Card, Empty, Loading, Trouble } from '../widgets.jsx'

// Mended here or as it was, it goes the way that it came, and is forgotten when it was taken.
function Reject({ one, reload }) {
  const view = useContext(View)
  const [text, setText] = useState(one.event)
  const [open, setOpen] = useState(false)
  const [error, setError] = useState(null)
  const replay = async () => {
    setError(null)
    try {
      const body = JSON.parse(text)
      const answer = await call('POST', '/v1/events', { body, parameters: { ack: 'commit' } })
      if (answer.rejected.length) throw new Error(`${answer.rejected[0].field}: ${answer.rejected[0].message}`)
      await call('DELETE', '/v1/rejects/' + one.id)
      reload()
    } catch (problem) {
      setError(problem)
    }
  }
  return (
    <>
      <tr><td class="nowrap">{format.moment(one.received, view.project.timezone)}</td><td>{one.field}</td><th scope="row">{one.message}</th><td>{one.source}</td>
        <td><button class="link" aria-expanded={open} onClick={() => setOpen(!open)}>{open ? 'Close' : 'Look'}</button></td></tr>
      {open && (
        <tr><td colSpan="5">
          <label class="hidden" for={'reject' + one.id}>The event</label>
          <textarea id={'reject' + one.id} rows="8" value={text} onInput={(event) => setText(event.target.value)} readOnly={!view.member} />
          <Trouble error={error} />
          {view.member && <div class="row"><button class="primary" onClick={replay}>Send again</button>
            <button onClick={async () => { await call('DELETE', '/v1/rejects/' + one.id); reload() }}>Forget</button></div>}
        </td></tr>
      )}
    </>
  )
}

export function Rejects() {
  const { answer, error, reload } = useGet('/v1/rejects')
  const ledger = useGet('/v1/ledger').answer
  return (
    <div class="grid">
      {ledger && (
        <Card title="The ledger" wide>
          <p>Of <b>{format.count(ledger.received)}</b> events received, <b>{format.count(ledger.stored)}</b> are stored, {format.count(ledger.duplicate)} were duplicates,{' '}
            {format.count(Object.values(ledger.rejected).reduce((a, b) => a + b, 0))} refused and {format.count(ledger.waiting)} are on their way.
            {ledger.balanced ? ' It balances.' : ' It does not balance: look at traction doctor.'}</p>
        </Card>
      )}
      <Card title="Refused events" wide>
        <Trouble error={error} />
        {!answer && !error && <Loading height={300} />}
        {answer && !answer.rejects.length && <Empty>Nothing was refused.</Empty>}
        {answer?.rejects.length > 0 && (
          <div class="scroll" tabIndex={0} role="region" aria-label="Refused events, a table"><table>
            <thead><tr><th scope="col">When</th><th scope="col">Field</th><th scope="col">Why</th><th scope="col">From</th><th scope="col"><span class="hidden">Actions</span></th></tr></thead>
            <tbody>{answer.rejects.map((one) => <Reject key={one.id} one={one} reload={reload} />)}</tbody></table></div>
        )}
      </Card>
    </div>
  )
}
