-- Accounts that people make for themselves. A sign-up that waits for its confirmation is no row here; an invitation is good
-- for days, and must outlive the state store.

-- `sign_up` or `invitation`; null: an operator made it
alter table accounts add column origin text;

create table invitations (
    id text not null primary key,
    -- digest of the token in its link
    key text not null unique,
    email text not null,
    -- JSON list of names
    account_groups text not null,
    created_at bigint not null,
    expires_at bigint not null,
    used_at bigint
);
