//! The rotation of the master key from the command line, step by step.

use std::path::PathBuf;

use serde_json::Value;

use crate::support::command::{Ended, run, run_with, stepgate};
use crate::support::port::free_port;
use crate::support::process::{Process, wait_until};

struct Desk {
    folder: tempfile::TempDir,
    file: PathBuf,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("stepgate.yaml");
        let text = format!(
            "listen: {{ plain: [\"127.0.0.1:{}\"] }}\n\
             users: {{ database: \"sqlite://{}/stepgate.db\", password: {{ memory: 7MiB, iterations: 1 }} }}\n\
             secrets: {{ key_file: master.key }}\n\
             apps:\n  - host: localhost\n    upstream: http://127.0.0.1:9\n    rules: [{{ path: /**, require: two_factor }}]\n",
            free_port(),
            folder.path().display()
        );
        std::fs::write(&file, text).unwrap();
        Self { folder, file }
    }

    fn keys(&self, text: &str) {
        std::fs::write(self.folder.path().join("master.key"), text).unwrap();
    }

    fn run(&self, args: &[&str], stdin: &str) -> Ended {
        run_with(&[args, &["-c", self.file.to_str().unwrap()]].concat(), stdin.as_bytes())
    }

    /// Role and number of TOTP rows of each key.
    fn status(&self) -> Vec<(String, u64)> {
        let ended = self.run(&["secret", "status", "--json"], "");
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        let keys: Value = serde_json::from_str(&ended.stdout).unwrap();
        let keys = keys.as_array().unwrap();
        keys.iter().map(|k| (k["role"].as_str().unwrap().to_owned(), k["totp"].as_u64().unwrap())).collect()
    }

    fn add(&self, name: &str) {
        let made = self.run(&["user", "add", name, "--password-stdin", "--totp"], "a password for tests");
        assert_eq!(made.code, 0, "{}", made.stderr);
    }
}

fn told(rows: &[(&str, u64)]) -> Vec<(String, u64)> {
    rows.iter().map(|(role, totp)| ((*role).to_owned(), *totp)).collect()
}

#[test]
fn a_master_key_is_rotated_in_two_steps_and_the_old_line_goes_last() {
    let desk = Desk::new();
    let (old, new) = (run(&["secret", "generate"]).stdout, run(&["secret", "generate"]).stdout);
    desk.keys(&old);
    desk.add("ann");
    assert_eq!(desk.status(), told(&[("seals", 1)]));
    desk.keys(&format!("next: {new}{old}"));
    desk.add("bob");
    assert_eq!(desk.status(), told(&[("seals", 2), ("next", 0)]));
    desk.keys(&format!("{new}{old}"));
    desk.add("eve");
    assert_eq!(desk.status(), told(&[("seals", 1), ("opens", 2)]));
    // Too early: what is missing is told, by every command that looks.
    desk.keys(&new);
    assert_eq!(desk.status(), told(&[("seals", 1), ("missing", 2)]));
    let checked = desk.run(&["check", "--online"], "");
    assert_eq!((checked.code, checked.stdout.as_str()), (69, ""), "{}", checked.stderr);
    assert!(checked.stderr.contains("(TOTP: 2, signing keys: 0, letters: 0)"), "{}", checked.stderr);
    assert!(checked.stderr.contains("not in the key file"), "{}", checked.stderr);
    assert!(!checked.stderr.contains(old.trim()), "keys are named, never shown");
    assert_eq!(desk.run(&["check"], "").code, 0, "without --online no store is asked");
    let failed = desk.run(&["secret", "reseal"], "");
    assert!(failed.code == 1 && failed.stderr.contains("not opened: 2"), "{}", failed.stderr);
    desk.keys(&format!("{new}{old}"));
    let done = desk.run(&["secret", "reseal", "--json"], "");
    let done: Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!(done, serde_json::json!({ "resealed": 2, "kept": 1, "lost": 0 }));
    assert_eq!(desk.status(), told(&[("seals", 3), ("opens", 0)]));
    desk.keys(&new);
    assert_eq!(desk.status(), told(&[("seals", 3)]));
    let checked = desk.run(&["check", "--online"], "");
    assert_eq!(checked.code, 0, "{}", checked.stderr);
    let table = desk.run(&["secret", "status"], "").stdout;
    assert!(table.starts_with("KEY ") && table.lines().count() == 2, "{table}");
    desk.keys(&old);
    let gateway = Process::start(stepgate().args(["run", "-c", desk.file.to_str().unwrap()]));
    let lost = wait_until(|| {
        gateway.stderr().contains("(TOTP: 3, signing keys: 0, letters: 0) need the master key").then_some(())
    });
    assert!(lost.is_some(), "run says it before somebody is turned away: {}", gateway.stderr());
}
