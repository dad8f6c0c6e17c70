-- Accounts, authenticators, signing keys and the audit trail. One text for SQLite and PostgreSQL:
-- times are milliseconds since the epoch, bytes are base64 text, yes and no are 1 and 0.

create table accounts (
    id text not null primary key,
    username text not null unique,
    name text,
    email text,
    password_hash text,
    disabled bigint not null default 0,
    created_at bigint not null,
    last_login_at bigint
);

create table account_groups (
    account_id text not null references accounts (id) on delete cascade,
    name text not null,
    primary key (account_id, name)
);

-- One TOTP authenticator a person.
create table totp (
    account_id text not null primary key references accounts (id) on delete cascade,
    id text not null,
    secret text not null,
    digits bigint not null,
    period bigint not null,
    last_step bigint,
    created_at bigint not null,
    used_at bigint
);

create table backup_sets (
    account_id text not null primary key references accounts (id) on delete cascade,
    salt text not null
);

create table backup_codes (
    account_id text not null references backup_sets (account_id) on delete cascade,
    digest text not null,
    primary key (account_id, digest)
);

-- The place in the row of keys is unique, so that of two nodes only one adds the next key.
create table signing_keys (
    place bigint not null primary key,
    kid text not null unique,
    private text not null,
    public_jwk text not null,
    signs_from bigint not null,
    retired_at bigint
);

-- Rows are only ever added.
create table audit (
    at bigint not null,
    request_id text,
    action text not null,
    user_id text,
    username text,
    client_ip text,
    session text,
    event text not null
);

create index audit_at on audit (at);
create index audit_user on audit (user_id, at);
