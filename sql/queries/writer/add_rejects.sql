-- Refused events. $1 projects, $2 times of receipt, $3 sources, $4 indexes, $5 fields, $6 codes,
-- $7 messages, $8 events.
insert into traction.reject
    (project_id, received_at, source, index, field, code, message, event)
select project_id, received_at, source, index, field, code, message, event
from unnest($1::int[], $2::timestamptz[], $3::text[], $4::int[], $5::text[], $6::text[],
            $7::text[], $8::bytea[])
    as d (project_id, received_at, source, index, field, code, message, event)
