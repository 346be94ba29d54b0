//! How the gateway decodes the quarantine again: as the command does.

use crate::{
    domain::ContractId,
    http::{QuarantineReplayer, Replayed},
    ingest::replay_quarantine,
    store::Store,
};

/// Returns a replayer of one contract's quarantine.
#[must_use]
pub fn quarantine_replayer(store: Store, contract_id: ContractId) -> QuarantineReplayer {
    QuarantineReplayer::new(move || {
        let (store, contract_id) = (store.clone(), contract_id.clone());
        Box::pin(async move {
            let replayed = replay_quarantine(&store, &contract_id, |_| {}).await?;
            Ok(Replayed { released: replayed.released, kept: replayed.kept })
        })
    })
}
