-- Values that belong to a moment, of every kind. What lay in the tables of single kinds goes on here; they stay, empty, for
-- a process of the version before that is still draining.

create table state_transient (
    kind text not null,
    key text not null,
    value text not null,
    ends_at integer not null,
    primary key (kind, key)
) strict;

create index state_transient_end on state_transient (ends_at);

insert into state_transient (kind, key, value, ends_at)
    select 'ceremony', key, body, ends_at from state_ceremonies where body not like '{%';
insert into state_transient (kind, key, value, ends_at)
    select 'pending', key, cast(value as text), ends_at from state_pending;
delete from state_ceremonies;
delete from state_pending;

-- Codes that were sent: a keyed digest, and how many attempts are left.
create table state_codes (
    key text not null primary key,
    digest text not null,
    left_over integer not null,
    ends_at integer not null
) strict;

create index state_codes_end on state_codes (ends_at);
