//! The pages of a recovery, each once.

use askama::Template;

use crate::auth::secret::SecretText;
use crate::portal::pages::*;
use crate::portal::qr;

/// Every page, with `x` wherever a text can come from outside.
pub(super) fn every(shell: &Shell, x: &str) -> Vec<(&'static str, String)> {
    let wrong = || Errors::one("code", x);
    let recover =
        |errors, by_mail| RecoverPage { shell, errors, username: x, host: x, by_mail, support: x }.render().unwrap();
    let code = |errors, code| RecoverCodePage { shell, errors, code, host: x, span: x }.render().unwrap();
    let second = |errors, wait, ready_at| {
        let (purpose, options, state) = (DialogPurpose::Prove, "{}".to_owned(), Some(x.to_owned()));
        let dialog = Some(PasskeyDialog { purpose, options, state, keeps: None, of: None });
        let method = Some(("totp", x.to_owned()));
        RecoverSecondPage { shell, errors, code: x, method, dialog, wait, ready_at, support: x }.render().unwrap()
    };
    let picture = qr::svg("otpauth://totp/x").unwrap();
    let reset = |errors| {
        let app = Some(ShownApp { qr: &picture, uri: "otpauth://totp/x", key: x, digits: 6 });
        let (ceremony, password_rule, backup_codes) = (x, Some(x), true);
        RecoverResetPage { shell, errors, username: x, host: x, ceremony, password_rule, app, backup_codes }
            .render()
            .unwrap()
    };
    let codes = [SecretText::new(x.to_owned())];
    vec![
        ("recover", recover(Errors::none(), true)),
        ("recover-wrong", recover(Errors::one("username", x), true)),
        ("recover-off", recover(Errors::one("issued", x), false)),
        ("recover-sent", code(Errors::none(), "")),
        ("recover-link", code(Errors::none(), x)),
        ("recover-code-wrong", code(wrong(), "")),
        ("recover-second", second(Errors::none(), Some(x), None)),
        ("recover-waits", second(wrong(), None, Some(x))),
        ("recover-reset", reset(Errors::none())),
        ("recover-reset-wrong", reset(wrong())),
        ("recovered", RecoveredPage { shell, username: x, host: x, codes: &codes }.render().unwrap()),
        ("recover-stop", RecoverStopPage { shell, username: x, host: x, ready_at: x, token: x }.render().unwrap()),
    ]
}
