//! Enrolling TOTP: a privilege of who has just proved everything the account can prove.

use std::sync::Arc;

use crate::auth::ceremony::{Ceremony, CeremonyKey, Verdict};
use crate::auth::event::{Deed, RejectReason, ThrottleScope, What};
use crate::auth::factor::authenticator::{Enrolled, Sealed};
use crate::auth::factor::backup_codes::{self, CODE_BYTES};
use crate::auth::factor::totp::{self, KEY_BYTES, Matched};
use crate::auth::proof::{Factor, Method, MethodSet, Proofs};
use crate::auth::secret::{SecretBytes, SecretText};
use crate::auth::session::{Session, SessionKey};
use crate::auth::time::Timestamp;
use crate::flow::Flows;
use crate::flow::attempt::Attempt;
use crate::flow::ceremony::open_session::Grant;
use crate::flow::ceremony::step_up::with_proof;
use crate::flow::ports::{Account, Answer, StoreError};
use crate::flow::reply::{
    Client, ConfirmReply, EnrollReply, Enrolling, LoginReply, Opened, Outcome, PendingTotp, Rejection, WithEvents,
};
use crate::flow::sealing::totp_context;

/// Characters of a ULID: the authenticator's id, kept with the key while it waits.
const ID_LENGTH: usize = 26;

/// A set of backup codes: the salt, the codes to show, their digests.
pub(in crate::flow) type Made = (Vec<u8>, Vec<SecretText>, Vec<Vec<u8>>);

/// Where somebody is enrolling, as the stores have it now.
enum Place {
    Ceremony(CeremonyKey, Box<Ceremony>),
    Session(SessionKey, Arc<Session>),
}

impl Place {
    fn proofs(&self) -> &Proofs {
        match self {
            Self::Ceremony(_, ceremony) => &ceremony.proofs,
            Self::Session(_, session) => &session.proofs,
        }
    }

    /// Names the waiting key: bound to this sign-in or session, so that nobody confirms what another began.
    fn pending(&self) -> String {
        match self {
            Self::Ceremony(key, _) => format!("totp:ceremony:{}", key.encoded()),
            Self::Session(_, session) => format!("totp:session:{}", session.id),
        }
    }
}

/// A place, and the account that enrols there.
struct Site {
    place: Place,
    account: Account,
    enrolled: Enrolled,
}

impl Flows {
    /// Begins (or goes on with) enrolling TOTP: the same secret until it is confirmed.
    ///
    /// # Errors
    /// A store did not answer.
    pub async fn begin_totp(&self, who: &Enrolling, client: &Client) -> Answer<EnrollReply> {
        let attempt = self.enroller(who, client).await?;
        let Some((site, attempt)) = attempt else { return Ok(EnrollReply::Gone) };
        if let Some(methods) = self.prove_first(&site, attempt.now) {
            return Ok(EnrollReply::ProveFirst(methods));
        }
        let mut plain = self.ulid()?.into_bytes();
        plain.extend_from_slice(self.random_secret(KEY_BYTES)?.expose());
        let (name, owner) = (site.place.pending(), &site.account.identity);
        let sealed = self.ports.vault.seal(&pending_context(&name, &site), &SecretBytes::new(plain))?;
        let kept = self.ports.pending.put_new(&name, &sealed, self.settings.ceremony_ttl).await?;
        let (_, key) = self.unsealed(&site, &name, &kept).await?;
        Ok(EnrollReply::Pending(self.shown(owner, &key)))
    }

    /// The secret of an enrolment that was begun and waits for its first code; never begins one.
    ///
    /// # Errors
    /// A store did not answer.
    pub async fn pending_totp(&self, who: &Enrolling, client: &Client) -> Answer<Option<PendingTotp>> {
        let Some((site, _)) = self.enroller(who, client).await? else { return Ok(None) };
        let name = site.place.pending();
        let Some(kept) = self.ports.pending.load(&name).await? else { return Ok(None) };
        let (_, key) = self.unsealed(&site, &name, &kept).await?;
        Ok(Some(self.shown(&site.account.identity, &key)))
    }

    /// Confirms the enrolment by its first code, which is spent by that.
    ///
    /// # Errors
    /// A store did not answer; whatever was bound until then, nobody is signed in.
    pub async fn confirm_totp(&self, who: &Enrolling, code: SecretText, client: &Client) -> Outcome<ConfirmReply> {
        match self.enroller(who, client).await.map_err(WithEvents::none)? {
            Some((site, mut attempt)) => {
                let reply = self.confirm(&mut attempt, site, code).await;
                attempt.finish(reply)
            }
            None => {
                let mut attempt = self.begin_attempt("", None, client);
                let reason = match who {
                    Enrolling::Ceremony(_) => RejectReason::NoCeremony,
                    Enrolling::Session(..) => RejectReason::NoSession,
                };
                let told = Self::reject_ended(&mut attempt, Method::Totp, reason);
                attempt.finish(Ok(ConfirmReply::Rejected(told)))
            }
        }
    }

