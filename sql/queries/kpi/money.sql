-- Pieces of the queries about money. In them t is 0 for the whole range and g is -1 for all groups
-- together, so that keys can be joined.

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
    -- Which currencies (k) of amounts are converted, and which cannot be.
    select nullif(concat_ws('; ',
        'amounts in ' || string_agg(a.k, ', ' order by a.k) filter (where r.rate is null)
            || ' are left out of the value: the project has no rate for them',
        'amounts in ' || string_agg(a.k, ', ' order by a.k) filter (where a.k <> :currency
            and r.rate is not null) || ' are converted at the rates that the project has now'
        ), '') as text
    from (select distinct k from amounts) a
    left join rates r on r.k = a.k
)
-- fragment: note_of_key
case when f.t = 0 and f.g = -1 then (select text from note) end as note
-- fragment: frame
frame as materialized (
    select p.t, f.g
    from points p
    cross join (select -1 as g union select a.g from amounts a where {is_grouped}) f
)
-- fragment: money
-- Of amounts (t, g, k, n, amount), g being the place: sums for every stretch of time and group.
money as materialized (
    select s.t, s.g, sum(s.n)::bigint as n, coalesce(sum(s.amount * r.rate), 0) as value,
        jsonb_object_agg(s.k, trim_scale(s.amount)) as currencies,
        jsonb_object_agg(s.k, trim_scale(s.amount)::text) as exact
    from (
        select coalesce(t, 0) as t, coalesce(g, -1) as g, k, n, amount
        from (
            select {keys}, k, sum(n) as n, sum(amount) as amount
            from amounts
            group by k, grouping sets ({sets})
        ) keyed
    ) s
    left join rates r on r.k = s.k
    group by s.t, s.g
)

-- Subscriptions ---------------------------------------------------------------------------------

