//! The life of the process: what its signals mean, from its start to its last request.
//!
//! | Signal | `run` | `demo` |
//! |---|---|---|
//! | SIGTERM | accepts nothing more, requests finish for at most `shutdown_grace`; a second one does not wait | the same |
//! | SIGINT | ends at once | the same |
//! | SIGHUP | reloads the configuration; where the terminal has closed, as SIGTERM | as SIGTERM |
//! | SIGQUIT, SIGUSR1, SIGUSR2 | nothing, but for a line in the log | the same |
//!
//! They are listened for before anything else is done: one that comes while stores are opened is not lost. SIGPIPE is
//! ignored from the first instruction on (Rust's runtime does that). The service manager is kept informed.

use std::fs::File;
use std::io::{self, IsTerminal};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::{Interval, MissedTickBehavior};

use super::{Fault, service_manager};

/// Between two looks at the terminal.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What SIGHUP means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hangup {
    /// Read the configuration again.
    Reload,
    /// End, as by SIGTERM.
    End,
}

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    /// Let requests finish and end.
    Drain,
    /// End at once.
    Stop,
    /// Read the configuration again.
    Reload,
}

/// The signals of the process.
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
    /// `None` where it stays ignored.
    hangup: Option<Signal>,
    meaning: Hangup,
    terminal: Terminal,
    quit: Signal,
    user1: Signal,
    user2: Signal,
}

impl Signals {
    /// Listens from now on. Call it first: a signal that nobody listens for ends the process.
    ///
    /// # Errors
    /// The system refuses a handler.
    pub fn listen(meaning: Hangup) -> Result<Self, Fault> {
        let to = |kind| signal(kind).map_err(|cause| Fault::Serve(format!("cannot listen for signals: {cause}")));
        // Whoever started us with SIGHUP ignored (`nohup`) said that the terminal does not matter.
        let nohup = ignores_hangup();
        let wanted = !nohup || meaning == Hangup::Reload;
        Ok(Self {
            hangup: wanted.then(|| to(SignalKind::hangup())).transpose()?,
            meaning,
            terminal: if nohup { Terminal::default() } else { Terminal::at_start() },
            interrupt: to(SignalKind::interrupt())?,
            terminate: to(SignalKind::terminate())?,
            quit: to(SignalKind::quit())?,
            user1: to(SignalKind::user_defined1())?,
            user2: to(SignalKind::user_defined2())?,
        })
    }

    /// The next order. Signals that ask for nothing are logged here.
    async fn next(&mut self) -> Order {
        loop {
            let ignored = tokio::select! {
                biased;
                _ = self.interrupt.recv() => return Order::Stop,
                _ = self.terminate.recv() => return Order::Drain,
                () = received(&mut self.hangup) => match self.meaning {
                    Hangup::End => return Order::Drain,
                    Hangup::Reload if self.terminal.has_closed() => {
                        tracing::info!(target: "stepgate", "the terminal has closed");
                        return Order::Drain;
                    }
                    Hangup::Reload => return Order::Reload,
                },
                _ = self.quit.recv() => "SIGQUIT",
                _ = self.user1.recv() => "SIGUSR1",
                _ = self.user2.recv() => "SIGUSR2",
                () = self.terminal.watch() => continue,
            };
            tracing::warn!(
                target: "stepgate", signal = ignored,
                "a signal was ignored: SIGHUP reloads `run`, SIGTERM lets requests finish, SIGINT does not wait",
            );
        }
    }
}

async fn received(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => drop(signal.recv().await),
        None => std::future::pending().await,
    }
}

/// Whether SIGHUP was ignored when we were started: bit 0 of the mask in `/proc` (proc_pid_status(5)).
fn ignores_hangup() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}

/// The terminals that the process was started with. One that closes sends SIGHUP, and so does its shell: such a signal
/// asks for the end. One that closed some time ago has nothing to do with a signal of today.
#[derive(Default)]
struct Terminal {
    standard: [bool; 3],
    controlling: bool,
    /// Made with the first look; only where there is a terminal.
    looks: Option<Interval>,
    closed_before: bool,
}

impl Terminal {
    fn at_start() -> Self {
        Self { standard: standard_terminals(), controlling: has_controlling_terminal(), ..Self::default() }
    }

    fn has_closed(&self) -> bool {
        let now = standard_terminals();
        let standard = self.standard.iter().zip(now).any(|(then, now)| *then && !now);
        standard || (self.controlling && !has_controlling_terminal())
    }

    /// Forgets a terminal that was closed at two looks in turn without a signal. Returns after each look.
    async fn watch(&mut self) {
        if !self.controlling && !self.standard.contains(&true) {
            return std::future::pending().await;
        }
        let looks = self.looks.get_or_insert_with(|| {
            let mut looks = tokio::time::interval(LOOK_EVERY);
            looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            looks
        });
        looks.tick().await;
        let closed = self.has_closed();
        if closed && self.closed_before {
            *self = Self::default();
        }
        self.closed_before = closed;
    }
}

fn standard_terminals() -> [bool; 3] {
    [io::stdin().is_terminal(), io::stdout().is_terminal(), io::stderr().is_terminal()]
}

fn has_controlling_terminal() -> bool {
    File::open("/dev/tty").is_ok()
}

/// A gateway that serves, as the signals see it.
pub(super) struct Serving {
    /// Becomes true when requests are to finish.
    pub(super) stop: watch::Sender<bool>,
    /// Ends when the last request has.
    pub(super) served: JoinHandle<Result<(), Fault>>,
    /// Asks for a reload. Further requests while one is under way are one more.
    pub(super) reload: Arc<Notify>,
}

/// Goes from the start to the end of serving by the signals' orders; `ready` is called in between.
pub(super) async fn live<T>(
    mut signals: Signals,
    start: impl Future<Output = Result<(Serving, T), Fault>>,
    ready: impl FnOnce(&T),
) -> Result<(), Fault> {
    let mut early = false;
    let (Serving { stop, mut served, reload }, running) = {
        let mut start = pin!(start);
        loop {
            tokio::select! {
                biased;
                order = signals.next() => match order {
                    Order::Reload => early = true,
                    Order::Drain | Order::Stop => {
                        tracing::info!(target: "stepgate", "stopped before it served");
                        return Ok(());
                    }
                },
                started = &mut start => break started?,
            }
        }
    };
    if early {
        reload.notify_one();
    }
    ready(&running);
    let order = loop {
        tokio::select! {
            ended = &mut served => return conclude(ended),
            order = signals.next() => match order {
                Order::Reload => reload.notify_one(),
                order => break order,
            }
        }
    };
    // Before the service manager knows of it: no reload says afterwards that it is ready.
    if order == Order::Drain {
        let _ = stop.send(true);
    }
    service_manager::stopping();
    if order == Order::Drain {
        tracing::info!(target: "stepgate", "stopping: requests may finish");
        loop {
            tokio::select! {
                ended = &mut served => return conclude(ended),
                order = signals.next() => match order {
                    Order::Reload => tracing::info!(target: "stepgate", "stopping: the configuration is not read again"),
                    Order::Drain | Order::Stop => break,
                }
            }
        }
    }
    tracing::info!(target: "stepgate", "stopping at once");
    served.abort();
    let _ = served.await;
    Ok(())
}

fn conclude(ended: Result<Result<(), Fault>, tokio::task::JoinError>) -> Result<(), Fault> {
    ended.unwrap_or_else(|cause| Err(Fault::Serve(cause.to_string())))
}
