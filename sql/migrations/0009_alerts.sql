-- SPDX-License-Identifier: MIT
-- Alerts: rules and receivers as they were written, the state of each alert, what became of it, and
-- what is still to be told to whom. docs/alerts.md says what the words mean.

create table traction.alert_rule (
    id bigint generated always as identity primary key,
    project_id int not null references traction.project on delete cascade,
    name text not null,
    rule jsonb not null check (jsonb_typeof(rule) = 'object'),      -- complete: defaults filled in
    created_at timestamptz not null default now(),
    changed_at timestamptz not null default now(),
    -- Of one that was removed, or whose question or labels became others (which makes it a new
    -- rule): its alerts are resolved, and then the row goes.
    removed_at timestamptz
);

create unique index alert_rule_name on traction.alert_rule (project_id, name)
    where removed_at is null;

create table traction.alert_receiver (
    id bigint generated always as identity primary key,
    project_id int not null references traction.project on delete cascade,
    name text not null,
    receiver jsonb not null check (jsonb_typeof(receiver) = 'object'),
    -- How it fares. Failing from the first attempt that failed since the last that did not.
    failing_since timestamptz,
    last_error text,
    last_sent_at timestamptz,
    unique (project_id, name)
);

create table traction.alert_silence (
    id bigint generated always as identity primary key,
    rule_id bigint not null references traction.alert_rule on delete cascade,
    series text,                        -- of this group only; null: of all
    comment text not null default '',
    created_at timestamptz not null default now(),
    until_at timestamptz not null check (until_at > created_at)
);

create index alert_silence_rule on traction.alert_silence (rule_id, until_at);

-- One row per alert: of a rule, or of each group of a rule with by that was found lately.
create table traction.alert_state (
    rule_id bigint not null references traction.alert_rule on delete cascade,
    series text not null,               -- the group; '' of a rule without by
    phase text not null check (phase in ('inactive', 'pending', 'firing')),
    no_data boolean not null,
    active_at timestamptz,              -- pending or firing: since when the condition has held
    fired_at timestamptz,               -- firing: since when
    clear_at timestamptz,               -- firing: since when the condition no longer holds
    value float8,                       -- as of seen_at
    n bigint,
    seen_at timestamptz,                -- when the group was last found; null: never
    told_at timestamptz,                -- firing: when receivers were last told
    primary key (rule_id, series)
) with (fillfactor = 50);

create table traction.alert_history (
    id bigint generated always as identity primary key,
    project_id int not null references traction.project on delete cascade,
    rule_id bigint not null,            -- which may be gone
    rule text not null,
    series text not null,
    fingerprint text not null,
    change text not null check (change in ('inactive', 'pending', 'firing', 'resolved', 'no data')),
    at timestamptz not null,
    value float8,
    n bigint,
    silenced boolean not null default false
);

create index alert_history_project on traction.alert_history (project_id, at desc, id desc);

-- What is to be told, in order, to each receiver. Kept for some days after it was.
create table traction.alert_notification (
    id bigint generated always as identity primary key,
    project_id int not null references traction.project on delete cascade,
    receiver text not null,
    rule_id bigint not null,
    group_key text not null,            -- what goes out together
    alert json not null,                -- as in Alertmanager's webhook
    created_at timestamptz not null,
    attempts int not null default 0,
    next_at timestamptz,                -- of the next attempt; null: at once
    error text,                         -- of the last attempt
    sent_at timestamptz,
    dropped_at timestamptz              -- given up
);

create index alert_notification_waiting on traction.alert_notification (project_id, receiver, id)
    where sent_at is null and dropped_at is null;
create index alert_notification_created on traction.alert_notification (created_at);

-- Changes whenever rules, receivers or silences do; the server that evaluates looks at it.
create table traction.alert_version (
    only_row boolean primary key default true check (only_row),
    version bigint not null
);

insert into traction.alert_version (version) values (0);

-- When an outcome was last added to: how long nothing has been received.
alter table traction.ledger add column changed_at timestamptz;
