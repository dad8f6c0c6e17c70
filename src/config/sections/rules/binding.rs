//! `once`, `transaction` and `redact`: for what a rule accepts a proof (ADR 0028).

use std::collections::HashSet;

use crate::auth::policy::rule::Access;
use crate::auth::proof::{Binding, Requirement};
use crate::config::sections::checker::Checker;
use crate::config::yaml::Spanned;

/// What a rule says of it.
pub(super) struct BindingOptions {
    pub(super) once: Option<Spanned<bool>>,
    pub(super) transaction: Option<Spanned<bool>>,
    pub(super) redact: Option<Spanned<Vec<String>>>,
}

/// What an app lets a transaction be.
#[derive(Clone, Copy)]
pub(crate) struct TransactionPlace {
    /// Of the forms that are kept, some have fields that can be shown.
    pub(crate) has_fields: bool,
    /// Forms are kept, so that they can be shown and sent.
    pub(crate) holds: bool,
    /// People sign in on another host, where no form can be shown.
    pub(crate) elsewhere: bool,
}

/// Whether a method does nothing, and uses no proof up.
fn looks_ahead(method: &str) -> bool {
    matches!(method, "HEAD" | "OPTIONS")
}

/// What a rule asks, and for what; and the fields that are not shown.
pub(super) fn bound(
    access: Option<Access>,
    options: BindingOptions,
    methods: &[String],
    place: TransactionPlace,
    cx: &mut Checker,
) -> (Option<Access>, Vec<String>) {
    let on = |option: Option<Spanned<bool>>| option.filter(|option| option.value).map(|option| option.at);
    let (once, transaction) = (on(options.once), on(options.transaction));
    let (key, at, binding) = match (once, transaction) {
        (_, Some(at)) => ("transaction", Some(at), Binding::Transaction),
        (Some(at), None) => ("once", Some(at), Binding::Request),
        (None, None) => ("once", None, Binding::Session),
    };
    if let (Some(at), Some(_)) = (once, transaction) {
        cx.error(at, "`transaction` serves one request already", "leave `once` out");
    }
    if let Some(at) = at.filter(|_| !methods.is_empty() && methods.iter().all(|method| looks_ahead(method))) {
        let fix = format!("name the method that does it, as [POST], or leave `{key}` out");
        cx.error(at, "HEAD and OPTIONS pass by no proof for one request, so nothing would pass", fix);
    }
    if let Some(redact) = options.redact.as_ref().filter(|_| transaction.is_some()) {
        if redact.value.is_empty() && !cx.has_removed_items(redact.at) {
            cx.error(redact.at, "an empty list redacts nothing", "name the fields, as [pin], or leave `redact` out");
        }
        if redact.value.iter().any(|field| field.trim().is_empty()) {
            cx.error(redact.at, "a field without a name is none of a form", "name the fields, as [pin]");
        }
        let mut seen = HashSet::new();
        if let Some(twice) = redact.value.iter().find(|field| !seen.insert(field.as_str())) {
            cx.warn(redact.at, format!("`{twice}` stands here twice"), "name each field once");
        }
    }
    if let Some(redact) = options.redact.as_ref().filter(|_| transaction.is_none()) {
        cx.error(
            redact.at,
            "nothing is shown that could be redacted",
            "write `transaction: true`, or leave `redact` out",
        );
    }
    if let Some(at) = transaction {
        if !place.holds {
            let fix = "leave out `hold: off`, or ask for `once` in place of `transaction`";
            cx.error(at, "with `hold: off` no form is kept, so nobody could see what they approve of", fix);
        }
        if place.holds && !place.has_fields {
            let fix =
                "add `application/x-www-form-urlencoded` to `hold.types`, or ask for `once` in place of `transaction`";
            cx.warn(
                at,
                "of the forms that `hold.types` keeps none has fields: other forms end on a page that cannot help",
                fix,
            );
        }
        if place.elsewhere {
            let fix = "add `portal: off` to this app, or ask for `once` in place of `transaction`";
            cx.error(at, "people sign in at `portal.host`, where no form of this app can be shown", fix);
        }
    }
    let access = match (access, at) {
        (Some(Access::Guarded { audience, requirement }), Some(_)) => {
            Some(Access::Guarded { audience, requirement: Requirement { binding, ..requirement } })
        }
        (Some(access), Some(at)) => {
            let fix = format!("leave `{key}` out, or write `require:` in place of `access:`");
            cx.error(at, format!("`{key}` asks for a proof, and this rule asks nobody for any"), fix);
            Some(access)
        }
        (access, None) => access,
        (None, Some(_)) => None,
    };
    (access, options.redact.map(|redact| redact.value).unwrap_or_default())
}
