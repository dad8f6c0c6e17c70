//! Log lines, buffered and written by a thread of their own: no request waits for whoever reads the log, and under
//! load many lines cost one system call.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long a line may wait for others to be written with it.
const GATHER: Duration = Duration::from_millis(20);
/// What is kept for a reader that does not keep up, in bytes. Past it lines are dropped and counted.
const MOST: usize = 8 * 1024 * 1024;
/// How long the end of the process waits for the last lines to be taken.
const DRAIN: Duration = Duration::from_secs(2);

#[derive(Default)]
struct BufferState {
    lines: Vec<u8>,
    dropped: u64,
    ending: bool,
    ended: bool,
}

/// Lines that wait to be written.
#[derive(Default)]
pub(crate) struct LogBuffer {
    state: Mutex<BufferState>,
    /// Notified of the first line in an empty buffer, of the end, and once the thread has ended.
    changed: Condvar,
}

impl LogBuffer {
    fn state(&self) -> MutexGuard<'_, BufferState> {
        // Bytes are whole lines or not there: what a panic left behind can be used.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait(&self, time: Duration, until: impl Fn(&BufferState) -> bool) -> MutexGuard<'_, BufferState> {
        let waited = self.changed.wait_timeout_while(self.state(), time, |state| !until(state));
        waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

/// Buffers log lines. Give [`Self::lines`] to the subscriber and keep this: dropping it writes what is buffered.
pub(crate) struct LogWriter(Arc<LogBuffer>);

impl LogWriter {
    /// Starts the thread that writes to `out`. What cannot be written is lost, and nothing else.
    ///
    /// # Errors
    /// No thread can be started.
    pub(crate) fn new(out: impl Write + Send + 'static) -> io::Result<Self> {
        let lines = Arc::new(LogBuffer::default());
        let waiting = lines.clone();
        std::thread::Builder::new().name("log".to_owned()).spawn(move || write(&waiting, out))?;
        Ok(Self(lines))
    }

    pub(crate) fn lines(&self) -> Arc<LogBuffer> {
        self.0.clone()
    }
}

impl Drop for LogWriter {
    fn drop(&mut self) {
        self.0.state().ending = true;
        self.0.changed.notify_all();
        // A reader that takes nothing must not keep the process from ending.
        drop(self.0.wait(DRAIN, |state| state.ended));
    }
}

fn write(waiting: &LogBuffer, mut out: impl Write) {
    let mut lines = Vec::new();
    loop {
        let mut state = waiting.wait(Duration::MAX, |state| state.ending || !state.lines.is_empty());
        if !state.ending {
            drop(state);
            state = waiting.wait(GATHER, |state| state.ending);
        }
        std::mem::swap(&mut lines, &mut state.lines);
        let (over, dropped) = (state.ending, std::mem::take(&mut state.dropped));
        drop(state);
        let _ = out.write_all(&lines).and_then(|()| out.flush());
        lines.clear();
        if dropped > 0 {
            tracing::warn!(target: "log", dropped, "lines were dropped: the log was read too slowly");
        } else if over {
            break;
        }
    }
    waiting.state().ended = true;
    waiting.changed.notify_all();
}

/// Takes lines, each whole in one write.
impl Write for &LogBuffer {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut state = self.state();
        if state.lines.len() + line.len() > MOST {
            state.dropped += 1;
            return Ok(line.len());
        }
        let first = state.lines.is_empty();
        state.lines.extend_from_slice(line);
        drop(state);
        if first {
            self.changed.notify_all();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    /// Takes what is written only when told to.
    struct Reader(Receiver<()>, Sender<Vec<u8>>);

    impl Write for Reader {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            // Whoever is gone takes everything.
            let _ = self.0.recv();
            let _ = self.1.send(bytes.to_vec());
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn every_line_comes_once_in_its_order_and_the_last_before_the_end() {
        let (go, told) = channel();
        let (taken, came) = channel();
        let writer = LogWriter::new(Reader(told, taken)).unwrap();
        drop(go);
        let write = |n: u32| writeln!(&*writer.lines(), "{n}").unwrap();
        (0..10_000).for_each(write);
        drop(writer);
        let all: Vec<u8> = came.iter().flatten().collect();
        let expected: String = (0..10_000).map(|n| format!("{n}\n")).collect();
        assert_eq!(String::from_utf8(all).unwrap(), expected);
    }

    #[test]
    fn a_reader_that_stands_still_stops_nobody_and_what_is_dropped_is_counted() {
        let (go, told) = channel();
        let (taken, came) = channel();
        let writer = LogWriter::new(Reader(told, taken)).unwrap();
        let line = vec![b'x'; MOST / 8];
        for _ in 0..20 {
            assert_eq!((&*writer.lines()).write(&line).unwrap(), line.len());
        }
        let dropped = writer.0.state().dropped;
        // One buffer at most is with the thread, one is full.
        assert!((4..=12).contains(&dropped), "{dropped}");
        drop(go);
        drop(writer);
        let bytes: usize = came.iter().map(|piece| piece.len()).sum();
        assert_eq!(bytes, (20 - usize::try_from(dropped).unwrap()) * line.len());
    }

    #[test]
    fn a_reader_that_stands_still_does_not_hold_the_end() {
        let (_go, told) = channel();
        let (taken, _came) = channel();
        let writer = LogWriter::new(Reader(told, taken)).unwrap();
        (&*writer.lines()).write_all(b"line\n").unwrap();
        drop(writer);
    }
}
