//! Accounts that people make for themselves, in memory.

use async_trait::async_trait;

use super::World;
use super::durable::is_taken;
use crate::auth::address::mail_address;
use crate::auth::time::Timestamp;
use crate::auth::user::UserId;
use crate::flow::ports::{Answer, ConfirmedAccount, Invitation, Made, Origin, Records, SignUps};

#[async_trait]
impl SignUps for World {
    async fn make(&self, made: &ConfirmedAccount<'_>, records: &Records) -> Answer<Made> {
        let now = crate::flow::ports::Clock::now(self);
        self.call(|s| {
            let ConfirmedAccount { account, address, origin } = made;
            let who = &account.identity;
            if let Origin::Invitation(id) = origin {
                let open =
                    s.invitations.iter_mut().find(|(_, invitation)| invitation.id == *id && invitation.is_open(now));
                let Some((_, invitation)) = open else { return Made::NotInvited };
                if s.accounts.values().any(|other| other.identity.username == who.username) {
                    return Made::NameTaken;
                }
                if s.addresses.iter().any(|(_, other)| (other.kind, other.folded()) == (address.kind, address.folded()))
                {
                    return Made::AddressTaken;
                }
                invitation.used_at = Some(now);
                invitation.email.clear();
                invitation.groups.clear();
            } else if s.accounts.values().any(|other| other.identity.username == who.username) {
                return Made::NameTaken;
            } else if is_taken(s, address) {
                return Made::AddressTaken;
            }
            s.accounts.insert(who.id.clone(), (*account).clone());
            s.addresses.push((who.id.clone(), (*address).clone()));
            s.origins.insert(who.id.clone(), origin.name());
            s.keep(records);
            Made::Made
        })
    }

    async fn origin(&self, user: &UserId) -> Answer<Option<String>> {
        self.call(|s| s.origins.get(user).map(|name| (*name).to_owned()))
    }

    async fn invite(&self, invitation: &Invitation, key: &str, records: &Records) -> Answer<bool> {
        let (now, folded) = (invitation.created_at, mail_address::folded(&invitation.email));
        self.call(|s| {
            let before = s.invitations.len();
            s.invitations.retain(|(_, known)| !known.is_open(now) || mail_address::folded(&known.email) != folded);
            let replaced = s.invitations.len() < before;
            s.invitations.retain(|(_, known)| now < known.expires_at);
            s.invitations.push((key.to_owned(), invitation.clone()));
            s.keep(records);
            replaced
        })
    }

    async fn drop_invitations(&self, now: Timestamp) -> Answer<u64> {
        self.call(|s| {
            let before = s.invitations.len();
            s.invitations.retain(|(_, known)| now < known.expires_at);
            (before - s.invitations.len()) as u64
        })
    }

    async fn invitation(&self, key: &str) -> Answer<Option<Invitation>> {
        self.call(|s| s.invitations.iter().find(|(known, _)| known == key).map(|(_, invitation)| invitation.clone()))
    }

    async fn invitations(&self) -> Answer<Vec<Invitation>> {
        self.call(|s| s.invitations.iter().rev().map(|(_, invitation)| invitation.clone()).collect())
    }

    async fn revoke_invitation(&self, id: &str, records: &Records) -> Answer<bool> {
        self.call(|s| {
            let before = s.invitations.len();
            s.invitations.retain(|(_, invitation)| invitation.id != id || invitation.used_at.is_some());
            let revoked = s.invitations.len() < before;
            if revoked {
                s.keep(records);
            }
            revoked
        })
    }
}
