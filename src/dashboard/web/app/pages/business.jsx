// SPDX-License-Identifier: MIT
import * as format from '../format.js'
import { Bar, Card, Groups, Kpi, Loading, Stat, Trouble, Definition } from '../widgets.jsx'
import { useKpi } from '../data.js'
import { FunnelSteps } from './funnels.jsx'

function Movements() {
  const { answer, error } = useKpi('mrr', { interval: 'none' })
  const rows = [['New', 'new', 1], ['Expansion', 'expansion', 1], ['Reactivation', 'reactivation', 1],
    ['Contraction', 'contraction', -1], ['Churned', 'churned', -1]]
  const top = answer && Math.max(1, ...rows.map(([, key]) => answer[key] || 0))
  return (
    <Card title="What moved it" tools={<Definition answer={answer} kpi="mrr" />}>
      <Trouble error={error} />
      {!answer && !error && <Loading height={220} />}
      {answer && (
        <table><tbody>{rows.map(([name, key, sign]) => (
          <tr key={key}><th scope="row"><Bar tone={sign < 0 ? 'down' : ''} of={answer[key] || 0} max={top} /><span>{name}</span></th>
            <td class="n">{sign < 0 && answer[key] ? '−' : ''}{format.value(answer.unit, answer[key])}</td></tr>))}
        </tbody></table>
      )}
    </Card>
  )
}

export function Business() {
  const money = (value, answer) => format.value(Object.keys(answer.currencies || {})[0] || 'USD', value)
  return (
    <div class="grid two">
      <Kpi title="Monthly recurring revenue" kpi="mrr" />
      <Movements />
      <Kpi title="Revenue" kpi="revenue" />
      <Card title="From sign-up to customer"><FunnelSteps steps="sign_up,conversion,subscription_started" window="30d" /></Card>
      <div class="grid four wide">
        <Stat title="Customers who ended" kpi="churn_rate" better="down" />
        <Stat title="Revenue that ended" kpi="revenue_churn" better="down" />
        <Stat title="Net revenue retention" kpi="nrr" />
        <Stat title="Gross revenue retention" kpi="grr" />
        <Stat title="Quick ratio" kpi="quick_ratio" />
        <Stat title="Revenue per active person" kpi="arpu" />
        <Stat title="Lifetime value" kpi="ltv" />
        <Stat title="Cost of a customer" kpi="acquisition_cost" better="down" />
        <Stat title="Payback" kpi="payback" better="down" />
      </div>
      <Groups title="Channels" wide kpi="acquisition" label="Channel" options={{}} dimension="channel" columns={[
        ['new people', (g) => format.count(g.value)], ['sign-ups', (g) => format.count(g.sign_ups ?? 0)],
        ['converted', (g) => format.share(g.conversion_rate)], ['cost', (g, a) => money(g.cost, a)],
        ['customers', (g) => format.count(g.customers ?? 0)], ['cost of a customer', (g, a) => g.cac == null ? '–' : money(g.cac, a)]]} />
      <Kpi title="Conversion rate" kpi="conversion_rate" />
    </div>
  )
}
