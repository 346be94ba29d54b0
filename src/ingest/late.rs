//! What comes late, behind the cursor: events that are decoded and stored, entries that were read from the chain. Their
//! streams are folded again. Never sent live.

use std::collections::BTreeSet;

use super::batcher::Incoming;
use crate::{
    decode::decode_stream_ledger_entry,
    domain::{
        Baseline, ContractEvent, ContractId, CoverageSource, Epoch, EventId, LedgerRange, RawBaseline,
        RawContractEvent, StreamId, baselines_in_order,
    },
    store::{Batch, CaughtUp, LateRows, Repair, Repaired, Store, StoreError},
};

/// So many events that are kept raw are decoded again at once.
const REPLAY_CHUNK: u32 = 1_000;

/// What comes late.
#[derive(Clone, Debug, Default)]
pub struct LateEvents {
    /// The events as they came, in any order; those that are stored already change nothing.
    pub events: Vec<RawContractEvent>,
    /// The ledgers that were seen whole with them, and where.
    pub covered: Option<(LedgerRange, CoverageSource)>,
}

/// Writes late events that were read in an epoch, and folds again every stream that they belong to or speak of. What
/// lies after the cursor is left out: it comes by itself. `None` before the contract's index began.
///
/// # Errors
/// [`StoreError::OtherEpoch`] if the network started over since; those of the store. Nothing was written then.
pub async fn write_late(
    store: &Store,
    contract_id: &ContractId,
    epoch: Epoch,
    late: LateEvents,
) -> Result<Option<Repaired>, StoreError> {
    let Some(repair) = store.begin_repair(contract_id, epoch).await? else { return Ok(None) };
    let position = repair.position();
    let covered = late.covered.filter(|(ledgers, _)| ledgers.to() <= position.last_whole_ledger());
    let mut rows = LateRows { covered, ..LateRows::default() };
    for raw in late.events.into_iter().filter(|raw| raw.id <= position) {
        match Incoming::decode(raw) {
            Incoming::Event(event) => rows.events.push(event),
            Incoming::Upgrade(upgrade) => rows.upgrades.push(upgrade),
            Incoming::Quarantined(event) => rows.quarantined.push(event),
        }
    }
    write_with_stored(repair, rows, BTreeSet::new()).await.map(Some)
}

/// Folds streams again from what is stored of them.
///
/// # Errors
/// As [`write_late`].
pub(super) async fn fold_again(
    store: &Store,
    contract_id: &ContractId,
    epoch: Epoch,
    streams: &[StreamId],
) -> Result<(), StoreError> {
    let Some(repair) = store.begin_repair(contract_id, epoch).await? else { return Ok(()) };
    write_with_stored(repair, LateRows::default(), streams.iter().copied().collect()).await?;
    Ok(())
}

/// Sets the records of streams from what the chain stores of them.
///
/// # Errors
/// Those of the store. Nothing was written then.
pub(super) async fn write_baselines(
    repair: Repair,
    baselines: impl IntoIterator<Item = Baseline>,
) -> Result<Repaired, StoreError> {
    let rows = LateRows { baselines: baselines_in_order(baselines), ..LateRows::default() };
    write_with_stored(repair, rows, BTreeSet::new()).await
}

/// Writes rows of a contract that is catching up, with the position that they lead to, up to where the others stand.
/// That can be inside a transaction of which the others have nothing more; it is written to its end. `None` if the
/// contract does not stand where its reader left it.
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
    let repair = store.begin_repair(contract_id, epoch).await?.filter(|repair| repair.position() == from);
    let Some(repair) = repair else { return Ok(None) };
    let position = batch.position.min(to);
    let is_due = |raw: &RawContractEvent| raw.id <= to || raw.id.same_transaction(to);
    let seen = LedgerRange::new(from.last_whole_ledger().next(), position.last_whole_ledger());
    let closed_at = batch.last_whole_ledger_closed_at.filter(|_| position == batch.position);
    let mut rows = LateRows {
        events: batch.events,
        upgrades: batch.upgrades,
        quarantined: batch.quarantined,
        covered: seen.zip(batch.covered_by),
        caught_up: Some(CaughtUp { position, last_whole_ledger_closed_at: closed_at }),
        ..LateRows::default()
    };
    rows.events.retain(|event| is_due(&event.raw));
    rows.upgrades.retain(|event| is_due(&event.raw));
    rows.quarantined.retain(|event| is_due(&event.raw));
    write_with_stored(repair, rows, BTreeSet::new()).await?;
    Ok(Some(position))
}

/// Adds what is stored of the streams that get new rows, and of `others`: all of them are folded from all of their
/// baselines and events.
async fn write_with_stored(
    mut repair: Repair,
    mut rows: LateRows,
    others: BTreeSet<StreamId>,
) -> Result<Repaired, StoreError> {
    let spoken_of = rows.quarantined.iter().filter_map(|event| event.stream_id);
    let of_events = rows.events.iter().filter_map(|event| event.event.stream_id());
    let streams: BTreeSet<StreamId> =
        of_events.chain(spoken_of).chain(rows.baselines.keys().copied()).chain(others).collect();
    let streams: Vec<StreamId> = streams.into_iter().collect();
    let stored = repair.stored_events_of(&streams).await?;
    rows.stored = stored.iter().map(|raw| raw.id).collect();
    rows.events.extend(stored.into_iter().filter_map(decode_again));
    let baselines = repair.baselines_of(&streams).await?;
    let stored: Vec<Baseline> = baselines.into_iter().map(decode_baseline).collect::<Result<_, _>>()?;
    rows.baselines = baselines_in_order(stored.into_iter().chain(rows.baselines.into_values().flatten()));
    repair.write(rows).await
}

fn decode_baseline(raw: RawBaseline) -> Result<Baseline, StoreError> {
    let entry = decode_stream_ledger_entry(&raw.entry_xdr)
        .map_err(|refusal| StoreError::Corrupt(format!("the stored entry of stream {}: {refusal}", raw.stream_id)))?;
    Ok(Baseline { raw, entry })
}

/// A stored event decoded once. One that does not any more stays as it is and is left out of its record.
fn decode_again(raw: RawContractEvent) -> Option<ContractEvent> {
    match Incoming::decode(raw) {
        Incoming::Event(event) => Some(event),
        Incoming::Upgrade(_) | Incoming::Quarantined(_) => None,
    }
}

/// What a replay of the quarantine came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Replayed {
    /// Events that decode now and were stored.
    pub released: usize,
    /// Events that still do not.
    pub kept: usize,
}

/// Decodes again what is kept raw, and stores what decodes now.
///
/// # Errors
/// Those of the store. What was replayed before stays so; the rest can be replayed again.
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
        let decodes = |raw: &RawContractEvent| !matches!(Incoming::decode(raw.clone()), Incoming::Quarantined(_));
        let events: Vec<_> = kept.into_iter().map(|event| event.raw).filter(decodes).collect();
        replayed.released += events.len();
        replayed.kept += count - events.len();
        if !events.is_empty() {
            write_late(store, contract_id, epoch, LateEvents { events, covered: None }).await?;
        }
        progress(replayed);
    }
}
