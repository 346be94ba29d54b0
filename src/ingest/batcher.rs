//! Turns pages into batches: whole transactions only, in chain order, nothing twice, each with the position it reaches.
//!
//! A full page may end inside a transaction. Its last transaction is held back until the next page shows that it is
//! complete, so that a fee and the creation it belongs to are always folded together.

use chrono::{DateTime, Utc};

use super::incoming::Incoming;
use crate::{
    domain::{CoverageSource, EventId, LedgerSequence},
    source::EventPage,
    store::Batch,
};

/// Collects decoded events into batches.
#[derive(Debug)]
pub struct Batcher {
    position: EventId,
    held_back: Vec<Incoming>,
    bound: usize,
    /// The source of the last page.
    source: Option<CoverageSource>,
}

impl Batcher {
    /// Returns a batcher that starts after `position` and puts about `bound` events into a batch (more if one
    /// transaction has more).
    #[must_use]
    pub const fn new(position: EventId, bound: usize) -> Self {
        Self { position, held_back: Vec::new(), bound, source: None }
    }

    /// Adds the decoded events of `page` (whose own list may already have been taken out), and returns the batches that
    /// it completes. A page without events still moves the position, unless its cursor lies inside the transaction that
    /// is held back: then it does not show that the transaction is complete.
    pub fn push(&mut self, mut events: Vec<Incoming>, page: &EventPage) -> Vec<Batch> {
        self.source = Some(page.source);
        if events.is_empty() && self.is_inside_what_is_held_back(page.cursor) {
            return Vec::new();
        }
        events.sort_by_key(Incoming::id);
        let mut last = self.held_back.last().map_or(self.position, Incoming::id);
        for event in events {
            if event.id() > last {
                last = event.id();
                self.held_back.push(event);
            }
        }
        let whole = std::mem::take(&mut self.held_back);
        let whole = if page.is_full { self.hold_back_the_last_transaction(whole) } else { whole };
        let reached = if page.is_full { whole.last().map(Incoming::id) } else { Some(page.cursor.max(last)) };
        let Some(reached) = reached else { return Vec::new() };
        self.cut(whole, reached, page)
    }

    /// Returns everything that was held back in two batches: one of the seen ledgers before `from`, if there are any,
    /// and one that reaches the end of ledger `to`, the last one given up.
    pub fn give_up(&mut self, from: LedgerSequence, to: LedgerSequence) -> Vec<Batch> {
        let mut seen = std::mem::take(&mut self.held_back);
        let given_up = seen.split_off(seen.partition_point(|event| event.id().ledger() < from));
        let mut batches = Vec::new();
        let before = EventId::end_of_ledger(from.previous());
        if before > self.position && self.source.is_some() {
            batches.push(batch(seen, before, self.source, None));
            seen = Vec::new();
        }
        self.position = self.position.max(EventId::end_of_ledger(to));
        batches.push(batch([seen, given_up].concat(), self.position, None, None));
        batches
    }

    fn is_inside_what_is_held_back(&self, cursor: EventId) -> bool {
        let last = self.held_back.last().map(Incoming::id);
        last.is_some_and(|last| cursor <= last || cursor.same_transaction(last))
    }

    fn hold_back_the_last_transaction(&mut self, mut events: Vec<Incoming>) -> Vec<Incoming> {
        let Some(last) = events.last().map(Incoming::id) else { return events };
        let first_of_last = events.partition_point(|event| !event.id().same_transaction(last));
        self.held_back = events.split_off(first_of_last);
        events
    }

    fn cut(&mut self, events: Vec<Incoming>, reached: EventId, page: &EventPage) -> Vec<Batch> {
        let mut batches = Vec::new();
        let mut chunk: Vec<Incoming> = Vec::new();
        for event in events {
            let id = event.id();
            let last = chunk.last().map(Incoming::id);
            if chunk.len() >= self.bound && last.is_some_and(|last| !last.same_transaction(id)) {
                let position = last.unwrap_or(id);
                batches.push(batch(std::mem::take(&mut chunk), position, Some(page.source), None));
            }
            chunk.push(event);
        }
        if reached > self.position {
            let at_the_tip = reached.last_whole_ledger() == page.latest_ledger;
            let closed_at = page.latest_ledger_closed_at.filter(|_| at_the_tip);
            batches.push(batch(chunk, reached, Some(page.source), closed_at));
            self.position = reached;
        }
        batches
    }
}

