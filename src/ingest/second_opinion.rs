//! A second opinion: indexed ledgers are requested again from every endpoint. Events that a node withheld with empty
//! pages are written late. A single endpoint is asked again too, since it may have been wrong for a moment, but only about
//! what is recent: it would not read a long past twice for nothing.

use std::collections::HashSet;

use tracing::warn;

use super::{
    error::IngestError,
    late::{LateEvents, write_late},
};
use crate::{
    domain::{ContractId, Epoch, EventId, LedgerSequence, RawContractEvent},
    source::{EndpointPool, EventPage, EventsFrom, SecondOpinion, SecondOpinions, SourceError},
    store::{EventRange, Store},
};

/// The largest number of pages in one turn: after a long catch-up, the second opinion follows slowly.
const PAGES_IN_A_TURN: usize = 4;
/// The largest number of stored events that are compared with one page.
const STORED_AT_ONCE: u32 = 10_000;
/// How far back a single endpoint is asked again.
const RECENT_LEDGERS: u32 = 1_000;
/// The largest number of ids that a warning names.
const NAMED: usize = 5;

/// Requests second opinions on one contract.
pub(super) struct SecondOpinionRound<'a> {
    pub(super) store: &'a Store,
    pub(super) source: &'a EndpointPool,
    pub(super) contract_id: &'a ContractId,
    /// The epoch that is indexed.
    pub(super) epoch: Epoch,
    pub(super) page_limit: u32,
    /// How far a single endpoint has been heard while others that may know more do not answer. All of it is requested
    /// again once they do.
    pub(super) heard_alone: &'a mut EventId,
}

