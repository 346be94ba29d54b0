//! What the index of one chain was made to miss, and what it may therefore not have told anybody.

use std::collections::{BTreeMap, BTreeSet};

use flowfi_indexer::domain::{EventId, LedgerRange, StreamId};
use tokio::time::Instant;

#[derive(Default)]
pub struct Losses {
    /// Ledgers that were given up and are not filled since.
    pub given_up: Vec<LedgerRange>,
    /// A backfill was broken off: some of what was given up may be there.
    pub partly_filled: bool,
    /// Rows that were taken out and are not back yet.
    pub forgotten: Vec<EventId>,
    /// Streams of which something was missing for a while.
    pub touched: BTreeSet<StreamId>,
    /// Events that were not there when they should have been sent, and when somebody began to write them after all.
    late: BTreeMap<EventId, Option<Instant>>,
}

impl Losses {
    pub fn is_given_up(&self, id: EventId) -> bool {
        self.given_up.iter().any(|gap| gap.contains(id.ledger()))
    }

    /// Notes events that are not there, `since` when somebody may be about to bring them back.
    pub fn miss(&mut self, ids: &[EventId], since: Option<Instant>) {
        self.late.extend(ids.iter().map(|id| (*id, since)));
    }

    /// Notes that from now on any of what is missing may be written.
    pub fn may_be_written(&mut self) {
        let now = Instant::now();
        for began in self.late.values_mut() {
            began.get_or_insert(now);
        }
    }

    pub fn is_late(&self, id: EventId) -> bool {
        self.late.contains_key(&id)
    }

    /// When somebody began to write an event that was missing.
    pub fn late_since(&self, id: EventId) -> Option<Instant> {
        self.late.get(&id).copied().flatten()
    }

    /// Whether rows are missing that cannot have come back.
    pub fn is_something_missing(&self) -> bool {
        !self.given_up.is_empty() || !self.forgotten.is_empty()
    }
}
