//! Real servers for tests, each with its own directory and port, stopped and removed by `Drop`.

use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::process::{Process, free_port, wait_until};

/// A `redis-server` without persistence.
pub(crate) struct Redis {
    pub(crate) port: u16,
    process: Process,
}

impl Redis {
    pub(crate) fn start() -> Self {
        Self::at(free_port())
    }

    /// On a port that was chosen before: to come back after it was stopped.
    pub(crate) fn at(port: u16) -> Self {
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--port", &port.to_string()]);
        let mut process = Process::start(command.current_dir(std::env::temp_dir()));
        let up = wait_until(|| TcpStream::connect(("127.0.0.1", port)).ok());
        assert!(up.is_some() && !process.has_ended(), "redis-server does not start: {}", process.stderr());
        Self { port, process }
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    /// Sends it a signal: `STOP` and `CONT` make it hang and come back.
    pub(crate) fn signal(&self, name: &str) {
        self.process.signal(name);
    }
}

/// A PostgreSQL cluster of its own.
pub(crate) struct Postgres {
    pub(crate) port: u16,
    process: Process,
    folder: tempfile::TempDir,
}

/// Where the distribution keeps the programs of the newest version.
fn postgres_bin() -> PathBuf {
    let mut versions: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .expect("PostgreSQL is installed")
        .map(|entry| entry.unwrap().path().join("bin"))
        .filter(|bin| bin.join("initdb").exists())
        .collect();
    versions.sort_by_key(|bin| version_of(bin));
    versions.pop().expect("a version of PostgreSQL with initdb")
}

fn version_of(bin: &Path) -> u32 {
    bin.parent().and_then(|v| v.file_name()).and_then(|v| v.to_str()).and_then(|v| v.parse().ok()).unwrap_or(0)
}

/// A command as a user that PostgreSQL accepts: it refuses to run as root.
fn as_postgres(program: &Path) -> Command {
    let root = Command::new("id").arg("-u").output().is_ok_and(|o| o.stdout.trim_ascii() == b"0");
    if root {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]).arg(program);
        command
    } else {
        Command::new(program)
    }
}

impl Postgres {
    pub(crate) fn start() -> Self {
        let bin = postgres_bin();
        let folder = tempfile::tempdir().unwrap();
        let _ = Command::new("chown").arg("postgres").arg(folder.path()).status();
        let data = folder.path().join("data");
        let made = as_postgres(&bin.join("initdb"))
            .args(["--auth=trust", "--username=stepgate", "--encoding=UTF8", "--no-sync", "-D"])
            .arg(&data)
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        let port = free_port();
        let mut command = as_postgres(&bin.join("postgres"));
        command.arg("-D").arg(&data).args(["-h", "127.0.0.1", "-F", "-p", &port.to_string(), "-k"]).arg(folder.path());
        let process = Process::start(command.current_dir(folder.path()));
        let ready = |bin: &Path| {
            let mut asked = Command::new(bin.join("pg_isready"));
            asked.args(["-q", "-h", "127.0.0.1", "-p", &port.to_string()]).status().is_ok_and(|s| s.success())
        };
        assert!(wait_until(|| ready(&bin).then_some(())).is_some(), "postgres: {}", process.stderr());
        Self { port, process, folder }
    }

    pub(crate) fn url(&self) -> String {
        format!("postgres://stepgate@127.0.0.1:{}/postgres", self.port)
    }

    /// Sends it a signal. SIGINT is the fast shutdown of PostgreSQL.
    pub(crate) fn signal(&self, name: &str) {
        self.process.signal(name);
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // SIGTERM would wait for clients.
        if !self.process.has_ended() {
            self.process.signal("INT");
        }
    }
}
