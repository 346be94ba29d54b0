//! The port to the chain. `app` provides the endpoints; a limit keeps this process from asking them too often.

use std::{error::Error, fmt, num::NonZeroU32, sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

use crate::domain::{LedgerSequence, StreamEntry, StreamKey};

/// How many reads are allowed at once; after that, one in each [`SPACING`].
const BURST: NonZeroU32 = NonZeroU32::new(20).expect("20 is not 0");
const SPACING: Duration = Duration::from_millis(200);

/// The contract's own record, and the ledger that it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainStream {
    /// The record.
    pub entry: StreamEntry,
    /// The ledger that this record is as of.
    pub at_ledger: LedgerSequence,
    /// The ledger that last changed it.
    pub last_modified_ledger: LedgerSequence,
    /// The last ledger in which it lives unless its lifetime is extended, if the chain says so.
    pub live_until_ledger: Option<LedgerSequence>,
}

/// The chain could not be queried, or its answer was unreadable. The reason is for the log, not for the client.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct ChainUnavailable(#[from] Box<dyn Error + Send + Sync>);

impl ChainUnavailable {
    /// Returns the failure for this cause.
    pub fn because(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(cause.into())
    }
}

/// Reads streams from the chain.
pub trait ChainReader: Send + Sync {
    /// Returns the contract's own record of a stream; `None` if the chain has no live one.
    fn read(&self, stream: StreamKey) -> BoxFuture<'_, Result<Option<ChainStream>, ChainUnavailable>>;
}

/// A reader with one limit for the whole process. Clones share the limit.
#[derive(Clone)]
pub(super) struct LimitedChainReader {
    pub(super) reader: Arc<dyn ChainReader>,
    limit: Arc<DefaultDirectRateLimiter>,
}

impl LimitedChainReader {
    pub(super) fn new(reader: Arc<dyn ChainReader>) -> Self {
        let quota = Quota::with_period(SPACING).expect("the spacing is not zero").allow_burst(BURST);
        Self { reader, limit: Arc::new(RateLimiter::direct(quota)) }
    }

    /// Takes one read from the limit. Returns whether there was one left.
    pub(super) fn admits_one(&self) -> bool {
        self.limit.check().is_ok()
    }
}

impl fmt::Debug for LimitedChainReader {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("LimitedChainReader").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::future::ready;

    use super::*;

    struct EmptyChain;

    impl ChainReader for EmptyChain {
        fn read(&self, _: StreamKey) -> BoxFuture<'_, Result<Option<ChainStream>, ChainUnavailable>> {
            Box::pin(ready(Ok(None)))
        }
    }

    #[test]
    fn twenty_reads_at_once_are_allowed_and_the_next_is_not() {
        let chain = LimitedChainReader::new(Arc::new(EmptyChain));
        let let_through = (0..30).filter(|_| chain.admits_one()).count();
        assert!((20..30).contains(&let_through), "{let_through}");
        assert!(!chain.clone().admits_one(), "clones share the limit");
    }
}
