//! What arrives late, behind the cursor: events that are decoded and stored, and entries that were read from the chain.
//! Their streams are folded again. It is never sent live.

use std::collections::{BTreeMap, BTreeSet};

use super::incoming::{Incoming, decode_all};
use crate::{
    domain::{
        Baseline, ContractEvent, ContractId, CoverageSource, Epoch, EventId, FieldDifference, HarmlessFields,
        LedgerRange, LedgerSequence, RawBaseline, RawContractEvent, RawEntryChange, StreamId, baselines_in_order,
    },
    store::{Batch, CaughtUp, LateRows, Locks, Repaired, Store, StoreError},
    xdr::{decode_stream_ledger_entry, key_of_ledger_entry, stream_entry_key},
};

/// How many quarantined events are decoded again at once.
const REPLAY_CHUNK: u32 = 1_000;
/// How many times a repair is restarted because another one was written meanwhile.
const ATTEMPTS_BESIDE_OTHERS: u32 = 3;

/// Events and entries that arrive late.
#[derive(Clone, Debug, Default)]
pub struct LateEvents {
    /// The events, in any order. Events that are already stored change nothing.
    pub events: Vec<RawContractEvent>,
    /// The changes of the contract's entries in the order they were made, where the source tells them.
    pub entries: Vec<RawEntryChange>,
    /// The ledgers that were completely seen with them, and in which source.
    pub covered: Option<(LedgerRange, CoverageSource)>,
}

/// Writes late events that were read in an epoch, and folds the streams that they belong to or mention. Events after
/// the cursor are left out, because they arrive by themselves. Returns `None` before the contract is indexed.
///
/// # Errors
/// [`StoreError::OtherEpoch`] if the network has started over; those of the store. Nothing was written then.
pub async fn write_late(
    store: &Store,
    contract_id: &ContractId,
    epoch: Epoch,
    late: LateEvents,
) -> Result<Option<Repaired>, StoreError> {
    let decoded = decode_all(late.events, late.entries, store.harmless_fields());
    let rows_up_to = |position: EventId| {
        let covered = late.covered.filter(|(ledgers, _)| ledgers.to() <= position.last_whole_ledger());
        let mut rows = LateRows { covered, ..LateRows::default() };
        for incoming in decoded.iter().filter(|incoming| incoming.id() <= position) {
            match incoming.clone() {
                Incoming::Event(event) => rows.events.push(event),
                Incoming::Upgrade(upgrade) => rows.upgrades.push(upgrade),
                Incoming::Entry(change) => rows.entries.push(change),
                Incoming::Quarantined(event) => rows.quarantined.push(event),
            }
        }
        Some(rows)
    };
    write(store, contract_id, epoch, rows_up_to).await
}

/// Folds streams again from their stored events.
///
/// # Errors
/// As [`write_late`].
pub(super) async fn fold_again(
    store: &Store,
    contract_id: &ContractId,
    epoch: Epoch,
    streams: &[StreamId],
) -> Result<(), StoreError> {
    let from_the_first: BTreeSet<StreamId> = streams.iter().copied().collect();
    let rows = |_| Some(LateRows { from_the_first: from_the_first.clone(), ..LateRows::default() });
    write(store, contract_id, epoch, rows).await?;
    Ok(())
}

/// Sets the records of streams from what the chain stores of them, which may depend on where the contract stands, and
/// keeps what that corrects, with the ledgers in which an event of theirs was missed. `None` if there is none, or before the
/// contract's index began.
///
/// # Errors
/// As [`write_late`].
pub(super) async fn write_baselines(
    store: &Store,
    contract_id: &ContractId,
    epoch: Epoch,
    missed_in: &BTreeMap<StreamId, LedgerSequence>,
    mut baselines_at: impl FnMut(EventId) -> (Vec<Baseline>, Vec<(StreamId, FieldDifference)>),
) -> Result<Option<Repaired>, StoreError> {
    let rows = |position| {
        let (baselines, corrections) = baselines_at(position);
        let baselines = baselines_in_order(baselines);
        let from_the_first = baselines.keys().copied().collect();
        let missed_in = missed_in.clone();
        (!baselines.is_empty()).then(|| LateRows {
            baselines,
            from_the_first,
            corrections,
            missed_in,
            ..LateRows::default()
        })
    };
    write(store, contract_id, epoch, rows).await
}

