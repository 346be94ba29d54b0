//! How long the indexer waits if nothing else determines it.

use std::time::Duration;

/// Waiting times of an indexer. The defaults suit a network that closes a ledger every five seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waits {
    /// The wait after the first failure in a row. Each further failure doubles it, up to 30 s.
    pub first_backoff: Duration,
    /// The wait between two checks whether another indexer is still writing.
    pub standby: Duration,
    /// The wait between two checks whether a source has the ledgers of a hole.
    pub hole: Duration,
    /// The wait before records are compared again that the index or a node could not judge.
    pub comparison: Duration,
}

impl Default for Waits {
    fn default() -> Self {
        Self {
            first_backoff: Duration::from_millis(250),
            standby: Duration::from_secs(1),
            hole: Duration::from_secs(5),
            comparison: Duration::from_secs(1),
        }
    }
}
