-- SPDX-License-Identifier: MIT
-- What a project's money is worth, and what its customers pay a month.

alter table traction.project
    -- The share of revenue that is left when what it cost is paid: ltv and payback.
    add column gross_margin numeric not null default 1
        check (gross_margin > 0 and gross_margin <= 1),
    -- What one unit of a currency is in the project's own: {"EUR": "1.08"}. Others are not converted.
    add column rates jsonb not null default '{}' check (jsonb_typeof(rates) = 'object');

-- Every change of what a person pays a month, in the order of (at, received_at, id). The columns
-- behind the event's own say what came before and after, so that what a range did to a person is
-- seen without the rest of the chain: of the changes in [a, b), those with previous_at < a begin at
-- the state at a, those with next_at >= b end at the state at b.
create table traction.subscription_change (
    project_id int not null,
    person uuid not null,
    at timestamptz not null,
    received_at timestamptz not null,
    id text collate "C" not null,           -- the event's
    amount numeric not null,                -- a month, from now on; never below 0
    currency text not null,                 -- '': the project's
    plan text,
    previous_at timestamptz not null,       -- '-infinity': there was none
    previous_amount numeric not null,
    previous_currency text not null,
    previous_plan text,
    next_at timestamptz not null,           -- 'infinity': there is none
    first boolean not null,                 -- the person's first amount above 0
    primary key (project_id, person, at, received_at, id)
) with (fillfactor = 90);

create index subscription_change_at on traction.subscription_change (project_id, at);
create index subscription_change_next on traction.subscription_change (project_id, next_at);
create index subscription_change_first on traction.subscription_change (project_id, person)
    where first;

-- What follows from events that have landed already.
insert into traction.subscription_change (
    project_id, person, at, received_at, id, amount, currency, plan, previous_at, previous_amount,
    previous_currency, previous_plan, next_at, first)
select
    project_id, person, at, received_at, id, amount, currency, plan,
    lag(at, 1, '-infinity') over w,
    lag(amount, 1, 0) over w,
    lag(currency, 1, '') over w,
    lag(plan) over w,
    lead(at, 1, 'infinity') over w,
    amount > 0 and not coalesce(
        bool_or(amount > 0) over (w rows between unbounded preceding and 1 preceding), false)
from (
    select
        e.project_id, coalesce(a.person, e.person) as person, e.ts as at, e.received_at,
        e.id collate "C" as id, coalesce(e.unit, '') as currency, e.plan,
        case when e.name = 'subscription_cancelled' then 0 else greatest(e.value, 0) end as amount
    from traction.event as e
    left join traction.alias as a on a.project_id = e.project_id and a.anonymous = e.person
        and e.received_at >= a.from_at and e.received_at < a.to_at
    where not e.bot and (
        e.name = 'subscription_cancelled'
        or e.name in ('subscription_started', 'subscription_changed') and e.value is not null)
) as e
window w as (partition by project_id, person order by at, received_at, id);

-- metric  key                         n                        amount
-- cost    currency, U+001F, channel   acquisition_cost events  sum of value
insert into traction.rollup_count (project_id, metric, grain, bucket, key, n, amount)
select e.project_id, 'cost', b.grain, b.bucket,
    coalesce(e.unit, '') || chr(31) || coalesce(e.channel, ''), count(*), sum(e.value)
from traction.event as e
join traction.project as p on p.id = e.project_id
cross join lateral (
    select (e.ts at time zone p.timezone)::date::timestamp as local
) as d
cross join lateral (
    select d.local at time zone p.timezone as midnight
) as m
cross join lateral (values
    ('q'::"char", date_bin('15 minutes', e.ts, '2000-01-01 00:00:00+00')),
    ('d'::"char", case when (m.midnight - interval '1 hour') at time zone p.timezone >= d.local
        then m.midnight - interval '1 hour' else m.midnight end)
) as b (grain, bucket)
where e.name = 'acquisition_cost' and e.value is not null and not e.bot
group by 1, 2, 3, 4, 5;
