//! The commands as an operator meets them.

use data_encoding::BASE64;

use crate::support::command::{run, run_with};

const COMMANDS: [&[&str]; 25] = [
    &[],
    &["run"],
    &["check"],
    &["explain"],
    &["demo"],
    &["schema"],
    &["user"],
    &["user", "add"],
    &["user", "list"],
    &["user", "show"],
    &["user", "unlock"],
    &["user", "edit"],
    &["user", "disable"],
    &["user", "enable"],
    &["user", "set-password"],
    &["user", "reset-mfa"],
    &["user", "delete"],
    &["user", "invite"],
    &["user", "invitations"],
    &["user", "uninvite"],
    &["session"],
    &["session", "list"],
    &["session", "revoke"],
    &["secret", "generate"],
    &["secret", "hash-password"],
];

#[test]
fn every_help_is_on_stdout_with_two_to_four_examples() {
    for command in COMMANDS {
        let ended = run(&[command, &["--help"]].concat());
        assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "{command:?}");
        let (_, examples) = ended.stdout.split_once("Examples:\n").unwrap_or_else(|| panic!("{command:?}: none"));
        let count =
            examples.lines().take_while(|l| !l.is_empty()).filter(|l| l.starts_with("  ") && !l.starts_with("   "));
        assert!((2..=4).contains(&count.count()), "{command:?}: {examples}");
    }
}

#[test]
fn a_wrong_command_line_is_exit_2_and_says_nothing_on_stdout() {
    for args in [
        &["chekc"][..],
        &["run"],
        &["run", "-c"],
        &["user", "add", "-c", "x"],
        &["user", "add", "ann", "-c", "x", "--password", "secret"],
        &["demo", "--port", "70000"],
        &["session", "revoke", "-c", "x"],
        &["session", "revoke", "ID", "--user", "ann", "-c", "x"],
        &["secret", "hash-password", "the-password"],
        &["secret", "generate", "--log", "a=b=c"],
    ] {
        let ended = run(args);
        assert_eq!((ended.code, ended.stdout.as_str()), (2, ""), "{args:?}: {}", ended.stderr);
        assert!(!ended.stderr.is_empty(), "{args:?}");
    }
    assert!(run(&["chekc"]).stderr.contains("'check'"), "names the nearest command");
}

#[test]
fn an_unreadable_configuration_is_exit_78() {
    for args in [
        &["run", "-c", "/nonexistent/stepgate.yaml"][..],
        &["check", "-c", "/nonexistent/stepgate.yaml"],
        &["user", "list", "-c", "/nonexistent/stepgate.yaml", "--json"],
        &["session", "list", "-c", "/nonexistent/stepgate.yaml"],
    ] {
        let ended = run(args);
        assert_eq!((ended.code, ended.stdout.as_str()), (78, ""), "{args:?}");
        assert!(ended.stderr.contains("/nonexistent/stepgate.yaml"), "{}", ended.stderr);
    }
}

#[test]
fn the_version_is_told() {
    assert_eq!(run(&["--version"]).stdout, format!("stepgate {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_new_key_is_one_line_of_32_fresh_bytes() {
    let (one, two) = (run(&["secret", "generate"]), run(&["secret", "generate"]));
    assert_eq!((one.code, one.stderr.as_str()), (0, ""));
    let key = one.stdout.strip_suffix('\n').unwrap();
    assert_eq!(BASE64.decode(key.as_bytes()).unwrap().len(), 32);
    assert_ne!(one.stdout, two.stdout);
}

#[test]
fn a_password_is_hashed_from_stdin_with_the_stated_parameters() {
    let one = run_with(&["secret", "hash-password"], b"correct horse battery\n");
    assert_eq!((one.code, one.stderr.as_str()), (0, ""));
    assert!(one.stdout.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", one.stdout);
    assert_eq!(one.stdout.lines().count(), 1);
    let two = run_with(&["secret", "hash-password"], b"correct horse battery");
    assert_ne!(one.stdout, two.stdout, "each hash has its own salt");
}

#[test]
fn an_unfit_password_is_refused_and_never_shown() {
    for password in ["", "\n", "short", "aaaaaaaaaaaaaa", "iloveyou1"] {
        let ended = run_with(&["secret", "hash-password"], password.as_bytes());
        assert_eq!((ended.code, ended.stdout.as_str()), (1, ""), "{password:?}");
        assert!(password.trim().is_empty() || !ended.stderr.contains(password), "{}", ended.stderr);
    }
}
