-- Recovery: what a state store that is lost must neither lose nor shorten.

-- Somebody waits who has no second proof. One a person.
create table recoveries (
    account_id text not null primary key references accounts (id) on delete cascade,
    begun_at bigint not null,
    ready_at bigint not null,
    ends_at bigint not null,
    -- SHA-256 of the link by which its owner ends it.
    disown_key text not null unique,
    -- The count of the account's credentials under which it was begun; under another it is over.
    credentials bigint not null
);

-- The word of an administrator for somebody: a keyed digest, good once.
create table recovery_codes (
    account_id text not null primary key references accounts (id) on delete cascade,
    digest text not null,
    expires_at bigint not null
);
