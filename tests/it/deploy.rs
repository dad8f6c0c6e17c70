//! What lies in `deploy/`: the unit by systemd's own tools, the rest by what can be seen without a container engine.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use data_encoding::BASE64;
use serde_json::Value;

use super::support::command::run;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|fault| panic!("{path}: {fault}"))
}

/// What `systemd-analyze` says; `None` where it is not installed.
#[allow(clippy::print_stderr, reason = "whoever runs the tests is to know what they skipped")]
fn analyze(args: &[&str], unit: &Path) -> Option<Output> {
    let output = Command::new("systemd-analyze").args(args).arg(unit).env("SYSTEMD_PAGER", "").output();
    if output.is_err() {
        eprintln!("skipped: no systemd-analyze");
    }
    output.ok()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.as_slice(), &output.stderr].concat()).into_owned()
}

/// The unit with the binary that there is.
fn unit(folder: &Path, change: impl Fn(String) -> String) -> PathBuf {
    let path = folder.join("stepgate.service");
    let text = read("deploy/stepgate.service").replace("/usr/local/bin/stepgate", env!("CARGO_BIN_EXE_stepgate"));
    std::fs::write(&path, change(text)).unwrap();
    path
}

#[test]
fn the_unit_is_sound_and_hardened() {
    let folder = tempfile::tempdir().unwrap();
    let good = unit(folder.path(), |text| text);
    let Some(verified) = analyze(&["verify", "--man=no"], &good) else { return };
    let ours = said(&verified).lines().filter(|line| line.contains("stepgate")).collect::<Vec<_>>().join("\n");
    assert_eq!(ours, "");
    // In tenths: at most 2.0.
    let score = ["security", "--offline=true", "--threshold=20", "--no-pager"];
    let scored = analyze(&score, &good).unwrap();
    assert!(scored.status.success(), "{}", said(&scored));
    // Both do look.
    let bad = unit(folder.path(), |text| text.replace("ProtectSystem=strict", "ProtectSystm=strict"));
    assert!(said(&analyze(&["verify", "--man=no"], &bad).unwrap()).contains("ProtectSystm"));
    let open = unit(folder.path(), |text| {
        text.lines().filter(|line| !line.contains("SystemCall")).collect::<Vec<_>>().join("\n")
    });
    assert!(!analyze(&score, &open).unwrap().status.success());
    let text = read("deploy/stepgate.service");
    for line in ["Type=notify", "ExecReload=/bin/kill -HUP $MAINPID", "User=stepgate", "RestartPreventExitStatus=78"] {
        assert!(text.lines().any(|found| found == line), "{line}");
    }
}

fn yaml(path: &str) -> Value {
    serde_saphyr::from_str(&read(path)).unwrap_or_else(|fault| panic!("{path}: {fault}"))
}

/// The keys of a mapping, or the texts of a list.
fn names(value: &Value) -> BTreeSet<String> {
    match value {
        Value::Object(map) => map.keys().cloned().collect(),
        Value::Array(list) => list.iter().map(|one| one.as_str().unwrap().to_owned()).collect(),
        Value::Null => BTreeSet::new(),
        other => panic!("{other}"),
    }
}

#[test]
fn compose_says_only_what_is_there_and_its_configuration_is_good() {
    let compose = yaml("deploy/compose.yaml");
    let services = compose["services"].as_object().unwrap();
    let (mut secrets, mut volumes) = (BTreeSet::new(), BTreeSet::new());
    for (name, service) in services {
        let image = service["image"].as_str().unwrap();
        assert!(
            !image.ends_with(":latest") && (image.contains(':') || service["build"].is_object()),
            "{name}: {image}"
        );
        for needed in names(&service["depends_on"]) {
            assert!(services[&needed]["healthcheck"]["test"].is_array(), "{name} waits for {needed}");
        }
        assert!(names(&service["networks"]).is_subset(&names(&compose["networks"])), "{name}");
        secrets.extend(names(&service["secrets"]));
        for volume in names(&service["volumes"]) {
            let source = volume.split(':').next().unwrap().to_owned();
            if !source.starts_with('.') {
                volumes.insert(source);
            }
        }
    }
    assert_eq!(secrets, names(&compose["secrets"]));
    assert_eq!(volumes, names(&compose["volumes"]));
    let stepgate = &services["stepgate"];
    assert_eq!(stepgate["read_only"], true);
    assert_eq!(names(&stepgate["cap_drop"]), BTreeSet::from(["ALL".to_owned()]));
    assert!(root().join("deploy").join(stepgate["build"]["context"].as_str().unwrap()).join("Cargo.toml").exists());
    assert!(root().join(stepgate["build"]["dockerfile"].as_str().unwrap()).exists());

    // Its configuration listens on what is published, and asks servers by the names that they have there.
    let config = read("deploy/compose/stepgate.yaml");
    for port in names(&stepgate["ports"]) {
        let inside = port.rsplit(':').next().unwrap();
        assert!(config.contains(&format!("0.0.0.0:{inside}\"")), "{port}");
    }
    assert!(config.contains("redis://redis:6379") && services.contains_key("redis"));
    let folder = tempfile::tempdir().unwrap();
    let here = |path: &str| folder.path().join(path).display().to_string();
    let write = |path: &str, text: &str| {
        std::fs::write(folder.path().join(path), text).unwrap();
        std::fs::set_permissions(folder.path().join(path), std::os::unix::fs::PermissionsExt::from_mode(0o600))
            .unwrap();
    };
    write("master_key", &format!("{}\n", BASE64.encode(&[7; 32])));
    write("database_url", "postgres://stepgate:secret@postgres/stepgate\n");
    let made = rcgen::generate_simple_self_signed(vec!["erp.example.com".to_owned()]).unwrap();
    write("app.pem", &made.cert.pem());
    write("app.key", &made.signing_key.serialize_pem());
    let mut text = config;
    for (inside, outside) in [
        ("/etc/stepgate-tls/app.pem", "app.pem"),
        ("/etc/stepgate-tls/app.key", "app.key"),
        ("/run/secrets/database_url", "database_url"),
        ("/run/secrets/master_key", "master_key"),
    ] {
        assert!(text.contains(inside), "{inside}");
        text = text.replace(inside, &here(outside));
    }
    write("stepgate.yaml", &text);
    let ended = run(&["check", "-c", &here("stepgate.yaml")]);
    // Inside, the admin port is open to the network; outside, it is published on the loopback.
    let expected = ended.stderr.contains("metrics and probes are open to the network");
    assert!(ended.code == 0 && expected && ended.stderr.matches("warning:").count() == 1, "{}", ended.stderr);
}

