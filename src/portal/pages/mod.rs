//! Every page of ours, each once. Values are escaped by askama; the words stand in `templates/`.

use askama::Template;

use super::support::Support;
use crate::auth::proof::Method;
use crate::auth::secret::SecretText;

/// So few backup codes are worth a word.
pub(crate) const FEW: u32 = 3;

/// How many backup codes are left.
pub(crate) fn codes_left(left: u32) -> String {
    match left {
        0 => "You have no backup codes left.".to_owned(),
        1 => "You have 1 backup code left.".to_owned(),
        n => format!("You have {n} backup codes left."),
    }
}

/// What every page shows around its content.
#[derive(Clone)]
pub(crate) struct Shell {
    /// Whose pages these are.
    pub(crate) name: String,
    /// Where the style sheet is.
    pub(crate) css: String,
    /// Where the script is, of which nothing depends.
    pub(crate) script: String,
    /// Where the logo is.
    pub(crate) logo: Option<String>,
    /// Where people get help.
    pub(crate) support: Option<Support>,
    /// Names the request in the log.
    pub(crate) request_id: String,
}

/// Mistakes in a form: the field and what to do.
#[derive(Clone, Default)]
pub(crate) struct Errors(Vec<(&'static str, String)>);

impl Errors {
    /// No mistake.
    pub(crate) const fn none() -> Self {
        Self(Vec::new())
    }

    /// One mistake.
    pub(crate) fn one(field: &'static str, text: impl Into<String>) -> Self {
        Self(vec![(field, text.into())])
    }

    /// One more.
    pub(crate) fn add(&mut self, field: &'static str, text: impl Into<String>) {
        self.0.push((field, text.into()));
    }

    /// Whether all is well.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All mistakes.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &(&'static str, String)> {
        self.0.iter()
    }

    /// The mistake in one field.
    pub(crate) fn of(&self, field: &str) -> Option<&str> {
        self.0.iter().find(|(f, _)| *f == field).map(|(_, text)| text.as_str())
    }
}

/// A way to prove oneself, as pages offer it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Way {
    /// The method.
    pub(crate) method: Method,
    /// Its name in forms.
    pub(crate) name: &'static str,
    /// The label of its field.
    pub(crate) label: &'static str,
    /// What to type.
    pub(crate) hint: &'static str,
    /// The button that offers it as another way.
    pub(crate) offer: &'static str,
}

impl Way {
    /// The page's view of a method; `None` for methods that have no form.
    pub(crate) const fn of(method: Method) -> Option<Self> {
        let (label, hint, offer) = match method {
            Method::Totp => ("Enter the code from your app", digits_hint(6), "Use my authenticator app"),
            Method::BackupCode => {
                ("Enter a backup code", "One of the codes you saved. Each works once.", "Use a backup code")
            }
            Method::Password => ("Password", "The password you sign in with.", "Use my password"),
            _ => return None,
        };
        Some(Self { method, name: method.name(), label, hint, offer })
    }

    /// The same way for codes of so many digits.
    pub(crate) const fn with_digits(self, digits: u8) -> Self {
        match self.method {
            Method::Totp => Self { hint: digits_hint(digits), ..self },
            _ => self,
        }
    }

    /// Whether the field takes a password.
    pub(crate) fn is_password(&self) -> bool {
        self.method == Method::Password
    }

    /// Whether the field takes digits.
    pub(crate) fn is_digits(&self) -> bool {
        self.method == Method::Totp
    }
}

/// What to type where a code of so many digits is asked for.
pub(crate) const fn digits_hint(digits: u8) -> &'static str {
    match digits {
        7 => "7 digits. Spaces are fine.",
        8 => "8 digits. Spaces are fine.",
        _ => "6 digits. Spaces are fine.",
    }
}

/// Sign-in: user name and password.
#[derive(Template)]
#[template(path = "login.html")]
pub(crate) struct Login<'a> {
    pub(crate) shell: &'a Shell,
    pub(crate) errors: Errors,
    pub(crate) notice: Option<String>,
    /// Signing in leads to this, instead of a place.
    pub(crate) purpose: Option<&'static str>,
    pub(crate) username: &'a str,
    pub(crate) place: &'a str,
    pub(crate) host: &'a str,
}

/// One more proof: the second step of a sign-in, or a step-up.
#[derive(Template)]
#[template(path = "code.html")]
pub(crate) struct Code<'a> {
    pub(crate) shell: &'a Shell,
    pub(crate) errors: Errors,
    pub(crate) heading: &'a str,
    pub(crate) why: Option<&'a str>,
    /// Where who is signed in signs out, to use another account; `None`: this is the second step of a sign-in.
    pub(crate) leave: Option<&'a str>,
    /// When the person signed in before.
    pub(crate) last: Option<&'a str>,
    pub(crate) place: &'a str,
    pub(crate) username: &'a str,
    pub(crate) way: Way,
    pub(crate) others: Vec<Way>,
    /// For whom the form is.
    pub(crate) of: &'a str,
}

/// Why somebody sets up an authenticator app.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// The destination asks for a second step, and there is none yet.
    Asked,
    /// They want to.
    Wished,
    /// There is one, which this one replaces.
    Replaces,
}

