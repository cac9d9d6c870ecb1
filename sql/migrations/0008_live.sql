-- SPDX-License-Identifier: MIT
-- What GET /v1/live shows: notes of the last minutes, that every server reads as long as somebody
-- listens, so that none has to look through events. Both tables are pruned by the writers.

-- One row per project and committed batch with anything recent, kept for a few minutes. Written
-- under the lock of id_log_head: a run is visible only after all runs before it.
create table traction.live_note (
    project_id int not null,
    run bigint not null,                -- of the batch, as in id_log
    noted_at timestamptz not null default now(),
    -- {"seconds":[[unix time, events, requests, failures, errors],…], "names":[[kind, name, n],…],
    --  "pages":[[path, n],…], "identified":bool, "events":[[unix µs, kind, name, path, route,
    --  country, who, properties],…] the newest last}; events by receipt, all else by its own time
    note json not null,
    -- Of people with an engagement event: 16 bytes, and the Unix time of the last one as 4 bytes.
    -- Those whose person begins with people_level zero bits; 0: all.
    people bytea not null,
    people_level int not null,
    primary key (project_id, run)
);

alter table traction.live_note alter column people set storage external;

-- Page views by minute, kept for an hour.
create table traction.live_minute (
    project_id int not null,
    minute timestamptz not null,
    page_views bigint not null,
    primary key (project_id, minute)
) with (fillfactor = 50);
