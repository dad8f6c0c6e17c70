//! What the service manager is told, and what signals mean before there is a gateway and after its terminal has closed.

use std::io::Write as _;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::support::command::stepgate;
use super::support::port::free_port;
use super::support::process::{Process, wait_until};

/// A file that serves, and where.
fn file(folder: &Path) -> (PathBuf, u16) {
    let (port, admin) = (free_port(), free_port());
    let config = folder.join("stepgate.yaml");
    let text = format!(
        "listen: {{ plain: [\"127.0.0.1:{port}\"], admin: \"127.0.0.1:{admin}\" }}
users: {{ database: \"sqlite://{}/users.db\" }}
shutdown_grace: 1s
apps: [{{ host: app.test, upstream: \"http://127.0.0.1:1\", rules: [{{ path: /**, access: public }}] }}]
",
        folder.display()
    );
    std::fs::write(&config, text).unwrap();
    (config, port)
}

#[test]
fn the_service_manager_is_told_of_every_turn() {
    let folder = tempfile::tempdir().unwrap();
    let (config, port) = file(folder.path());
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let next = || {
        let mut message = [0; 4096];
        let count = socket.recv(&mut message).expect("a message");
        String::from_utf8(message[..count].to_vec()).unwrap()
    };
    // Those of the watchdog come in between.
    let told = || loop {
        match next() {
            alive if alive == "WATCHDOG=1\n" => {}
            other => return other,
        }
    };
    let mut command = stepgate();
    command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "200000").arg("run").arg("-c").arg(&config);
    let mut process = Process::start(&mut command);
    let ready = told();
    assert!(ready.starts_with("READY=1\nSTATUS=serving on "), "{ready}");
    assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_ok(), "every listener is bound by then");
    let text = std::fs::read_to_string(&config).unwrap();
    for (text, status) in
        [(text.clone(), "serving; reloaded: "), (text.replace("apps", "app"), "serving; not reloaded")]
    {
        std::fs::write(&config, text).unwrap();
        process.signal("HUP");
        let reloading = told();
        let fields: Vec<&str> = reloading.lines().collect();
        assert_eq!(fields[0], "RELOADING=1");
        assert!(fields[1].strip_prefix("MONOTONIC_USEC=").is_some_and(|now| now.parse::<u64>().is_ok()), "{reloading}");
        assert!(told().starts_with(&format!("READY=1\nSTATUS={status}")), "{status}");
    }
    assert_eq!((0..3).map(|_| next()).collect::<String>(), "WATCHDOG=1\n".repeat(3));
    process.signal("TERM");
    assert!(told().starts_with("STOPPING=1\n"));
    assert_eq!(process.wait(), Some(0));
}

#[test]
fn what_stops_is_not_ready_again() {
    let folder = tempfile::tempdir().unwrap();
    let (config, port) = file(folder.path());
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let next = || {
        let mut message = [0; 4096];
        socket.recv(&mut message).map(|count| String::from_utf8(message[..count].to_vec()).unwrap())
    };
    let wait_for = |word: &str| while !next().expect(word).starts_with(word) {};
    // An app that never answers keeps it from its end for the whole grace.
    let app = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let text =
        std::fs::read_to_string(&config).unwrap().replace("127.0.0.1:1\"", &format!("{}\"", app.local_addr().unwrap()));
    std::fs::write(&config, &text).unwrap();
    let mut process = Process::start(stepgate().env("NOTIFY_SOCKET", &path).arg("run").arg("-c").arg(&config));
    wait_for("READY=1");
    let mut client = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    client.write_all(b"GET / HTTP/1.1\r\nHost: app.test\r\n\r\n").unwrap();
    app.accept().unwrap();
    // Large enough to be read for a while.
    std::fs::write(&config, format!("{text}#{}\n", "x".repeat(4 << 20))).unwrap();
    process.signal("HUP");
    wait_for("RELOADING=1");
    process.signal("TERM");
    wait_for("STOPPING=1");
    assert_eq!(process.wait(), Some(0));
    socket.set_nonblocking(true).unwrap();
    let afterwards: Vec<String> = std::iter::from_fn(|| next().ok()).collect();
    assert_eq!(afterwards, Vec::<String>::new());
}

#[test]
fn a_service_manager_that_reads_nothing_holds_nothing_up() {
    let folder = tempfile::tempdir().unwrap();
    let (config, _) = file(folder.path());
    let path = folder.path().join("notify");
    let _unread = UnixDatagram::bind(&path).unwrap();
    let mut command = stepgate();
    command.env("NOTIFY_SOCKET", &path).env("STEPGATE_LOG", "info").arg("run").arg("-c").arg(&config);
    let mut process = Process::start(&mut command);
    for reloads in 0..20 {
        let count = || process.stderr().matches("\"reloaded: ").count();
        wait_until(|| process.stderr().contains("\"serving\"").then_some(())).unwrap();
        process.signal("HUP");
        wait_until(|| (count() > reloads).then_some(())).unwrap_or_else(|| panic!("{reloads}: {}", process.stderr()));
    }
    process.signal("TERM");
    assert_eq!(process.wait(), Some(0), "{}", process.stderr());
}

/// Whether signal `number` has a handler.
fn handles(process: u32, number: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask >> (number - 1) & 1 == 1)
}

#[test]
fn a_signal_before_it_serves_is_heard() {
    let folder = tempfile::tempdir().unwrap();
    let (config, _) = file(folder.path());
    for (signal, ends) in [("HUP", false), ("USR1", false), ("TERM", true), ("INT", true)] {
        let mut process = Process::start(stepgate().env("STEPGATE_LOG", "info").arg("run").arg("-c").arg(&config));
        wait_until(|| handles(process.id(), 12).then_some(())).expect("a handler for the last of them");
        process.signal(signal);
        if ends {
            assert_eq!(process.wait(), Some(0), "{signal}: {}", process.stderr());
            continue;
        }
        let line = if signal == "HUP" { "\"reloaded: " } else { "SIGUSR1" };
        wait_until(|| process.stderr().contains(line).then_some(())).unwrap_or_else(|| panic!("{}", process.stderr()));
        wait_until(|| process.stderr().contains("\"serving\"").then_some(())).unwrap();
        assert!(!process.has_ended());
    }
}

/// The process of this command line whose parent runs in a terminal.
fn of_config(config: &Path) -> Option<u32> {
    let mut all =
        std::fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    all.find(|process: &u32| {
        let line = std::fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
        let words: Vec<&[u8]> = line.split(|byte| *byte == 0).collect();
        words.first().is_some_and(|name| name.ends_with(b"stepgate"))
            && words.contains(&config.as_os_str().as_encoded_bytes())
    })
}

#[test]
fn a_terminal_that_closes_ends_it_and_one_that_stays_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let (config, port) = file(folder.path());
    let log = folder.path().join("log");
    // `script` gives it a terminal of its own; its log goes to a file, so that nothing of it is lost with the terminal.
    let run = format!("exec {} run -c {} 2>{}", env!("CARGO_BIN_EXE_stepgate"), config.display(), log.display());
    let mut script = Command::new("env")
        .args(["--default-signal=HUP", "script", "-qec", &run, "/dev/null"])
        .env("STEPGATE_LOG", "info")
        .env("SHELL", "/bin/sh")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let said = || std::fs::read_to_string(&log).unwrap_or_default();
    wait_until(|| std::net::TcpStream::connect(("127.0.0.1", port)).ok()).unwrap_or_else(|| panic!("{}", said()));
    let process = of_config(&config).expect("the gateway");
    let hangup = || Command::new("kill").arg("-HUP").arg(process.to_string()).status().unwrap();
    wait_until(|| handles(process, 1).then_some(())).unwrap();
    assert!(hangup().success());
    wait_until(|| said().contains("reloaded: ").then_some(())).unwrap_or_else(|| panic!("{}", said()));
    assert!(Path::new(&format!("/proc/{process}")).exists(), "the terminal is there");
    script.kill().unwrap();
    script.wait().unwrap();
    let gone = wait_until(|| of_config(&config).is_none().then_some(()));
    if gone.is_none() {
        let _ = Command::new("kill").arg("-KILL").arg(process.to_string()).status();
    }
    assert!(gone.is_some() && said().contains("the terminal has closed"), "{}", said());
}
