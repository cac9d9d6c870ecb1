-- Pieces of the queries about money. In them t is 0 for the whole range and g is -1 for all groups
-- together, so that keys can be joined; currencies are k.

-- fragment: points
points as materialized (
    -- The range, and its intervals.
    select 0 as t, :from::timestamptz as starts_at, :to::timestamptz as ends_at
    union all
    select b.t::int, greatest(b.starts_at, :from),
        lead(b.starts_at, 1, :to::timestamptz) over (order by b.t)
    from unnest(:buckets) with ordinality as b (starts_at, t)
    where :series
)
-- fragment: is_grouped
2 = any (:levels)
-- fragment: key
case f.t when 0 then 2 else 0 end + case f.g when -1 then 1 else 0 end as level,
    nullif(f.t, 0) as t, nullif(f.g, -1) as g, (select labels from top)[f.g] as label
-- fragment: place_anyway
-- As {place}, and 0 where nothing is grouped.
coalesce(array_position((select labels from top), g), 0)

-- fragment: rates
rates as materialized (
    -- What one of a currency is in the project's. Those without a rate are left out of values.
    select :currency::text as k, 1::numeric as rate
    union all
    select r.key, r.value::numeric
    from traction.project p
    cross join jsonb_each_text(p.rates) r
    where p.id = :project and r.key <> :currency
)
-- fragment: note
note as materialized (
    -- Which of the currencies that are used are converted, and which cannot be.
    select nullif(concat_ws('; ',
        'amounts in ' || string_agg(a.k, ', ' order by a.k) filter (where r.rate is null)
            || ' are left out of the value: the project has no rate for them',
        'amounts in ' || string_agg(a.k, ', ' order by a.k) filter (where a.k <> :currency
            and r.rate is not null) || ' are converted at the rates that the project has now'
        ), '') as text
    from (select distinct k from used) a
    left join rates r on r.k = a.k
)
-- fragment: note_of_key
case when f.t = 0 and f.g = -1 then (select text from note) end as note

-- Sums of money: cells (t, g, k, n, amount) of a question, t being null where it asks for no series.

-- fragment: top_by_money
top as materialized (
    select array(
        select c.g
        from cells c
        left join rates r on r.k = c.k
        where {is_grouped}
        group by c.g
        order by coalesce(sum(c.amount * r.rate), 0) desc, c.g collate "C"
        limit :groups
    ) as labels
)
-- fragment: stretches
-- What a row of c, at t and in the place g, counts for: the range, its interval, its group, both.
cross join lateral (
    select s.t, s.g
    from (values (0, -1, true), (c.t, -1, :series), (0, c.g, {is_grouped}),
        (c.t, c.g, :series and {is_grouped})) as s (t, g, asked)
    where s.asked
) p
-- fragment: money
amounts as materialized (
    select p.t, p.g, c.k, sum(c.n)::bigint as n, sum(c.amount) as amount
    from (select t, {place_anyway} as g, k, n, amount from cells) c
    {stretches}
    group by 1, 2, 3
), money as materialized (
    select a.t, a.g, sum(a.n)::bigint as n, coalesce(sum(a.amount * r.rate), 0) as amount,
        jsonb_object_agg(a.k, trim_scale(a.amount)) as currencies,
        jsonb_object_agg(a.k, trim_scale(a.amount)::text) as exact
    from amounts a
    left join rates r on r.k = a.k
    group by 1, 2
)
-- fragment: used_amounts
used as (select k from amounts)
-- fragment: used_balances
used as (select k from balances)
-- fragment: used_both
used as (select k from amounts union all select k from balances)

-- fragment: revenue_of_rollup
cells as materialized (
    select {rollup_bucket} as t, null::text as g, coalesce(nullif(r.key, ''), :currency) as k, r.n,
        r.amount
    from {counts} and r.metric = 'revenue'
)
-- fragment: sums_of_money
select {key}, coalesce(m.amount, 0)::float8 as value, coalesce(m.n, 0) as n,
    coalesce(m.currencies, jsonb_build_object()) as currencies, coalesce(m.exact, jsonb_build_object()) as exact, {note_of_key}
