//! One answer of the chain beside our records: what can be said of each stream.

use std::collections::HashMap;

use super::Difference;
use crate::{
    domain::{Address, FieldDifference, LedgerSequence, StreamEntry, StreamId, StreamRecord},
    store::EventParties,
    xdr::Refusal,
};

/// After this many ledgers (about five minutes), a node that still returns an older entry is not merely late.
const SETTLED_AFTER: u32 = 60;

/// What the chain has of a stream.
#[derive(Clone, Debug)]
pub(super) struct ChainEntry {
    pub(super) entry: Result<StreamEntry, Refusal>,
    /// The entry's data, a `LedgerEntryData` in base64 XDR.
    pub(super) xdr: String,
    pub(super) last_modified: LedgerSequence,
    pub(super) live_until: Option<LedgerSequence>,
}

/// An answer of the chain, and our records, read after it.
#[derive(Debug)]
pub(super) struct Seen {
    /// The ledger after which the entries are so.
    pub(super) at_ledger: LedgerSequence,
    pub(super) entries: HashMap<StreamId, ChainEntry>,
    /// How many streams the contract had created by then, if it says.
    pub(super) count: Option<u64>,
    pub(super) records: HashMap<StreamId, StreamRecord>,
    /// The last ledger of an entry's lifetime, as far as it was known from earlier answers.
    pub(super) live_until: HashMap<StreamId, LedgerSequence>,
    /// The parties and the token that event rows name, where those were read.
    pub(super) parties: HashMap<StreamId, Vec<EventParties>>,
    /// The records hold everything up to this ledger, and perhaps more.
    pub(super) whole: LedgerSequence,
}

/// What can be said of a stream.
#[derive(Debug)]
pub(super) enum Finding {
    Equal {
        unverified: bool,
    },
    Archived,
    /// The contract deleted the entry, and our record is not closed. One absent answer is no proof of it.
    Deleted(Difference),
    Different(Vec<Difference>),
    Missing,
    /// The index lacks ledgers that the chain's answer rests on.
    Behind,
    /// Our record holds more than the chain's answer.
    Moved,
    /// The chain's answer is of a later ledger than the stream's last event, and its entry of an earlier one: the node lags
    /// or is wrong, so nothing is taken from it.
    Outdated(Difference),
}

/// Why the chain has no entry of one of our records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Absent {
    /// The record is closed, too.
    Closed,
    /// The entry's lifetime is not over.
    Deleted,
    /// Its lifetime is over, or not known.
    Archived,
}

impl Finding {
    /// Returns whether a repair has something to do.
    pub(super) const fn is_wrong(&self) -> bool {
        matches!(self, Self::Different(_) | Self::Deleted(_) | Self::Missing | Self::Equal { unverified: true })
    }
}

impl Seen {
    /// Returns the chain's entry, if it is there and decodes.
    pub(super) fn entry_of(&self, stream_id: StreamId) -> Option<&ChainEntry> {
        self.entries.get(&stream_id).filter(|found| found.entry.is_ok())
    }

    /// Says what can be said of a stream. Two sides are comparable if ours holds everything up to the ledger that last
    /// changed the chain's, and nothing of the stream after the ledger of the answer.
    pub(super) fn find(&self, stream_id: StreamId) -> Finding {
        let record = self.records.get(&stream_id);
        let found = self.entries.get(&stream_id);
        if record.is_some_and(|record| record.last_event.ledger() > self.at_ledger) {
            return Finding::Moved;
        }
        match (record, found) {
            (_, Some(found)) if found.last_modified > self.whole => Finding::Behind,
            (Some(record), Some(found)) if record.outdates_entry_of(found.last_modified) => {
                Finding::Outdated(outdated(record, found))
            }
            (Some(record), Some(found)) => compare(record, found, self.parties_of(stream_id)),
            (Some(_), None) if self.count.is_some_and(|count| count < stream_id.0) => {
                Finding::Different(vec![whole(stream_id, "present", "never created")])
            }
            (Some(record), None) => match self.why_absent(record) {
                Absent::Closed => Finding::Equal { unverified: false },
                Absent::Deleted if self.at_ledger > self.whole => Finding::Behind,
                Absent::Deleted => Finding::Deleted(whole(stream_id, "present", "deleted")),
                Absent::Archived => Finding::Archived,
            },
            (None, None) if self.at_ledger > self.whole => Finding::Behind,
            (None, _) => Finding::Missing,
        }
    }

