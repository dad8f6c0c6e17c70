//! `stepgate check` as an operator and a pipeline run it.

use std::os::unix::fs::PermissionsExt;

use crate::support::command::{run, stepgate};

const TEXT: &str = "listen: { plain: [\"127.0.0.1:1\"] }
users: { database: \"sqlite://./users.db\" }
apps:
  - host: erp.example.com
    upstream: http://10.0.0.5:8080
    identity: { basic_auth: { username: u, password: SECRET } }
    rules: [{ path: /**, require: two_factor }]
";

/// A file with this mode.
fn file(folder: &tempfile::TempDir, text: &str, mode: u32) -> String {
    let path = folder.path().join("stepgate.yaml");
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    path.display().to_string()
}

#[test]
fn problems_are_told_for_people_editors_and_github() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder, &TEXT.replace("10.0.0.5", "${APP_HOST}"), 0o600);
    let ended = run(&["check", "-c", &path]);
    assert_eq!(ended.code, 78);
    assert!(
        ended.stderr.starts_with(&format!("{path}:5:15: error: `${{…}}` is not filled in here\n")),
        "{}",
        ended.stderr
    );
    let ended = run(&["check", "-c", &path, "--format", "github"]);
    assert_eq!(ended.code, 78);
    assert!(ended.stdout.starts_with(&format!("::error file={path},line=5,col=15::")), "{}", ended.stdout);
    let json: serde_json::Value =
        serde_json::from_str(&run(&["check", "-c", &path, "--format", "json"]).stdout).unwrap();
    assert_eq!((json["ok"].as_bool(), json["problems"][0]["line"].as_u64()), (Some(false), Some(5)));
}

#[test]
fn a_password_in_a_file_for_everybody_is_warned_of_and_one_of_the_environment_is_not() {
    let folder = tempfile::tempdir().unwrap();
    for (mode, warned) in [(0o644, true), (0o640, false), (0o600, false)] {
        let path = file(&folder, TEXT, mode);
        let ended = run(&["check", "-c", &path]);
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        assert_eq!(ended.stderr.contains("a password stands in it"), warned, "{mode:o}: {}", ended.stderr);
    }
    let path = file(&folder, &TEXT.replace("SECRET", "env:ERP_PASSWORD"), 0o644);
    let output = stepgate().args(["check", "-c", &path]).env("ERP_PASSWORD", "hunter2").output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    let ended = run(&["check", "-c", &path]);
    assert!(ended.code == 78 && ended.stderr.contains("the environment has no ERP_PASSWORD"), "{}", ended.stderr);
}

#[test]
fn the_first_command_tells_of_the_master_key_that_it_made() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder, TEXT, 0o600);
    let add = |name: &str| {
        let ended = crate::support::command::run_with(
            &["user", "add", name, "-c", &path, "--password-stdin"],
            b"quite a long password\n",
        );
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        ended.stderr
    };
    let told = add("ann");
    assert!(told.contains("users.db.key: a master key was made"), "{told}");
    assert!(!add("bob").contains("master key"));
}
