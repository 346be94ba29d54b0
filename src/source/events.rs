//! Pages of contract events from any source.

use chrono::{DateTime, Utc};

use crate::domain::{CoverageSource, EventId, LedgerSequence, RawContractEvent, RawEntryChange};

/// Where a page of events starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventsFrom {
    /// At the first event of this ledger.
    Ledger(LedgerSequence),
    /// After this position.
    After(EventId),
}

impl EventsFrom {
    /// Returns the requested ledger.
    #[must_use]
    pub fn ledger(self) -> LedgerSequence {
        match self {
            Self::Ledger(ledger) => ledger,
            Self::After(position) => position.ledger(),
        }
    }

    /// Returns the next ledger, if the position is the end of a ledger.
    pub(super) fn next_ledger(self) -> Option<LedgerSequence> {
        match self {
            Self::After(position) if position.is_end_of_ledger() => Some(position.ledger().next()),
            _ => None,
        }
    }

    /// Returns the position after which events are requested.
    #[must_use]
    pub fn position(self) -> EventId {
        match self {
            Self::Ledger(ledger) => EventId::end_of_ledger(ledger.previous()),
            Self::After(position) => position,
        }
    }
}

/// A page of the events of some contracts.
#[derive(Clone, Debug)]
pub struct EventPage {
    /// The events, in chain order.
    pub events: Vec<RawContractEvent>,
    /// The changes of the contracts' entries in the order they were made, if the page was read from whole ledgers and
    /// they were asked for.
    pub entries: Vec<RawEntryChange>,
    /// The end of the page: every event of the contracts up to here is in this page or an earlier one.
    pub cursor: EventId,
    /// Whether a limit cut the page off, so that it may end inside a transaction.
    pub is_full: bool,
    /// The newest ledger that the source knew when it answered.
    pub latest_ledger: LedgerSequence,
    /// When that ledger closed, if the source says so.
    pub latest_ledger_closed_at: Option<DateTime<Utc>>,
    /// The oldest ledger that the source still has, if it says so.
    pub oldest_ledger: Option<LedgerSequence>,
    /// The source of the page, for the coverage.
    pub source: CoverageSource,
}

impl EventPage {
    /// Returns whether the source has nothing after this page yet. An empty or short page does not prove that: a single
    /// reply never looks at more than 10 000 ledgers.
    #[must_use]
    pub fn is_drained(&self) -> bool {
        !self.is_full && self.cursor.ledger() >= self.latest_ledger
    }

    /// Returns the page without the events at or before `position`, and with a cursor that is not before it. A window
    /// that ends where it starts, or the reply of a node that is behind, would otherwise move the cursor back.
    #[must_use]
    pub(super) fn not_before(mut self, position: EventId) -> Self {
        self.events.retain(|event| event.id > position);
        self.cursor = self.cursor.max(position);
        self
    }
}
