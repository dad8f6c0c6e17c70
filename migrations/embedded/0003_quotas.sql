-- What waits and is counted, by a keyed digest of the quota's name.

create table state_quotas (
    quota text not null,
    name text not null,
    ends_at integer not null,
    primary key (quota, name)
) strict;

create index state_quotas_end on state_quotas (ends_at);
