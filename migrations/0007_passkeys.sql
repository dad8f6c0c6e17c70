-- Passkeys and security keys (WebAuthn). No column holds a secret.
create table passkeys (
    id text primary key,
    account_id text not null references accounts (id) on delete cascade,
    name text not null,
    rp_id text not null,
    -- Base64; nobody else has the same.
    credential_id text not null unique,
    -- A COSE key, base64.
    public_key text not null,
    aaguid text not null,
    attested bigint not null default 0,
    sign_count bigint not null default 0,
    user_verified bigint not null default 0,
    backup_eligible bigint not null default 0,
    backup_state bigint not null default 0,
    transports text not null default '[]',
    created_at bigint not null,
    used_at bigint
);

create index passkeys_by_account on passkeys (account_id);
