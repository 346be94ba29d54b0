//! A few more attempts at one request whose failure may pass.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rand::{SeedableRng, rngs::StdRng};
use tokio::time::sleep;

use super::{SourceError, TransientReason};
use crate::backoff::Backoff;

const ATTEMPTS: u32 = 5;
const FIRST_DELAY: Duration = Duration::from_millis(200);

/// How one request is repeated. Cheap to clone.
#[derive(Clone)]
pub(super) struct Retry {
    rng: Arc<Mutex<StdRng>>,
}

impl Retry {
    pub(super) fn new(rng: StdRng) -> Self {
        Self { rng: Arc::new(Mutex::new(rng)) }
    }

    /// Begins the attempts at one request.
    pub(super) fn attempts(&self) -> Attempts {
        let rng = StdRng::from_rng(&mut *self.rng.lock().unwrap_or_else(PoisonError::into_inner));
        Attempts { backoff: Backoff::new(FIRST_DELAY, rng), made: 0 }
    }
}

/// The attempts at one request.
pub(super) struct Attempts {
    backoff: Backoff,
    made: u32,
}

impl Attempts {
    /// Returns the answer if it is final: a success, a permanent failure, or the fifth transient one. Otherwise waits for
    /// the delay of the back-off, which is longer than the server asked for, and returns `None`.
    pub(super) async fn settled<T>(&mut self, answer: Result<T, SourceError>) -> Option<Result<T, SourceError>> {
        self.made += 1;
        match answer {
            // A refusal does not go away within seconds.
            Err(SourceError::Transient { reason: TransientReason::Refused, .. }) => Some(answer),
            Err(SourceError::Transient { retry_after, .. }) if self.made < ATTEMPTS => {
                sleep(self.backoff.delay(retry_after)).await;
                None
            }
            answer => Some(answer),
        }
    }
}

impl fmt::Debug for Retry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Retry").finish_non_exhaustive()
    }
}
