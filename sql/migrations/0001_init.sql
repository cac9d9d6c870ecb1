-- SPDX-License-Identifier: MIT
-- The first schema. Names are always qualified; migrations are never edited once released.

create schema if not exists traction;

-- Who may send and ask -------------------------------------------------------------------------

create table traction.project (
    id int generated always as identity primary key,
    uuid uuid not null unique default gen_random_uuid(),
    name text not null unique check (length(name) between 1 and 200),
    -- Fixed once the project has events: days are cut in this zone.
    timezone text not null default 'UTC',
    currency text not null default 'USD' check (currency ~ '^[A-Z]{3}$'),
    -- Empty: any origin may use a write key.
    allowed_origins text[] not null default '{}',
    retention_days int check (retention_days > 0),
    created_at timestamptz not null default now()
);

create table traction.api_key (
    -- SHA-256 of the key; the key itself is shown once and never stored.
    hash bytea primary key check (length(hash) = 32),
    project_id int not null references traction.project (id) on delete cascade,
    scope text not null check (scope in ('write', 'read', 'admin')),
    -- The first characters of the key, enough for a person to tell keys apart.
    hint text not null,
    created_at timestamptz not null default now(),
    revoked_at timestamptz
);

create index api_key_project on traction.api_key (project_id);

-- Events ---------------------------------------------------------------------------------------

-- One row per event, in the order of columns that the record in the spool has: the door writes
-- the row in binary COPY form, the writer copies bytes. One partition per UTC day, event_YYYYMMDD.
create table traction.event (
    project_id int not null,
    ts timestamptz not null,            -- when it happened, corrected for the client's clock
    received_at timestamptz not null,
    id text not null,                   -- the client's idempotency key, else the server's UUID
    kind "char" not null,               -- e engagement, p performance, b business, f feedback
    name text not null,
    person uuid not null,               -- digest of user_id, else of anonymous_id
    user_id text,
    anonymous_id text,
    session_id text,
    value numeric,
    unit text,
    url text,
    host text,
    path text,
    referrer text,
    referrer_host text,
    title text,
    channel text,
    country text,
    device text,
    browser text,
    os text,
    route text,                         -- the standard properties, for asking by them
    status int,
    feature text,
    goal text,
    plan text,
    metric text,
    bot boolean not null,
    clamped boolean not null,           -- the client's timestamp was absurd; ts is received_at
    properties jsonb                    -- as sent; null when there are none
) partition by range (ts);

create index event_ts on traction.event using brin (ts) with (autosummarize = on);

-- Exactly once ---------------------------------------------------------------------------------

-- One row per server (per spool). position: everything in that spool before it has landed.
create table traction.spool_position (
    server_id int generated always as identity primary key,
    spool uuid not null unique,         -- the spool's own identity
    position bigint not null,
    -- Every event this server received before has landed. Kept fresh while the spool is empty.
    received_through timestamptz not null,
    updated_at timestamptz not null default now()
);

-- The ids of committed events, a row per committed batch, in the order of commit: what each
-- writer reads of the others to know which ids it has to leave out. Kept for the dedupe window.
create table traction.id_log (
    run bigint primary key,
    server_id int not null,
    received_from timestamptz not null,
    received_to timestamptz not null,
    ids bytea not null check (length(ids) % 16 = 0)
);

alter table traction.id_log alter column ids set storage external;

-- Its single row is the lock under which batches commit, one after the other.
create table traction.id_log_head (
    singleton boolean primary key default true check (singleton),
    run bigint not null
);

insert into traction.id_log_head (run) values (0);

-- What became of every record: landed = stored + duplicate + rejected:*, per project and server.
create table traction.ledger (
    project_id int not null,
    server_id int not null,
    outcome text not null,              -- landed, stored, duplicate, rejected:<code>
    events bigint not null,
    primary key (project_id, server_id, outcome)
);

-- Refused events, whole; the newest 100,000 of a project are kept.
create table traction.reject (
    id bigint generated always as identity primary key,
    project_id int not null,
    received_at timestamptz not null,
    source text not null,               -- the endpoint, or "postgresql"
    index int not null,                 -- which event of the request
    field text not null,
    code text not null,
    message text not null,
    event bytea not null                -- the bytes as they came, which need not be text
);

