// SPDX-License-Identifier: MIT
import { useEffect, useState } from 'preact/hooks'
import { call } from '../api.js'
import { Form, Mark, Trouble } from '../widgets.jsx'

/** With a password; or with the link of which the part behind # works once. */
export function SignIn({ done }) {
  const link = location.hash.slice(1)
  const [error, setError] = useState(null)
  useEffect(() => {
    if (!link) return
    history.replaceState(null, '', location.pathname)
    call('POST', '/v1/session', { body: { link } }).then(done, setError)
  }, [])
  return (
    <main class="alone">
      <Mark size={40} />
      <h1>Sign in to Traction</h1>
      <Trouble error={error} />
      {link && !error ? <p>Signing in…</p> : (
        <Form action="Sign in" submit={async (values) => { await call('POST', '/v1/session', { body: values }); done() }} fields={[
          { name: 'email', label: 'E-mail', type: 'email', autoComplete: 'username', required: true },
          { name: 'password', label: 'Password', type: 'password', autoComplete: 'current-password', required: true }]} />
      )}
    </main>
  )
}
