//! The beginning of a sign-in: a name and a password, and a code that came along with them.

use crate::auth::ceremony::{Ceremony, Verdict};
use crate::auth::factor::authenticator::Enrolled;
use crate::auth::proof::Method;
use crate::auth::session::Channel;
use crate::auth::user::Username;
use crate::flow::Flows;
use crate::flow::attempt::Attempt;
use crate::flow::ceremony::stored::Slot;
use crate::flow::ports::{Account, Answer};
use crate::flow::reply::{Client, Credentials, LoginReply, Outcome, Rejection, Submission};
use crate::flow::risk::SignInGoal;
use crate::flow::verify::password::PasswordCheck;

impl Flows {
    /// Begins a sign-in and submits the first factor.
    /// `goal`: what the destination needs.
    ///
    /// # Errors
    /// A store did not answer; nobody is signed in then. What happened until then is in the events.
    pub async fn begin(
        &self,
        given: Credentials,
        goal: impl Into<SignInGoal>,
        channel: Channel,
        client: &Client,
    ) -> Outcome<LoginReply> {
        let goal = goal.into();
        let mut attempt = self.begin_attempt(&given.username, None, client);
        let name = Username::parse(&given.username);
        let ceremony = Ceremony::sign_in(name, goal.requirement, client.host.clone(), channel, attempt.now);
        let reply = self.first_factor(&mut attempt, ceremony, given, &goal).await;
        attempt.finish(reply)
    }

    async fn first_factor(
        &self,
        attempt: &mut Attempt<'_>,
        ceremony: Ceremony,
        given: Credentials,
        goal: &SignInGoal,
    ) -> Answer<LoginReply> {
        let account = match self.check_login(attempt, ceremony.who.username(), given.password).await? {
            PasswordCheck::Right(account) => account,
            PasswordCheck::Wrong => return Ok(LoginReply::Rejected(Rejection::WrongCredentials)),
            PasswordCheck::Wait(wait) => return Ok(LoginReply::Wait(wait)),
            PasswordCheck::Busy => return Ok(LoginReply::Busy),
        };
        let enrolled = self.ports.authenticators.of(&account.identity.id).await?;
        let ceremony = self.identify(ceremony, &account, &enrolled);
        let ceremony = self.assess(attempt, &account, ceremony, goal).await?;
        let offer = self.settings.offer_at(&ceremony.host);
        let step = ceremony.advance(Verdict::Proved(Method::Password), offer, attempt.now);
        // A code is looked at only if the account has something of the kind.
        let Some(code) = given.otp.filter(|_| enrolled.totp.is_some()) else {
            return self.proceed(attempt, &account, step, &Slot::New).await;
        };
        let submission = self.classify_code(Submission::Code(Method::Totp, code));
        if let Some(wait) = self.charge(attempt, submission.method()).await? {
            return Ok(LoginReply::Wait(wait));
        }
        self.prove(attempt, &account, &enrolled, step.ceremony(), &Slot::New, submission).await
    }

    /// The sign-in of somebody whose account was found.
    pub(in crate::flow) fn identify(&self, ceremony: Ceremony, account: &Account, enrolled: &Enrolled) -> Ceremony {
        let credentials = self.credentials(account, enrolled);
        let owned = self.owned_at(account, enrolled, &ceremony.host);
        let ceremony = ceremony.identified(&account.identity, owned, enrolled.locked(), credentials);
        Ceremony { previous_login: account.last_login_at, ..ceremony }
    }
}
