//! What the chain's own entry says of a record that events led to: a record that differs is set from the entry, and the
//! entry is kept, so that the record can be folded again without the chain.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::PgConnection;
use tracing::warn;

use super::{
    StoreError, baselines, corrections,
    deletions::{self, Deletion},
    revisions::{self, Revised},
    withdrawn::{self, EntryChanged},
};
use crate::domain::{
    Address, ChangedStreams, ContractId, EntryLeft, EventId, FieldDifference, LedgerSequence, RawBaseline,
    RawContractEvent, StreamEntry, StreamEntryChange, StreamId, StreamKey, StreamRecord,
};

/// Baselines that are written with their events belong to no revision.
const WITH_ITS_EVENTS: i64 = 0;

/// An entry that told more than events, or something else.
#[derive(Clone, Debug)]
pub(super) struct Judgment {
    pub(super) stream: StreamKey,
    /// The end of the transaction that left the entry.
    pub(super) position: EventId,
    /// The entry; `None` if it was deleted.
    pub(super) baseline: Option<RawBaseline>,
    /// The fields that differed; none if the entry only told what events do not.
    pub(super) differences: Vec<FieldDifference>,
    /// The last event of the record; the position where there is none.
    pub(super) last_event: EventId,
    /// The parties of the stream before and after.
    pub(super) parties: BTreeSet<Address>,
    /// Whether the same transaction has an event of the stream.
    pub(super) is_explained: bool,
}

/// A record that something we cannot read spoke of, and that no event tells its readers of.
#[derive(Clone, Debug)]
pub(super) struct Doubted {
    pub(super) stream: StreamKey,
    pub(super) last_event: EventId,
    pub(super) parties: BTreeSet<Address>,
}

impl Judgment {
    /// Returns whether the contract changed a record and no event says so: one is missing.
    fn lacks_an_event(&self) -> bool {
        !self.is_explained && self.differences.iter().any(|found| StreamEntry::changes_with_an_event(found.field))
    }
}

/// Compares a record with what a transaction left of its entry. Returns the record afterwards, and what the entry told
/// that the record did not hold. A record that was compared with a newer entry stays as it is.
pub(super) fn judge(
    change: StreamEntryChange,
    record: Option<StreamRecord>,
    last: Option<&RawContractEvent>,
) -> (Option<StreamRecord>, Option<Judgment>) {
    let position = change.position();
    let ledger = position.ledger();
    if record.as_ref().is_some_and(|record| record.checked_at_ledger.is_some_and(|checked| checked > ledger)) {
        return (record, None);
    }
    let newest = record.as_ref().map(|record| record.last_event).or(last.map(|raw| raw.id));
    let is_explained = newest.is_some_and(|event| event.same_transaction(position));
    let mut parties = revisions::parties_of(&record);
    let stream = (change.contract_id, change.stream_id);
    let judgment = |baseline, differences, parties, last_event| {
        Some(Judgment { stream: stream.clone(), position, baseline, differences, last_event, parties, is_explained })
    };
    match (change.left, record) {
        (EntryLeft::Removed, None) => (None, None),
        (EntryLeft::Removed, Some(record)) => {
            let told = if record.closed { None } else { judgment(None, vec![is_gone()], parties, record.last_event) };
            (Some(record.deleted(ledger)), told)
        }
        (EntryLeft::Stored(baseline), Some(record)) => {
            let mut differences = baseline.entry.differences_from(&record);
            let is_complete = !record.unverified && !record.awaits_entry && !record.impossible_order;
            if differences.is_empty() && is_complete {
                return (Some(StreamRecord { checked_at_ledger: Some(ledger), ..record }), None);
            }
            if record.created_event.same_transaction(position) {
                differences.retain(|found| !StreamEntry::is_left_open(found.field));
            }
            let last_event = record.last_event;
            let after = baseline.record(&stream.0, Some(record), last);
            parties.extend(revisions::parties_of([&after]));
            (Some(after), judgment(Some(baseline.raw), differences, parties, last_event))
        }
        (EntryLeft::Stored(baseline), None) => {
            let record = baseline.record(&stream.0, None, last);
            let last_event = last.map_or(position, |raw| raw.id);
            let told = judgment(Some(baseline.raw), Vec::new(), revisions::parties_of([&record]), last_event);
            (Some(record), told)
        }
    }
}

fn is_gone() -> FieldDifference {
    FieldDifference { field: "record", ours: "present".to_owned(), chains: "deleted".to_owned() }
}

