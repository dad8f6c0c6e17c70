-- A sign-in looks at what happened around its account before, by kind and newest first.

drop index audit_user;

create index audit_user on audit (user_id, action, at);