-- fragment: changes_of_facts
changes as materialized (
    -- From what (0) to what (1) people went in the range, and when they had changed before and
    -- will again. Cancelled, x1 is 0.
    select e.person as member, width_bucket(e.at, :buckets) as t, e.previous_at, e.next_at, e.first,
        e.previous_amount as x0, coalesce(nullif(e.previous_currency, ''), :currency) as k0,
        e.previous_plan as g0, true as kept0,
        e.amount as x1, coalesce(nullif(e.currency, ''), :currency) as k1, e.plan as g1,
        true as kept1
    from traction.subscription_change e
    where e.project_id = :project and e.at >= :from and e.at < :to
), held as materialized (
    -- What they paid when the range began.
    select e.plan as g, coalesce(nullif(e.currency, ''), :currency) as k, sum(e.amount) as amount,
        count(*) as customers
    from traction.subscription_change e
    where e.project_id = :project and e.next_at >= :from and e.at < :from and e.amount > 0
    group by 1, 2
)
-- fragment: changes_of_events
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
        from {people_history} and (e.name = 'subscription_cancelled'
            or e.name in ('subscription_started', 'subscription_changed') and e.value is not null)
    ) s
    window w as (partition by member order by at, received_at, id)
), changes as materialized (
    select member, width_bucket(at, :buckets) as t, previous_at, next_at, first,
        x0, k0, g0, coalesce(kept0, true) as kept0, x1, k1, g1, kept1
    from chain
    where at >= :from
), held as materialized (
    select g1 as g, k1 as k, sum(x1) as amount, count(*) as customers
    from chain
    where at < :from and next_at >= :from and x1 > 0 and kept1
    group by 1, 2
)
-- fragment: states
-- What customers pay before and at the end of every stretch of time, by group and currency, and the
-- movements between. Where the group or the currency changes, the old amount is a contraction there
-- and the new one an expansion here.
{points}, {rates}, top as materialized (
    select array(
        select g
        from (
            select g, k, amount from held
            union all
            select g1, k1, x1 from changes where kept1 and x1 > 0
            union all
            select g0, k0, -x0 from changes where kept0 and x0 > 0
        ) a
        left join rates r using (k)
        where {is_grouped}
        group by g
        order by coalesce(sum(amount * rate), 0) desc, g collate "C"
        limit :groups
    ) as labels
), placed as materialized (
    select c.*, -1 as p0, -1 as p1 from changes c
    union all
    select c.*, coalesce(array_position((select labels from top), g0), 0),
        coalesce(array_position((select labels from top), g1), 0)
    from changes c
    where {is_grouped}
), parts as (
    select c.t, c.p1 as g, c.k1 as k, c.x0, c.x1, c.first,
        case when d.same then c.x1 - c.x0 else c.x1 end as amount,
        case when d.same and c.x0 > 0 then 0 else 1 end as customers
    from placed c
    cross join lateral (
        select c.x0 = 0 or (c.p0 = c.p1 and c.k0 = c.k1 and c.kept0) as same
    ) d
    where c.x1 > 0 and c.kept1
    union all
    select c.t, c.p0, c.k0, c.x0, c.x1, c.first, -c.x0, -1
    from placed c
    where c.x0 > 0 and c.kept0
        and (c.x1 = 0 or c.p0 <> c.p1 or c.k0 <> c.k1 or not c.kept1)
), moves as materialized (
    select t, g, k, sum(amount) as amount, sum(customers) as customers,
        sum(amount) filter (where x0 = 0 and first) as new,
        sum(amount) filter (where x0 = 0 and not first) as reactivation,
        sum(amount) filter (where x0 > 0 and x1 > 0 and amount > 0) as expansion,
        -sum(amount) filter (where x0 > 0 and x1 > 0 and amount < 0) as contraction,
        -sum(amount) filter (where x1 = 0) as churned
    from parts
    group by 1, 2, 3
), amounts as materialized (
    -- At the start of the range; 0 for those that came later, and for an empty answer.
    select g, k, sum(amount) as amount, sum(customers) as customers
    from (
        select -1 as g, k, amount, customers from held
        union all
        select {place_anyway}, k, amount, customers from held where {is_grouped}
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
    cross join amounts h
    left join moves m on m.t = p.t and m.g = h.g and m.k = h.k
    left join rates r on r.k = h.k
    where p.t > 0
    window w as (partition by h.g, h.k order by p.t)
    union all
    select 0, h.g, h.k, r.rate, h.amount, h.customers, h.amount + coalesce(m.amount, 0),
        h.customers + coalesce(m.customers, 0), m.new, m.reactivation, m.expansion, m.contraction,
        m.churned
    from amounts h
    left join (
        select g, k, sum(amount) as amount, sum(customers) as customers, sum(new) as new,
            sum(reactivation) as reactivation, sum(expansion) as expansion,
            sum(contraction) as contraction, sum(churned) as churned
        from moves
        group by 1, 2
    ) m on m.g = h.g and m.k = h.k
    left join rates r on r.k = h.k
), {note}
-- fragment: endings
-- Customers at the start of a stretch of time who changed in it (spans), and of those by group: how
-- many ended, what they had paid, and how much less, or more, all of them pay at its end.
spans as materialized (
    select s.t, s.member, max(s.g0) filter (where s.is_first) as label,
        sum(s.x0 * r0.rate) filter (where s.is_first) as before,
        coalesce(sum(s.x1 * r1.rate) filter (where s.is_last), 0) as after,
        bool_or(s.is_last and s.x1 > 0) as stays
    from (
        select p.t, c.member, c.g0, c.k0, c.x0, c.kept0, c.k1, c.x1,
            c.previous_at < p.starts_at as is_first, c.next_at >= p.ends_at as is_last
        from changes c
        join points p on p.t = c.t
        where c.t > 0
        union all
        select 0, c.member, c.g0, c.k0, c.x0, c.kept0, c.k1, c.x1,
            c.previous_at < :from, c.next_at >= :to
        from changes c
    ) s
    left join rates r0 on r0.k = s.k0
    left join rates r1 on r1.k = s.k1
    where s.is_first or s.is_last
    group by 1, 2
    having bool_or(s.is_first and s.x0 > 0 and s.kept0)
), endings as materialized (
    select s.t, g.g, count(*) filter (where not s.stays) as ended,
        sum(s.before) filter (where not s.stays) as lost,
        sum(s.after - s.before) as change, sum(greatest(s.before - s.after, 0)) as less
    from spans s
    cross join lateral (
        select -1 as g
        union all
        select coalesce(array_position((select labels from top), s.label), 0) where {is_grouped}
    ) g
    group by 1, 2
)
-- fragment: movements
select {key},
    case :metric when 'mrr' then f.amount
        else (f.new + f.expansion + f.reactivation) / nullif(f.contraction + f.churned, 0)
    end as value,
    f.customers as n, f.new, f.expansion, f.reactivation, f.contraction, f.churned, f.customers,
    f.amount / nullif(f.convertible, 0) as arpa, f.currencies, {note_of_key}
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
        when 'churn_rate' then coalesce(e.ended, 0)::numeric / nullif(f.starters, 0)
        when 'revenue_churn' then coalesce(e.lost, 0) / nullif(f.before, 0)
        when 'nrr' then (f.before + coalesce(e.change, 0)) / nullif(f.before, 0)
        else (f.before - coalesce(e.less, 0)) / nullif(f.before, 0)
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
