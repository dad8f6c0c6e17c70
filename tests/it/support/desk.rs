//! Commands on one configuration.

use std::path::PathBuf;

use serde_json::Value;

use super::command::{Ended, run, run_with};
use super::port::free_port;

/// The SHA-1 digest of "a passphrase that became known".
const KNOWN_DIGEST: &str = "15353464A00E8E0FC58E67E75230694C58C99786";
const RULES: &str = "
apps:
  - host: localhost
    upstream: http://127.0.0.1:9
    rules:
      - { name: open, path: /public/**, access: public }
      - { name: admin, path: /admin/**, require: { strength: two_factor, max_age: 5m }, allow: { groups: [admins] } }
      - { name: all, path: /**, require: two_factor }
";

/// A configuration, and the commands on it.
pub(crate) struct Desk {
    pub(crate) file: PathBuf,
    pub(crate) folder: tempfile::TempDir,
}

impl Desk {
    pub(crate) fn new(stores: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = run(&["secret", "generate"]);
        assert_eq!((key.code, key.stderr.as_str()), (0, ""));
        std::fs::write(folder.path().join("master.key"), key.stdout).unwrap();
        let file = folder.path().join("stepgate.yaml");
        let (port, admin) = (free_port(), free_port());
        let listen = format!("listen: {{ plain: [\"127.0.0.1:{port}\"], admin: \"127.0.0.1:{admin}\" }}");
        std::fs::write(folder.path().join("breached.txt"), format!("{KNOWN_DIGEST}:12\n")).unwrap();
        let hashing = "password: { memory: 7MiB, iterations: 1, breached: breached.txt }";
        let text = format!(
            "{listen}\nusers: {{ database: \"{}\", {hashing} }}\nsecrets: {{ key_file: master.key }}\n{}{RULES}",
            stores.lines().next().unwrap().replace("FOLDER", folder.path().to_str().unwrap()),
            stores.lines().nth(1).unwrap_or_default(),
        );
        std::fs::write(&file, text).unwrap();
        Self { file, folder }
    }

    pub(crate) fn run(&self, args: &[&str], stdin: &str) -> Ended {
        run_with(&[args, &["-c", self.file.to_str().unwrap()]].concat(), stdin.as_bytes())
    }

    /// What a command that succeeds says on stdout.
    pub(crate) fn data(&self, args: &[&str]) -> String {
        let ended = self.run(args, "");
        assert_eq!(ended.code, 0, "{args:?}: {}", ended.stderr);
        ended.stdout
    }

    pub(crate) fn json(&self, args: &[&str]) -> Value {
        serde_json::from_str(&self.data(args)).unwrap()
    }

    /// A command that fails with this code, says this on stderr and nothing on stdout.
    pub(crate) fn fails(&self, args: &[&str], stdin: &str, code: i32, text: &str) {
        let ended = self.run(args, stdin);
        assert_eq!((ended.code, ended.stdout.as_str()), (code, ""), "{args:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(text), "{args:?}: {}", ended.stderr);
    }
}