create index reject_project on traction.reject (project_id, id);

-- Rollups: each is derived from events in the transaction that stores them ---------------------

-- grain q: bucket is a quarter of an hour (so that every time zone works);
-- grain d: bucket is the start of a day in the project's time zone.

-- metric  key        n                     amount
-- event   kind:name  events                -
-- request route      api_request           -
-- failure route      of them, status ≥ 500 -
-- feature feature    feature_used          -
-- revenue currency   purchases             sum of value
-- person  ''         people first seen     -
create table traction.rollup_count (
    project_id int not null,
    metric text not null,
    grain "char" not null,
    bucket timestamptz not null,
    key text not null,
    n bigint not null,
    amount numeric not null default 0,
    primary key (project_id, metric, grain, bucket, key)
);

-- Distributions of durations in milliseconds as log-bucket sketches (include/traction/base/sketch.h).
-- metric     key
-- page_load  ''
-- request    route; '' is all of them together
create table traction.rollup_sketch (
    project_id int not null,
    metric text not null,
    grain "char" not null,
    bucket timestamptz not null,
    key text not null,
    n bigint not null,
    total_us numeric not null,
    sketch bytea not null,
    primary key (project_id, metric, grain, bucket, key)
);

-- Distinct people and sessions over any range of days, exactly: day_member knows on which days (in
-- the project's time zone) a member of a set was active, day_matrix how many members were active on
-- a day and, before it, last on previous_day ('-infinity': never). The members in the days
-- [from, to) are the sum of the cells with day in [from, to) and previous_day < from.
create table traction.member_set (
    id int generated always as identity primary key,
    project_id int not null,
    -- active: people with an engagement event · feature: people who used key · goal: people who
    -- converted to key ('' any) · session: sessions · session_error: sessions with an error
    subject text not null,
    key text not null,
    unique (project_id, subject, key)
);

create table traction.day_member (
    set_id int not null,
    member uuid not null,
    day date not null,
    primary key (set_id, member, day)
);

create table traction.day_matrix (
    set_id int not null,
    day date not null,
    previous_day date not null,
    members bigint not null,
    primary key (set_id, day, previous_day)
);

-- Everybody ever seen, with the time of the first event of any kind.
create table traction.person (
    project_id int not null,
    person uuid not null,
    first_seen timestamptz not null,
    primary key (project_id, person)
);

-- A session's share of a day. several_days: the session also has other days.
create table traction.session_day (
    project_id int not null,
    session uuid not null,              -- digest of session_id
    day date not null,
    first_at timestamptz not null,
    last_at timestamptz not null,
    engaged_us bigint not null,         -- sum of engaged_time
    several_days boolean not null,
    primary key (project_id, session, day)
) with (fillfactor = 75);

create index session_day_several on traction.session_day (project_id, day) where several_days;

-- The time on site of the sessions that have only this one day; in microseconds.
create table traction.session_time (
    project_id int not null,
    day date not null,
    sessions bigint not null,
    total_us numeric not null,
    sketch bytea not null,
    primary key (project_id, day)
);

-- Makes the partition of a UTC day unless it is there. Attaching waits for nobody who reads or
-- writes the other partitions, which "create table … partition of" would.
create function traction.make_event_partition(day date) returns void
language plpgsql
set search_path = pg_catalog
as $$
declare
    partition text := 'event_' || to_char(day, 'YYYYMMDD');
begin
    perform pg_advisory_xact_lock(hashtextextended('traction.event', 0));
    if exists (
        select from pg_inherits
        where inhparent = 'traction.event'::regclass
            and inhrelid = to_regclass('traction.' || partition)
    ) then
        return;
    end if;
    -- Detached by somebody: that table is theirs now, and a new one takes its place.
    if to_regclass('traction.' || partition) is not null then
        partition := partition || '_' || to_char(now(), 'YYYYMMDDHH24MISS');
    end if;
    execute format('create table traction.%I (like traction.event including defaults)', partition);
    execute format(
        'alter table traction.event attach partition traction.%I for values from (%L) to (%L)',
        partition, day || ' 00:00:00+00', (day + 1) || ' 00:00:00+00');
end
$$;
