-- Work that outlives a request. A row leaves `running` only by its own end or by the next start of the server.
create table job (
    job integer primary key,
    kind text not null,
    payload text not null,
    state text not null default 'queued' check (state in ('queued', 'running', 'done', 'failed')),
    attempts integer not null default 0,
    created_at integer not null,
    started_at integer,
    ended_at integer,
    error text
) strict;

create index job_state on job (state, job);