from (
    select p.t, g.g from points p cross join (select -1 as g union select g from amounts) g
) f
left join money m on m.t = f.t and m.g = f.g
-- fragment: per_user
select {key}, coalesce(m.amount, 0)::float8 / nullif(u.n, 0)::float8 as value,
    coalesce(u.n, 0) as n, coalesce(m.amount, 0) as revenue,
    coalesce(m.currencies, jsonb_build_object()) as currencies, {note_of_key}
from (
    select p.t, g.g
    from points p
    cross join (select -1 as g union select g from amounts union select g from users) g
) f
left join money m on m.t = f.t and m.g = f.g
left join users u on u.t = f.t and u.g = f.g

-- What was spent to win people, and whom it won.

-- fragment: costs_of_rollup
cells as materialized (
    select {rollup_bucket} as t, nullif(substr(r.key, strpos(r.key, chr(31)) + 1), '') as g,
        coalesce(nullif(split_part(r.key, chr(31), 1), ''), :currency) as k, sum(r.n) as n,
        sum(r.amount) as amount
    from {counts} and r.metric = 'cost'
    group by 1, 2, 3
)
-- fragment: costs_of_events
cells as materialized (
    select {bucket} as t, e.channel as g, coalesce(e.unit, :currency) as k, count(*) as n,
        sum(e.value) as amount
    from {events} and e.name = 'acquisition_cost' and e.value is not null
    group by 1, 2, 3
)
-- fragment: people_of_facts
known as not materialized (
    select p.person as member, p.first_seen as first_at,
        coalesce(p.sign_up_channel, p.channel) as channel, p.signed_up_at, p.converted_at, p.paid_at
    from traction.person p
    where p.project_id = :project
)
-- fragment: people_of_events
-- The same of bots, too, whose facts nobody keeps.
known as materialized (
    select {person} as member, min(e.ts) as first_at,
        coalesce((array_agg(e.channel order by e.ts, e.channel collate "C") filter (
            where e.name = 'sign_up' and jsonb_typeof(e.properties -> 'channel') = 'string'
                and e.properties ->> 'channel' <> ''))[1],
            (array_agg(e.channel order by e.ts, e.channel collate "C") filter (
                where e.channel is not null))[1]) as channel,
        coalesce(min(e.ts) filter (where e.name = 'sign_up'), 'infinity') as signed_up_at,
        coalesce(min(e.ts) filter (where e.name = 'conversion'), 'infinity') as converted_at,
        coalesce(min(e.ts) filter (where {is_payment}), 'infinity') as paid_at
    from traction.event e
    left join traction.alias a on a.project_id = :project and a.anonymous = e.person
        and e.received_at >= a.from_at and e.received_at < a.to_at
    where e.project_id = :project {bots} and e.name <> 'acquisition_cost'
    group by 1
)
-- fragment: is_payment
(e.value > 0 and e.name in ('purchase', 'subscription_started', 'subscription_changed'))
-- fragment: payers
payers as materialized (
    -- People who paid for the first time.
    select width_bucket(paid_at, :buckets) as t, channel as g, count(*) as n
    from known
    where paid_at >= :from and paid_at < :to
    group by 1, 2
)
-- fragment: payers_where
payers as materialized (
    -- The event that was the first payment is what is filtered; of several at the same moment the
    -- one that was received first.
    select width_bucket(f.ts, :buckets) as t, f.channel as g, count(*) as n
    from (
        select distinct on (k.member) k.channel, e.ts, e.kept
        from (
            select {person} as member, e.ts, e.received_at, e.id, (true {where}) as kept
            from {people_history} and e.ts >= :from and {is_payment}
        ) e
        join known k on k.member = e.member and k.paid_at = e.ts
        order by k.member, e.received_at, e.id collate "C"
    ) f
    where f.kept
    group by 1, 2
)
-- fragment: arrivals
arrivals as materialized (
    -- People seen for the first time, and which of them signed up and converted within the range.
    select width_bucket(first_at, :buckets) as t, channel as g, count(*) as n,
        count(*) filter (where signed_up_at < :to) as sign_ups,
        count(*) filter (where converted_at < :to) as converted
    from known
    where first_at >= :from and first_at < :to
    group by 1, 2
)
-- fragment: arrivals_where
arrivals as materialized (
    -- The event that was the first is what is filtered, as in payers.
    select width_bucket(f.ts, :buckets) as t, f.channel as g, count(*) as n,
        count(*) filter (where f.signed_up_at < :to) as sign_ups,
        count(*) filter (where f.converted_at < :to) as converted
    from (
        select distinct on (k.member) k.channel, k.signed_up_at, k.converted_at, e.ts, e.kept
        from (
            select {person} as member, e.ts, e.received_at, e.id, (true {where}) as kept
            from {people_history} and e.ts >= :from and e.name <> 'acquisition_cost'
        ) e
        join known k on k.member = e.member and k.first_at = e.ts
        order by k.member, e.received_at, e.id collate "C"
    ) f
    where f.kept
    group by 1, 2
)
-- fragment: top_by_costs
top as materialized (
    select array(
        select g
        from (
            select c.g, c.amount * r.rate as amount, 0 as n
            from cells c
            left join rates r on r.k = c.k
            union all
            select g, 0, n from payers
        ) a
        where {is_grouped}
        group by g
        order by coalesce(sum(amount), 0) desc, sum(n) desc, g collate "C"
        limit :groups
    ) as labels
)
-- fragment: top_by_arrivals
top as materialized (
    select array(
        select g
        from (
            select g, n, 0 as payers from arrivals
            union all
            select g, 0, n from payers
            union all
            select g, 0, 0 from cells
        ) a
        where {is_grouped}
        group by g
        order by sum(n) desc, sum(payers) desc, g collate "C"
        limit :groups
    ) as labels
)
-- fragment: per_customer
select {key}, coalesce(m.amount, 0)::float8 / nullif(c.n, 0)::float8 as value, coalesce(c.n, 0) as n,
    coalesce(m.amount, 0) as cost, coalesce(c.n, 0) as customers,
    coalesce(m.currencies, jsonb_build_object()) as currencies, {note_of_key}
