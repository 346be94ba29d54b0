//! Changes of the chain's entries that no event of ours explains: one was missed, so the ledger is to be read again.

use std::collections::BTreeMap;

use super::compare::Seen;
use crate::{
    domain::{ContractId, Epoch, LedgerSequence, StreamId},
    ingest::error::IngestError,
    store::Store,
};

/// Withdraws the coverage of ledgers that changed these streams without an event. It goes before the records are set, so
/// that a correction never hides a missed event. Returns these streams, each with its ledger.
pub(super) async fn withdraw(
    store: &Store,
    contract_id: &ContractId,
    epoch: Epoch,
    seen: &Seen,
    streams: impl IntoIterator<Item = StreamId>,
) -> Result<BTreeMap<StreamId, LedgerSequence>, IngestError> {
    let changed = streams.into_iter().filter_map(|stream_id| Some((stream_id, seen.changed_in(stream_id)?)));
    let changed: Vec<(StreamId, LedgerSequence)> = changed.collect();
    Ok(store.withdraw_unexplained(contract_id, epoch, &changed).await?)
}
