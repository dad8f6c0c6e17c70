-- What people call an authenticator app or an address. Beside their tables and not in them: nodes of the version before write
-- another app into the row of the one that it replaces, and would leave it the name.

create table authenticator_names (
    authenticator_id text not null primary key,
    account_id text not null references accounts (id) on delete cascade,
    name text not null
);

create index authenticator_names_account on authenticator_names (account_id);