from (
    select p.t, g.g
    from points p
    cross join (select -1 as g union select g from amounts union select g from customers) g
) f
left join money m on m.t = f.t and m.g = f.g
left join customers c on c.t = f.t and c.g = f.g
-- fragment: channels
select {key}, coalesce(a.n, 0) as value, coalesce(a.n, 0) as n,
    coalesce(a.n, 0)::float8 / nullif(w.n, 0)::float8 as share, coalesce(a.sign_ups, 0) as sign_ups,
    coalesce(a.converted, 0) as converted,
    a.converted::float8 / nullif(a.n, 0)::float8 as conversion_rate, coalesce(m.amount, 0) as cost,
    coalesce(c.n, 0) as customers, coalesce(m.amount, 0)::float8 / nullif(c.n, 0)::float8 as cac,
    coalesce(m.currencies, jsonb_build_object()) as currencies, {note_of_key}
from (
    select p.t, g.g
    from points p
    cross join (
        select -1 as g
        union select g from amounts union select g from customers union select g from newcomers
    ) g
) f
left join newcomers a on a.t = f.t and a.g = f.g
left join newcomers w on w.t = f.t and w.g = -1
left join money m on m.t = f.t and m.g = f.g
left join customers c on c.t = f.t and c.g = f.g
-- fragment: newcomers
newcomers as materialized (
    select p.t, p.g, sum(c.n)::bigint as n, sum(c.sign_ups)::bigint as sign_ups,
        sum(c.converted)::bigint as converted
    from (select t, {place_anyway} as g, n, sign_ups, converted from arrivals) c
    {stretches}
    group by 1, 2
)
-- fragment: customers
customers as materialized (
    select p.t, p.g, sum(c.n)::bigint as n
    from (select t, {place_anyway} as g, n from payers) c
    {stretches}
    group by 1, 2
)

-- Subscriptions: changes from what a person paid (x0, in k0, as g0) to what they pay (x1, 0 when
-- cancelled), with when they had changed before and will again. kept: whether where holds for the
-- event that set the amount.

