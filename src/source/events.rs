//! Pages of contract events, from whichever source.

use chrono::{DateTime, Utc};

use crate::domain::{CoverageSource, EventId, LedgerSequence, RawContractEvent};

/// Where a page of events starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventsFrom {
    /// With the first event of this ledger.
    Ledger(LedgerSequence),
    /// After this position.
    After(EventId),
}

impl EventsFrom {
    /// Returns the ledger that is asked for.
    #[must_use]
    pub fn ledger(self) -> LedgerSequence {
        match self {
            Self::Ledger(ledger) => ledger,
            Self::After(position) => position.ledger(),
        }
    }

    /// Returns the ledger that a position at the end of a ledger leads to.
    pub(super) fn next_ledger(self) -> Option<LedgerSequence> {
        match self {
            Self::After(position) if position.is_end_of_ledger() => Some(position.ledger().next()),
            _ => None,
        }
    }

    /// Returns the position after which events are asked for.
    #[must_use]
    pub fn position(self) -> EventId {
        match self {
            Self::Ledger(ledger) => EventId::end_of_ledger(ledger.previous()),
            Self::After(position) => position,
        }
    }
}

/// A page of some contracts' events.
#[derive(Clone, Debug)]
pub struct EventPage {
    /// The events in chain order.
    pub events: Vec<RawContractEvent>,
    /// Where the page ends: every event of the contracts up to here is in this page or an earlier one.
    pub cursor: EventId,
    /// Whether the page was cut off by a limit, so that it may end inside a transaction.
    pub is_full: bool,
    /// The newest ledger the source knew when it answered.
    pub latest_ledger: LedgerSequence,
    /// When that ledger closed, if the source says.
    pub latest_ledger_closed_at: Option<DateTime<Utc>>,
    /// The oldest ledger the source still has, if it says.
    pub oldest_ledger: Option<LedgerSequence>,
    /// Where the page was read, for the coverage.
    pub source: CoverageSource,
}

impl EventPage {
    /// Returns whether the source has nothing after this page yet. An empty or a short page is no sign of that: one
    /// reply never looks at more than 10 000 ledgers.
    #[must_use]
    pub fn is_drained(&self) -> bool {
        !self.is_full && self.cursor.ledger() >= self.latest_ledger
    }

    /// Returns the page without what lies at or before `position`, and its cursor never before that: a window that
    /// ends where it starts, or the older reply of another node, would lead back.
    #[must_use]
    pub(super) fn not_before(mut self, position: EventId) -> Self {
        self.events.retain(|event| event.id > position);
        self.cursor = self.cursor.max(position);
        self
    }
}
