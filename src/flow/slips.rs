//! Slips (ADR 0028): given for a proof, and used up by the one request that they let through.

use super::Flows;
use super::admit::Admission;
use super::ports::Answer;
use super::risk::Seen;
use crate::auth::event::{Event, What};
use crate::auth::policy::AppPolicy;
use crate::auth::proof::decision::Decision;
use crate::auth::proof::evaluation::Circumstances;
use crate::auth::proof::{BoundBody, PresentedSlip, SLIP_LIVES, Slip, TransactionDigest};
use crate::auth::resource::Resource;
use crate::auth::session::{Channel, Session, SessionToken};
use crate::auth::slip_token::SlipToken;

/// What a slip does for a request that is asked for one.
pub enum SlipAdmission {
    /// Nothing: it is as if there were none, and none is used up.
    Nothing,
    /// It depends on the body, which is to be read.
    BodyNeeded,
    /// It was used up, and this is decided with it.
    Decided(Box<(Admission, PresentedSlip)>),
}

/// What a script or a browser presents beside its session.
pub struct SlipUse<'a> {
    pub token: &'a SlipToken,
    /// `None`: it was not read yet.
    pub body: Option<BoundBody<'a>>,
}

impl Flows {
    /// Keeps a slip for the rest of its life, under a new token.
    pub(super) async fn issue_slip(&self, slip: &Slip) -> Answer<SlipToken> {
        let token = SlipToken::mint(&self.random()?);
        let left = SLIP_LIVES.saturating_sub(self.now().since(slip.proved_at));
        self.ports.slips.put(&token, slip, left).await?;
        Ok(token)
    }

    /// Takes a slip that is carried to the host of an app: the one that it was given for, in this session.
    pub(super) async fn carry_slip(&self, token: &SlipToken, host: &str, session: &Session) -> Answer<Option<Slip>> {
        let taken = self.ports.slips.take(token).await?;
        Ok(taken.filter(|slip| slip.host == host && slip.session == session.id))
    }

    /// Decides once more about a request that was asked for a slip, and presents one. It is used up by the request that it
    /// lets through and by no other, before that is permitted: of several at once, by one.
    ///
    /// # Errors
    /// A store did not answer: nothing is permitted, and the slip may be used up.
    pub async fn admit_by_slip(
        &self,
        app: &AppPolicy,
        resource: &Resource,
        circumstances: &Circumstances,
        presented: Option<(&SessionToken, Channel)>,
        SlipUse { token, body }: SlipUse<'_>,
        seen: &dyn Seen,
    ) -> Answer<SlipAdmission> {
        let Some(slip) = self.ports.slips.load(token).await? else { return Ok(SlipAdmission::Nothing) };
        let of_body = |body| TransactionDigest::of(resource.method(), resource.host(), resource.as_target(), &body);
        let transaction = body.and_then(|body| {
            let told = || body.told().map(of_body);
            told().find(|digest| slip.transaction == Some(*digest)).or_else(|| told().next())
        });
        let body_needed = slip.transaction.is_some() && transaction.is_none();
        let would = PresentedSlip { slip: slip.clone(), transaction: transaction.or(slip.transaction) };
        let with = |slip: &PresentedSlip| Circumstances { slip: Some(slip.clone()), ..circumstances.clone() };
        let first = self.admit(app, resource, &with(&would), presented, seen).await?;
        // What is refused, or asked for more, uses none up.
        if !matches!(first.decision, Decision::Permit(_)) {
            return Ok(SlipAdmission::Nothing);
        }
        drop(first);
        if body_needed {
            return Ok(SlipAdmission::BodyNeeded);
        }
        if self.ports.slips.take(token).await?.as_ref() != Some(&slip) {
            return Ok(SlipAdmission::Nothing);
        }
        let mut admission = self.admit(app, resource, &with(&would), presented, seen).await?;
        if let Decision::Permit(permit) = &admission.decision {
            admission.events.push(spent(&slip, permit.subject().map(AsRef::as_ref), circumstances));
        }
        Ok(SlipAdmission::Decided(Box::new((admission, would))))
    }
}

fn spent(slip: &Slip, who: Option<&Session>, circumstances: &Circumstances) -> Event {
    let what = What::SlipSpent { method: slip.method, transaction: slip.transaction };
    Event {
        client_ip: Some(circumstances.client),
        session: Some(slip.session.clone()),
        ..Event::of(what, who.map(|who| &who.identity))
    }
}