-- fragment: changes_of_facts
changes as not materialized (
    select e.person as member, width_bucket(e.at, :buckets) as t, e.previous_at, e.next_at, e.first,
        e.previous_amount as x0, coalesce(nullif(e.previous_currency, ''), :currency) as k0,
        case when {is_grouped} then e.previous_plan end as g0, true as kept0,
        e.amount as x1, coalesce(nullif(e.currency, ''), :currency) as k1,
        case when {is_grouped} then e.plan end as g1, true as kept1
    from traction.subscription_change e
    where e.project_id = :project and e.at >= :from and e.at < :to
)
-- fragment: holders_of_facts
holders as materialized (
    -- What was paid when the range began.
    select case when {is_grouped} then e.plan end as g,
        coalesce(nullif(e.currency, ''), :currency) as k, sum(e.amount) as amount,
        count(*) as customers
    from traction.subscription_change e
    where e.project_id = :project and e.next_at >= :from and e.at < :from and e.amount > 0
    group by 1, 2
)
-- fragment: changes_of_events
-- Who pays what is remembered longer than the events are kept; the events that are left say what is
-- asked of them. One that is gone has no dimensions.
chain as materialized (
    select s.person as member, s.at, s.previous_at, s.next_at, s.first, s.previous_amount as x0,
        coalesce(nullif(s.previous_currency, ''), :currency) as k0, s.amount as x1,
        coalesce(nullif(s.currency, ''), :currency) as k1, {group} as g1, (true {where}) as kept1,
        lag({group}) over w as g0, lag(true {where}) over w as kept0
    from traction.subscription_change s
    left join traction.event e on e.project_id = :project and e.ts = s.at
        and e.received_at = s.received_at and e.id = s.id and not e.bot and {is_change}
    where s.project_id = :project and s.at < :to
    window w as (partition by s.person order by s.at, s.received_at, s.id)
), {changes_of_chain}
-- fragment: changes_of_bots
-- Of bots there are the events only.
chain as materialized (
    select s.*,
        lag(x1, 1, 0::numeric) over w as x0, lag(k1) over w as k0, lag(g1) over w as g0,
        lag(kept1) over w as kept0, lag(at, 1, '-infinity') over w as previous_at,
        lead(at, 1, 'infinity') over w as next_at,
        not coalesce(bool_or(x1 > 0) over (
            w rows between unbounded preceding and 1 preceding), false) as first
    from (
        select {person} as member, e.ts as at, e.received_at, e.id collate "C" as id,
            case when e.name = 'subscription_cancelled' then 0 else greatest(e.value, 0) end as x1,
            coalesce(e.unit, :currency) as k1, {group} as g1, (true {where}) as kept1
        from {people_history} and {is_change}
    ) s
    window w as (partition by member order by at, received_at, id)
), {changes_of_chain}
-- fragment: is_change
(e.name = 'subscription_cancelled'
    or e.name in ('subscription_started', 'subscription_changed') and e.value is not null)
-- fragment: changes_of_chain
changes as materialized (
    select member, width_bucket(at, :buckets) as t, previous_at, next_at, first,
        x0, k0, g0, coalesce(kept0, true) as kept0, x1, k1, g1, kept1
    from chain
    where at >= :from
), holders as materialized (
    select g1 as g, k1 as k, sum(x1) as amount, count(*) as customers
    from chain
    where at < :from and next_at >= :from and x1 > 0 and kept1
    group by 1, 2
)

-- What changes come to: movement n new, r back again, c ended, e more or as much, s less.

