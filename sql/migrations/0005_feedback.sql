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
