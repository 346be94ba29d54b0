//! Whole ledgers as pages: ledgers with little in them are combined.

use super::follower::EVENTS_IN_A_BATCH;
use crate::{
    domain::{CoverageSource, EventId, RawContractEvent, RawEntryChange},
    source::{EventPage, LedgerEvents},
};

/// At most this many ledgers are combined.
const LEDGERS_IN_A_PAGE: u32 = 64;

/// Ledgers that are passed on together.
#[derive(Default)]
pub(super) struct PageOfLedgers {
    last: Option<LedgerEvents>,
    count: u32,
    events: Vec<RawContractEvent>,
    entries: Vec<RawEntryChange>,
}

impl PageOfLedgers {
    pub(super) fn push(&mut self, mut ledger: LedgerEvents) {
        self.events.append(&mut ledger.events);
        self.entries.append(&mut ledger.entries);
        self.count += 1;
        self.last = Some(ledger);
    }

    pub(super) fn is_full(&self) -> bool {
        self.count >= LEDGERS_IN_A_PAGE || self.events.len() >= EVENTS_IN_A_BATCH
    }

    /// Returns the page of the ledgers; `None` if there are none.
    pub(super) fn take(&mut self, source: CoverageSource) -> Option<EventPage> {
        let Self { last, events, entries, .. } = std::mem::take(self);
        let header = last?.header;
        Some(EventPage {
            events,
            entries,
            cursor: EventId::end_of_ledger(header.sequence),
            is_full: false,
            latest_ledger: header.sequence,
            latest_ledger_closed_at: Some(header.closed_at),
            oldest_ledger: None,
            source,
        })
    }
}