-- fragment: flows_of_changes
flows as materialized (
    select t, case when x0 = 0 and first then 'n' when x0 = 0 then 'r' when x1 = 0 then 'c'
            when x1 >= x0 then 'e' else 's' end as movement,
        k0, g0, kept0, k1, g1, kept1, count(*) as n, sum(x0) as amount0, sum(x1) as amount1
    from changes
    where x0 > 0 or x1 > 0
    group by 1, 2, 3, 4, 5, 6, 7, 8
)
-- fragment: flows_of_days
days as materialized (
    select case when d.bucket < :from then -1 else width_bucket(d.bucket, :buckets) end as t,
        d.movement, d.currency0, d.currency1, sum(d.n)::bigint as n,
        sum(d.amount0) as amount0, sum(d.amount1) as amount1
    from traction.subscription_day d
    where d.project_id = :project and d.bucket < :to
    group by 1, 2, 3, 4
), flows as materialized (
    select t, movement::text as movement, coalesce(nullif(currency0, ''), :currency) as k0,
        null::text as g0,
        true as kept0, coalesce(nullif(currency1, ''), :currency) as k1, null::text as g1,
        true as kept1, n, amount0, amount1
    from days
    where t >= 0
), holders as materialized (
    select null::text as g, h.k, sum(h.amount) as amount, sum(h.customers) as customers
    from (
        select coalesce(nullif(currency1, ''), :currency) as k, amount1 as amount, n as customers
        from days
        where t < 0 and movement <> 'c'
        union all
        select coalesce(nullif(currency0, ''), :currency), -amount0, -n
        from days
        where t < 0 and movement in ('c', 'e', 's')
    ) h
    group by h.k
    having sum(h.customers) <> 0 or sum(h.amount) <> 0
)
-- fragment: parts
-- In parts of one group (g) and one currency. Where the group or the currency changes, the old amount
-- is a part there and the new one another here. held: what was paid before.
top as materialized (
    -- By what is paid at the end.
    select array(
        select g
        from (
            select g, k, amount from holders
            union all
            select g1, k1, amount1 from flows where kept1 and movement <> 'c'
            union all
            select g0, k0, -amount0 from flows where kept0 and movement in ('c', 'e', 's')
        ) a
        left join rates r using (k)
        where {is_grouped}
        group by g
        order by coalesce(sum(amount * rate), 0) desc, g collate "C"
        limit :groups
    ) as labels
), placed as (
    select f.*, -1 as p0, -1 as p1 from flows f
    union all
    select f.*, coalesce(array_position((select labels from top), g0), 0),
        coalesce(array_position((select labels from top), g1), 0)
    from flows f
    where {is_grouped}
), parts as (
    select f.t, f.p1 as g, f.k1 as k,
        case when s.same then f.movement else 'e' end as movement,
        case when s.same then f.amount1 - f.amount0 else f.amount1 end as amount,
        case when s.same and f.movement in ('e', 's') then 0 else f.n end as customers
    from placed f
    cross join lateral (
        select f.movement in ('n', 'r') or (f.p0 = f.p1 and f.k0 = f.k1 and f.kept0) as same
    ) s
    where f.movement <> 'c' and f.kept1
    union all
    select f.t, f.p0, f.k0, case f.movement when 'c' then 'c' else 's' end, -f.amount0, -f.n
    from placed f
    where f.kept0 and (f.movement = 'c' or f.movement in ('e', 's')
        and (f.p0 <> f.p1 or f.k0 <> f.k1 or not f.kept1))
), held as (
    select -1 as g, k, amount, customers from holders
    union all
    select {place_anyway}, k, amount, customers from holders where {is_grouped}
)
-- fragment: states
-- What customers pay before and at the end of every stretch of time, by group and currency, and the
-- movements between.
moves as materialized (
    select t, g, k, sum(amount) as amount, sum(customers) as customers,
        sum(amount) filter (where movement = 'n') as new,
        sum(amount) filter (where movement = 'r') as reactivation,
        sum(amount) filter (where movement = 'e') as expansion,
        -sum(amount) filter (where movement = 's') as contraction,
        -sum(amount) filter (where movement = 'c') as churned
    from parts
    group by 1, 2, 3
), balances as materialized (
    -- At the start of the range; 0 for those that came later, and for an empty answer.
    select g, k, sum(amount) as amount, sum(customers) as customers
    from (
        select g, k, amount, customers from held
        union all
        select g, k, 0, 0 from moves
        union all
        select -1, :currency, 0, 0
    ) h
    group by 1, 2
), states as materialized (
    select p.t, h.g, h.k, r.rate,
        h.amount + coalesce(sum(m.amount) over w, 0) - coalesce(m.amount, 0) as before,
        h.customers + coalesce(sum(m.customers) over w, 0) - coalesce(m.customers, 0) as starters,
        h.amount + coalesce(sum(m.amount) over w, 0) as amount,
        h.customers + coalesce(sum(m.customers) over w, 0) as customers,
        m.new, m.reactivation, m.expansion, m.contraction, m.churned
    from points p
    cross join balances h
    left join moves m on m.t = p.t and m.g = h.g and m.k = h.k
    left join rates r on r.k = h.k
    where p.t > 0
    window w as (partition by h.g, h.k order by p.t)
    union all
    select 0, h.g, h.k, r.rate, h.amount, h.customers, h.amount + coalesce(m.amount, 0),
        h.customers + coalesce(m.customers, 0), m.new, m.reactivation, m.expansion, m.contraction,
        m.churned
    from balances h
    left join (
        select g, k, sum(amount) as amount, sum(customers) as customers, sum(new) as new,
            sum(reactivation) as reactivation, sum(expansion) as expansion,
            sum(contraction) as contraction, sum(churned) as churned
        from moves
        group by 1, 2
    ) m on m.g = h.g and m.k = h.k
    left join rates r on r.k = h.k
)

