-- SPDX-License-Identifier: MIT
-- What a project's money is worth, and what its customers pay a month.

alter table traction.project
    -- The share of revenue that is left when what it cost is paid: ltv and payback.
    add column gross_margin numeric not null default 1
        check (gross_margin > 0 and gross_margin <= 1),
    -- What one unit of a currency is in the project's own: {"EUR": "1.08"}. Others are not converted.
    add column rates jsonb not null default '{}' check (jsonb_typeof(rates) = 'object');

-- Every change of what a person pays a month, in the order of (at, received_at, id). Each knows what
-- came before and after, so that what a range did to a person is seen without the rest of the chain:
-- of the changes in [a, b), those with previous_at < a begin at the state at a, those with
-- next_at >= b end at the state at b.
create table traction.subscription_change (
    project_id int not null,
    person uuid not null,
    at timestamptz not null,
    received_at timestamptz not null,
    previous_at timestamptz not null,       -- '-infinity': there was none
    next_at timestamptz not null,           -- 'infinity': there is none
    first boolean not null,                 -- the person's first amount above 0
    previous_amount numeric not null,
    amount numeric not null,                -- a month, from now on; never below 0
    previous_currency text not null,
    currency text not null,                 -- '': the project's
    previous_plan text,
    plan text,
    id text collate "C" not null,           -- the event's
    primary key (project_id, person, at, received_at, id)
) with (fillfactor = 90);

create index subscription_change_at on traction.subscription_change (project_id, at);
create index subscription_change_next on traction.subscription_change (project_id, next_at);
create index subscription_change_first on traction.subscription_change (project_id, person)
    where first;

-- What the changes of a day come to, by what they were: n new (first), r back again, c ended, e more
-- or as much, s less. Both currencies are kept, as the events had them: whether they are the same
-- depends on the project's. What customers pay at an instant is the sum of all days before.
create table traction.subscription_day (
    project_id int not null,
    bucket timestamptz not null,            -- the start of a day in the project's time zone
    movement "char" not null,
    currency0 text not null,                -- before; '' for n and r, and for the project's
    currency1 text not null,                -- after; '' for c, and for the project's
    n bigint not null,
    amount0 numeric not null,
    amount1 numeric not null,
    primary key (project_id, bucket, movement, currency0, currency1)
);

-- The start of the day that an instant lies in. A midnight that the clocks pass twice is read as the
-- later one; the day begins at the earlier.
create function traction.day_start(at timestamptz, zone text) returns timestamptz
language sql stable
set search_path = pg_catalog
as $$
    select case when (m.midnight - interval '1 hour') at time zone zone >= d.day
        then m.midnight - interval '1 hour' else m.midnight end
    from (select (at at time zone zone)::date::timestamp as day) as d
    cross join lateral (select d.day at time zone zone as midnight) as m
$$;

-- First sign_up, with a channel or without.
alter table traction.person add column signed_up_at timestamptz not null default 'infinity';

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

insert into traction.subscription_day
    (project_id, bucket, movement, currency0, currency1, n, amount0, amount1)
select
    s.project_id, traction.day_start(s.at, p.timezone),
    case when s.previous_amount = 0 and s.first then 'n' when s.previous_amount = 0 then 'r'
        when s.amount = 0 then 'c' when s.amount >= s.previous_amount then 'e' else 's' end::"char",
    case when s.previous_amount > 0 then s.previous_currency else '' end,
    case when s.amount > 0 then s.currency else '' end,
    count(*), sum(s.previous_amount), sum(s.amount)
from traction.subscription_change as s
join traction.project as p on p.id = s.project_id
where s.previous_amount > 0 or s.amount > 0
group by 1, 2, 3, 4, 5;

update traction.person as p
set signed_up_at = s.at
from (
    select e.project_id, coalesce(a.person, e.person) as person, min(e.ts) as at
    from traction.event as e
    left join traction.alias as a on a.project_id = e.project_id and a.anonymous = e.person
        and e.received_at >= a.from_at and e.received_at < a.to_at
    where e.name = 'sign_up' and not e.bot
    group by 1, 2
) as s
where p.project_id = s.project_id and p.person = s.person;

-- metric  key                         n                        amount
-- cost    currency, U+001F, channel   acquisition_cost events  sum of value
insert into traction.rollup_count (project_id, metric, grain, bucket, key, n, amount)
select e.project_id, 'cost', b.grain, b.bucket,
    coalesce(e.unit, '') || chr(31) || coalesce(e.channel, ''), count(*), sum(e.value)
from traction.event as e
join traction.project as p on p.id = e.project_id
cross join lateral (values
    ('q'::"char", date_bin('15 minutes', e.ts, '2000-01-01 00:00:00+00')),
    ('d'::"char", traction.day_start(e.ts, p.timezone))
) as b (grain, bucket)
where e.name = 'acquisition_cost' and e.value is not null and not e.bot
group by 1, 2, 3, 4, 5;
