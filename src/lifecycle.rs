//! Signals, stop tokens, named tasks, and the end of the process.
//!
//! Every long-running task is spawned here. If one fails, or ends without being asked, everything is stopped and the
//! process ends with a failure.

use std::{future::Future, io, process::ExitCode, time::Duration};

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    task::JoinSet,
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

/// The time that tasks have to finish after a soft stop.
const DRAIN_DEADLINE: Duration = Duration::from_secs(10);

/// The tasks of this process, and how they are stopped.
#[derive(Debug, Default)]
pub struct Lifecycle {
    /// Installed by the first wait and kept, so that a signal between two waits is not lost.
    signals: Option<Signals>,
    soft_stop: CancellationToken,
    tasks: JoinSet<(&'static str, anyhow::Result<()>)>,
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
        self.tasks.spawn(async move { (name, task.await) });
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
            Some(ended) = self.tasks.join_next() => { report(ended, false); false }
        };
        info!("stopping");
        self.soft_stop.cancel();
        let drained = timeout(DRAIN_DEADLINE, async {
            let mut healthy = healthy;
            while let Some(ended) = self.tasks.join_next().await {
                healthy &= report(ended, true);
            }
            healthy
        });
        let healthy = tokio::select! {
            drained = drained => drained.unwrap_or_else(|_| {
                warn!(seconds = DRAIN_DEADLINE.as_secs(), "some tasks did not finish in time; exiting anyway");
                false
            }),
            _ = interrupt.recv() => { warn!("second signal: exiting at once"); false }
        };
        self.tasks.shutdown().await;
        info!("stopped");
        Ok(if healthy { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

type Ended = Result<(&'static str, anyhow::Result<()>), tokio::task::JoinError>;

/// Reports how a task ended. Returns whether it ended as expected.
fn report(ended: Ended, asked: bool) -> bool {
    match ended {
        Ok((_, Ok(()))) if asked => true,
        Ok((name, Ok(()))) => {
            error!(task.name = name, "task {name} stopped unexpectedly");
            false
        }
        Ok((name, Err(failure))) => {
            error!(task.name = name, "task {name} failed: {failure:#}");
            false
        }
        Err(failure) => {
            error!("a task panicked: {failure}");
            false
        }
    }
}

#[cfg(test)]
mod tests {
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
}