-- Customers at the start of a stretch of time who changed in it: how many ended, what they had paid,
-- and how much less, or more, all of them pay at its end. Most have one change in it, and pay in the
-- same currency (steady): what the flows come to without the changes of all others (unsteady). Of
-- those the first change and the last are put together (spans).

-- fragment: endings
unsteady as materialized (
    select t, member, previous_at, next_at, x0, k0, g0, kept0, x1, k1
    from changes
    where not (previous_at < :from and next_at >= :to and (x0 = 0 or x1 = 0 or k0 = k1))
), unsteady_in_t as materialized (
    select c.t, c.member, c.x0, c.k0, c.g0, c.kept0, c.x1, c.k1,
        c.previous_at < p.starts_at as is_first, c.next_at >= p.ends_at as is_last
    from unsteady c
    join points p on p.t = c.t
    where p.t > 0 and not (c.previous_at < p.starts_at and c.next_at >= p.ends_at
        and (c.x0 = 0 or c.x1 = 0 or c.k0 = c.k1))
), steady as materialized (
    select s.t, s.label, s.k, sum(s.ended) as ended, sum(s.lost) as lost, sum(s.change) as change,
        sum(s.less) as less
    from (
        select p.t, f.g0 as label, f.k0 as k, case f.movement when 'c' then f.n else 0 end as ended,
            case f.movement when 'c' then f.amount0 else 0 end as lost,
            f.amount1 - f.amount0 as change,
            case when f.movement in ('c', 's') then f.amount0 - f.amount1 else 0 end as less
        from flows f
        cross join lateral (select 0 as t union all select f.t where f.t > 0) p
        where f.kept0 and (f.movement = 'c' or f.movement in ('e', 's') and f.k0 = f.k1)
        union all
        select u.t, u.g0, u.k0, -count(*) filter (where u.x1 = 0),
            -coalesce(sum(u.x0) filter (where u.x1 = 0), 0), sum(u.x0) - sum(u.x1),
            -coalesce(sum(u.x0 - u.x1) filter (where u.x1 < u.x0), 0)
        from (
            select 0 as t, g0, k0, x0, k1, x1, kept0 from unsteady
            union all
            select t, g0, k0, x0, k1, x1, kept0 from unsteady_in_t
        ) u
        where u.x0 > 0 and u.kept0 and (u.x1 = 0 or u.k0 = u.k1)
        group by 1, 2, 3
    ) s
    group by 1, 2, 3
), spans as materialized (
    select 0 as t, a.g0, a.k0, a.x0, z.k1, z.x1
    from unsteady a
    join unsteady z on z.member = a.member and z.next_at >= :to
    where a.previous_at < :from and a.x0 > 0 and a.kept0
    union all
    select a.t, a.g0, a.k0, a.x0, z.k1, z.x1
    from unsteady_in_t a
    join unsteady_in_t z on z.t = a.t and z.member = a.member and z.is_last
    where a.is_first and a.x0 > 0 and a.kept0
), endings as materialized (
    select s.t, g.g, sum(s.ended)::bigint as ended, coalesce(sum(s.lost), 0) as lost,
        coalesce(sum(s.change), 0) as change, coalesce(sum(s.less), 0) as less
    from (
        select s.t, s.label, s.ended, s.lost * r.rate as lost, s.change * r.rate as change,
            s.less * r.rate as less
        from steady s
        left join rates r on r.k = s.k
        union all
        select s.t, s.g0, count(*) filter (where s.x1 = 0),
            sum(s.x0 * r0.rate) filter (where s.x1 = 0),
            sum(coalesce(s.x1 * r1.rate, 0) - s.x0 * r0.rate),
            sum(greatest(s.x0 * r0.rate - coalesce(s.x1 * r1.rate, 0), 0))
        from spans s
        left join rates r0 on r0.k = s.k0
        left join rates r1 on r1.k = s.k1
        group by 1, 2
    ) s
    cross join lateral (
        select -1 as g
        union all
        select coalesce(array_position((select labels from top), s.label), 0) where {is_grouped}
    ) g
    group by 1, 2
)
-- fragment: movements
select {key},
    case :metric when 'mrr' then f.amount::float8
        else (f.new + f.expansion + f.reactivation)::float8
            / nullif(f.contraction + f.churned, 0)::float8
    end as value,
    f.customers as n, f.new, f.expansion, f.reactivation, f.contraction, f.churned, f.customers,
    f.amount::float8 / nullif(f.convertible, 0)::float8 as arpa, f.currencies, {note_of_key}
