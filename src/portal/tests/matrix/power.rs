//! What a world grants to whom: nothing of it may grow by a request that proves nothing.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::Level;
use crate::auth::factor::authenticator::Sealed;
use crate::auth::proof::MethodSet;
use crate::auth::session::Session;
use crate::auth::time::Timestamp;
use crate::flow::ports::{Letter, TransientKind};
use crate::flow::testing::State;
use crate::portal::tests::*;

/// Sessions, sign-ins under way and authenticators, as far as they grant anything. What was not touched is not read.
pub(super) struct Power {
    sessions: BTreeMap<String, Arc<Session>>,
    ceremonies: BTreeMap<String, Sealed>,
    authenticators: BTreeMap<String, String>,
}

impl Power {
    pub(super) fn of(world: &World) -> Self {
        world.look(|s| Self {
            sessions: s.sessions.iter().map(|(key, (one, _))| (key.encoded(), one.clone())).collect(),
            ceremonies: s
                .transient
                .iter()
                .filter(|((kind, _), _)| *kind == TransientKind::Ceremony)
                .map(|((_, name), (sealed, _))| (name.clone(), sealed.clone()))
                .collect(),
            authenticators: s.authenticators(),
        })
    }

    /// Why somebody got further, if somebody did.
    pub(super) fn advance(&self, after: &Self, level: &Level) -> Option<String> {
        for (key, session) in &after.sessions {
            let before = self.sessions.get(key).map(|before| &before.proofs);
            if before != Some(&session.proofs) {
                return Some(format!("a session has {:?}, and had {before:?}", session.proofs));
            }
        }
        for (key, sealed) in after.ceremonies.iter().filter(|(key, sealed)| self.ceremonies.get(*key) != Some(sealed)) {
            let (methods, told) = opened(key, sealed);
            match self.ceremonies.get(key).map(|sealed| opened(key, sealed).1) {
                Some(before) if before == told => {}
                // It begins with nothing, or with what its parent has proved.
                None if methods.minus(level.holds).is_empty() => {}
                before => return Some(format!("a ceremony has {told}, and had {before:?}")),
            }
        }
        None
    }

    /// Whether what somebody owns was changed, or is about to be.
    pub(super) fn is_rewritten(&self, after: &Self) -> bool {
        self.authenticators != after.authenticators
    }

    /// Which session of somebody else ended, if one did.
    pub(super) fn loss(&self, after: &Self, level: &Level) -> Option<String> {
        let all_of_theirs = level.session.is_some();
        let lost = self.sessions.keys().find(|key| !after.sessions.contains_key(*key));
        lost.filter(|_| !all_of_theirs).map(|key| format!("the session {key} ended"))
    }
}

/// What was proved in a ceremony, and what else there is to tell of it.
fn opened(name: &str, sealed: &Sealed) -> (MethodSet, String) {
    let key = (TransientKind::Ceremony, name.to_owned());
    let kept = HashMap::from([(key, (sealed.clone(), Timestamp::from_secs(0)))]);
    let one = State { transient: kept, ..State::default() }.ceremonies().remove(name).unwrap();
    (one.proofs.methods(), format!("{:?} {:?}", one.who, one.proofs))
}

impl State {
    /// What everybody owns, by owner and kind.
    fn authenticators(&self) -> BTreeMap<String, String> {
        let totp = self.totp.iter().map(|(user, record)| {
            let told = format!("{} {:?} {}", record.id, record.secret.0, record.digits);
            (format!("totp {user}"), told)
        });
        let backup = self.backup.iter().map(|(user, (salt, codes))| {
            let sorted: std::collections::BTreeSet<_> = codes.iter().collect();
            (format!("backup {user}"), format!("{salt:?} {sorted:?}"))
        });
        let passkeys = self.passkeys.iter().map(|(user, passkey)| {
            (format!("passkey {} of {user}", passkey.id), format!("{} {:?}", passkey.name, passkey.public_key))
        });
        let addresses = self.addresses.iter().map(|(user, address)| {
            (format!("address {} of {user}", address.id), format!("{:?} {}", address.kind, address.value))
        });
        let passwords = self.accounts.iter().map(|(user, account)| {
            let hash = account.password_hash.as_ref().map(|hash| hash.expose().to_owned());
            (format!("password and name of {user}"), format!("{hash:?} {:?}", account.identity.name))
        });
        // A code that confirms an address goes out for who may add one alone.
        let asked = self.letters.iter().filter(|(letter, _)| matches!(letter, Letter::AddressCode(_))).count();
        let asked = [("codes that confirm addresses".to_owned(), asked.to_string())];
        totp.chain(passwords).chain(backup).chain(passkeys).chain(addresses).chain(asked).collect()
    }
}
