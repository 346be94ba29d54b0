//! What the index of one chain was made to miss, and therefore may not have reported.

use std::collections::{BTreeMap, BTreeSet};

use flowfi_indexer::domain::{EventId, LedgerRange, StreamId};
use tokio::time::Instant;

#[derive(Default)]
pub struct Losses {
    /// Ledgers that were given up and have not been filled since.
    pub given_up: Vec<LedgerRange>,
    /// Whether a backfill was aborted, so that some of the given-up ledgers may be stored.
    pub partly_filled: bool,
    /// Rows that were removed and are not back yet.
    pub forgotten: Vec<EventId>,
    /// Streams that lacked something for a while.
    pub touched: BTreeSet<StreamId>,
    /// Events that were missing when they should have been sent, and when somebody started to write them after all.
    late: BTreeMap<EventId, Option<Instant>>,
}

impl Losses {
    pub fn is_given_up(&self, id: EventId) -> bool {
        self.given_up.iter().any(|gap| gap.contains(id.ledger()))
    }

    /// Records missing events. `since` says from when on somebody may bring them back.
    pub fn miss(&mut self, ids: &[EventId], since: Option<Instant>) {
        self.late.extend(ids.iter().map(|id| (*id, since)));
    }

    /// Records that from now on any of the missing events may be written.
    pub fn may_be_written(&mut self) {
        let now = Instant::now();
        for began in self.late.values_mut() {
            began.get_or_insert(now);
        }
    }

    pub fn is_late(&self, id: EventId) -> bool {
        self.late.contains_key(&id)
    }

    /// Returns when somebody started to write an event that was missing.
    pub fn late_since(&self, id: EventId) -> Option<Instant> {
        self.late.get(&id).copied().flatten()
    }

    /// Returns whether rows are missing that cannot have come back.
    pub fn is_something_missing(&self) -> bool {
        !self.given_up.is_empty() || !self.forgotten.is_empty()
    }
}