from (
    select t, g, sum(customers)::bigint as customers,
        sum(customers) filter (where rate is not null) as convertible,
        coalesce(sum(amount * rate), 0) as amount, coalesce(sum(new * rate), 0) as new,
        coalesce(sum(expansion * rate), 0) as expansion,
        coalesce(sum(reactivation * rate), 0) as reactivation,
        coalesce(sum(contraction * rate), 0) as contraction,
        coalesce(sum(churned * rate), 0) as churned,
        coalesce(jsonb_object_agg(k, trim_scale(amount)) filter (where amount <> 0), jsonb_build_object())
            as currencies
    from states
    group by 1, 2
) f
-- fragment: kept_customers
select {key},
    case :metric
        when 'churn_rate' then coalesce(e.ended, 0)::float8 / nullif(f.starters, 0)::float8
        when 'revenue_churn' then coalesce(e.lost, 0)::float8 / nullif(f.before, 0)::float8
        when 'nrr' then (f.before + coalesce(e.change, 0))::float8 / nullif(f.before, 0)::float8
        else (f.before - coalesce(e.less, 0))::float8 / nullif(f.before, 0)::float8
    end as value,
    f.starters as n, coalesce(e.ended, 0) as ended, f.before as mrr_start,
    f.before + coalesce(e.change, 0) as mrr_end, coalesce(e.lost, 0) as mrr_ended,
    f.before - coalesce(e.less, 0) as mrr_kept, {note_of_key}
from (
    select t, g, sum(starters)::bigint as starters, coalesce(sum(before * rate), 0) as before
    from states
    group by 1, 2
) f
left join endings e on e.t = f.t and e.g = f.g
-- fragment: lifetime
select {key},
    f.amount::float8 / nullif(f.convertible, 0)::float8 * (select gross_margin from project)::float8
        / nullif(m.monthly_churn, 0) as value,
    f.starters as n, f.amount::float8 / nullif(f.convertible, 0)::float8 as arpa, m.monthly_churn,
    (select gross_margin from project)::float8 as gross_margin, f.customers, {note_of_key}
from (
    select t, g, sum(starters)::bigint as starters, sum(customers)::bigint as customers,
        sum(customers) filter (where rate is not null) as convertible,
        coalesce(sum(amount * rate), 0) as amount
    from states
    group by 1, 2
) f
join points p on p.t = f.t
left join endings e on e.t = f.t and e.g = f.g
cross join lateral (
    select coalesce(e.ended, 0)::float8 / nullif(f.starters, 0)::float8 * 30
        / (extract(epoch from p.ends_at - p.starts_at)::float8 / 86400) as monthly_churn
) m
-- fragment: project
project as materialized (
    select p.gross_margin from traction.project p where p.id = :project
)
-- fragment: months
select {key}, x.cac / nullif(x.arpa * (select gross_margin from project)::float8, 0) as value,
    coalesce(c.n, 0) as n, x.cac, x.arpa, (select gross_margin from project)::float8 as gross_margin,
    {note_of_key}
from (
    select t, g, sum(customers) filter (where rate is not null) as convertible,
        coalesce(sum(amount * rate), 0) as amount
    from states
    group by 1, 2
) f
left join money m on m.t = f.t and m.g = f.g
left join customers c on c.t = f.t and c.g = f.g
cross join lateral (
    select coalesce(m.amount, 0)::float8 / nullif(c.n, 0)::float8 as cac,
        f.amount::float8 / nullif(f.convertible, 0)::float8 as arpa
) x
