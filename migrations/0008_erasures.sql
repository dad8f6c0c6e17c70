-- Accounts that are gone, until nothing of them is left in the state store either. A row names nobody: ids are random.

create table erasures (
    user_id text not null primary key,
    at bigint not null
);
