//! Retries one request after transient failures, with randomized waits.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rand::{Rng, rngs::StdRng};
use tokio::time::sleep;

use super::{SourceError, TransientReason};

const ATTEMPTS: u32 = 5;
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// How many times and at which intervals a request is sent. Cheap to clone.
#[derive(Clone)]
pub(super) struct Retry {
    rng: Arc<Mutex<StdRng>>,
}

impl Retry {
    pub(super) fn new(rng: StdRng) -> Self {
        Self { rng: Arc::new(Mutex::new(rng)) }
    }

    /// Starts the attempts at one request.
    pub(super) const fn attempts(&self) -> Attempts<'_> {
        Attempts { retry: self, made: 0 }
    }

    fn wait(&self, attempt: u32, asked: Option<Duration>) -> Duration {
        let longest = FIRST_WAIT * 2_u32.pow(attempt);
        let spread = self.rng.lock().unwrap_or_else(PoisonError::into_inner).random_range(longest / 2..=longest);
        asked.map_or(spread, |asked| asked + spread / 4)
    }
}

/// The attempts at one request.
pub(super) struct Attempts<'a> {
    retry: &'a Retry,
    made: u32,
}

impl Attempts<'_> {
    /// Returns the answer if it is final: a success, a permanent failure, or the fifth transient one. Otherwise waits
    /// until the request may be sent again, for as long as the server asks if it does, and returns `None`.
    pub(super) async fn settled<T>(&mut self, answer: Result<T, SourceError>) -> Option<Result<T, SourceError>> {
        self.made += 1;
        match answer {
            // A refusal does not go away within seconds.
            Err(SourceError::Transient { reason: TransientReason::Refused, .. }) => Some(answer),
            Err(SourceError::Transient { retry_after, .. }) if self.made < ATTEMPTS => {
                sleep(self.retry.wait(self.made, retry_after)).await;
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
