//! What subscribers are told besides events.

use super::{Epoch, EventId, FeedId};

/// Something that a subscriber must be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// What the subscriber has cannot be continued: it must fetch anew, and events from now on follow.
    Reset(Reset),
    /// Events of this range came late or were corrected, and are not sent.
    Revised {
        /// The first of them.
        from: FeedId,
        /// The last of them.
        to: FeedId,
    },
}

/// Why, and between which ids, a subscriber must fetch anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reset {
    /// Why.
    pub reason: ResetReason,
    /// The oldest event there is; `None` for those who may not see every event.
    pub oldest_event_id: Option<FeedId>,
    /// The newest event there is; `None` for those who may not see every event.
    pub newest_event_id: Option<FeedId>,
}

/// Why an id cannot be resumed from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResetReason {
    /// It is not an id.
    Malformed,
    /// It lies beyond the newest event.
    BeyondTip,
    /// It lies before what is kept.
    BeforeOldest,
    /// It is from before a reset of the network.
    NetworkReset,
}

/// Events that came late, or whose streams were recomputed: somewhere in this range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revision {
    /// Its number; later ones are higher.
    pub number: i64,
    /// The first event.
    pub from: EventId,
    /// The last event.
    pub to: EventId,
}

impl Revision {
    /// Returns the revision that covers both, under the number of the later one.
    #[must_use]
    pub fn joined(self, other: Self) -> Self {
        Self { number: self.number.max(other.number), from: self.from.min(other.from), to: self.to.max(other.to) }
    }

    /// Returns the whole ledgers that it lies in, for those who may not see every event: the ends of those are no ids.
    #[must_use]
    pub fn in_whole_ledgers(self) -> Self {
        let before = EventId::end_of_ledger(self.from.ledger().previous()).min(self.from);
        Self { from: before, to: EventId::end_of_ledger(self.to.ledger()), ..self }
    }

    /// Returns what subscribers are told of it.
    #[must_use]
    pub const fn notice(self, epoch: Epoch) -> Notice {
        Notice::Revised { from: FeedId { event: self.from, epoch }, to: FeedId { event: self.to, epoch } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LedgerSequence;

    #[test]
    fn a_revision_in_whole_ledgers_covers_what_it_covered_and_names_no_event() {
        let event = |ledger| EventId::of(LedgerSequence(ledger), 3, 0, 1).unwrap();
        let revision = Revision { number: 4, from: event(7), to: event(9) };
        let [before, end] = [6, 9].map(|ledger| EventId::end_of_ledger(LedgerSequence(ledger)));
        let whole = Revision { number: 4, from: before, to: end };
        assert_eq!(revision.in_whole_ledgers(), whole);
        assert!(whole.from < revision.from && revision.to < whole.to);
    }
}
