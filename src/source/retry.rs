//! A few more attempts at one request whose failure may pass, with waits spread at random.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rand::{Rng, rngs::StdRng};
use tokio::time::sleep;

use super::SourceError;

const ATTEMPTS: u32 = 5;
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// How often and how far apart one request is made. Cheap to clone.
#[derive(Clone)]
pub(super) struct Retry {
    rng: Arc<Mutex<StdRng>>,
}

impl Retry {
    pub(super) fn new(rng: StdRng) -> Self {
        Self { rng: Arc::new(Mutex::new(rng)) }
    }

    /// Makes the request until it succeeds, fails for good, or has failed five times. A server that says how long it
    /// wants to be left alone is left alone for so long.
    pub(super) async fn run<T>(&self, request: impl AsyncFn() -> Result<T, SourceError>) -> Result<T, SourceError> {
        for attempt in 1..ATTEMPTS {
            match request().await {
                Err(SourceError::Transient { retry_after, .. }) => sleep(self.wait(attempt, retry_after)).await,
                answer => return answer,
            }
        }
        request().await
    }

    fn wait(&self, attempt: u32, asked: Option<Duration>) -> Duration {
        let longest = FIRST_WAIT * 2_u32.pow(attempt);
        let spread = self.rng.lock().unwrap_or_else(PoisonError::into_inner).random_range(longest / 2..=longest);
        asked.map_or(spread, |asked| asked + spread / 4)
    }
}

impl fmt::Debug for Retry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Retry").finish_non_exhaustive()
    }
}
