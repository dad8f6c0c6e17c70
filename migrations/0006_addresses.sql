-- Addresses that their owners have confirmed, or an operator for them: where codes go. One that waits for its first code
-- is no row here.

create table addresses (
    id text not null primary key,
    account_id text not null references accounts (id) on delete cascade,
    -- `email` or `sms`
    kind text not null,
    value text not null,
    -- what two spellings of it share: an address is of one account
    folded text not null,
    confirmed_at bigint not null,
    unique (kind, folded)
);

create index addresses_account on addresses (account_id);
