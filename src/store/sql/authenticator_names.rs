//! What people call authenticator apps and addresses.

use super::{Database, on_write};
use crate::auth::user::UserId;
use crate::flow::ports::Answer;

/// Takes the names of what is gone.
pub(super) const SWEEP: &str = "delete from authenticator_names where account_id = $1 and authenticator_id not in \
     (select id from totp where account_id = $1 union all select id from addresses where account_id = $1)";

impl Database {
    pub(super) async fn name_authenticator(&self, user: &UserId, id: &str, name: &str) -> Answer<bool> {
        const SQL: &str = "insert into authenticator_names (authenticator_id, account_id, name) \
             select held.id, held.account_id, cast($3 as text) from (select id, account_id from totp \
             union all select id, account_id from addresses) as held where held.account_id = $1 and held.id = $2 \
             on conflict (authenticator_id) do update set name = excluded.name";
        let named = on_write!(self, pool => async {
            let query = sqlx::query(SQL).bind(&user.0).bind(id).bind(name);
            query.execute(pool).await.map(|done| done.rows_affected())
        })?;
        Ok(named == 1)
    }
}
