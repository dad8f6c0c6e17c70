-- Wrong codes: beside the authenticators, because a state store that is lost must not switch a factor on again.

-- A factor of an account at which codes were wrong: how many, and since when it is switched off for that. The row is
-- also the lock that makes those who count take turns.
create table lockouts (
    account_id text not null references accounts (id) on delete cascade,
    method text not null,
    failures bigint not null default 0,
    locked_at bigint,
    primary key (account_id, method)
);

-- From where they came, by a keyed digest: what a right code from there takes back.
create table wrong_codes (
    account_id text not null,
    method text not null,
    place text not null,
    count bigint not null,
    last_at bigint not null,
    primary key (account_id, method, place),
    foreign key (account_id, method) references lockouts (account_id, method) on delete cascade
);
