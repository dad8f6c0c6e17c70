//! What somebody gives up goes only as long as all is there that was to stay: of two removals at once, each could count on
//! what the other takes away.

/// Withdraws the code of an administrator.
pub(super) const WITHDRAWN: &str = "delete from recovery_codes where account_id = $1";
/// Ends a recovery that waits: its person signs in by something else now, or by nothing.
pub(super) const END_WAITING: &str = "delete from recoveries where account_id = $1";
/// Whoever changes what a person has holds their account first, so that two take turns, on all nodes.
pub(super) const HOLD: &str = "update accounts set disabled = disabled where id = $1";

/// Ends the sessions of whoever has lost a factor or had one replaced, and what was begun by the old ones.
pub(super) const OVER: &str = "update accounts set credentials_generation = credentials_generation + 1, \
     sessions_generation = sessions_generation + 1 where id = $1";

/// As [`OVER`], but for sessions that are to go on.
pub(super) const OVER_BUT_KEPT: &str = "update accounts set credentials_generation = credentials_generation + 1, \
     sessions_generation = sessions_generation + $2 where id = $1";

/// All that a person has beside the password and backup codes.
pub(super) const THERE: &str = "select id from totp where account_id = $1 \
     union all select id from passkeys where account_id = $1 union all select id from addresses where account_id = $1";

/// Whether all that was to stay is there, within a transaction that has made it its turn.
macro_rules! all_stay {
    ($tx:ident, $user:expr, $staying:expr) => {{
        let there = sqlx::query_as($crate::store::sql::removal::THERE).bind(&$user.0);
        let there: Vec<(String,)> = there.fetch_all(&mut *$tx).await?;
        let stays = |id: &&str| there.iter().any(|(known,)| known == id);
        $staying.iter().all(stays)
    }};
}

/// Removes a row by `$sql` within a transaction that has made it its turn; answers what became of it, without committing.
macro_rules! remove_beside {
    ($tx:ident, $sql:expr, $user:expr, $id:expr, $staying:expr) => {{
        sqlx::query($crate::store::sql::removal::HOLD).bind(&$user.0).execute(&mut *$tx).await?;
        let removed = sqlx::query($sql).bind(&$user.0).bind($id).execute(&mut *$tx).await?.rows_affected();
        let all_stay = $crate::store::sql::removal::all_stay!($tx, $user, $staying);
        match removed {
            0 => $crate::flow::ports::Removal::NotFound,
            _ if all_stay => $crate::flow::ports::Removal::Removed,
            _ => $crate::flow::ports::Removal::Changed,
        }
    }};
}

pub(super) use {all_stay, remove_beside};
