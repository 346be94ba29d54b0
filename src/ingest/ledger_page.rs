//! Whole ledgers as pages: ledgers with little in them are combined.

use super::follower::EVENTS_IN_A_BATCH;
use crate::{
    domain::{CoverageSource, EventId, RawContractEvent},
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
}

impl PageOfLedgers {
    pub(super) fn push(&mut self, mut ledger: LedgerEvents) {
        self.events.append(&mut ledger.events);
        self.count += 1;
        self.last = Some(ledger);
    }

    pub(super) fn is_full(&self) -> bool {
        self.count >= LEDGERS_IN_A_PAGE || self.events.len() >= EVENTS_IN_A_BATCH
    }

    /// Returns the events and their page; `None` if there are no ledgers.
    pub(super) fn take(&mut self, source: CoverageSource) -> Option<(Vec<RawContractEvent>, EventPage)> {
        let Self { last, events, .. } = std::mem::take(self);
        let header = last?.header;
        let page = EventPage {
            events: Vec::new(),
            cursor: EventId::end_of_ledger(header.sequence),
            is_full: false,
            latest_ledger: header.sequence,
            latest_ledger_closed_at: Some(header.closed_at),
            oldest_ledger: None,
            source,
        };
        Some((events, page))
    }
}
