-- The owner of an account reads what happened to it, the newest first, whatever it was.

create index audit_user_at on audit (user_id, at);
