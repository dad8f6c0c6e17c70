//! A real PostgreSQL of one's own: a fresh cluster in a temporary directory, on a free port of the loopback.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use sqlx::{Connection as _, PgConnection};

/// The password of the cluster; no error may ever repeat it.
pub(crate) const PASSWORD: &str = "canary-9f3b";

/// A running server. Ends with its data when dropped.
pub(crate) struct Postgres {
    binaries: PathBuf,
    directory: tempfile::TempDir,
    port: u16,
    server: Option<Child>,
}

impl Postgres {
    /// Makes a cluster and starts it.
    pub(crate) async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let port = super::port::free_port();
        let mut new = Self { binaries: binaries(), directory, port, server: None };
        let secret = new.directory.path().join("password");
        std::fs::write(&secret, PASSWORD).unwrap();
        if let Some((user, group)) = unprivileged() {
            chown(new.directory.path(), Some(user), Some(group)).unwrap();
            chown(&secret, Some(user), Some(group)).unwrap();
        }
        let mut init = new.command("initdb");
        init.args(["-A", "scram-sha-256", "-U", "stepgate", "-E", "UTF8", "--locale=C", "--no-sync", "--pwfile"]);
        let made = init.arg(&secret).arg("-D").arg(new.directory.path().join("data")).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        new.resume().await;
        new
    }

    /// Starts the server again, on the same port.
    pub(crate) async fn resume(&mut self) {
        let mut server = self.command("postgres");
        server.arg("-D").arg(self.directory.path().join("data")).arg("-p").arg(self.port.to_string());
        server.arg("-k").arg(self.directory.path()).args(["-h", "127.0.0.1", "-c", "fsync=off"]);
        // Pools of the cases before may still be closing.
        server.args(["-c", "max_connections=400"]);
        self.server = Some(server.spawn().unwrap());
        let url = self.url("postgres");
        let up = async {
            while PgConnection::connect(&url).await.is_err() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), up).await.expect("the server starts");
    }

    /// Ends the server at once.
    pub(crate) fn stop(&mut self) {
        if let Some(mut server) = self.server.take() {
            let mut stop = self.command("pg_ctl");
            let stopped = stop.args(["stop", "-m", "immediate", "-D"]).arg(self.directory.path().join("data")).status();
            if !stopped.is_ok_and(|status| status.success()) {
                let _ = server.kill();
            }
            let _ = server.wait();
        }
    }

    /// Where it listens on the loopback.
    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// The URL of a database.
    pub(crate) fn url(&self, database: &str) -> String {
        format!("postgres://stepgate:{PASSWORD}@127.0.0.1:{}/{database}", self.port)
    }

    /// Makes an empty database; its URL.
    pub(crate) async fn database(&self) -> String {
        static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(1);
        let name = format!("d{}", NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
        let mut connection = PgConnection::connect(&self.url("postgres")).await.unwrap();
        let sql = sqlx::AssertSqlSafe(format!("create database {name}"));
        sqlx::query(sql).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        self.url(&name)
    }

    fn command(&self, name: &str) -> Command {
        let mut command = Command::new(self.binaries.join(name));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).current_dir("/").env("LC_ALL", "C");
        if let Some((user, group)) = unprivileged() {
            command.uid(user).gid(group);
        }
        command
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.stop();
    }
}

fn binaries() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").expect("PostgreSQL is installed");
    let mut found: Vec<_> = versions.map(|entry| entry.unwrap().path().join("bin")).collect();
    found.retain(|path| path.join("initdb").exists());
    found.sort();
    found.pop().expect("PostgreSQL has its server tools")
}

/// PostgreSQL refuses to run as root: who runs it then.
pub(crate) fn unprivileged() -> Option<(u32, u32)> {
    let me = std::fs::metadata("/proc/self").unwrap().uid();
    if me != 0 {
        return None;
    }
    let users = std::fs::read_to_string("/etc/passwd").unwrap();
    let line = users.lines().find(|line| line.starts_with("postgres:")).expect("there is a user `postgres`");
    let mut fields = line.split(':').skip(2).map(|field| field.parse().unwrap_or_default());
    Some((fields.next().unwrap(), fields.next().unwrap()))
}
