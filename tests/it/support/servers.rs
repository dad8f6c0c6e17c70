//! Real servers for tests, each with its own directory and port, stopped and removed by `Drop`.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use super::port::free_port;
use super::process::{Process, wait_until};

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

    /// Gives it one command, of words without spaces; its answer as it comes.
    pub(crate) fn say(&self, command: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.write_all(format!("{command}\r\nQUIT\r\n").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// All that it is told from now on, as `MONITOR` writes it: the commands, and what scripts do.
    pub(crate) fn heard(&self) -> Arc<Mutex<Vec<u8>>> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.write_all(b"MONITOR\r\n").unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let collected = Arc::clone(&heard);
        let mut block = [0; 4096];
        let count = stream.read(&mut block).unwrap();
        assert!(block[..count].starts_with(b"+OK"), "it tells");
        std::thread::spawn(move || {
            while let Ok(count @ 1..) = stream.read(&mut block) {
                collected.lock().unwrap().extend(&block[..count]);
            }
        });
        heard
    }

    /// Sends it a signal: `STOP` and `CONT` make it hang and come back.
    pub(crate) fn signal(&self, name: &str) {
        self.process.signal(name);
    }

    /// Ends it at once; all it held is lost.
    pub(crate) fn stop(&mut self) {
        self.process.signal("KILL");
        self.process.wait();
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // One that hangs would not hear that it must end.
        if !self.process.has_ended() {
            self.process.signal("CONT");
        }
    }
}

/// A PostgreSQL cluster of its own.
pub(crate) struct Postgres {
    pub(crate) port: u16,
    process: Process,
    folder: tempfile::TempDir,
}

/// Starts the server of a cluster that was made before.
fn serve_postgres(folder: &Path, port: u16) -> Process {
    let bin = postgres_bin();
    let mut command = as_postgres(&bin.join("postgres"));
    command.arg("-D").arg(folder.join("data")).args(["-h", "127.0.0.1", "-F", "-p", &port.to_string(), "-k"]);
    let process = Process::start(command.arg(folder).current_dir(folder));
    let ready = || {
        let mut asked = Command::new(bin.join("pg_isready"));
        asked.args(["-q", "-h", "127.0.0.1", "-p", &port.to_string()]).status().is_ok_and(|s| s.success())
    };
    assert!(wait_until(|| ready().then_some(())).is_some(), "postgres: {}", process.stderr());
    process
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
        let process = serve_postgres(folder.path(), port);
        Self { port, process, folder }
    }

    pub(crate) fn url(&self) -> String {
        format!("postgres://stepgate@127.0.0.1:{}/postgres", self.port)
    }

    /// Logs every statement with its values from now on.
    pub(crate) fn log_statements(&self) {
        self.ask("alter system set log_statement = 'all'");
        self.ask("select pg_reload_conf()");
    }

    pub(crate) fn log(&self) -> String {
        self.process.stderr()
    }

    /// What it answers to a statement.
    pub(crate) fn ask(&self, statement: &str) -> String {
        let mut psql = Command::new("psql");
        psql.args(["-At", "-v", "ON_ERROR_STOP=1", "-d", &self.url(), "-c", statement]);
        let told = psql.output().unwrap();
        assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
        String::from_utf8(told.stdout).unwrap().trim().to_owned()
    }

    /// Stops it at once, clients or not.
    pub(crate) fn stop(&mut self) {
        self.process.signal("INT");
        self.process.wait();
    }

    /// Comes back on the same port with the same data.
    pub(crate) fn come_back(&mut self) {
        self.process = serve_postgres(self.folder.path(), self.port);
    }

    /// Sends a signal to the server and to every process of it that serves a client.
    pub(crate) fn signal_all(&self, name: &str) {
        let id = self.process.id();
        let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
        self.process.signal(name);
        for child in children.split_whitespace() {
            let _ = Command::new("kill").arg(format!("-{name}")).arg(child).status();
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // SIGTERM would wait for clients.
        if !self.process.has_ended() {
            self.signal_all("CONT");
            self.process.signal("INT");
        }
    }
}
