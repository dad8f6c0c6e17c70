-- Counts what ends everything that was granted before: a mark of a browser or a session tells which count it was made
-- under. `credentials_generation`: another password, other authenticators, disabled. `sessions_generation`: these, and
-- every other ending of all sessions of a person.

alter table accounts add column credentials_generation bigint not null default 0;

alter table accounts add column sessions_generation bigint not null default 0;
