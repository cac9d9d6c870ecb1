-- SPDX-License-Identifier: MIT
-- How events were taken, what went wrong for whom, what people answered.

-- From -1 to 1, kept to six decimals; null for all but feedback that says something.
alter table traction.event add column sentiment real;

-- Both are few among the others: their KPIs look at each.
create index event_sentiment on traction.event (project_id, ts) where sentiment is not null;
create index event_error on traction.event (project_id, ts) where name = 'error';

-- "TypeError: x is undefined": what errors are grouped by.
create function traction.error_label(properties jsonb) returns text
language plpgsql immutable parallel safe
as $$
declare
    type text := case when jsonb_typeof(properties -> 'type') = 'string'
        then nullif(properties ->> 'type', '') end;
    message text := case when jsonb_typeof(properties -> 'message') = 'string'
        then nullif(properties ->> 'message', '') end;
    label text := coalesce(type || ': ' || message, type, message, 'unknown');
    bytes bytea;
    size int := 200;
begin
    if octet_length(label) <= size then
        return label;
    end if;
    bytes := convert_to(label, 'UTF8');
    while get_byte(bytes, size) & 192 = 128 loop
        size := size - 1;
    end loop;
    return convert_from(substring(bytes for size), 'UTF8');
end
$$;

-- What has landed already counts, too. Texts are not judged again: words are known to the program.

update traction.event as e
set sentiment = s.sentiment
from (
    select
        e.ctid,
        e.tableoid,
        case
            when jsonb_typeof(e.properties -> 'sentiment') = 'number'
                and (e.properties -> 'sentiment')::numeric between -1 and 1
                then round((e.properties -> 'sentiment')::numeric, 6)
            when e.name = 'survey_answer' and e.value = trunc(e.value)
                and e.value between t.least and t.most
                then round((2 * e.value - t.least - t.most) / (t.most - t.least), 6)
        end as sentiment
    from traction.event as e
    left join (values ('nps', 0, 10), ('csat', 1, 5), ('ces', 1, 7)) as t (type, least, most)
        on t.type = e.properties ->> 'type'
    where e.kind = 'f' and e.sentiment is null and e.properties is not null
) as s
where e.ctid = s.ctid and e.tableoid = s.tableoid and s.sentiment is not null;

-- The measurements of web vitals: in what they are counted, up to where they are good, from where
-- poor, and where they end. include/traction/standard.h has the same.
create temporary table past_vital on commit drop as
select * from (values
    ('LCP', 1000, 2500000, 4000000, 86400000000), ('INP', 1000, 200000, 500000, 86400000000),
    ('CLS', 1000000000, 100000000, 250000000, 10000000000000),
    ('FCP', 1000, 1800000, 3000000, 86400000000), ('TTFB', 1000, 800000, 1800000, 86400000000)
) as v (metric, parts, good, poor, most);

create temporary table past_fact on commit drop as
select
    e.project_id,
    date_bin('15 minutes', e.ts, '2000-01-01 00:00:00+00') as quarter,
    case when (d.midnight - interval '1 hour') at time zone p.timezone >= d.day
        then d.midnight - interval '1 hour' else d.midnight end as day,
    f.metric,
    f.key,
    f.amount,
    case when f.metric = 'vital' then e.value end as value,
    case when f.metric = 'vital' then round(e.value * v.parts) end as parts
from traction.event as e
join traction.project as p on p.id = e.project_id
left join past_vital as v
    on e.name = 'web_vital' and v.metric = e.metric and e.value >= 0
    and round(e.value * v.parts) <= v.most
left join (values ('nps', 0, 10), ('csat', 1, 5), ('ces', 1, 7)) as t (type, least, most)
    on e.name = 'survey_answer' and t.type = e.properties ->> 'type'
cross join lateral (
    select (e.ts at time zone p.timezone)::date as day,
        (e.ts at time zone p.timezone)::date::timestamp at time zone p.timezone as midnight
) as d
cross join lateral (
    select
        case when round(e.value * 1000) <= 500000 then 'satisfied'
            when round(e.value * 1000) <= 2000000 then 'tolerating' else 'frustrated' end as metric,
        coalesce(e.route, '') as key,
        0::numeric as amount
    where e.name = 'api_request' and e.value is not null
    union all
    select 'vital',
        e.metric || case when round(e.value * v.parts) <= v.good then ':good'
            when round(e.value * v.parts) <= v.poor then ':needs_improvement' else ':poor' end,
        0
    where v.metric is not null
    union all
    select 'survey', t.type || ':' || trunc(e.value), 0
    where e.value = trunc(e.value) and e.value between t.least and t.most
    union all
    select 'answer',
        coalesce(t.type, case e.properties ->> 'type' when 'text' then 'text' else 'other' end)
            || case when jsonb_typeof(e.properties -> 'text') = 'string'
                and e.properties ->> 'text' <> '' then ':text' else '' end,
        0
    where e.name = 'survey_answer'
    union all
    select 'sentiment',
        case when e.sentiment::numeric >= 0.05 then 'positive'
            when e.sentiment::numeric <= -0.05 then 'negative' else 'neutral' end,
        round(e.sentiment::numeric, 6)
    where e.sentiment is not null
) as f
where not e.bot
    and (e.name in ('api_request', 'web_vital', 'survey_answer') or e.sentiment is not null);

insert into traction.rollup_count (project_id, metric, grain, bucket, key, n, amount)
select f.project_id, f.metric, g.grain, g.bucket, f.key, count(*), sum(f.amount)
from past_fact as f
cross join lateral (values ('q'::"char", f.quarter), ('d', f.day)) as g (grain, bucket)
group by 1, 2, 3, 4, 5;

-- A number as LEB128, as sketches have them (include/traction/base/sketch.h).
create function pg_temp.varint(number bigint) returns bytea
language plpgsql
as $$
declare
    bytes bytea := '';
begin
    while number >= 128 loop
        bytes := bytes || set_byte('\x00', 0, (number & 127 | 128)::int);
        number := number >> 7;
    end loop;
    return bytes || set_byte('\x00', 0, number::int);
end
$$;

insert into traction.rollup_sketch (project_id, metric, grain, bucket, key, n, total_us, sketch)
select project_id, 'vital', grain, bucket, key, sum(n), sum(total),
    '\x01'::bytea || string_agg(pg_temp.varint(slot - before) || pg_temp.varint(n), '' order by slot)
from (
    select *, coalesce(lag(slot) over (
        partition by project_id, grain, bucket, key order by slot), 0) as before
    from (
        select f.project_id, g.grain, g.bucket, split_part(f.key, ':', 1) as key,
            701 + case when f.value > 0 then greatest(-700, least(1500, ceil(ln(f.value::float8)
                / ln((1 + 0.01::float8) / (1 - 0.01::float8)))))::int else -701 end as slot,
            count(*) as n, sum(f.parts) as total
        from past_fact as f
        cross join lateral (values ('q'::"char", f.quarter), ('d', f.day)) as g (grain, bucket)
        where f.metric = 'vital'
        group by 1, 2, 3, 4, 5
    ) as c
) as s
group by 1, 2, 3, 4, 5;

drop function pg_temp.varint(bigint);
