-- Adds changes of what people pay a month, and gives those of visitors to the users they became. Of
-- each person touched, the chain is gone through again from the change before the earliest new one
-- to the change behind the latest, and up to the first amount above 0, which may be the first no
-- longer; only rows that come out differently are written.
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
    select project_id, person, at, received_at, id, amount, currency, plan from changed
    union all
    select s.project_id, j."to", s.at, s.received_at, s.id, s.amount, s.currency, s.plan
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
            s.previous_at, s.previous_amount, s.previous_currency, s.previous_plan, s.next_at,
            s.first
        from traction.subscription_change as s
        where s.project_id = t.project_id and s.person = t.person
            and s.at >= t.from_at and s.at <= t.to_at
        union all
        select n.project_id, n.person, n.at, n.received_at, n.id, n.amount, n.currency, n.plan,
            null, null, null, null, null, null
        from added as n
        where n.project_id = t.project_id and n.person = t.person
    ) as c on true
    window w as (partition by c.project_id, c.person order by c.at, c.received_at, c.id)
),
derived as (
    select
        project_id, person, at, received_at, id, amount, currency, plan,
        case when place > 1 then lag_at when before_at is null then '-infinity'
            else previous_at end as previous_at,
        case when place > 1 then lag_amount when before_at is null then 0
            else previous_amount end as previous_amount,
        case when place > 1 then lag_currency when before_at is null then ''
            else previous_currency end as previous_currency,
        case when place > 1 then lag_plan when before_at is null then null
            else previous_plan end as previous_plan,
        coalesce(lead_at, next_at, 'infinity') as next_at,
        amount > 0 and not paid and not paid_before as first,
        (previous_at, previous_amount, previous_currency, previous_plan, next_at, first) as was
    from chain
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
from derived
where (previous_at, previous_amount, previous_currency, previous_plan, next_at, first)
    is distinct from was
on conflict (project_id, person, at, received_at, id) do update
set previous_at = excluded.previous_at, previous_amount = excluded.previous_amount,
    previous_currency = excluded.previous_currency, previous_plan = excluded.previous_plan,
    next_at = excluded.next_at, first = excluded.first