impl SecondOpinionRound<'_> {
    /// Continues where the last turn stopped, up to the last whole ledger.
    pub(super) async fn ask(&mut self) -> Result<(), IngestError> {
        let contract_ids = std::slice::from_ref(self.contract_id);
        for _ in 0..PAGES_IN_A_TURN {
            let Some(not_asked) = self.not_asked_yet().await? else { return Ok(()) };
            if *self.heard_alone >= not_asked.up_to {
                *self.heard_alone = EventId::ZERO;
            }
            let mut range = EventRange { after: not_asked.after.max(*self.heard_alone), ..not_asked };
            let from = EventsFrom::After(range.after);
            let reached = match self.source.second_opinions(contract_ids, from, self.page_limit).await {
                Ok(SecondOpinions { pages, is_alone, others_from }) if !pages.is_empty() => {
                    if !is_alone && range != not_asked {
                        *self.heard_alone = EventId::ZERO;
                        continue;
                    }
                    // Stop before the first ledger that another endpoint still has, so that it is asked about that one
                    // too.
                    if let Some(others_from) = others_from {
                        range.up_to = range.up_to.min(EventId::end_of_ledger(others_from.previous())).max(range.after);
                    }
                    let (reached, missing) = self.compare(range, pages).await?;
                    if is_alone {
                        *self.heard_alone = reached;
                    } else {
                        self.store.write_second_opinion(self.epoch, self.contract_id, reached, missing).await?;
                    }
                    reached
                }
                Ok(_) | Err(SourceError::NodeBehind { .. }) => return Ok(()),
                // No endpoint can say anything about older ledgers.
                Err(SourceError::BehindRetention { oldest, .. }) => {
                    let skipped = EventId::end_of_ledger(oldest.previous()).min(range.up_to);
                    self.store.write_second_opinion(self.epoch, self.contract_id, skipped, 0).await?;
                    skipped
                }
                Err(failure) => return Err(failure.into()),
            };
            if reached <= range.after {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Returns the indexed range that has no second opinion yet.
    async fn not_asked_yet(&self) -> Result<Option<EventRange>, IngestError> {
        let Some(progress) = self.store.progress(self.contract_id).await? else { return Ok(None) };
        let known = self.store.record_check(self.contract_id).await?;
        let asked = known.map_or(EventId::ZERO, |check| check.second_opinion_up_to);
        let whole = progress.last_whole_ledger;
        let recent = LedgerSequence(whole.0.saturating_sub(RECENT_LEDGERS));
        let from = if self.source.is_of_one_endpoint() { recent } else { LedgerSequence(0) };
        let after = asked.max(EventId::end_of_ledger(progress.from_ledger.previous().max(from)));
        let up_to = EventId::end_of_ledger(whole);
        Ok((after < up_to).then_some(EventRange { after, up_to }))
    }

    /// Compares the range that each page covers with the stored events, and writes the missing ones. Returns the
    /// position that two endpoints reached (or the only one), and how many events were missing. An endpoint that did
    /// not get that far does not count: a node that is stuck must not block the others.
    async fn compare(&self, asked: EventRange, opinions: Vec<SecondOpinion>) -> Result<(EventId, u64), IngestError> {
        let mut reached: Vec<EventId> = opinions.iter().map(|opinion| range_of(asked, &opinion.page).up_to).collect();
        reached.sort_unstable();
        let up_to = reached.iter().rev().take(2).next_back().copied().unwrap_or(asked.after);
        let mut range = EventRange { up_to, ..asked };
        let mut ours = self.store.ids_of_everything(self.contract_id, range, STORED_AT_ONCE).await?;
        if let Some(last) = ours.last().copied().filter(|_| is_full(&ours)) {
            range.up_to = whole_ledgers_up_to(range.after, last);
            ours.retain(|id| *id <= range.up_to);
        }
        let mut missing = 0;
        for SecondOpinion { host, page } in opinions {
            let of_it = range_of(asked, &page);
            if of_it.up_to < range.up_to {
                continue;
            }
            let of_it = EventRange { after: of_it.after, up_to: range.up_to };
            let comparison = Comparison::of(of_it, &ours, page.events);
            comparison.warn_of(&host, self.contract_id);
            missing += u64::try_from(comparison.missing_here.len()).unwrap_or(u64::MAX);
            if !comparison.missing_here.is_empty() {
                ours.extend(comparison.missing_here.iter().map(|event| event.id));
                ours.sort_unstable();
                let late = LateEvents { events: comparison.missing_here, ..LateEvents::default() };
                write_late(self.store, self.contract_id, self.epoch, late).await?;
            }
        }
        Ok((range.up_to, missing))
    }
}

fn is_full(ours: &[EventId]) -> bool {
    u32::try_from(ours.len()).unwrap_or(u32::MAX) >= STORED_AT_ONCE
}

/// Returns the part of the range that the page covers. A page that was cut off may end inside a transaction, so its
/// last ledger is left to the next page. Ledgers that the endpoint dropped while it answered are left out.
fn range_of(asked: EventRange, page: &EventPage) -> EventRange {
    let dropped = page.oldest_ledger.map_or(EventId::ZERO, |oldest| EventId::end_of_ledger(oldest.previous()));
    let after = asked.after.max(dropped);
    let reached = if page.is_full { whole_ledgers_up_to(after, page.cursor) } else { page.cursor };
    EventRange { after, up_to: reached.min(asked.up_to).max(after) }
}

/// Returns the end of the last whole ledger up to `position`, or `position` itself if no whole ledger follows `after`.
fn whole_ledgers_up_to(after: EventId, position: EventId) -> EventId {
    let whole = EventId::end_of_ledger(position.last_whole_ledger());
    if whole > after { whole } else { position }
}

/// How the index and another endpoint differ in the same ledgers.
#[derive(Debug, Default)]
struct Comparison {
    /// Events that the endpoint has and the index lacks.
    missing_here: Vec<RawContractEvent>,
    /// Events that the index has and the endpoint lacks.
    missing_there: Vec<EventId>,
    /// The endpoint's events in transactions in which each side has events that the other lacks. The endpoint numbers
    /// them differently, and writing them would count them twice.
    numbered_differently: Vec<EventId>,
}

impl Comparison {
    fn of(range: EventRange, ours: &[EventId], mut theirs: Vec<RawContractEvent>) -> Self {
        theirs.retain(|event| event.id > range.after && event.id <= range.up_to);
        let their_ids: HashSet<EventId> = theirs.iter().map(|event| event.id).collect();
        let our_ids: HashSet<EventId> = ours.iter().copied().collect();
        let is_asked = |id: &EventId| *id > range.after && *id <= range.up_to;
        let missing_there: Vec<EventId> =
            ours.iter().copied().filter(|id| is_asked(id) && !their_ids.contains(id)).collect();
        theirs.retain(|event| !our_ids.contains(&event.id));
        // The ids are sorted, so an id of the same transaction is next to this one's place.
        let is_disputed = |id: EventId| {
            let place = missing_there.partition_point(|ours| *ours < id);
            let neighbours = [place.checked_sub(1), Some(place)].into_iter().flatten();
            neighbours.filter_map(|place| missing_there.get(place)).any(|ours| ours.same_transaction(id))
        };
        let (disputed, new): (Vec<_>, Vec<_>) = theirs.into_iter().partition(|event| is_disputed(event.id));
        let numbered_differently = disputed.iter().map(|event| event.id).collect();
        Self { missing_here: new, missing_there, numbered_differently }
    }

    fn warn_of(&self, host: &str, contract_id: &ContractId) {
        let missing: Vec<EventId> = self.missing_here.iter().map(|event| event.id).collect();
        for (ids, what) in [
            (&missing, "has events that the index lacks; they are written late"),
            (&self.missing_there, "lacks events that the index has; it may answer with empty pages"),
            (&self.numbered_differently, "numbers events differently from the index; they are left as they are"),
        ] {
            if !ids.is_empty() {
                let (count, named) = (ids.len(), named(ids));
                warn!(contract.id = %contract_id, count, "the RPC endpoint {host} {what} ({contract_id}): {named}");
            }
        }
    }
}

fn named(ids: &[EventId]) -> String {
    let names: Vec<String> = ids.iter().take(NAMED).map(ToString::to_string).collect();
    let more = if ids.len() > NAMED { " …" } else { "" };
    format!("{}{more}", names.join(" "))
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::domain::EventKind;

    fn id(ledger: u32, transaction: u32, index: u32) -> EventId {
        EventId::of(LedgerSequence(ledger), transaction, 0, index).unwrap()
    }

    fn event(id: EventId) -> RawContractEvent {
        RawContractEvent {
            id,
            kind: EventKind::Contract,
            contract_id: "CDLZFC3SYJYDZT7K67VZ75HPJVIEUVNIXF47ZG2FB2RMQQVU2HHGCYSC".parse().unwrap(),
            ledger_closed_at: DateTime::UNIX_EPOCH,
            tx_hash: String::new(),
            in_successful_call: true,
            topics: Vec::new(),
            value: String::new(),
        }
    }

    fn compared(ours: &[EventId], theirs: &[EventId]) -> [Vec<EventId>; 3] {
        let end_of = |ledger| EventId::end_of_ledger(LedgerSequence(ledger));
        let range = EventRange { after: end_of(9), up_to: end_of(19) };
        let theirs = theirs.iter().copied().map(event).collect();
        let Comparison { missing_here, missing_there, numbered_differently } = Comparison::of(range, ours, theirs);
        [missing_here.iter().map(|event| event.id).collect(), missing_there, numbered_differently]
    }

    #[test]
    fn events_that_either_side_lacks_are_told_apart() {
        let (first, second, third) = (id(10, 1, 0), id(10, 2, 0), id(12, 1, 0));
        assert_eq!(compared(&[first, second], &[first, third]), [vec![third], vec![second], vec![]]);
        assert_eq!(compared(&[], &[id(9, 1, 0), first, id(20, 1, 0)]), [vec![first], vec![], vec![]]);
        assert_eq!(compared(&[first, second], &[]), [vec![], vec![first, second], vec![]]);
    }

    #[test]
    fn the_missed_part_of_a_transaction_is_missing_here() {
        let (first, second) = (id(10, 1, 0), id(10, 1, 1));
        assert_eq!(compared(&[second], &[first, second]), [vec![first], vec![], vec![]]);
    }

    #[test]
    fn an_endpoint_that_numbers_the_events_of_a_transaction_differently_adds_none_of_them() {
        let ours = [id(10, 1, 0), id(10, 1, 1), id(11, 1, 0)];
        let theirs = [id(10, 1, 1), id(10, 1, 2), id(11, 1, 0), id(11, 2, 0)];
        let expected = [vec![id(11, 2, 0)], vec![id(10, 1, 0)], vec![id(10, 1, 2)]];
        assert_eq!(compared(&ours, &theirs), expected);
        let expected = [vec![], vec![id(10, 1, 2)], vec![id(10, 1, 1)]];
        assert_eq!(compared(&[id(10, 1, 2)], &[id(10, 1, 1)]), expected);
    }

    #[test]
    fn a_page_that_was_cut_off_covers_the_ledgers_before_its_last_one() {
        let after = EventId::end_of_ledger(LedgerSequence(9));
        assert_eq!(whole_ledgers_up_to(after, id(12, 3, 1)), EventId::end_of_ledger(LedgerSequence(11)));
        assert_eq!(whole_ledgers_up_to(after, id(10, 3, 1)), id(10, 3, 1), "there is only one ledger");
        let end = EventId::end_of_ledger(LedgerSequence(12));
        assert_eq!(whole_ledgers_up_to(after, end), end);
    }
}