/// Writes the entries and the corrections that a batch came to. Tells readers of records that changed without an event of
/// the batch, and of records that an unreadable event has put in doubt. Where the contract changed a record and no event
/// says so, the ledger counts as not seen, so that it is read again. Returns whether readers were told.
pub(super) async fn write(
    connection: &mut PgConnection,
    judgments: &[Judgment],
    doubted: &[Doubted],
) -> Result<bool, StoreError> {
    let mut of_contracts: BTreeMap<&ContractId, (Vec<&Judgment>, Vec<&Doubted>)> = BTreeMap::new();
    for judgment in judgments {
        of_contracts.entry(&judgment.stream.0).or_default().0.push(judgment);
    }
    for doubted in doubted {
        of_contracts.entry(&doubted.stream.0).or_default().1.push(doubted);
    }
    let mut told = false;
    for (contract_id, (judgments, doubted)) in of_contracts {
        keep_entries(connection, contract_id, &judgments, WITH_ITS_EVENTS).await?;
        write_corrections(connection, contract_id, &judgments).await?;
        withdraw_unexplained(connection, contract_id, &judgments).await?;
        if let Some(revised) = unexplained(&judgments, &doubted) {
            revisions::tell(connection, contract_id, &revised).await?;
            told = true;
        }
    }
    Ok(told)
}

/// Withdraws the coverage of the ledgers in which the contract changed a record and no event says so; of a ledger whose rest
/// is still to come, once it is covered.
pub(super) async fn withdraw_unexplained(
    connection: &mut PgConnection,
    contract_id: &ContractId,
    judgments: &[&Judgment],
) -> Result<(), StoreError> {
    let unexplained = judgments.iter().filter(|judgment| judgment.lacks_an_event());
    let unexplained: Vec<EntryChanged> =
        unexplained.map(|judgment| EntryChanged::by_transaction(judgment.stream.1, judgment.position)).collect();
    withdrawn::withdraw(connection, contract_id, &unexplained).await
}

/// Returns the records that changed, or are not known any more, without an event.
fn unexplained(judgments: &[&Judgment], doubted: &[&Doubted]) -> Option<Revised> {
    let unexplained = judgments.iter().filter(|judgment| !judgment.is_explained);
    let unexplained = unexplained.map(|judgment| (&judgment.stream, judgment.last_event, &judgment.parties));
    let doubted = doubted.iter().map(|doubted| (&doubted.stream, doubted.last_event, &doubted.parties));
    let all = unexplained.chain(doubted);
    let events = all.clone().map(|(_, last_event, _)| last_event);
    let range = events.clone().min().zip(events.max())?;
    let mut changed = ChangedStreams::new();
    for (stream, _, parties) in all {
        changed.entry(stream.clone()).or_default().extend(parties.iter().cloned());
    }
    Some(Revised { range, changed: Some(changed) })
}

/// Writes the entries, and which were deleted, under a revision's number.
pub(super) async fn keep_entries(
    connection: &mut PgConnection,
    contract_id: &ContractId,
    judgments: &[&Judgment],
    revision: i64,
) -> Result<(), StoreError> {
    let raw = judgments.iter().filter_map(|judgment| judgment.baseline.as_ref());
    baselines::upsert(connection, contract_id, raw, revision).await?;
    let deleted = judgments.iter().filter(|judgment| judgment.baseline.is_none());
    let deleted: Vec<Deletion> = deleted.map(|judgment| (judgment.stream.1, judgment.position)).collect();
    deletions::insert(connection, contract_id, &deleted, revision).await
}

/// Writes which fields differed.
pub(super) async fn write_corrections(
    connection: &mut PgConnection,
    contract_id: &ContractId,
    judgments: &[&Judgment],
) -> Result<(), StoreError> {
    let mut of_ledgers: BTreeMap<LedgerSequence, Vec<(StreamId, FieldDifference)>> = BTreeMap::new();
    for judgment in judgments.iter().filter(|judgment| !judgment.differences.is_empty()) {
        let stream_id = judgment.stream.1;
        let of_ledger = of_ledgers.entry(judgment.position.ledger()).or_default();
        of_ledger.extend(judgment.differences.iter().map(|found| (stream_id, found.clone())));
        let was: Vec<String> =
            judgment.differences.iter().map(|found| format!("{} was {}", found.field, found.ours)).collect();
        warn!(
            contract.id = %contract_id, stream.id = %stream_id,
            "stream {stream_id} was corrected from the chain: {}", was.join(", ")
        );
    }
    let missed: BTreeSet<(StreamId, LedgerSequence)> = judgments
        .iter()
        .filter(|judgment| judgment.lacks_an_event())
        .map(|judgment| (judgment.stream.1, judgment.position.ledger()))
        .collect();
    for (ledger, corrections) in of_ledgers {
        let missed_in = missed.iter().filter(|(_, in_ledger)| *in_ledger == ledger).copied().collect();
        corrections::insert(connection, contract_id, ledger, &corrections, &missed_in).await?;
    }
    Ok(())
}