    /// Returns whether event rows name a recipient that the chain replaced without an event of ours.
    pub(super) fn lacks_a_transfer(&self, stream_id: StreamId) -> bool {
        self.parties_of(stream_id).iter().any(|parties| parties.is_of_lost_transfer && !parties.is_of_former_recipient)
    }

    fn why_absent(&self, record: &StreamRecord) -> Absent {
        let live_until = self.live_until.get(&record.stream_id);
        match live_until.is_some_and(|live_until| *live_until >= self.at_ledger) {
            _ if record.closed => Absent::Closed,
            true => Absent::Deleted,
            false => Absent::Archived,
        }
    }

    /// Returns the ledger that changed the chain's entry last, if our record does not follow a change that comes with an
    /// event.
    pub(super) fn changed_in(&self, stream_id: StreamId) -> Option<LedgerSequence> {
        let found = self.entry_of(stream_id)?;
        let is_wrong = match self.find(stream_id) {
            Finding::Different(differences) => differences.iter().any(Difference::comes_with_an_event),
            Finding::Missing => true,
            _ => false,
        };
        is_wrong.then_some(found.last_modified)
    }

    /// Returns whether a stream's last event is so old that no node still lacks what it wrote.
    pub(super) fn is_settled(&self, stream_id: StreamId) -> bool {
        let record = self.records.get(&stream_id);
        record.is_some_and(|record| self.at_ledger.0.saturating_sub(record.last_event.ledger().0) >= SETTLED_AFTER)
    }

    fn parties_of(&self, stream_id: StreamId) -> &[EventParties] {
        self.parties.get(&stream_id).map_or(&[], Vec::as_slice)
    }

    /// Returns the ledger that the index must have reached for something to be said of every stream.
    pub(super) fn needs(&self, wanted: &[StreamId]) -> LedgerSequence {
        let needed = wanted.iter().map(|id| match (self.entries.get(id), self.records.get(id)) {
            (Some(found), _) => found.last_modified,
            (None, Some(record)) if self.why_absent(record) == Absent::Deleted => self.at_ledger,
            (None, Some(_)) => LedgerSequence(0),
            (None, None) => self.at_ledger,
        });
        needed.max().unwrap_or_default()
    }
}

fn compare(record: &StreamRecord, found: &ChainEntry, parties: &[EventParties]) -> Finding {
    let entry = match &found.entry {
        Ok(entry) => entry,
        Err(refusal) => {
            return Finding::Different(vec![whole(record.stream_id, "present", &format!("unreadable: {refusal}"))]);
        }
    };
    let differing = entry.differences_from(record).into_iter();
    let of_record = differing.map(|FieldDifference { field, ours, chains }| Difference {
        stream_id: record.stream_id,
        field,
        ours,
        chains,
    });
    let of_events = parties.iter().flat_map(|parties| compare_parties(record.stream_id, parties, entry));
    let differences: Vec<Difference> = of_record.chain(of_events).collect();
    if differences.is_empty() {
        Finding::Equal { unverified: record.unverified || record.awaits_entry || record.impossible_order }
    } else {
        Finding::Different(differences)
    }
}

/// Event rows are found by their parties: one without them, or with others, is one that nobody is shown.
fn compare_parties(stream_id: StreamId, ours: &EventParties, entry: &StreamEntry) -> Vec<Difference> {
    let ours_is_former = ours.is_of_former_recipient || ours.is_of_lost_transfer;
    let pairs = [
        ("events.sender", &ours.sender, &entry.sender),
        ("events.recipient", &ours.recipient, &entry.recipient),
        ("events.token_address", &ours.token, &entry.token),
    ];
    let differs = |(field, ours, chains): &(&str, &Option<Address>, &Address)| {
        ours.as_ref() != Some(*chains) && !(*field == "events.recipient" && ours_is_former)
    };
    let difference = |(field, ours, chains): (&'static str, &Option<Address>, &Address)| {
        let ours = ours.as_ref().map_or_else(|| "none".to_owned(), ToString::to_string);
        Difference { stream_id, field, ours, chains: chains.to_string() }
    };
    pairs.into_iter().filter(differs).map(difference).collect()
}

fn outdated(record: &StreamRecord, found: &ChainEntry) -> Difference {
    let ours = format!("changed in ledger {}", record.last_event.ledger());
    whole(record.stream_id, &ours, &format!("last changed in ledger {}", found.last_modified))
}

fn whole(stream_id: StreamId, ours: &str, chains: &str) -> Difference {
    Difference { stream_id, field: "record", ours: ours.to_owned(), chains: chains.to_owned() }
}
