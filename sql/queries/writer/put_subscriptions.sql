-- Adds changes of what people pay a month, and gives those of visitors to the users they became. Of
-- each person touched, the chain is gone through again from the change before the earliest new one
-- to the change behind the latest, and up to the first amount above 0, which may be the first no
-- longer; only rows that come out differently are written, and what their days come to is corrected.
-- $1 projects, $2 people, $3 times, $4 receipts, $5 ids, $6 amounts, $7 currencies, $8 plans;
-- joins: $9 projects, $10 from, $11 to. Index look-ups per person.
with changed as materialized (
    select project_id, person, at, received_at, id collate "C" as id,
        greatest(amount::numeric, 0) as amount, currency, plan
    from unnest($1::int[], $2::uuid[], $3::timestamptz[], $4::timestamptz[], $5::text[],
                $6::text[], $7::text[], $8::text[])
        as d (project_id, person, at, received_at, id, amount, currency, plan)
),
joined as materialized (
    select project_id, "from", "to"
    from unnest($9::int[], $10::uuid[], $11::uuid[]) as d (project_id, "from", "to")
),
added as materialized (
    -- was_: what has been counted of them
    select project_id, person, at, received_at, id, amount, currency, plan,
        null::numeric as was_amount, null as was_currency, null::boolean as was_first
    from changed
    union all
    select s.project_id, j."to", s.at, s.received_at, s.id, s.amount, s.currency, s.plan,
        s.previous_amount, s.previous_currency, s.first
    from joined as j
    join traction.subscription_change as s
        on s.project_id = j.project_id and s.person = j."from"
),
stretch as materialized (
    select
        t.project_id, t.person, b.at as before_at,
        coalesce(b.at, t.from_at) as from_at,
        greatest(t.to_at, a.at, f.at) as to_at,
        coalesce(f.at < coalesce(b.at, t.from_at), false) as paid_before
    from (
        select project_id, person, min(at) as from_at, max(at) as to_at from added group by 1, 2
    ) as t
    left join lateral (
        select s.at from traction.subscription_change as s
        where s.project_id = t.project_id and s.person = t.person and s.at < t.from_at
        order by s.at desc limit 1
    ) as b on true
    left join lateral (
        select s.at from traction.subscription_change as s
        where s.project_id = t.project_id and s.person = t.person and s.at > t.to_at
        order by s.at limit 1
    ) as a on true
    left join lateral (
        select s.at from traction.subscription_change as s
        where s.project_id = t.project_id and s.person = t.person and s.first
    ) as f on true
),
chain as (
    select
        c.*, t.before_at, t.paid_before,
        row_number() over w as place,
        lag(c.at) over w as lag_at,
        lag(c.amount) over w as lag_amount,
        lag(c.currency) over w as lag_currency,
        lag(c.plan) over w as lag_plan,
        lead(c.at) over w as lead_at,
        coalesce(
            bool_or(c.amount > 0) over (w rows between unbounded preceding and 1 preceding), false
        ) as paid
    from stretch as t
    join lateral (
        select s.project_id, s.person, s.at, s.received_at, s.id, s.amount, s.currency, s.plan,
            s.previous_amount as was_amount, s.previous_currency as was_currency,
            s.first as was_first, s.previous_at, s.previous_plan, s.next_at
        from traction.subscription_change as s
        where s.project_id = t.project_id and s.person = t.person
            and s.at >= t.from_at and s.at <= t.to_at
        union all
        select n.project_id, n.person, n.at, n.received_at, n.id, n.amount, n.currency, n.plan,
            n.was_amount, n.was_currency, n.was_first, null, null, null
        from added as n
        where n.project_id = t.project_id and n.person = t.person
    ) as c on true
    window w as (partition by c.project_id, c.person order by c.at, c.received_at, c.id)
),
derived as materialized (
    select
        project_id, person, at, received_at, id, amount, currency, plan,
        case when place > 1 then lag_at when before_at is null then '-infinity'
            else previous_at end as previous_at,
        case when place > 1 then lag_amount when before_at is null then 0
            else was_amount end as previous_amount,
        case when place > 1 then lag_currency when before_at is null then ''
            else was_currency end as previous_currency,
        case when place > 1 then lag_plan when before_at is null then null
            else previous_plan end as previous_plan,
        coalesce(lead_at, next_at, 'infinity') as next_at,
        amount > 0 and not paid and not paid_before as first,
        was_amount, was_currency, was_first,
        (previous_at, was_amount, was_currency, previous_plan, next_at, was_first) as stored
    from chain
),
written as materialized (
    select *
    from derived
    where (previous_at, previous_amount, previous_currency, previous_plan, next_at, first)
        is distinct from stored
),
counted as (
    insert into traction.subscription_day as d
        (project_id, bucket, movement, currency0, currency1, n, amount0, amount1)
    select
        c.project_id, traction.day_start(c.at, p.timezone),
        case when c.amount0 = 0 and c.first then 'n' when c.amount0 = 0 then 'r'
            when c.amount1 = 0 then 'c' when c.amount1 >= c.amount0 then 'e' else 's' end::"char",
        case when c.amount0 > 0 then c.currency0 else '' end,
        case when c.amount1 > 0 then c.currency1 else '' end,
        sum(c.n), sum(c.n * c.amount0), sum(c.n * c.amount1)
    from (
        select project_id, at, 1 as n, previous_amount as amount0, previous_currency as currency0,
            amount as amount1, currency as currency1, first
        from written
        union all
        select project_id, at, -1, was_amount, was_currency, amount, currency, was_first
        from written
        where was_amount is not null
    ) as c
    join traction.project as p on p.id = c.project_id
    where c.amount0 > 0 or c.amount1 > 0
    group by 1, 2, 3, 4, 5
    on conflict (project_id, bucket, movement, currency0, currency1) do update
    set n = d.n + excluded.n, amount0 = d.amount0 + excluded.amount0,
        amount1 = d.amount1 + excluded.amount1
),
gone as (
    delete from traction.subscription_change as s
    using joined as j
    where s.project_id = j.project_id and s.person = j."from"
)
insert into traction.subscription_change as s (
    project_id, person, at, received_at, id, amount, currency, plan, previous_at, previous_amount,
    previous_currency, previous_plan, next_at, first)
select
    project_id, person, at, received_at, id, amount, currency, plan, previous_at, previous_amount,
    previous_currency, previous_plan, next_at, first
from written
on conflict (project_id, person, at, received_at, id) do update
set previous_at = excluded.previous_at, previous_amount = excluded.previous_amount,
    previous_currency = excluded.previous_currency, previous_plan = excluded.previous_plan,
    next_at = excluded.next_at, first = excluded.first
