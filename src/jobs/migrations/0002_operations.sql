-- The queue learns priorities, retries, leases, cancelling and duplicates; every execution is kept as a run.
create table job_new (
    job integer primary key,
    kind text not null,
    -- What it is about, for people: `import 3`.
    subject text not null default '',
    payload text not null,
    -- At most one queued or running job of a kind has a given key.
    dedup_key text,
    state text not null default 'queued'
        check (state in ('queued', 'running', 'done', 'failed', 'cancelled', 'skipped')),
    -- Higher runs first.
    priority integer not null default 0,
    -- How often it was begun; how often it failed in a way that may pass; how often the server died meanwhile.
    attempts integer not null default 0,
    failures integer not null default 0,
    losses integer not null default 0,
    -- Not to be begun before this instant.
    not_before integer not null default 0,
    -- While it runs: which start of the server has it, and until when that is believed without a heartbeat.
    owner text,
    lease_until integer,
    progress text,
    message text,
    error text,
    correlation text not null default '',
    created_at integer not null,
    started_at integer,
    ended_at integer
) strict;

insert into job_new (job, kind, payload, state, attempts, created_at, started_at, ended_at, error)
select job, kind, payload, state, attempts, created_at, started_at, ended_at, error from job;

drop table job;
alter table job_new rename to job;

create index job_queue on job (state, priority desc, job);
create unique index job_dedup on job (kind, dedup_key)
    where dedup_key is not null and state in ('queued', 'running');

-- One execution of a job. It outlives the job's row.
create table job_run (
    run integer primary key,
    job integer not null,
    kind text not null,
    subject text not null,
    status text not null check (status in ('success', 'partial', 'error', 'skipped')),
    started_at integer not null,
    ended_at integer not null,
    -- Numbers by name, as JSON.
    counts text not null,
    message text,
    error text,
    correlation text not null
) strict;

create index job_run_kind on job_run (kind, run desc);

-- When a schedule was due last. What a schedule is stands in the code and the settings.
create table job_schedule (
    name text primary key,
    last_due_at integer not null
) strict, without rowid;

-- Circuit breakers: one for each service outside.
create table job_breaker (
    service text primary key,
    -- Half-open is open with its cool-down over.
    state text not null check (state in ('closed', 'open')),
    failures integer not null,
    trips integer not null,
    opened_at integer,
    last_error text,
    last_failure_at integer,
    last_success_at integer
) strict, without rowid;
