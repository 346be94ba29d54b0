//! The port to the chain. `app` provides the endpoints; a limit keeps this process from asking them too often.

use std::{error::Error, fmt, sync::Arc};

use futures_util::future::BoxFuture;

use crate::{
    auth::LookUps,
    domain::{LedgerSequence, StreamEntry, StreamKey},
};

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

/// A reader with one budget for the whole process. Clones share the budget.
#[derive(Clone)]
pub(super) struct LimitedChainReader {
    pub(super) reader: Arc<dyn ChainReader>,
    pub(super) look_ups: Arc<LookUps>,
}

impl LimitedChainReader {
    pub(super) fn new(reader: Arc<dyn ChainReader>) -> Self {
        Self { reader, look_ups: Arc::default() }
    }
}

impl fmt::Debug for LimitedChainReader {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("LimitedChainReader").finish_non_exhaustive()
    }
}
