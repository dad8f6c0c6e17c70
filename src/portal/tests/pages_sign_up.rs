//! The pages on which people make an account for themselves, each once.

use askama::Template;

use crate::portal::pages::*;

/// Every page, with `x` wherever a text can come from outside.
pub(super) fn every(shell: &Shell, x: &str) -> Vec<(&'static str, String)> {
    let form = |errors| {
        let (host, email, username, enable_mfa, password_rule, login) = (x, x, x, true, x, "/.stepgate/login");
        SignUpPage { shell, errors, host, email, username, enable_mfa, password_rule, login }.render().unwrap()
    };
    let confirm = |errors, waiting, username, password_rule| {
        let (host, token, op, email) = (x, Some(x), "confirm", x);
        SignUpConfirmPage {
            shell,
            errors,
            host,
            token,
            op,
            email,
            waiting,
            username,
            asks_password: waiting.is_none(),
            password_rule,
            again: "/.stepgate/signup",
        }
        .render()
        .unwrap()
    };
    vec![
        ("sign-up", form(Errors::none())),
        ("sign-up-wrong", form(Errors::one("email", x))),
        ("sign-up-code", confirm(Errors::none(), Some(x), None, None)),
        ("sign-up-code-wrong", confirm(Errors::one("code", x), Some(x), None, None)),
        ("sign-up-link", confirm(Errors::none(), None, None, None)),
        ("sign-up-name-taken", confirm(Errors::one("username", x), None, Some(x), None)),
        ("sign-up-invited", confirm(Errors::none(), None, Some(x), Some(x))),
    ]
}