fn batch(
    events: Vec<Incoming>,
    position: EventId,
    covered_by: Option<CoverageSource>,
    closed_at: Option<DateTime<Utc>>,
) -> Batch {
    let last_whole_ledger: LedgerSequence = position.last_whole_ledger();
    let newest = events.iter().filter_map(Incoming::raw).filter(|raw| raw.id.ledger() <= last_whole_ledger);
    let newest_closed_at = newest.map(|raw| raw.ledger_closed_at).max();
    let mut batch = Batch {
        events: Vec::with_capacity(events.len()),
        upgrades: Vec::new(),
        entries: Vec::new(),
        quarantined: Vec::new(),
        position,
        last_whole_ledger,
        covered_by,
        last_whole_ledger_closed_at: closed_at.or(newest_closed_at),
    };
    for event in events {
        match event {
            Incoming::Event(event) => batch.events.push(event),
            Incoming::Upgrade(event) => batch.upgrades.push(event),
            Incoming::Entry(change) => batch.entries.push(change),
            Incoming::Quarantined(event) => batch.quarantined.push(event),
        }
    }
    batch
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{EventKind, HarmlessFields, QuarantinedEvent, RawContractEvent};

    const LEDGER: LedgerSequence = LedgerSequence(7);

    fn event(transaction: u32, index: u32) -> Incoming {
        let raw = RawContractEvent {
            id: EventId::of(LEDGER, transaction, 0, index).unwrap(),
            kind: EventKind::Contract,
            contract_id: "CDMLFMKMMD7MWZP3FKUBZPVHTUEDLSX4BYGYKH4GCESXYHS3IHQ4EIG4".parse().unwrap(),
            ledger_closed_at: DateTime::UNIX_EPOCH,
            tx_hash: "ab".repeat(32),
            in_successful_call: true,
            topics: Vec::new(),
            value: String::new(),
        };
        Incoming::decode(raw, &HarmlessFields::default())
    }

    fn page(cursor: EventId, is_full: bool) -> EventPage {
        EventPage {
            events: Vec::new(),
            entries: Vec::new(),
            cursor,
            is_full,
            latest_ledger: LEDGER,
            latest_ledger_closed_at: None,
            oldest_ledger: None,
            source: CoverageSource::Rpc,
        }
    }

    #[test]
    fn a_page_that_makes_no_progress_does_not_split_the_transaction_that_is_held_back() {
        let mut batcher = Batcher::new(EventId::end_of_ledger(LEDGER.previous()), 100);
        let first = EventId::of(LEDGER, 1, 0, 0).unwrap();
        assert!(batcher.push(vec![event(1, 0)], &page(first, true)).is_empty(), "it may continue in the next page");
        assert!(batcher.push(Vec::new(), &page(first, false)).is_empty(), "nothing shows that it ended");
        let whole = batcher.push(vec![event(1, 1)], &page(EventId::end_of_ledger(LEDGER), false));
        assert_eq!(whole.len(), 1);
        assert_eq!(whole[0].quarantined.len(), 2, "the whole transaction together");
    }

    #[test]
    fn the_seen_ledgers_before_those_that_are_given_up_are_covered() {
        let mut batcher = Batcher::new(EventId::end_of_ledger(LEDGER.previous()), 100);
        let later = LedgerSequence(12);
        let mut held_back = event(1, 0);
        let Incoming::Quarantined(QuarantinedEvent { raw, .. }) = &mut held_back else { panic!("it is quarantined") };
        raw.id = EventId::of(later, 1, 0, 0).unwrap();
        let full = page(EventId::of(later, 1, 0, 0).unwrap(), true);
        assert_eq!(batcher.push(vec![event(1, 0), held_back], &full).len(), 1);
        let given_up = batcher.give_up(later, LedgerSequence(20));
        let reached: Vec<_> = given_up.iter().map(|batch| (batch.last_whole_ledger, batch.covered_by)).collect();
        assert_eq!(
            reached,
            [(later.previous(), Some(CoverageSource::Rpc)), (LedgerSequence(20), None)],
            "ledgers {LEDGER} to {} were seen",
            later.previous()
        );
        assert_eq!(given_up[1].quarantined.len(), 1, "the event that was held back is not lost");
    }

    #[test]
    fn an_empty_page_that_reaches_further_completes_the_transaction_that_is_held_back() {
        let mut batcher = Batcher::new(EventId::end_of_ledger(LEDGER.previous()), 100);
        let first = EventId::of(LEDGER, 1, 0, 0).unwrap();
        assert!(batcher.push(vec![event(1, 0)], &page(first, true)).is_empty());
        let whole = batcher.push(Vec::new(), &page(EventId::end_of_ledger(LEDGER), false));
        assert_eq!(whole[0].quarantined.len(), 1);
        assert_eq!(whole[0].position, EventId::end_of_ledger(LEDGER));
    }
}
