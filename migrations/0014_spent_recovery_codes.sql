-- The code of an administrator that was used last: whoever gives it again in its lifetime is told that it was used.
create table spent_recovery_codes (
    account_id text not null primary key references accounts (id) on delete cascade,
    digest text not null,
    expires_at bigint not null
);
