//! The requests of one connection that are being answered: how many there are, and when there have been none for a while.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};

/// The number of open requests. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct OpenRequests(Arc<watch::Sender<usize>>);

/// An open request, until it is dropped.
#[derive(Debug)]
pub(in crate::http) struct OpenRequest(OpenRequests);

impl OpenRequests {
    /// Adds a request.
    pub(super) fn enter(&self) -> OpenRequest {
        self.0.send_modify(|open| *open += 1);
        OpenRequest(self.clone())
    }

    /// Resolves if there is no request until `until`, or later none for as long as `pause`.
    pub(super) async fn none(&self, mut until: Instant, pause: Duration) {
        let mut open = self.0.subscribe();
        loop {
            if *open.borrow_and_update() > 0 {
                // The sender goes only with this future.
                drop(open.wait_for(|open| *open == 0).await);
                until = Instant::now() + pause;
            }
            if timeout_at(until, open.changed()).await.is_err() {
                return;
            }
            until = Instant::now() + pause;
        }
    }

    /// Resolves when there is one more. One that comes and goes at once may be overlooked.
    pub(super) async fn another(&self) {
        let mut open = self.0.subscribe();
        let mut before = *open.borrow_and_update();
        while open.changed().await.is_ok() {
            let now = *open.borrow_and_update();
            if now > before {
                return;
            }
            before = now;
        }
    }

    /// Resolves once there is no request for as long as `pause`.
    pub(super) async fn none_for(&self, pause: Duration) {
        self.none(Instant::now() + pause, pause).await;
    }
}

impl Drop for OpenRequest {
    fn drop(&mut self) {
        self.0.0.send_modify(|open| *open -= 1);
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::FutureExt;
    use tokio::time::{sleep, timeout};

    use super::*;

    const PAUSE: Duration = Duration::from_millis(20);

    #[tokio::test]
    async fn each_request_begins_the_pause_anew_when_it_ends() {
        let open = OpenRequests::default();
        let request = open.enter();
        let mut none = pin!(open.none_for(PAUSE));
        assert!(timeout(3 * PAUSE, none.as_mut()).await.is_err(), "one is open for longer than a pause");
        drop(request);
        assert!(none.as_mut().now_or_never().is_none());
        sleep(PAUSE / 2).await;
        drop(open.enter());
        let ended = Instant::now();
        none.await;
        assert!(ended.elapsed() >= PAUSE, "a short one began the pause anew");
    }

    #[tokio::test]
    async fn a_request_that_ends_is_not_another_one() {
        let open = OpenRequests::default();
        let (first, _second) = (open.enter(), open.enter());
        let mut another = pin!(open.another());
        assert!(another.as_mut().now_or_never().is_none());
        drop(first);
        assert!(another.as_mut().now_or_never().is_none());
        let _third = open.enter();
        assert!(another.as_mut().now_or_never().is_some());
    }
}
