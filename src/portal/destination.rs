//! Where a person goes after signing in, and by which of our pages.

use std::sync::Arc;

use crate::auth::handoff::Handoff;
use crate::auth::held_request::FormId;
use crate::auth::resource::Tolerances;
use crate::auth::return_to::ReturnTo;
use crate::auth::text::percent;
use crate::portal::popup::PopupId;

/// A destination, and the method that is to be used there (a challenged POST asks for more than the GET may).
#[derive(Clone)]
pub(crate) struct Destination {
    /// What is to be opened.
    pub(crate) to: ReturnTo,
    /// Where to go instead once it can be: the page around it, where it is a part of one.
    pub(crate) around: Option<ReturnTo>,
    /// Whether the address named one that could be read.
    pub(crate) given: bool,
    /// `GET`, or the method of the request that was challenged.
    pub(crate) method: String,
    /// The form that waits to be sent there.
    pub(crate) form: Option<FormId>,
    /// The window of a script, which goes nowhere: its last page tells the script that it is done.
    pub(crate) popup: Option<PopupId>,
    /// What is to be done on the way there.
    pub(crate) action: Option<RequestedAction>,
    /// Setting up an authenticator is for who is signed in, whoever else began to sign in meanwhile.
    pub(crate) as_session: bool,
    /// How often the browser had been sent there when it was challenged.
    pub(crate) redirects: u8,
    /// The browser was just given its first cookie: does it send it back?
    pub(crate) check_cookies: bool,
    /// It is on the host of an app that led the browser here: in the address, this stands for it.
    pub(crate) handoff: Option<Arc<OpenedHandoff>>,
    /// This is where people sign in for many apps: without a destination, they see these.
    pub(crate) at_portal: bool,
}

/// A handoff that was read, and the text that it was read from.
pub(crate) struct OpenedHandoff {
    pub(crate) sealed: String,
    pub(crate) handoff: Handoff,
}

/// What a person asked us for before they go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RequestedAction {
    /// To set up an authenticator app.
    Enroll,
    /// To set up a passkey.
    Passkey,
    /// To delete a passkey.
    Passkeys,
    /// To make new backup codes.
    BackupCodes,
    /// To change the addresses that codes go to.
    Addresses,
    /// To turn off two-step sign-in.
    TurnOff,
    /// To delete the account.
    Delete,
    /// To set another password.
    Password,
    /// To look at the sessions.
    Sessions,
    /// To look at what happened.
    Activity,
    /// To take all that is held.
    Export,
    /// To sign out everywhere.
    SignOut,
}

impl RequestedAction {
    const ALL: [Self; 12] = [
        Self::Enroll,
        Self::Passkey,
        Self::Passkeys,
        Self::BackupCodes,
        Self::Addresses,
        Self::TurnOff,
        Self::Delete,
        Self::Password,
        Self::Sessions,
        Self::Activity,
        Self::Export,
        Self::SignOut,
    ];

    /// The word for it in the query.
    const fn name(self) -> &'static str {
        match self {
            Self::Enroll => "enroll",
            Self::Passkey => "passkey",
            Self::Passkeys => "passkeys",
            Self::BackupCodes => "backup-codes",
            Self::Addresses => "addresses",
            Self::TurnOff => "turn-off",
            Self::Delete => "delete",
            Self::Password => "password",
            Self::Sessions => "sessions",
            Self::Activity => "activity",
            Self::Export => "export",
            Self::SignOut => "sign-out-everywhere",
        }
    }

    /// The page for it, for somebody who is signed in.
    const fn page(self) -> &'static str {
        match self {
            Self::Enroll => "enroll",
            Self::Addresses => "addresses",
            Self::Passkey => "passkey",
            Self::Passkeys => "account",
            Self::BackupCodes => "backup-codes",
            Self::TurnOff => "turn-off",
            Self::Delete => "delete",
            Self::Password => "password",
            Self::Sessions => "sessions",
            Self::Activity => "activity",
            Self::Export => "export",
            Self::SignOut => "logout",
        }
    }
}

