// A small application with traction.js: a page a board, requests, a feature, a purchase, an error, a survey.

// Calls before the script has come wait in an array.
window.traction = window.traction || []
const traction = (...call) => window.traction.push(call)

const show = async (board) => {
  history.pushState({}, '', '?board=' + board) // counted as a page view by itself
  document.title = `Board ${board}`
  const answer = await fetch(`/api/boards/${board}`) // measured by itself, as /api/boards/:id
  document.getElementById('board').textContent = answer.ok ? `Board ${board}` : `Board ${board} could not be loaded.`
}

for (const link of document.querySelectorAll('[data-board]'))
  link.addEventListener('click', (event) => {
    event.preventDefault()
    show(link.dataset.board)
  })

const onClick = (id, f) => document.getElementById(id).addEventListener('click', f)

onClick('sign-in', () => {
  traction('identify', 'u_42', { plan: 'team' })
  traction('track', 'sign_up', { method: 'email' })
})
onClick('buy', () => traction('track', 'purchase', { order_id: 'order-1' }, { value: 29, unit: 'EUR', id: 'order-1' }))
onClick('fail', () => {
  throw new RangeError('The button says so')
})
onClick('ask', () => traction('survey', { type: 'nps', again: true }))