/// Enrolling TOTP.
#[derive(Template)]
#[template(path = "enroll.html")]
pub(crate) struct Enroll<'a> {
    pub(crate) shell: &'a Shell,
    pub(crate) errors: Errors,
    pub(crate) place: &'a str,
    pub(crate) why: Why,
    pub(crate) account: &'a str,
    /// Markup of our own making.
    pub(crate) qr: &'a str,
    pub(crate) uri: &'a str,
    pub(crate) key: &'a str,
    pub(crate) digits: u8,
    /// For whom the form is.
    pub(crate) of: &'a str,
}

impl Enroll<'_> {
    /// What to type.
    pub(crate) const fn hint(&self) -> &'static str {
        digits_hint(self.digits)
    }
}

/// Backup codes, shown once.
#[derive(Template)]
#[template(path = "codes.html")]
pub(crate) struct Codes<'a> {
    pub(crate) shell: &'a Shell,
    /// What was strange since the person was here last.
    pub(crate) strange: Option<Strange>,
    pub(crate) codes: &'a [SecretText],
    pub(crate) place: &'a str,
    pub(crate) account: &'a str,
    pub(crate) host: &'a str,
    /// They replace others, and the app stays what it was.
    pub(crate) anew: bool,
}

/// The question before backup codes are replaced.
#[derive(Template)]
#[template(path = "renew.html")]
pub(crate) struct RenewCodes<'a> {
    pub(crate) shell: &'a Shell,
    pub(crate) account: &'a str,
    pub(crate) host: &'a str,
    /// How many are left.
    pub(crate) left: u32,
    /// Names the set that is replaced.
    pub(crate) set: &'a str,
    /// For whom the form is.
    pub(crate) of: &'a str,
    /// Where to go on without replacing them.
    pub(crate) stay: &'a str,
}

/// What was strange since somebody was here last: since when, what, and what to do.
pub(crate) struct Strange {
    pub(crate) since: String,
    pub(crate) items: Vec<String>,
    pub(crate) advice: String,
}

/// A link of a notice.
#[derive(Clone)]
pub(crate) struct Link {
    pub(crate) href: String,
    pub(crate) text: String,
    /// In which window it opens; `None`: in its own.
    pub(crate) target: Option<&'static str>,
}

impl Link {
    /// A link that stays in its window, but leaves any frame.
    pub(crate) fn to(href: impl Into<String>, text: impl Into<String>) -> Self {
        Self { href: href.into(), text: text.into(), target: Some("_top") }
    }

    /// A link that opens another window, so that what was typed in this one can still be got back.
    pub(crate) fn aside(href: impl Into<String>, text: &str) -> Self {
        Self { href: href.into(), text: format!("{text} (in a new window)"), target: Some("_blank") }
    }
}

/// A page that says something and offers ways on: errors, refusals, waits, ends.
#[derive(Template)]
#[template(path = "notice.html")]
pub(crate) struct Notice<'a> {
    pub(crate) shell: &'a Shell,
    pub(crate) heading: String,
    pub(crate) lines: Vec<String>,
    /// A list after the lines, with or without a heading of its own, and what is said after it.
    pub(crate) list: Option<&'static str>,
    pub(crate) items: Vec<String>,
    pub(crate) after: Option<String>,
    pub(crate) facts: Vec<(&'static str, String)>,
    /// A button that leads on, and what it asks for. It posts to the page it stands on: a link would lose the
    /// fragment of the deep link, which only the browser knows.
    pub(crate) go_on: Option<(&'static str, &'static str)>,
    /// Other ways to prove oneself, each with a button, and for whom they are.
    pub(crate) ways: Vec<Way>,
    pub(crate) of: String,
    pub(crate) links: Vec<Link>,
}

impl<'a> Notice<'a> {
    /// A heading with nothing under it yet.
    pub(crate) fn new(shell: &'a Shell, heading: impl Into<String>) -> Self {
        Self {
            shell,
            heading: heading.into(),
            lines: Vec::new(),
            list: None,
            items: Vec::new(),
            after: None,
            facts: Vec::new(),
            go_on: None,
            ways: Vec::new(),
            of: String::new(),
            links: Vec::new(),
        }
    }

    /// Whether the facts name the request, so that the foot of the page need not.
    fn names_the_request(&self) -> bool {
        self.facts.iter().any(|(name, _)| *name == "Reference")
    }
}

/// Who one is here, and the way out.
#[derive(Template)]
#[template(path = "account.html")]
pub(crate) struct Account<'a> {
    pub(crate) shell: &'a Shell,
    pub(crate) username: &'a str,
    pub(crate) name: Option<&'a str>,
    pub(crate) email: Option<&'a str>,
    pub(crate) groups: String,
    pub(crate) previous: Option<String>,
    pub(crate) began: String,
    pub(crate) ends_in: String,
    /// Whether there is an authenticator app.
    pub(crate) app: bool,
    /// How many backup codes are left.
    pub(crate) codes: Option<u32>,
    /// Whether backup codes are made here.
    pub(crate) renews: bool,
    pub(crate) host: &'a str,
    /// For whom the forms are.
    pub(crate) of: &'a str,
}

impl Account<'_> {
    /// How many backup codes are left, where those are few.
    fn few(&self) -> Option<String> {
        self.codes.filter(|left| self.renews && *left <= FEW).map(codes_left)
    }
}

/// The question before signing out.
#[derive(Template)]
#[template(path = "logout.html")]
pub(crate) struct Logout<'a> {
    pub(crate) shell: &'a Shell,
    pub(crate) username: &'a str,
    pub(crate) host: &'a str,
    /// Where to go on without signing out.
    pub(crate) stay: &'a str,
    /// For whom the forms are.
    pub(crate) of: &'a str,
}
