//! Signals, stop tokens, named tasks, and the end of the process.
//!
//! Every long-running task is spawned here. If one fails, or ends without being asked, everything is stopped and the
//! process ends with a failure.

use std::{
    collections::HashMap,
    future::{Future, pending},
    io,
    panic::resume_unwind,
    process::ExitCode,
    time::Duration,
};

use futures_util::FutureExt;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    task::{Id, JoinError, JoinSet},
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, error, info, warn};

/// The time that tasks have to finish after a soft stop. What they do not finish is safe: a transaction that was not
/// committed is undone, and its ledgers are read again.
const DRAIN_DEADLINE: Duration = Duration::from_secs(4);

/// The tasks of this process, and how they are stopped.
#[derive(Debug, Default)]
pub struct Lifecycle {
    /// Installed by the first wait and kept, so that a signal between two waits is not lost.
    signals: Option<Signals>,
    soft_stop: CancellationToken,
    tasks: JoinSet<anyhow::Result<()>>,
    /// The tasks that are running.
    names: HashMap<Id, &'static str>,
}

#[derive(Debug)]
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn listen() -> io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }
}

impl Lifecycle {
    /// Returns a lifecycle without tasks.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the token that asks tasks to finish: they must accept nothing new, and complete what they have begun.
    #[must_use]
    pub fn soft_stop(&self) -> CancellationToken {
        self.soft_stop.clone()
    }

    /// Starts a task. It should run until the soft stop.
    pub fn spawn(&mut self, name: &'static str, task: impl Future<Output = anyhow::Result<()>> + Send + 'static) {
        let id = self.tasks.spawn(task).id();
        self.names.insert(id, name);
    }

    /// Runs what must precede the tasks. Returns `None` if a signal asked to stop first.
    ///
    /// # Errors
    /// The signal handlers could not be installed.
    pub async fn unless_stopped<T>(&mut self, start: impl Future<Output = T>) -> io::Result<Option<T>> {
        let Signals { interrupt, terminate } = self.signals.insert(Signals::listen()?);
        tokio::select! {
            started = start => Ok(Some(started)),
            _ = interrupt.recv() => Ok(None),
            _ = terminate.recv() => Ok(None),
        }
    }

