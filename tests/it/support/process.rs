//! A process that is stopped when its owner is dropped.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How long a process may take to start, or to end when asked.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A running process; its stderr is collected, its stdout read line by line.
pub(crate) struct Process {
    child: Child,
    lines: Receiver<String>,
    stderr: Arc<Mutex<String>>,
    _unread: Option<ChildStderr>,
}

/// Who is at the other end of a process's stderr.
enum Reader {
    /// We, who keep it all.
    Keeps,
    /// Nobody any more.
    Gone,
    /// Somebody who takes nothing.
    Asleep,
}

impl Process {
    /// Starts it.
    pub(crate) fn start(command: &mut Command) -> Self {
        Self::begin(command, Reader::Keeps)
    }

    /// Starts it with a stderr that nobody reads: every write to it fails.
    pub(crate) fn start_unheard(command: &mut Command) -> Self {
        Self::begin(command, Reader::Gone)
    }

    /// Starts it with a stderr that is never read: a write to it does not end once the pipe is full.
    pub(crate) fn start_unread(command: &mut Command) -> Self {
        Self::begin(command, Reader::Asleep)
    }

    fn begin(command: &mut Command, reader: Reader) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|fault| panic!("cannot start {command:?}: {fault}"));
        let (send, lines) = channel();
        let out = child.stdout.take().unwrap();
        std::thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                if send.send(line).is_err() {
                    break;
                }
            }
        });
        let stderr = Arc::new(Mutex::new(String::new()));
        let (err, unread) = match reader {
            Reader::Keeps => (child.stderr.take(), None),
            Reader::Gone => (None, child.stderr.take().and(None)),
            Reader::Asleep => (None, child.stderr.take()),
        };
        let collected = Arc::clone(&stderr);
        std::thread::spawn(move || {
            let Some(mut err) = err else { return };
            let mut block = [0; 4096];
            while let Ok(count @ 1..) = err.read(&mut block) {
                collected.lock().unwrap().push_str(&String::from_utf8_lossy(&block[..count]));
            }
        });
        Self { child, lines, stderr, _unread: unread }
    }

    /// The next line of stdout.
    pub(crate) fn line(&self) -> String {
        self.lines.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("nothing on stdout; stderr:\n{}", self.stderr()))
    }

    /// A further line of stdout, if there is one by now.
    pub(crate) fn further_line(&self) -> Option<String> {
        self.lines.try_recv().ok()
    }

    /// All that was written to stderr so far.
    pub(crate) fn stderr(&self) -> String {
        self.stderr.lock().unwrap().clone()
    }

    /// The process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by its name, e.g. `TERM`.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.id().to_string()).status().unwrap();
        assert!(sent.success(), "kill -{name} {}", self.id());
    }

    /// Waits for its end; the exit code, or `None` if a signal ended it.
    pub(crate) fn wait(&mut self) -> Option<i32> {
        let end = wait_until(|| self.child.try_wait().unwrap());
        end.unwrap_or_else(|| panic!("does not end; stderr:\n{}", self.stderr())).code()
    }

    /// Whether it has ended.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.has_ended() {
            return;
        }
        let _ = Command::new("kill").arg("-TERM").arg(self.id().to_string()).status();
        if wait_until(|| self.child.try_wait().ok().flatten()).is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// Asks again and again until there is an answer; `None` if there is none in time.
#[expect(clippy::disallowed_methods, reason = "tests wait for other processes by the real clock")]
pub(crate) fn wait_until<T>(mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask() {
            return Some(answer);
        }
        if Instant::now() > end {
            return None;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
