//! Records that were compared with the chain's entries, written: equal ones are marked, others are set from their entries.

use std::collections::BTreeSet;

use tracing::{info, warn};

use super::{
    compare::{Finding, Seen},
    correct, missed,
};
use crate::{
    domain::{
        Baseline, ContractId, EntryChangeKind, EntryDurability, Epoch, EventId, FieldDifference, RawBaseline,
        RawEntryChange, StoredEntry, StreamId, StreamRecord,
    },
    ingest::{error::IngestError, incoming::kept_raw},
    store::{EntryChecks, EqualEntry, Store, TakenEntry, UnreadableEntry},
    xdr::encode_stream_key,
};

/// The parties of event rows follow from these: a stream that differs in one of them is folded again.
const IN_EVENT_ROWS: [&str; 3] = ["sender", "recipient", "token_address"];

/// Writes what was seen of these streams; those that are deleted must have been absent before. What moved meanwhile, or what
/// the chain does not answer for, is left as it is.
/// Returns those whose records were set.
pub(super) async fn write(
    store: &Store,
    contract_id: &ContractId,
    epoch: Epoch,
    seen: &Seen,
    streams: impl IntoIterator<Item = StreamId>,
) -> Result<Vec<StreamId>, IngestError> {
    let at_ledger = seen.whole.min(seen.at_ledger);
    let streams: Vec<StreamId> = streams.into_iter().collect();
    let missed_in = missed::withdraw(store, contract_id, epoch, seen, streams.iter().copied()).await?;
    let mut checks = EntryChecks {
        contract_id,
        epoch,
        at_ledger,
        equal: Vec::new(),
        taken: Vec::new(),
        unreadable: Vec::new(),
        missed_in,
    };
    let mut folded_again = BTreeSet::new();
    for stream_id in streams {
        let Some(record) = seen.records.get(&stream_id) else { continue };
        match seen.find(stream_id) {
            Finding::Equal { unverified: false } => {
                let live_until = seen.entries.get(&stream_id).and_then(|found| found.live_until);
                checks.equal.push(EqualEntry { stream_id, last_event: record.last_event, live_until });
            }
            Finding::Equal { unverified: true } => checks.taken.extend(taken(seen, stream_id, Vec::new())),
            Finding::Different(_) if seen.entries.get(&stream_id).is_some_and(|found| found.entry.is_err()) => {
                checks.unreadable.extend(unreadable(store, contract_id, seen, record).await?);
            }
            Finding::Different(found) if found.iter().any(|found| IN_EVENT_ROWS.contains(&found.field)) => {
                folded_again.insert(stream_id);
            }
            Finding::Different(found) => {
                checks.taken.extend(taken(seen, stream_id, found.into_iter().map(FieldDifference::from).collect()));
            }
            Finding::Deleted(found) => {
                let (last_event, differences) = (record.last_event, vec![found.into()]);
                checks.taken.push(TakenEntry { stream_id, baseline: None, last_event, differences });
            }
            Finding::Archived | Finding::Missing | Finding::Behind | Finding::Moved | Finding::Outdated(_) => {}
        }
    }
    let mut set = store.write_entry_checks(&checks).await?;
    say(&checks, &set);
    if !folded_again.is_empty() {
        set.extend(correct::from_chain(store, contract_id, epoch, seen, (&folded_again, &checks.missed_in)).await?);
    }
    Ok(set)
}

/// Returns the entry of a stream as what its record is set from; `None` if there is none that decodes.
fn taken(seen: &Seen, stream_id: StreamId, differences: Vec<FieldDifference>) -> Option<TakenEntry> {
    let last_event = seen.records.get(&stream_id)?.last_event;
    let found = seen.entry_of(stream_id)?;
    let raw = RawBaseline {
        stream_id,
        position: EventId::end_of_ledger(seen.whole.min(seen.at_ledger)),
        entry_xdr: found.xdr.clone(),
        last_modified_ledger: found.last_modified,
        live_until_ledger: found.live_until,
    };
    let entry = found.entry.clone().ok()?;
    Some(TakenEntry { stream_id, baseline: Some(Baseline { raw, entry }), last_event, differences })
}

/// Returns a stream's entry as it is kept if it does not decode; `None` if its record says so already.
async fn unreadable(
    store: &Store,
    contract_id: &ContractId,
    seen: &Seen,
    record: &StreamRecord,
) -> Result<Option<UnreadableEntry>, IngestError> {
    let stream_id = record.stream_id;
    let Some((found, Err(refusal))) = seen.entries.get(&stream_id).map(|found| (found, &found.entry)) else {
        return Ok(None);
    };
    let reason = refusal.to_string();
    if record.unreadable_entry() == Some(reason.as_str()) {
        return Ok(None);
    }
    let position = EventId::end_of_ledger(found.last_modified);
    let known_close = store.newest_close_up_to(position).await?;
    let change = RawEntryChange {
        position,
        ledger_closed_at: known_close.map_or(record.updated_at, |(_, closed_at)| closed_at),
        tx_hash: None,
        kind: EntryChangeKind::Updated,
        contract_id: contract_id.clone(),
        durability: EntryDurability::Persistent,
        key: encode_stream_key(stream_id),
        entry: Some(StoredEntry { xdr: found.xdr.clone(), last_modified_ledger: found.last_modified }),
        live_until_ledger: found.live_until,
    };
    warn!(
        contract.id = %contract_id, stream.id = %stream_id,
        "the entry of stream {stream_id} cannot be read and is kept in quarantine: {reason}"
    );
    let kept = kept_raw(change, stream_id, reason);
    Ok(Some(UnreadableEntry { stream_id, kept, last_event: record.last_event }))
}

/// Says once what differed. A record that only learned what events do not tell is nothing to speak of.
fn say(checks: &EntryChecks<'_>, set: &[StreamId]) {
    let (contract_id, mut learned) = (checks.contract_id, 0);
    for taken in checks.taken.iter().filter(|taken| set.contains(&taken.stream_id)) {
        let stream_id = taken.stream_id;
        if taken.differences.is_empty() {
            learned += 1;
            continue;
        }
        let fields: Vec<String> =
            taken.differences.iter().map(|found| format!("{} was {}", found.field, found.ours)).collect();
        warn!(
            contract.id = %contract_id, stream.id = %stream_id,
            "stream {stream_id} was corrected from the chain: {}", fields.join(", ")
        );
    }
    if learned > 0 {
        info!(contract.id = %contract_id, "{learned} records were completed from the chain's entries");
    }
}