impl Destination {
    /// Reads the destination of one of our URLs, on an app with these tolerances; whatever cannot be read is the
    /// start page.
    pub(crate) fn from_query(query: &[(String, String)], tolerate: Tolerances) -> Self {
        let only = |name: &str| {
            let mut all = query.iter().filter(|(n, _)| n == name).map(|(_, v)| v.as_str());
            all.next().filter(|_| all.next().is_none())
        };
        let given = query.iter().any(|(n, _)| n == "to");
        let to = only("to").and_then(|to| ReturnTo::parse(to, tolerate)).unwrap_or_else(ReturnTo::root);
        let action =
            only("then").and_then(|word| RequestedAction::ALL.into_iter().find(|action| action.name() == word));
        let around = only("around").and_then(|to| ReturnTo::parse(to, tolerate));
        let form = only("form").and_then(FormId::parse);
        let popup = only("popup").and_then(PopupId::parse);
        let as_session = only("as") == Some("session");
        let redirects = only("turn").and_then(|count| count.parse().ok()).unwrap_or(0);
        let method = only("for")
            .filter(|m| (1..=16).contains(&m.len()) && m.bytes().all(|b| b.is_ascii_uppercase()))
            .unwrap_or("GET");
        let check_cookies = only("check") == Some("cookies");
        Self {
            given,
            to,
            around,
            method: method.to_owned(),
            form,
            popup,
            action,
            as_session,
            redirects,
            check_cookies,
            handoff: None,
            at_portal: false,
        }
    }

    /// The destination of a challenged request; without its query where that is too long to be kept.
    pub(crate) fn of_request(target: &str, method: &str, tolerate: Tolerances) -> Self {
        let cut = || ReturnTo::parse(target.split('?').next().unwrap_or("/"), tolerate);
        let to = ReturnTo::parse(target, tolerate).or_else(cut).unwrap_or_else(ReturnTo::root);
        let method = if method == "HEAD" { "GET" } else { method };
        Self {
            given: true,
            to,
            around: None,
            method: method.to_owned(),
            form: None,
            popup: None,
            action: None,
            as_session: false,
            redirects: 0,
            check_cookies: false,
            handoff: None,
            at_portal: false,
        }
    }

    /// The destination of a handoff, on the host of its app.
    pub(crate) fn of_handoff(handoff: &Handoff, tolerate: Tolerances) -> Self {
        let to = ReturnTo::parse(&handoff.to, tolerate).unwrap_or_else(ReturnTo::root);
        let around = handoff.around.as_deref().and_then(|page| ReturnTo::parse(page, tolerate));
        let form = handoff.form.as_deref().and_then(FormId::parse);
        let popup = handoff.popup.as_deref().and_then(PopupId::parse);
        let plain = Self::of_request("/", &handoff.method, tolerate);
        Self { to, around, form, popup, redirects: handoff.redirects, ..plain }
    }

    /// Reads the destination where people sign in for many apps: that of the handoff, or none.
    pub(crate) fn at_portal(
        query: &[(String, String)],
        handoff: Option<Arc<OpenedHandoff>>,
        tolerate: Tolerances,
    ) -> Self {
        let asked = Self { at_portal: true, ..Self::from_query(query, tolerate) };
        let Some(opened) = handoff else {
            let to = ReturnTo::root();
            return Self { given: false, to, around: None, form: None, popup: None, redirects: 0, ..asked };
        };
        let Self { to, around, method, form, popup, redirects, .. } = Self::of_handoff(&opened.handoff, tolerate);
        Self { given: true, to, around, method, form, popup, redirects, handoff: Some(opened), ..asked }
    }

    /// The same destination, by way of a look whether the browser keeps our cookies.
    pub(crate) fn with_cookie_check(&self) -> Self {
        Self { check_cookies: true, ..self.clone() }
    }

    /// The same destination, without that look.
    pub(crate) fn without_cookie_check(&self) -> Self {
        Self { check_cookies: false, ..self.clone() }
    }

    /// Whether this is `target` without its query.
    pub(crate) fn is_cut(&self, target: &str) -> bool {
        target.contains('?') && !self.to.as_str().contains('?')
    }

    /// The same destination, where this form waits to be sent to it.
    pub(crate) fn with_form(self, form: FormId) -> Self {
        Self { form: Some(form), ..self }
    }

    /// The same destination, as the host of its app sees it.
    pub(crate) fn at_app(&self) -> Self {
        Self { handoff: None, at_portal: false, ..self.clone() }
    }

    /// The same destination, after this is done.
    pub(crate) fn with_action(&self, action: RequestedAction) -> Self {
        Self { action: Some(action), ..self.clone() }
    }

    /// The same destination, and what is set up on the way is set up for who is signed in.
    pub(crate) fn as_session(&self) -> Self {
        Self { as_session: true, ..self.clone() }
    }

    /// The same destination, as a part of this page.
    pub(crate) fn within(self, around: Option<ReturnTo>) -> Self {
        Self { around: around.filter(|page| *page != self.to), ..self }
    }