/// Writes rows of a contract that is catching up, together with the position that they reach, but not beyond the
/// position of the others. That position can be inside a transaction of which the others have nothing more; the
/// transaction is written to its end. Returns `None` if the contract is not at the position where its reader left it.
///
/// # Errors
/// Those of the store; nothing was written then.
pub(super) async fn write_catching_up(
    store: &Store,
    contract_id: &ContractId,
    epoch: Epoch,
    (from, to): (EventId, EventId),
    batch: Batch,
) -> Result<Option<EventId>, StoreError> {
    let position = batch.position.min(to);
    let is_due = |id: EventId| id <= to || id.same_transaction(to);
    let seen = LedgerRange::new(from.last_whole_ledger().next(), position.last_whole_ledger());
    let closed_at = batch.last_whole_ledger_closed_at.filter(|_| position == batch.position);
    let mut rows = LateRows {
        events: batch.events,
        upgrades: batch.upgrades,
        entries: batch.entries,
        quarantined: batch.quarantined,
        covered: seen.zip(batch.covered_by),
        caught_up: Some(CaughtUp { position, last_whole_ledger_closed_at: closed_at }),
        ..LateRows::default()
    };
    rows.events.retain(|event| is_due(event.raw.id));
    rows.upgrades.retain(|event| is_due(event.raw.id));
    rows.entries.retain(|change| is_due(change.id));
    rows.quarantined.retain(|event| is_due(event.raw.id));
    let rows_from = |stands_at: EventId| (stands_at == from).then(|| rows.clone());
    Ok(write(store, contract_id, epoch, rows_from).await?.map(|_| position))
}

/// Writes the rows for a contract at its current position. After too many conflicts, it keeps others from writing
/// meanwhile.
async fn write(
    store: &Store,
    contract_id: &ContractId,
    epoch: Epoch,
    mut rows_at: impl FnMut(EventId) -> Option<LateRows>,
) -> Result<Option<Repaired>, StoreError> {
    for attempt in 1.. {
        let locks = if attempt <= ATTEMPTS_BESIDE_OTHERS { Locks::ToWrite } else { Locks::FromTheBeginning };
        let Some(mut repair) = store.begin_repair(contract_id, epoch, locks).await? else { break };
        let Some(mut rows) = rows_at(repair.position()) else { break };
        let stored = repair.baselines_of(&rows.streams()).await?;
        let stored = stored.into_iter().filter(|raw| is_of_its_stream(contract_id, raw));
        let stored: Vec<Baseline> =
            stored.map(|raw| decode_baseline(raw, store.harmless_fields())).collect::<Result<_, _>>()?;
        rows.baselines = baselines_in_order(stored.into_iter().chain(rows.baselines.into_values().flatten()));
        if let Some(repaired) = repair.write(&rows, decode_again).await? {
            return Ok(Some(repaired));
        }
    }
    Ok(None)
}

/// Returns whether a stored entry lies under its stream's key. An entry under another key came from an endpoint that
/// returned the wrong one.
fn is_of_its_stream(contract_id: &ContractId, raw: &RawBaseline) -> bool {
    let key = key_of_ledger_entry(&raw.entry_xdr);
    key.map_or(true, |key| key == stream_entry_key(contract_id, raw.stream_id))
}

fn decode_baseline(raw: RawBaseline, harmless: &HarmlessFields) -> Result<Baseline, StoreError> {
    let entry = decode_stream_ledger_entry(&raw.entry_xdr, harmless)
        .map_err(|refusal| StoreError::Corrupt(format!("the stored entry of stream {}: {refusal}", raw.stream_id)))?;
    Ok(Baseline { raw, entry })
}

/// Decodes a stored event again. An event that no longer decodes stays stored and is left out of the record.
fn decode_again(raw: RawContractEvent) -> Option<ContractEvent> {
    match Incoming::decode(raw, &HarmlessFields::default()) {
        Incoming::Event(event) => Some(event),
        Incoming::Upgrade(_) | Incoming::Entry(_) | Incoming::Quarantined(_) => None,
    }
}

/// The outcome of a replay of the quarantine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Replayed {
    /// The number of events that decode now and were stored.
    pub released: usize,
    /// The number of events that still do not decode.
    pub kept: usize,
}

/// Decodes the quarantined events again, and stores those that decode now.
///
/// # Errors
/// Those of the store. Events that were released stay stored; the rest can be replayed again.
pub async fn replay_quarantine(
    store: &Store,
    contract_id: &ContractId,
    mut progress: impl FnMut(Replayed),
) -> Result<Replayed, StoreError> {
    let mut replayed = Replayed::default();
    let mut after = EventId::ZERO;
    let epoch = store.epoch().await?;
    loop {
        let kept = store.quarantined_after(contract_id, after, REPLAY_CHUNK).await?;
        let Some(last) = kept.last() else { return Ok(replayed) };
        after = last.raw.id;
        let count = kept.len();
        let decodes = |raw: &RawContractEvent| {
            !matches!(Incoming::decode(raw.clone(), store.harmless_fields()), Incoming::Quarantined(_))
        };
        let events: Vec<_> = kept.into_iter().map(|event| event.raw).filter(decodes).collect();
        replayed.released += events.len();
        replayed.kept += count - events.len();
        if !events.is_empty() {
            write_late(store, contract_id, epoch, LateEvents { events, ..LateEvents::default() }).await?;
        }
        progress(replayed);
    }
}
