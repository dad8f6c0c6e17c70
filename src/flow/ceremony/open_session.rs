//! Opening a session: the last step of every sign-in, and the only place where one is made; by a ticket it is shared.

use std::sync::Arc;
use std::time::Duration;

use crate::auth::ceremony::{Ceremony, Completed, Parent, Purpose};
use crate::auth::event::{Deed, RejectReason, What};
use crate::auth::history::{self, Notice, StrangeBy};
use crate::auth::proof::{Method, MethodSet, Strength};
use crate::auth::session::{Channel, Session, SessionKey, SessionToken};
use crate::flow::Flows;
use crate::flow::attempt::Attempt;
use crate::flow::ceremony::stored::Slot;
use crate::flow::known_browser::BrowserProof;
use crate::flow::ports::{Account, AccountChange, Answer, Generation, StoreError};
use crate::flow::reply::{Opened, Rejection};

/// How far back sign-ins are looked at, and how many, to tell what is strange.
const REMEMBERED: Duration = Duration::from_secs(90 * 24 * 3600);
const SIGN_INS: u32 = 300;
/// How many failed attempts are looked at.
const FAILURES: u32 = 1000;

/// A session about to be granted.
struct Grant<'a> {
    session: Session,
    /// The session that it replaces.
    old: Option<&'a SessionKey>,
    /// What was proved for it just now.
    proved: MethodSet,
    what: What,
    /// What the account proves itself with, as it was when that was proved.
    credentials: String,
    /// Under which it was proved.
    generation: Generation,
    /// What of that is switched off.
    locked: MethodSet,
}

impl Flows {
    /// Opens the session of a completed ceremony. Opening it is the last thing done, in one atomic step.
    pub(in crate::flow) async fn open(
        &self,
        attempt: &mut Attempt<'_>,
        account: &Account,
        completed: &Completed,
        slot: &Slot,
    ) -> Answer<Result<Box<Opened>, Rejection>> {
        match (&completed.ceremony().purpose, slot) {
            (Purpose::SignIn, Slot::New | Slot::Stored(_)) | (Purpose::Enrol(Parent::SignIn(_)), Slot::Stored(_)) => {
                self.open_new(attempt, account, completed.ceremony()).await
            }
            (Purpose::StepUp(id) | Purpose::Enrol(Parent::Session(id)), Slot::Session(key, old)) if *id == old.id => {
                self.replace_session(attempt, account, completed, (key, old)).await
            }
            _ => Err(StoreError::invariant("a ceremony ends where it did not begin")),
        }
    }

    async fn open_new(
        &self,
        attempt: &mut Attempt<'_>,
        account: &Account,
        ceremony: &Ceremony,
    ) -> Answer<Result<Box<Opened>, Rejection>> {
        let session = Session {
            id: self.ulid()?,
            identity: account.identity.clone(),
            proofs: ceremony.proofs.clone(),
            host: ceremony.host.clone(),
            channel: ceremony.channel,
            created_at: attempt.now,
            seen_at: attempt.now,
            generation: account.generation.sessions,
            checked: Default::default(),
            previous_login: account.last_login_at,
            client_ip: attempt.client.ip,
            user_agent: attempt.client.short_user_agent(),
            pinned: self.pin(attempt.client, ceremony.assessed.level, attempt.now),
        };
        let notice = self.notice(attempt, account, ceremony.channel).await?;
        let (proved, credentials, locked) = (ceremony.proofs.methods(), ceremony.credentials.clone(), ceremony.locked);
        let level = self.settings.risk.as_ref().map(|_| ceremony.assessed.level);
        let (what, generation) = (What::SessionOpened { level }, account.generation);
        let grant = Grant { session, old: None, proved, what, credentials, generation, locked };
        attempt.learnt = self.learnt_for(ceremony.assessed, proved).is_some();
        let Some(opened) = self.grant(attempt, grant).await? else { return Ok(Err(Rejection::WrongCredentials)) };
        // What is told of once in a while must not be used up by a sign-in that came to nothing.
        let records = match self.new_browser_notices(attempt, account).await {
            Ok(records) => records,
            Err(fault) => return Err(self.revoke_undelivered(attempt, &opened.token.key(), fault).await),
        };
        // Only who is in has signed in.
        let (user, signed_in) = (&account.identity.id, AccountChange::LoggedIn(attempt.now));
        let noted = self.ports.accounts.change_recorded(user, signed_in, &records).await;
        if let Err(fault) = noted {
            return Err(self.revoke_undelivered(attempt, &opened.token.key(), fault).await);
        }
        if let Err(fault) = self.end_needless_recovery(attempt, account, proved).await {
            return Err(self.revoke_undelivered(attempt, &opened.token.key(), fault).await);
        }
        self.learn_sign_in(attempt, &account.identity.id, ceremony.assessed, proved).await;
        Ok(Ok(Box::new(Opened { notice, ..opened })))
    }