    /// Runs until a signal asks to stop or a task ends, then stops all tasks. Returns the exit code.
    ///
    /// # Errors
    /// The signal handlers could not be installed.
    pub async fn run_until_stopped(mut self) -> io::Result<ExitCode> {
        let Signals { mut interrupt, mut terminate } = match self.signals.take() {
            Some(signals) => signals,
            None => Signals::listen()?,
        };
        let healthy = tokio::select! {
            _ = interrupt.recv() => true,
            _ = terminate.recv() => true,
            Some(healthy) = self.next_end(false) => healthy,
        };
        info!("stopping");
        self.soft_stop.cancel();
        let healthy = tokio::select! {
            drained = self.drain(DRAIN_DEADLINE) => drained && healthy,
            _ = interrupt.recv() => { warn!("second signal: exiting at once"); false }
        };
        self.tasks.shutdown().await;
        info!("stopped");
        Ok(if healthy { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    /// Gives the tasks some time to finish. Returns whether those that ended did so as expected.
    async fn drain(&mut self, deadline: Duration) -> bool {
        let mut healthy = true;
        let all = async {
            while let Some(expected) = self.next_end(true).await {
                healthy &= expected;
            }
        };
        if timeout(deadline, all).await.is_err() {
            let mut names: Vec<&str> = self.names.values().copied().collect();
            names.sort_unstable();
            let (names, seconds) = (names.join(", "), deadline.as_secs());
            warn!(tasks = names, "not finished within {seconds} s: {names}; what was not committed is undone");
        }
        healthy
    }

    /// Waits for the next task to end, and reports how. Returns whether it ended as expected; `None` if none is running.
    async fn next_end(&mut self, asked: bool) -> Option<bool> {
        let (id, ended) = match self.tasks.join_next_with_id().await? {
            Ok((id, ended)) => (id, Ok(ended)),
            Err(failure) => (failure.id(), Err(failure)),
        };
        Some(report(self.names.remove(&id).unwrap_or("without a name"), ended, asked))
    }
}

/// Does some work to its end, even if nobody waits for it any more. It must end by itself, and soon.
///
/// The database works on for a while for a client that has left. Whatever that client holds meanwhile, such as its turn and
/// a connection, belongs into the work: it is free again when the database is.
pub async fn do_to_the_end<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    let mut work = Box::pin(work.in_current_span());
    // Most work needs no task.
    if let Some(done) = work.as_mut().now_or_never() {
        return done;
    }
    #[expect(clippy::disallowed_methods, reason = "whoever waits for it owns it; it ends soon if nobody does")]
    let done = tokio::spawn(work).await;
    match done.map_err(JoinError::try_into_panic) {
        Ok(done) => done,
        Err(Ok(panic)) => resume_unwind(panic),
        // The process ends.
        Err(Err(_)) => pending().await,
    }
}

/// Reports how a task ended. Returns whether it ended as expected.
fn report(name: &str, ended: Result<anyhow::Result<()>, JoinError>, asked: bool) -> bool {
    match ended {
        Ok(Ok(())) if asked => true,
        Ok(Ok(())) => {
            error!(task.name = name, "task {name} stopped unexpectedly");
            false
        }
        Ok(Err(failure)) => {
            error!(task.name = name, "task {name} failed: {failure:#}");
            false
        }
        Err(failure) => {
            error!(task.name = name, "task {name} panicked: {failure}");
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::{sync::Notify, task::yield_now};

    use super::*;

    #[tokio::test]
    async fn a_signal_that_comes_between_the_start_and_the_run_stops_the_run() {
        let mut lifecycle = Lifecycle::new();
        assert_eq!(lifecycle.unless_stopped(async { 7 }).await.unwrap(), Some(7));
        let id = std::process::id().to_string();
        let sent = tokio::process::Command::new("kill").args(["-TERM", &id]).status().await.unwrap();
        assert!(sent.success());
        let stop = lifecycle.soft_stop();
        lifecycle.spawn("a task", async move {
            stop.cancelled().await;
            Ok(())
        });
        let ended = timeout(6 * DRAIN_DEADLINE, lifecycle.run_until_stopped()).await.expect("the signal is not lost");
        assert_eq!(ended.unwrap(), ExitCode::SUCCESS);
    }

    #[tokio::test]
    async fn work_that_nobody_waits_for_any_more_keeps_what_it_holds_until_it_is_done() {
        let (held, may_end) = (Arc::new(()), Arc::new(Notify::new()));
        let work = |held: Arc<()>, may_end: Arc<Notify>| async move {
            may_end.notified().await;
            drop(held);
            7
        };
        let mut waiting = Box::pin(do_to_the_end(work(Arc::clone(&held), Arc::clone(&may_end))));
        assert!(waiting.as_mut().now_or_never().is_none());
        drop(waiting);
        yield_now().await;
        assert_eq!(Arc::strong_count(&held), 2);
        may_end.notify_one();
        let is_free = async {
            while Arc::strong_count(&held) > 1 {
                yield_now().await;
            }
        };
        timeout(DRAIN_DEADLINE, is_free).await.expect("it is done");
        may_end.notify_one();
        assert_eq!(do_to_the_end(work(held, may_end)).await, 7);
    }

    #[tokio::test]
    #[should_panic(expected = "a bug")]
    async fn work_that_panics_does_so_for_whoever_waits_for_it() {
        do_to_the_end(async {
            yield_now().await;
            panic!("a bug");
        })
        .await;
    }

    #[tokio::test]
    async fn a_task_that_waits_for_something_silent_is_left_at_the_deadline_and_is_no_failure() {
        for (ends, expected) in [(Ok(()), true), (Err(anyhow::anyhow!("it fails at the end")), false)] {
            let mut lifecycle = Lifecycle::new();
            lifecycle.spawn("one that waits", std::future::pending());
            let stop = lifecycle.soft_stop();
            lifecycle.spawn("one that ends", async move {
                stop.cancelled().await;
                ends
            });
            lifecycle.soft_stop().cancel();
            assert_eq!(lifecycle.drain(Duration::from_millis(50)).await, expected);
            assert_eq!(lifecycle.names.into_values().collect::<Vec<_>>(), ["one that waits"]);
        }
    }
}
