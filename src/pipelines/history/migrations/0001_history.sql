-- Watch history. Times are whole seconds since 1970 (UTC) plus the microseconds after them: a view is known by its
-- second and its video, so that exports of differing precision agree, and the key says so.

create table history_channel (
    channel integer primary key,
    -- `UC…` where the export names the channel by its id; else `@handle`, `user/…` or `c/…`.
    key text not null unique,
    name text
) strict;

create table history_video (
    video integer primary key,
    -- 0 is unknown. No foreign keys on the two large tables: the one writer makes both sides, and a check per row
    -- would cost a fifth of an import.
    channel integer not null,
    id text not null,
    -- Null while every record of the video came after its removal.
    title text,
    -- The channel's name where the export gave no link to it.
    byline text
) strict;

-- Finds a video by its id. A table and not an index, because the first import can fill a table in order, from memory,
-- in a quarter of the time that SQLite needs to sort.
create table history_video_id (
    id text primary key,
    video integer not null
) strict, without rowid;

create table history_view (
    second integer not null,
    video integer not null,
    fraction_us integer not null,
    -- 0 video, 1 music, 2 short, 3 live.
    kind integer not null,
    -- Whether a record of this view named the channel by its id.
    named integer not null,
    primary key (second, video)
) strict, without rowid;

-- The views of each channel in the order of time; channel 0 is the unknown one. A table and not an index too: the
-- channel is the video's.
create table history_channel_view (
    channel integer not null,
    second integer not null,
    video integer not null,
    primary key (channel, second, video)
) strict, without rowid;

-- Advertisements are no views, but the person did see them.
create table history_ad (
    second integer not null,
    -- The video's id, or the address where there is none.
    target text not null,
    fraction_us integer not null,
    video_id text,
    title text,
    primary key (second, target)
) strict, without rowid;

-- Totals, rewritten in the transaction of every import that changed something. Year 0 is all time, month 0 the whole
-- year; both are in the instance's time zone. Scope: 0 everything, 1 videos and streams, 2 music, 3 Shorts, 4 ads.
create table history_period (
    year integer not null,
    month integer not null,
    scope integer not null,
    views integer not null,
    unique_videos integer not null,
    rewatched_videos integer not null,
    -- Channels known by their id; and all channels of the ranking, with those known by a handle only.
    unique_channels integer not null,
    ranked_channels integer not null,
    views_without_channel integer not null,
    views_of_unknown_channel integer not null,
    first_second integer not null,
    last_second integer not null,
    primary key (year, month, scope)
) strict, without rowid;

-- Per channel and year, in the order of the ranking. A channel with views of one scope only has one row for both that
-- scope and everything (`total` = 1); one with several has a row for each, and one of scope 0 with `total` = 1.
create table history_channel_year (
    year integer not null,
    views integer not null,
    -- The place of the channel's key among all keys: ties go by key, and no page has to look keys up to pass over rows.
    key_rank integer not null,
    channel integer not null,
    scope integer not null,
    total integer not null,
    -- The place of what the channel is shown as, its name or else its key, among all of them, whatever their case.
    name_rank integer not null,
    unique_videos integer not null,
    rewatched_videos integer not null,
    first_second integer not null,
    last_second integer not null,
    primary key (year, views desc, key_rank, scope)
) strict, without rowid;

-- One reading of one or more export files, or of all of them again.
create table history_import (
    import integer primary key,
    kind text not null check (kind in ('import', 'reingest')),
    job integer,
    status text not null check (status in ('queued', 'done', 'failed')),
    created_at integer not null,
    started_at integer,
    ended_at integer,
    records_total integer not null default 0,
    views_added integer not null default 0,
    views_known integer not null default 0,
    skipped_ads integer not null default 0,
    skipped_posts integer not null default 0,
    skipped_removed_without_id integer not null default 0,
    skipped_other integer not null default 0,
    rejected integer not null default 0,
    problem_what text,
    problem_detail text,
    problem_hint text,
    -- The exit code of a program that ends with it.
    problem_code integer
) strict;

-- The files of an import, as received; the bytes lie in data/raw under their hash.
create table history_source (
    import integer not null references history_import,
    position integer not null,
    name text not null,
    sha256 text not null,
    size_bytes integer not null,
    primary key (import, position)
) strict, without rowid;

-- What was found inside the files.
create table history_member (
    import integer not null references history_import,
    position integer not null,
    source integer not null,
    path text not null,
    found text not null,
    records integer not null,
    rejected integer not null,
    note text,
    primary key (import, position)
) strict, without rowid;

-- Records that could not be read: the first ten thousand of an import.
create table history_rejection (
    import integer not null references history_import,
    position integer not null,
    path text not null,
    record integer not null,
    byte_offset integer not null,
    reason text not null,
    excerpt text not null,
    primary key (import, position)
) strict, without rowid;

-- What the totals were computed with.
create table history_setting (
    name text primary key,
    value text not null
) strict, without rowid;