    /// The same session with one more proof, under a new token.
    async fn replace_session(
        &self,
        attempt: &mut Attempt<'_>,
        account: &Account,
        completed: &Completed,
        (key, session): (&SessionKey, &Session),
    ) -> Answer<Result<Box<Opened>, Rejection>> {
        let (ceremony, method) = (completed.ceremony(), completed.method());
        let risen =
            Session { proofs: ceremony.proofs.clone(), seen_at: attempt.now.max(session.seen_at), ..session.clone() };
        let slip = ceremony.slip.as_ref().and_then(|order| order.slip(&risen, method, attempt.now));
        // Before the session rises: should that fail, nobody has its token, and should this fail, the session stands.
        let token = match &slip {
            Some(slip) => Some(self.issue_slip(slip).await?),
            None => None,
        };
        let pinned = self.pin_risen(attempt, &risen, method).await;
        let grant = Grant {
            session: Session { pinned, ..risen },
            old: Some(key),
            proved: MethodSet::EMPTY.with(method),
            what: What::SessionElevated,
            credentials: ceremony.credentials.clone(),
            generation: account.generation,
            locked: ceremony.locked,
        };
        Ok(match self.grant(attempt, grant).await? {
            Some(opened) => {
                if let Some(slip) = slip {
                    attempt.record(What::SlipIssued { method, transaction: slip.transaction });
                }
                Ok(Box::new(Opened { slip: token, ..opened }))
            }
            None => Err(Self::reject_ended(attempt, method, RejectReason::NoSession)),
        })
    }

    /// The same session with the same proofs, under a new token and what the account grants now: what was granted before
    /// was just ended by its owner. `None`: it was gone, or the account was changed meanwhile.
    pub(in crate::flow) async fn reopen(
        &self,
        attempt: &mut Attempt<'_>,
        account: &Account,
        credentials: String,
        slot: &Slot,
    ) -> Answer<Option<Opened>> {
        let Slot::Session(key, session) = slot else { return Ok(None) };
        let session = Session { seen_at: attempt.now.max(session.seen_at), ..session.as_ref().clone() };
        let (proved, locked, what) = (MethodSet::EMPTY, MethodSet::EMPTY, What::SessionElevated);
        let generation = account.generation;
        let grant = Grant { session, old: Some(key), proved, what, credentials, generation, locked };
        self.grant(attempt, grant).await
    }

    /// What happened around the account that is worth a word to its owner, who is about to be signed in.
    async fn notice(&self, attempt: &Attempt<'_>, account: &Account, channel: Channel) -> Answer<Option<Notice>> {
        if channel == Channel::Bearer || account.last_login_at.is_none() {
            return Ok(None);
        }
        let (user, here, browser) = (&account.identity.id, attempt.client.ip, attempt.browser.as_deref());
        let past = self.ports.history.sign_ins(user, attempt.now.minus(REMEMBERED), SIGN_INS).await?;
        let Some((since, _)) = history::since(&past, browser, here) else { return Ok(None) };
        let failures = self.ports.history.failures(user, since, FAILURES).await?;
        let strange_by = if self.settings.risk.is_some() { StrangeBy::Risk } else { StrangeBy::Marks };
        Ok(history::notice(&past, &failures, browser, here, strange_by))
    }

