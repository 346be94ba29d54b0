//! What stops an indexer for good.

use chrono::{DateTime, Utc};
use thiserror::Error;

use crate::{
    domain::{Epoch, LedgerSequence},
    source::{LedgerMark, SourceError},
    store::StoreError,
};

/// What stops an indexer for good.
#[derive(Debug, Error)]
pub enum IngestError {
    /// The source refuses, or has lost ledgers that are not indexed.
    #[error("the source cannot be followed: {0}")]
    Source(SourceError),
    /// The database refuses, or belongs to another network.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is nothing to repair.
    #[error("the index of this contract has not begun; start the daemon first")]
    NotBegun,
    /// The network started over: its tip is not after what is indexed and closed later.
    #[error(
        "the network was reset: its tip is ledger {tip}, closed {tip_closed_at}, but ledger {indexed}, which is indexed, \
         closed {indexed_closed_at}. Start with --on-reset archive to put what is indexed aside and begin with the new \
         network"
    )]
    NetworkReset {
        /// The epoch that was followed.
        epoch: Epoch,
        /// The newest ledger of the network.
        tip: LedgerSequence,
        /// When it closed.
        tip_closed_at: DateTime<Utc>,
        /// The newest ledger up to what is indexed whose close time is known.
        indexed: LedgerSequence,
        /// When that closed.
        indexed_closed_at: DateTime<Utc>,
    },
    /// The network has another ledger of a number that is indexed: it started over, or the endpoints are of another.
    #[error(
        "the network was reset: ledger {ledger} had {expected} and has {found} now. Start with --on-reset \
         archive to put what is indexed aside and begin with the new network"
    )]
    OtherChain {
        /// The ledger.
        ledger: LedgerSequence,
        /// What it was known by when it was indexed.
        expected: LedgerMark,
        /// What it is known by now.
        found: LedgerMark,
    },
}

impl IngestError {
    /// Returns whether the network started over since it was indexed.
    #[must_use]
    pub const fn is_reset(&self) -> bool {
        matches!(self, Self::NetworkReset { .. } | Self::OtherChain { .. })
    }
}

impl From<SourceError> for IngestError {
    fn from(failure: SourceError) -> Self {
        match failure {
            SourceError::OtherChain { ledger, expected, found } => Self::OtherChain { ledger, expected, found },
            failure => Self::Source(failure),
        }
    }
}