/// What is wrong with a Dockerfile.
fn lint(text: &str) -> Vec<String> {
    let joined = text.replace("\\\n", " ");
    let steps: Vec<(&str, &str)> =
        joined.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(' ')).collect();
    let mut wrong = Vec::new();
    for (step, rest) in &steps {
        let words: Vec<&str> = rest.split_whitespace().collect();
        match *step {
            "FROM" if !words[0].contains(':') || words[0].ends_with(":latest") => {
                wrong.push(format!("no version: {rest}"))
            }
            "ADD" => wrong.push(format!("COPY it: {rest}")),
            "RUN" if rest.contains("apt-get install") => {
                for needed in ["apt-get update &&", "--no-install-recommends", "rm -rf /var/lib/apt/lists/*", " -y "] {
                    if !rest.contains(needed) {
                        wrong.push(format!("without `{needed}`: {rest}"));
                    }
                }
            }
            "RUN" if rest.contains("| sh") || rest.contains("sudo ") => wrong.push(format!("unsafe: {rest}")),
            "RUN" if rest.contains("cargo build") && !rest.contains("--locked") => {
                wrong.push(format!("not locked: {rest}"))
            }
            "ENTRYPOINT" | "CMD" if !rest.starts_with('[') => wrong.push(format!("by a shell: {step} {rest}")),
            "WORKDIR" if !rest.starts_with('/') => wrong.push(format!("relative: {rest}")),
            _ => {}
        }
    }
    let last = steps.iter().rposition(|(step, _)| *step == "FROM").map_or(&[][..], |at| &steps[at..]);
    match last.iter().rev().find(|(step, _)| *step == "USER") {
        Some((_, user)) if user.split(':').all(|id| id.parse::<u32>().is_ok_and(|id| id > 0)) => {}
        _ => wrong.push("the image is not for a user by number".to_owned()),
    }
    if last.iter().any(|(step, _)| *step == "RUN") {
        wrong.push("the image runs something while it is made".to_owned());
    }
    wrong
}

#[test]
fn the_image_is_small_and_for_nobody() {
    let text = read("deploy/Dockerfile");
    assert_eq!(lint(&text), Vec::<String>::new());
    for (from, to) in [
        (":1.95.0-slim-bookworm", ""),
        ("USER 65532:65532", "USER root"),
        (" --no-install-recommends", ""),
        (" --locked", ""),
        ("COPY . .", "ADD . ."),
        ("ENTRYPOINT [\"/usr/local/bin/stepgate\"]", "ENTRYPOINT stepgate"),
    ] {
        assert!(text.contains(from), "{from}");
        assert_eq!(lint(&text.replace(from, to)).len(), 1, "{from}");
    }
    // The toolchain is the one that the project asks for, and the context has all that the build reads.
    let toolchain = read("rust-toolchain.toml");
    let version = toolchain.split('"').nth(1).unwrap();
    assert!(text.contains(&format!("rust:{version}-")), "{version}");
    let context = read(".dockerignore");
    let kept: Vec<&str> = context.lines().filter_map(|line| line.strip_prefix('!')).collect();
    for needed in ["Cargo.toml", "Cargo.lock", "rust-toolchain.toml", "build.rs", "src", "templates", "migrations"] {
        assert!(kept.contains(&needed) && root().join(needed).exists(), "{needed}");
    }
    let included = included(&root().join("src"));
    assert!(included.iter().any(|path| path.starts_with("src")), "{included:?}");
    for path in included {
        let top = path.components().next().unwrap().as_os_str().to_str().unwrap();
        assert!(kept.contains(&top), "the image is built without {}", path.display());
    }
    assert!(kept.iter().all(|path| root().join(path).exists()), "{kept:?}");
}

/// The files that sources below a folder take in while they are compiled, tests aside; from the root.
fn included(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.file_stem().is_some_and(|name| name == "tests") {
            continue;
        }
        if path.is_dir() {
            found.extend(included(&path));
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let names = ["include_str!(\"", "include_bytes!(\""].into_iter().flat_map(|word| text.split(word).skip(1));
            found.extend(names.filter_map(|rest| {
                let file = path.parent()?.join(rest.split('"').next()?).canonicalize().ok()?;
                Some(file.strip_prefix(root()).ok()?.to_owned())
            }));
        }
    }
    found
}