    /// Where one ends up.
    pub(crate) fn landing(&self) -> &ReturnTo {
        self.around.as_ref().unwrap_or(&self.to)
    }

    /// The same destination, for a browser that was sent there so often before.
    pub(crate) fn with_redirects(self, redirects: u8) -> Self {
        Self { redirects, ..self }
    }

    /// The URL of one of our pages for this destination.
    pub(crate) fn page_url(&self, page: &str) -> String {
        let mut parts = Vec::new();
        if let Some(opened) = &self.handoff {
            parts.push(format!("handoff={}", opened.sealed));
        } else {
            self.write_target(&mut parts);
        }
        if let Some(action) = self.action {
            parts.push(format!("then={}", action.name()));
        }
        if self.as_session {
            parts.push("as=session".to_owned());
        }
        if self.check_cookies {
            parts.push("check=cookies".to_owned());
        }
        let query = if parts.is_empty() { String::new() } else { format!("?{}", parts.join("&")) };
        format!("{}{page}{query}", crate::auth::reserved_names::PREFIX)
    }

    /// What is to be opened on this host.
    fn write_target(&self, parts: &mut Vec<String>) {
        if self.given {
            parts.push(format!("to={}", percent::encode(self.to.as_str())));
        }
        if let Some(around) = &self.around {
            parts.push(format!("around={}", percent::encode(around.as_str())));
        }
        if self.method != "GET" {
            parts.push(format!("for={}", percent::encode(&self.method)));
        }
        if let Some(form) = &self.form {
            parts.push(format!("form={}", form.expose()));
        }
        if let Some(popup) = &self.popup {
            parts.push(format!("popup={}", popup.as_str()));
        }
        if self.redirects > 0 {
            parts.push(format!("turn={}", self.redirects));
        }
    }

    /// Whether it is for a request with a body that was not kept, and leads to no other page.
    pub(crate) fn is_to_be_resent(&self) -> bool {
        let sends = !matches!(self.method.as_str(), "GET" | "HEAD" | "OPTIONS");
        let kept = self.form.is_some() || self.popup.is_some();
        let elsewhere = self.action.is_some() || self.around.is_some() || self.handoff.is_some() || self.at_portal;
        self.given && sends && !kept && !elsewhere
    }

    /// Where to go once everything is proved. Without a deep link people see their account first, and there their
    /// previous sign-in.
    pub(crate) fn next_url(&self) -> String {
        if let Some(action) = self.action {
            Self { action: None, ..self.clone() }.page_url(action.page())
        } else if self.handoff.is_some() {
            self.page_url("depart")
        } else if self.at_portal {
            "/".to_owned()
        } else if self.popup.is_some() {
            self.page_url("done")
        } else if self.given && self.form.is_some() {
            self.page_url("form")
        } else if self.given {
            self.landing().as_str().to_owned()
        } else {
            format!("{}account", crate::auth::reserved_names::PREFIX)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STRICT: Tolerances =
        Tolerances { path_parameters: false, encoded_slashes: false, double_slashes: false, latin1: false };

    #[test]
    fn urls_keep_the_destination_and_its_method() {
        let pairs = |q: &[(&str, &str)]| q.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect::<Vec<_>>();
        let destination = Destination::of_request("/a?b=c&d=e%20f", "GET", STRICT);
        assert_eq!(destination.page_url("login"), "/.stepgate/login?to=%2Fa%3Fb%3Dc%26d%3De%2520f");
        assert_eq!(
            Destination::of_request("/a", "POST", STRICT).page_url("step-up"),
            "/.stepgate/step-up?to=%2Fa&for=POST"
        );
        assert_eq!(Destination::from_query(&pairs(&[("to", "/a?b=c")]), STRICT).to.as_str(), "/a?b=c");
        for bad in [&[("to", "/a"), ("to", "/b")][..], &[("to", "//evil.example/")], &[("to", "")]] {
            assert_eq!(Destination::from_query(&pairs(bad), STRICT).next_url(), "/");
        }
        assert_eq!(Destination::from_query(&pairs(&[]), STRICT).next_url(), "/.stepgate/account");
        assert_eq!(
            Destination::of_request("/a", "GET", STRICT).with_action(RequestedAction::Enroll).next_url(),
            "/.stepgate/enroll?to=%2Fa"
        );
        assert_eq!(Destination::from_query(&pairs(&[("for", "post")]), STRICT).method, "GET");
    }
}
