-- SPDX-License-Identifier: MIT
-- How events were taken, what went wrong for whom, what people answered.

-- From -1 to 1, kept to six decimals; null for all but feedback that says something.
alter table traction.event add column sentiment real;

create index event_sentiment on traction.event (project_id, ts) where sentiment is not null;

-- "TypeError: x is undefined": what errors are grouped by. src/event/label.c does the same.
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

-- The errors of a day in the project's time zone, by their label.
create table traction.error_day (
    project_id int not null,
    day date not null,
    error text not null,
    events bigint not null,
    fatal bigint not null,              -- of them, with properties.fatal true
    first_at timestamptz not null,
    last_at timestamptz not null,
    primary key (project_id, day, error)
);
