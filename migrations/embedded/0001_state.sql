-- State of one machine, in SQLite. Everything here may be lost; nothing here is the only guard of a secret.

create table state_sessions (
    key text not null primary key,
    user_id text not null,
    body text not null,
    seen_at integer not null,
    ends_at integer not null
) strict;

create index state_sessions_user on state_sessions (user_id);
create index state_sessions_end on state_sessions (ends_at);

-- Counts the sessions that ended, by whatever hand, so that every process knows when its cache is stale.
create table state_generation (
    one integer not null primary key check (one = 1),
    n integer not null
) strict;

insert into state_generation (one, n) values (1, 0);

create trigger state_session_ended after delete on state_sessions
begin
    update state_generation set n = n + 1;
end;

create table state_ceremonies (
    key text not null primary key,
    body text not null,
    ends_at integer not null
) strict;

create index state_ceremonies_end on state_ceremonies (ends_at);

create table state_pending (
    key text not null primary key,
    value blob not null,
    ends_at integer not null
) strict;

create index state_pending_end on state_pending (ends_at);

create table state_marks (
    mark text not null primary key,
    ends_at integer not null
) strict;

create index state_marks_end on state_marks (ends_at);

-- `ends_at` is when the bucket is full again (the theoretical arrival time of GCRA).
create table state_counters (
    key text not null primary key,
    ends_at integer not null
) strict;

create index state_counters_end on state_counters (ends_at);
