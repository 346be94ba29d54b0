//! The tasks of the streams of one connection, one for each request. A stream whose client takes nothing is ended: the
//! kernel cannot see that, because other streams use the same socket.

use std::{
    future::Future,
    sync::{Arc, Mutex},
    time::Duration,
};

use hyper::rt::Executor;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until},
};
use tracing::{debug, error};

tokio::task_local! {
    /// That of the stream whose task this is.
    static TAKING: Arc<Taking>;
}

/// The streams of a connection. They end with the last clone of this.
#[derive(Clone, Debug)]
pub(super) struct Streams {
    tasks: Arc<Mutex<JoinSet<()>>>,
    write_deadline: Duration,
}

/// Whether the client takes what a stream sends.
#[derive(Debug, Default)]
pub(super) struct Taking {
    /// Since when the newest piece has been waiting for the client to take what came before.
    waits_since: Mutex<Option<Instant>>,
}

impl Streams {
    /// Returns the streams of a connection whose client must take something within the deadline.
    pub(super) fn new(write_deadline: Duration) -> Self {
        Self { tasks: Arc::default(), write_deadline }
    }
}

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Streams {
    /// Runs the future of a stream. It lives no longer than its stream, so there are no more than the client may open.
    fn execute(&self, stream: F) {
        let (taking, write_deadline) = (Arc::<Taking>::default(), self.write_deadline);
        let mut tasks = self.tasks.lock().expect("no thread panics while it holds the tasks");
        while let Some(ended) = tasks.try_join_next() {
            if let Err(failure) = ended {
                error!("the task of a stream failed: {failure}");
            }
        }
        tasks.spawn(async move {
            tokio::select! {
                () = TAKING.scope(Arc::clone(&taking), stream) => {}
                // What the library has buffered is at most one piece. It keeps that until the client takes it or leaves.
                () = taking.stops_for(write_deadline) => debug!("a stream was ended: its client takes nothing"),
            }
        });
    }
}

impl Taking {
    /// Returns that of the current task.
    ///
    /// # Panics
    /// If the task is not that of a stream.
    pub(super) fn of_this_stream() -> Arc<Self> {
        TAKING.with(Arc::clone)
    }

    /// Records whether there is a piece that waits from now on.
    pub(super) fn set_waiting(&self, is_waiting: bool) {
        *self.lock() = is_waiting.then(Instant::now);
    }

    /// Resolves when a piece has been waiting for this long.
    async fn stops_for(&self, deadline: Duration) {
        loop {
            let due = self.lock().unwrap_or_else(Instant::now) + deadline;
            sleep_until(due).await;
            if self.lock().is_some_and(|since| since + deadline <= due) {
                return;
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.waits_since.lock().expect("no thread panics while it holds the time")
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::FutureExt;
    use tokio::time::{sleep, timeout};

    use super::*;

    const DEADLINE: Duration = Duration::from_millis(20);

    #[tokio::test]
    async fn a_client_has_the_whole_deadline_for_each_piece_and_no_longer() {
        let taking = Taking::default();
        taking.set_waiting(true);
        let mut stops = pin!(taking.stops_for(DEADLINE));
        assert!(stops.as_mut().now_or_never().is_none());
        sleep(DEADLINE / 2).await;
        taking.set_waiting(true);
        let taken = Instant::now();
        stops.await;
        assert!(taken.elapsed() >= DEADLINE, "it has taken a piece meanwhile");
    }

    #[tokio::test]
    async fn a_stream_that_has_nothing_to_send_goes_on() {
        let taking = Taking::default();
        taking.set_waiting(true);
        let mut stops = pin!(taking.stops_for(DEADLINE));
        assert!(stops.as_mut().now_or_never().is_none());
        taking.set_waiting(false);
        assert!(timeout(5 * DEADLINE, stops).await.is_err());
    }
}