    async fn confirm(&self, attempt: &mut Attempt<'_>, mut site: Site, code: SecretText) -> Answer<ConfirmReply> {
        if let Some(wait) = self.charge(attempt, Method::Totp).await? {
            return Ok(ConfirmReply::Wait(wait));
        }
        if let Some(methods) = self.prove_first(&site, attempt.now) {
            return Ok(ConfirmReply::ProveFirst(methods));
        }
        let rejected = |attempt: &mut Attempt<'_>, reason, told| {
            attempt.record(What::ProofRejected { method: Method::Totp, reason });
            Ok(ConfirmReply::Rejected(told))
        };
        let (name, owner) = (site.place.pending(), site.account.identity.clone());
        let Some(sealed) = self.ports.pending.load(&name).await? else {
            return rejected(attempt, RejectReason::NoCeremony, Rejection::CeremonyGone);
        };
        let (id, key) = self.unsealed(&site, &name, &sealed).await?;
        let params = self.settings.totp.params();
        let matched = totp::check(&key, code.expose(), params, None, attempt.now);
        // Made for a right code only, and before it is spent, so that a full hasher costs the person nothing.
        let made =
            if matches!(matched, Matched::Step(_)) { self.make_codes(attempt).await? } else { Some(Made::default()) };
        let Some((salt, codes, digests)) = made else {
            self.refund(attempt).await?;
            attempt.record(What::Throttled { method: Method::Totp, scope: ThrottleScope::Hashing });
            return Ok(ConfirmReply::Busy);
        };
        let step = match self.claim_step(attempt, &owner.id, &id, matched, params).await? {
            Ok(step) => step,
            Err((reason, told)) => return rejected(attempt, reason, told),
        };
        // Two right codes of two windows: only the first taker binds.
        if self.ports.pending.take(&name).await?.is_none_or(|taken| taken != sealed) {
            return rejected(attempt, RejectReason::AlreadySpent, Rejection::WrongCode);
        }
        if let Place::Ceremony(key, _) = &site.place
            && self.ports.ceremonies.take(key).await?.is_none()
        {
            return rejected(attempt, RejectReason::NoCeremony, Rejection::CeremonyGone);
        }
        let record = self.totp_record(&owner, id, &key, Some(step))?;
        attempt.record(What::ProofAccepted { method: Method::Totp });
        self.refund_correct(attempt).await?;
        attempt.intend(Deed::Binding, Some(Method::Totp));
        self.ports.authenticators.put_totp(&owner.id, &record).await?;
        attempt.record(What::AuthenticatorAdded { method: Method::Totp });
        attempt.intend(Deed::BackupCodes, None);
        self.ports.authenticators.put_backup(&owner.id, &salt, &digests).await?;
        attempt.record(What::BackupCodesMade);
        if site.enrolled.totp.is_some() {
            self.end_others(attempt, &site).await?;
            // What was granted before is over by that, but for what is granted here.
            match self.standing_account(&owner.id).await? {
                Ok(account) => site.account = account,
                Err(reason) => return rejected(attempt, reason, Rejection::SessionGone),
            }
        }
        let credentials = self.credentials(&site.account, &Enrolled { totp: Some(record), ..Enrolled::default() });
        Ok(match self.enter(attempt, site, credentials).await? {
            Ok(opened) => ConfirmReply::Enrolled { backup_codes: codes, opened },
            Err(told) => ConfirmReply::Rejected(told),
        })
    }

    /// The id and the key of an authenticator that waits for its first code. What does not open is dropped, so that the
    /// next try begins anew.
    async fn unsealed(&self, site: &Site, name: &str, kept: &Sealed) -> Answer<(String, SecretBytes)> {
        let opened = self.ports.vault.open(&pending_context(name, site), kept).and_then(|plain| parted(&plain));
        if opened.is_err() {
            // That it does not open is what is told, whatever comes of this.
            let _ = self.ports.pending.take(name).await;
        }
        opened
    }

    /// Ends the other sessions of the person: an authenticator that was replaced vouches for nobody any more.
    async fn end_others(&self, attempt: &mut Attempt<'_>, site: &Site) -> Answer<()> {
        let own = match &site.place {
            Place::Session(key, _) => Some(key),
            Place::Ceremony(..) => None,
        };
        let mut ended = false;
        attempt.intend(Deed::Ending, None);
        for (key, _) in self.ports.sessions.of_user(&site.account.identity.id).await? {
            if Some(&key) != own {
                ended |= self.ports.sessions.revoke(&key).await?;
            }
        }
        attempt.clear_intent();
        if ended {
            attempt.record(What::SessionsRevoked);
        }
        Ok(())
    }

    /// Opens the session of the one who just enrolled, or lets it rise.
    async fn enter(
        &self,
        attempt: &mut Attempt<'_>,
        site: Site,
        credentials: String,
    ) -> Answer<Result<Box<Opened>, Rejection>> {
        match site.place {
            Place::Ceremony(_, ceremony) => {
                // What they proved is what the session says; whether that is enough, the policy judges.
                let step = ceremony.advance(Verdict::Proved(Method::Totp), attempt.now);
                // New authenticators, and none of them is switched off.
                let ceremony = Ceremony { credentials, locked: MethodSet::EMPTY, ..step.ceremony() };
                match self.open(attempt, &site.account, &ceremony, None).await? {
                    LoginReply::Opened(opened) => Ok(Ok(opened)),
                    LoginReply::Rejected(told) => Ok(Err(told)),
                    _ => Err(StoreError::invariant("opening a session told something else")),
                }
            }
            Place::Session(key, session) => {
                let grant = Grant {
                    session: with_proof(&session, Method::Totp, attempt.now),
                    old: Some(&key),
                    proved: MethodSet::EMPTY.with(Method::Totp),
                    backup_left: None,
                    what: What::SessionElevated,
                    credentials,
                    generation: site.account.generation,
                    locked: MethodSet::EMPTY,
                };
                Ok(self.grant(attempt, grant).await?.map(Box::new).ok_or(Rejection::SessionGone))
            }
        }
    }

    /// A set of backup codes. `None`: hashing is full.
    pub(in crate::flow) async fn make_codes(&self, attempt: &Attempt<'_>) -> Answer<Option<Made>> {
        let salt = backup_codes::set_salt(&self.random()?, self.hashing.params());
        let mut codes = Vec::new();
        for _ in 0..self.settings.backup_codes {
            codes.push(backup_codes::mint(&self.random::<CODE_BYTES>()?));
        }
        let (of_salt, of_codes) = (salt.clone(), codes.clone());
        let hashed = self
            .hashing
            .run(&attempt.lane(), move || {
                of_codes.iter().map(|code| backup_codes::code_digest(code, &of_salt)).collect()
            })
            .await?;
        Ok(hashed.map(|digests| (salt, codes, digests)))
    }

    /// Who is enrolling, from the stores as they are now; `None` if that is over.
    async fn enroller<'a>(&self, who: &Enrolling, client: &'a Client) -> Answer<Option<(Site, Attempt<'a>)>> {
        let (mut attempt, place) = match who {
            Enrolling::Ceremony(token) => {
                let key = token.key();
                let Some(ceremony) = self.ceremony_here(&key, client, self.now()).await? else { return Ok(None) };
                let attempt = self.begin_attempt(ceremony.username.as_str(), ceremony.user.clone(), client);
                (attempt, Place::Ceremony(key, Box::new(ceremony)))
            }
            Enrolling::Session(token, told) => {
                let who = &told.identity;
                let mut attempt = self.begin_attempt(who.username.as_str(), Some(who.id.clone()), client);
                let Some(session) = self.live_session(&token.key(), &attempt).await? else { return Ok(None) };
                attempt.session = Some(session.id.clone());
                (attempt, Place::Session(token.key(), session))
            }
        };
        let Some(user) = &attempt.user else { return Ok(None) };
        let Ok(account) = self.standing_account(user).await? else { return Ok(None) };
        if let Place::Session(_, session) = &place
            && !Self::is_of(session, &account)
        {
            return Ok(None);
        }
        let enrolled = self.ports.authenticators.of(user).await?;
        self.recheck_browser(&mut attempt, Some(&account));
        if let Place::Ceremony(key, ceremony) = &place
            && ceremony.credentials != self.credentials(&account, &enrolled)
        {
            self.ports.ceremonies.take(key).await?;
            return Ok(None);
        }
        Ok(Some((Site { place, account, enrolled }, attempt)))
    }

    /// What must be proved before an authenticator may be bound: the password, freshly, and, where the account
    /// has a second factor already, that as well.
    fn prove_first(&self, site: &Site, now: Timestamp) -> Option<MethodSet> {
        let owned = site.enrolled.methods(site.account.password_hash.is_some());
        let fresh = site.place.proofs().fresh(self.settings.enroll_max_age, now);
        let missing = |wanted: MethodSet| if wanted.and(fresh).is_empty() { wanted } else { MethodSet::EMPTY };
        let known = |m: &Method| matches!(m.factor(), Factor::Knowledge);
        let (first, second): (Vec<Method>, Vec<Method>) = owned.iter().partition(known);
        let missing = missing(first.into_iter().collect()).or(missing(second.into_iter().collect()));
        // Who has proved nothing at all lately has no business here, whatever the account owns.
        let missing =
            if missing.is_empty() && fresh.is_empty() { MethodSet::EMPTY.with(Method::Password) } else { missing };
        (!missing.is_empty()).then_some(missing)
    }
}

/// What seals a waiting key: its owner and its place.
fn pending_context(name: &str, site: &Site) -> String {
    format!("{}:{name}", totp_context(&site.account.identity.id))
}

/// The authenticator's id and its key.
fn parted(plain: &SecretBytes) -> Answer<(String, SecretBytes)> {
    let (id, key) = plain
        .expose()
        .split_at_checked(ID_LENGTH)
        .ok_or_else(|| StoreError::invariant("a waiting key is cut short"))?;
    let id = std::str::from_utf8(id).map_err(|_| StoreError::invariant("a waiting key is damaged"))?;
    Ok((id.to_owned(), SecretBytes::new(key.to_vec())))
}
