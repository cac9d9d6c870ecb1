-- SPDX-License-Identifier: MIT
-- What a product is meant to show, and marks in time.

create table traction.hypothesis (
    id bigint generated always as identity primary key,
    project_id int not null references traction.project on delete cascade,
    title text not null,
    kpi text not null,
    params jsonb not null check (jsonb_typeof(params) = 'object'),  -- of the KPI: {"where": [], …}
    above float8,
    below float8,
    from_at timestamptz not null,
    until_at timestamptz not null check (until_at > from_at),
    min_sample bigint not null check (min_sample > 0),
    confidence float8 not null check (confidence > 0 and confidence < 1),
    created_at timestamptz not null default now(),
    archived_at timestamptz,
    -- What was found when it was first decided, or its period was over; never changed again.
    decided_at timestamptz,
    verdict text check (verdict in ('validated', 'refuted', 'too early')),
    value float8,
    n bigint,
    result json,                                                    -- as it was told
    check ((above is null) <> (below is null)),
    check ((decided_at is null) = (verdict is null) and (decided_at is null) = (result is null))
);

create index hypothesis_project on traction.hypothesis (project_id, id) where archived_at is null;

create table traction.annotation (
    id bigint generated always as identity primary key,
    project_id int not null references traction.project on delete cascade,
    client_id text,                                                 -- the sender's; sent again: no second
    at timestamptz not null,
    kind text not null,
    title text not null,
    url text,
    properties jsonb not null default '{}' check (jsonb_typeof(properties) = 'object'),
    created_at timestamptz not null default now(),
    unique (project_id, client_id)
);

create index annotation_at on traction.annotation (project_id, at);
