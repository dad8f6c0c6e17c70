-- What is left of accounts that are gone is looked for by one node at a time: a row is its until then, and anybody's afterwards.

alter table erasures add column leased_until bigint not null default 0;
-- Everything was looked through; what is left is in files alone, until these can be emptied.
alter table erasures add column swept_at bigint;

-- The sessions that somebody had who is gone: values of a moment may name these alone.
create table erased_sessions (
    -- A node of the version before deletes a row of `erasures` alone.
    user_id text not null references erasures (user_id) on delete cascade,
    session text not null,
    primary key (user_id, session)
);
