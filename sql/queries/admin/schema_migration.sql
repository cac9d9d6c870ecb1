-- Makes the table of applied migrations if it is not there. No parameters.
create schema if not exists traction;

create table if not exists traction.schema_migration (
    number int primary key,
    name text not null,
    sha256 text not null,
    applied_at timestamptz not null default now()
);
