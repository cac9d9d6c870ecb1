-- SPDX-License-Identifier: MIT
-- People who sign in to the dashboard, and what they let others see.

create table traction.app_user (
    id int generated always as identity primary key,
    email text not null unique check (email = lower(email) and length(email) between 3 and 254),
    -- owner: everything; member: everything within projects; viewer: looks.
    role text not null check (role in ('owner', 'member', 'viewer')),
    -- $scrypt$ln=…,r=…,p=…$salt$hash; null: signs in by a link only.
    password text,
    created_at timestamptz not null default now()
);

create table traction.user_session (
    -- SHA-256 of the cookie's value.
    hash bytea primary key check (length(hash) = 32),
    user_id int not null references traction.app_user (id) on delete cascade,
    opened_at timestamptz not null default now(),   -- when the person signed in
    made_at timestamptz not null default now(),     -- when this cookie was made
    expires_at timestamptz not null
);

create index user_session_user on traction.user_session (user_id);

-- Links that sign in, once.
create table traction.sign_in_link (
    hash bytea primary key check (length(hash) = 32),
    user_id int not null references traction.app_user (id) on delete cascade,
    expires_at timestamptz not null
);

-- One page of a project, for whoever has the link.
create table traction.share (
    id int generated always as identity primary key,
    hash bytea not null unique check (length(hash) = 32),
    project_id int not null references traction.project (id) on delete cascade,
    page text not null check (page in ('overview', 'engagement', 'performance', 'business', 'feedback', 'retention')),
    title text not null check (length(title) <= 200),
    created_by text not null,
    created_at timestamptz not null default now()
);

create index share_project on traction.share (project_id);
