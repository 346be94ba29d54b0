//! How long the indexer waits where nobody says when to go on.

use std::time::Duration;

/// Waiting times of an indexer. The defaults suit a network that closes a ledger every five seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waits {
    /// After the first failure in a row; each further one doubles it, up to 30 s.
    pub first_backoff: Duration,
    /// Between two looks at whether another indexer still writes.
    pub standby: Duration,
    /// Between two looks at who may have the ledgers of a hole.
    pub hole: Duration,
}

impl Default for Waits {
    fn default() -> Self {
        Self {
            first_backoff: Duration::from_millis(250),
            standby: Duration::from_secs(1),
            hole: Duration::from_secs(5),
        }
    }
}
