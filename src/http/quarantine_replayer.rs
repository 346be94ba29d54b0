//! The port to the replay of the quarantine. `app` provides the decoder; only one replay runs at a time.

use std::{fmt, sync::Arc};

use futures_util::future::BoxFuture;
use serde::Serialize;
use tokio::sync::{Semaphore, SemaphorePermit};
use utoipa::ToSchema;

use crate::store::StoreError;

/// The outcome of a replay of the quarantine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Replayed {
    /// Events that were decoded and stored.
    pub released: usize,
    /// Events that still do not decode.
    pub kept: usize,
}

/// Decodes the quarantined events again.
pub trait QuarantineReplayer: Send + Sync {
    /// Decodes all quarantined events, and stores those that decode now.
    fn replay(&self) -> BoxFuture<'_, Result<Replayed, StoreError>>;
}

/// A replayer that runs one replay at a time. Clones share this limit.
#[derive(Clone)]
pub(super) struct OneReplayer {
    pub(super) replayer: Arc<dyn QuarantineReplayer>,
    only_one: Arc<Semaphore>,
}

impl OneReplayer {
    pub(super) fn new(replayer: Arc<dyn QuarantineReplayer>) -> Self {
        Self { replayer, only_one: Arc::new(Semaphore::new(1)) }
    }

    /// Returns the permission to replay, valid until it is dropped; `None` while a replay is running.
    pub(super) fn try_begin(&self) -> Option<SemaphorePermit<'_>> {
        self.only_one.try_acquire().ok()
    }
}

impl fmt::Debug for OneReplayer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("OneReplayer").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::future::ready;

    use super::*;

    struct NothingKept;

    impl QuarantineReplayer for NothingKept {
        fn replay(&self) -> BoxFuture<'_, Result<Replayed, StoreError>> {
            Box::pin(ready(Ok(Replayed::default())))
        }
    }

    #[test]
    fn a_second_replay_starts_only_after_the_first_even_on_a_clone() {
        let replayer = OneReplayer::new(Arc::new(NothingKept));
        let clone = replayer.clone();
        let first = replayer.try_begin();
        assert!(first.is_some() && clone.try_begin().is_none());
        drop(first);
        assert!(clone.try_begin().is_some());
    }
}
