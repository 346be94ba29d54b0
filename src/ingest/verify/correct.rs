//! Records set from the chain's entries, while no batch is committed. The entries are kept as baselines, so that what
//! comes late does not undo them.

use std::collections::{BTreeMap, BTreeSet};

use tracing::info;

use super::compare::{Finding, Seen};
use crate::{
    domain::{Baseline, ContractId, Epoch, EventId, FieldDifference, LedgerSequence, RawBaseline, StreamId},
    ingest::{error::IngestError, late::write_baselines},
    store::Store,
};

/// Sets the records of these streams from what was seen of the chain, and returns those that were set. The others moved
/// meanwhile: the chain's entry holds events that are still to come.
///
/// An entry that last changed in a ledger which is indexed whole is the same at the end of every later ledger up to the
/// answer's: events after that are applied to it. Those of `missed_in` have no event in the ledger that changed them last.
pub(super) async fn from_chain(
    store: &Store,
    contract_id: &ContractId,
    epoch: Epoch,
    seen: &Seen,
    (wanted, missed_in): (&BTreeSet<StreamId>, &BTreeMap<StreamId, LedgerSequence>),
) -> Result<Vec<StreamId>, IngestError> {
    let mut set = Vec::new();
    let baselines_at = |stands_at: EventId| {
        let whole = stands_at.last_whole_ledger();
        let position = EventId::end_of_ledger(whole.min(seen.at_ledger));
        let baseline = |stream_id: &StreamId| {
            let found = seen.entry_of(*stream_id).filter(|found| found.last_modified <= whole)?;
            let raw = RawBaseline {
                stream_id: *stream_id,
                position,
                entry_xdr: found.xdr.clone(),
                last_modified_ledger: found.last_modified,
                live_until_ledger: found.live_until,
            };
            Some(Baseline { raw, entry: found.entry.clone().ok()? })
        };
        let baselines: Vec<Baseline> = wanted.iter().filter_map(baseline).collect();
        set = baselines.iter().map(|baseline| baseline.raw.stream_id).collect();
        let corrections = set.iter().flat_map(|stream_id| differences(seen, *stream_id)).collect();
        (baselines, corrections)
    };
    write_baselines(store, contract_id, epoch, missed_in, baselines_at).await?;
    for stream_id in &set {
        info!(stream.id = %stream_id, "stream {stream_id} was set from the chain: {}", was(seen, *stream_id));
    }
    Ok(set)
}

fn differences(seen: &Seen, stream_id: StreamId) -> Vec<(StreamId, FieldDifference)> {
    let found = match seen.find(stream_id) {
        Finding::Different(found) => found,
        _ => Vec::new(),
    };
    found.into_iter().map(|found| (stream_id, found.into())).collect()
}

/// Says what it was before.
fn was(seen: &Seen, stream_id: StreamId) -> String {
    match seen.find(stream_id) {
        Finding::Different(differences) => {
            let was: Vec<String> =
                differences.iter().map(|found| format!("{} was {}", found.field, found.ours)).collect();
            was.join(", ")
        }
        Finding::Missing => "there was no record".to_owned(),
        _ => "it was equal and marked as unverified".to_owned(),
    }
}
