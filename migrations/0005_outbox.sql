-- Letters between a page and a provider: in SQL, because a state store that is lost must not lose one. A row goes when
-- its letter was sent, or can no longer be of use.

create table outbox (
    id text not null primary key,
    -- sealed, for this row
    letter text not null,
    -- when it may be tried: the end of the lease while somebody has it
    due_at bigint not null,
    expires_at bigint not null,
    -- how often it was leased; who holds it knows the count
    attempts bigint not null default 0
);

create index outbox_due on outbox (due_at);