    /// Puts a session in the store, in place of `old` where one is given, and hands out its token.
    ///
    /// `None`: `old` was gone, or the account was disabled or changed meanwhile; nothing is open then.
    async fn grant(
        &self,
        attempt: &mut Attempt<'_>,
        Grant { session, old, proved, what, credentials, generation, locked }: Grant<'_>,
    ) -> Answer<Option<Opened>> {
        let token = SessionToken::mint(&self.random()?);
        let session = Session { generation: generation.sessions, ..session };
        let strength = Strength::of(session.proofs.methods());
        let (client, known) = (attempt.client, attempt.device.as_ref());
        let owner = (&session.identity.id, generation);
        let by = BrowserProof { strength, is_strange: self.is_strange(&session, client) };
        let (mark, device) = self.mark_device(client, &attempt.account, known, by, owner)?;
        let mut session = session;
        if let Some(pinned) = session.pinned.as_mut().filter(|pinned| pinned.at == attempt.now) {
            pinned.device = (session.channel == Channel::Cookie).then(|| device.id().to_owned());
        }
        let ends_at = self.settings.session.ends_at(&session);
        self.forgive(attempt, proved).await?;
        let unlocked = self.unlock(attempt, &session.identity.id, locked, proved).await?;
        attempt.intend(Deed::Opening, None);
        if !self.ports.sessions.replace(old, &token.key(), &session, ends_at).await? {
            attempt.clear_intent();
            return match old {
                Some(_) => Ok(None),
                None => Err(StoreError::invariant("a new session was refused")),
            };
        }
        attempt.session = Some(session.id.clone());
        // Nothing stands for a script that keeps no mark.
        let keeps = session.channel == Channel::Cookie || attempt.device.is_some();
        attempt.browser = keeps.then(|| self.browser_tag(&device));
        attempt.record(what);
        // Disabling an account or changing what it proves itself with ends its sessions: one opened in that very
        // moment must not outlive it.
        let unchanged = match self.unchanged(&session, &credentials).await {
            Ok(unchanged) => unchanged,
            Err(fault) => return Err(self.revoke_undelivered(attempt, &token.key(), fault).await),
        };
        if let Err(reason) = unchanged {
            attempt.intend(Deed::Ending, None);
            self.ports.sessions.revoke(&token.key()).await?;
            attempt.record(What::SessionRevoked);
            attempt.record(What::ProofRejected { method: Method::Password, reason });
            return Ok(None);
        }
        self.validity.note(token.key(), attempt.now);
        let session = Arc::new(session);
        let (device, locked) = (Some(mark), locked.minus(unlocked));
        let (aftermath, notice, slip) = (attempt.aftermath, None, None);
        Ok(Some(Opened { token, session, ends_at, device, slip, aftermath, locked, unlocked, notice }))
    }

    /// Ends a session whose token reaches nobody because of a fault, as far as the stores still let us.
    pub(in crate::flow) async fn revoke_undelivered(
        &self,
        attempt: &mut Attempt<'_>,
        key: &SessionKey,
        fault: StoreError,
    ) -> StoreError {
        if matches!(self.ports.sessions.revoke(key).await, Ok(true)) {
            attempt.record(What::SessionRevoked);
        }
        fault
    }

    /// Whether an account may still sign in with what it proved itself with, and all its sessions were not ended meanwhile.
    async fn unchanged(&self, session: &Session, credentials: &str) -> Answer<Result<(), RejectReason>> {
        let user = &session.identity.id;
        let account = match self.standing_account(user).await? {
            Ok(account) => account,
            Err(reason) => return Ok(Err(reason)),
        };
        let now = self.credentials(&account, &self.ports.authenticators.of(user).await?);
        let same = now == credentials && Self::is_of(session, &account);
        Ok(if same { Ok(()) } else { Err(RejectReason::NoCeremony) })
    }
}
