mod binding;
mod canaries;
mod examples;
mod fuzz;
mod large;
mod letters;
mod mistakes;
mod new_passwords;
mod passed;
mod passkeys;
mod planted;
mod portal_host;
mod recovery;
mod risk;
mod sections;
mod told_rightly;
mod tried;

use std::path::Path;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use tempfile::TempDir;

use super::load::{Loaded, from_bytes};
use crate::store::places::mmdb::{self, MmdbValue};

/// A directory with every file that the examples name.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        for (stem, names) in [("erp", ["erp.example.com"]), ("wildcard", ["*.example.com"])] {
            let CertifiedKey { cert, signing_key } =
                generate_simple_self_signed(names.map(str::to_owned).to_vec()).unwrap();
            place.write(&format!("{stem}.pem"), &cert.pem());
            place.write(&format!("{stem}.key"), &signing_key.serialize_pem());
            place.write("corp.pem", &cert.pem());
        }
        place.write("logo.svg", "<svg xmlns=\"http://www.w3.org/2000/svg\"/>");
        place.write("master.key", &format!("{}\n", "ab".repeat(32)));
        place.write("erp-password", "s3cret-of-erp\n");
        place.write("mail.password", "s3cret-of-mail\n");
        place.write("sms.token", "s3cret-of-sms\n");
        for name in ["city.mmdb", "asn.mmdb", "country.mmdb"] {
            std::fs::write(place.path().join(name), database()).unwrap();
        }
        place.write("breached.txt", &format!("{:A<40}:3\n", ""));
        place.write("tor.txt", "198.51.100.7\n");
        place.write("next.yaml", &here(include_str!("../../../config/smallest.yaml")));
        place
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes a file that nobody else may read.
    fn write(&self, name: &str, text: &str) {
        use std::os::unix::fs::PermissionsExt;
        let path = self.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }

    /// Loads a text whose paths of a real machine are taken as paths in here.
    fn load(&self, text: &str) -> Loaded {
        from_bytes("stepgate.yaml", self.path(), here(text).as_bytes(), None, false)
    }
}

/// A text whose paths of a real machine are paths beside it.
fn here(text: &str) -> String {
    text.replace("/etc/stepgate/", "").replace("sqlite:///var/lib/stepgate/", "sqlite://./")
}

/// When the databases were made.
const BUILT: u64 = 1_795_000_000;

/// A database that says everything of a network.
fn database() -> Vec<u8> {
    let record = MmdbValue::Map(vec![("country_code", MmdbValue::text("NO")), ("asn", MmdbValue::U32(64_500))]);
    mmdb::database("Test-All", BUILT, &[("81.0.0.0/8".parse().unwrap(), record)])
}

/// A whole file around one app's lines (indented by four) and more sections.
fn file(app: &str, more: &str) -> String {
    let app = if app.is_empty() { "    rules: [{ path: /**, require: two_factor }]\n" } else { app };
    format!(
        "apps:\n  - host: erp.example.com\n    upstream: http://10.0.0.5:8080\n{app}\
         listen: {{ plain: [\"127.0.0.1:8080\"] }}\nusers: {{ database: sqlite://./a.db }}\n{more}"
    )
}

/// The messages of a text, with lines: `3: what is wrong`.
fn told(text: &str) -> Vec<String> {
    let place = Place::new();
    place.load(text).problems.into_iter().map(|p| format!("{}: {}", p.line, p.message)).collect()
}

/// Asserts that exactly one problem is told, with this in message or fix.
fn tells(text: &str, part: &str) {
    let place = Place::new();
    let problems = place.load(text).problems;
    let all: Vec<String> = problems.iter().map(|p| format!("{}: {} = {}", p.line, p.message, p.fix)).collect();
    assert!(all.len() == 1 && all[0].contains(part), "wanted one problem with {part:?} in\n{text}\ngot {all:#?}");
}
