//! The failures that stop an indexer.

use chrono::{DateTime, Utc};
use thiserror::Error;

use crate::{
    domain::{Epoch, LedgerSequence},
    source::{LedgerMark, SourceError},
    store::StoreError,
};

/// A failure that stops an indexer.
#[derive(Debug, Error)]
pub enum IngestError {
    /// The source refuses us, or no longer has ledgers that are not indexed.
    #[error("the source cannot be followed: {0}")]
    Source(SourceError),
    /// The database refuses us, or belongs to another network.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The contract is not indexed yet.
    #[error("the index of this contract has not begun; start the daemon first")]
    NotBegun,
    /// The network started over: its tip is not after the indexed ledgers, but closed later.
    #[error(
        "the network was reset: its tip is ledger {tip}, closed {tip_closed_at}, but the indexed ledger {indexed} \
         closed {indexed_closed_at}. Start with --on-reset archive to archive the index and begin with the new \
         network"
    )]
    NetworkReset {
        /// The epoch that was followed.
        epoch: Epoch,
        /// The network's newest ledger.
        tip: LedgerSequence,
        /// When that closed.
        tip_closed_at: DateTime<Utc>,
        /// The newest indexed ledger whose close time is known.
        indexed: LedgerSequence,
        /// When that closed.
        indexed_closed_at: DateTime<Utc>,
    },
    /// The network has a different ledger with an indexed number: it started over, or the endpoints serve another
    /// network.
    #[error(
        "the network was reset: ledger {ledger} had {expected} and now has {found}. Start with --on-reset \
         archive to archive the index and begin with the new network"
    )]
    OtherChain {
        /// The ledger.
        ledger: LedgerSequence,
        /// Its mark when it was indexed.
        expected: LedgerMark,
        /// Its mark now.
        found: LedgerMark,
    },
}

impl IngestError {
    /// Returns whether the network started over after it was indexed.
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
