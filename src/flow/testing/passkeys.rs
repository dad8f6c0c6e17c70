//! Passkeys in memory.

use async_trait::async_trait;

use super::World;
use crate::auth::factor::passkey::PasskeyRecord;
use crate::auth::user::UserId;
use crate::flow::ports::{Answer, PasskeyUse, Passkeys, Records, Removal};

#[async_trait]
impl Passkeys for World {
    async fn find(&self, credential_id: &[u8]) -> Answer<Option<(UserId, PasskeyRecord)>> {
        self.call(|s| s.passkeys.iter().find(|(_, passkey)| passkey.credential_id == credential_id).cloned())
    }

    async fn add(&self, user: &UserId, passkey: &PasskeyRecord, records: &Records) -> Answer<bool> {
        self.call(|s| {
            if s.passkeys.iter().any(|(_, known)| known.credential_id == passkey.credential_id) {
                return false;
            }
            s.passkeys.push((user.clone(), passkey.clone()));
            s.end_waiting(user);
            s.keep(records);
            true
        })
    }

    async fn rename(&self, user: &UserId, id: &str, name: &str) -> Answer<bool> {
        self.call(|s| {
            let found = s.passkeys.iter_mut().find(|(of, passkey)| of == user && passkey.id == id);
            found.map(|(_, passkey)| name.clone_into(&mut passkey.name)).is_some()
        })
    }

    async fn remove(
        &self,
        user: &UserId,
        id: &str,
        staying: &[&str],
        ends_sessions: bool,
        records: &Records,
    ) -> Answer<Removal> {
        self.call(|s| {
            if !s.passkeys.iter().any(|(of, passkey)| of == user && passkey.id == id) {
                return Removal::NotFound;
            }
            if !super::durable::all_there(s, user, staying) {
                return Removal::Changed;
            }
            s.passkeys.retain(|(of, passkey)| of != user || passkey.id != id);
            if let Some(account) = s.accounts.get_mut(user) {
                super::durable::over_but_kept(account, ends_sessions);
            }
            s.end_waiting(user);
            s.keep(records);
            Removal::Removed
        })
    }

    async fn record_use(&self, user: &UserId, id: &str, used: PasskeyUse) -> Answer<bool> {
        self.call(|s| {
            let Some((_, passkey)) = s.passkeys.iter_mut().find(|(of, passkey)| of == user && passkey.id == id) else {
                return false;
            };
            if passkey.sign_count >= used.sign_count && (passkey.sign_count, used.sign_count) != (0, 0) {
                return false;
            }
            (passkey.sign_count, passkey.backup_state, passkey.used_at) =
                (used.sign_count, used.backup_state, Some(used.at));
            s.spent.push(format!("{user}:{id}:{}", used.sign_count));
            true
        })
    }
}
