//! Replays the quarantine for the gateway, in the same way as the command.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::{
    domain::Contracts,
    http::{QuarantineReplayer, Replayed},
    ingest::replay_quarantine,
    store::{Store, StoreError},
};

/// Returns a replayer of the quarantine of these contracts, which handles one after the other.
#[must_use]
pub fn quarantine_replayer(store: Store, contracts: Contracts) -> Arc<dyn QuarantineReplayer> {
    Arc::new(ByContract { store, contracts })
}

struct ByContract {
    store: Store,
    contracts: Contracts,
}

impl QuarantineReplayer for ByContract {
    fn replay(&self) -> BoxFuture<'_, Result<Replayed, StoreError>> {
        Box::pin(async move {
            let mut outcome = Replayed::default();
            for contract_id in self.contracts.iter() {
                let replayed = replay_quarantine(&self.store, contract_id, |_| {}).await?;
                outcome.released += replayed.released;
                outcome.kept += replayed.kept;
            }
            Ok(outcome)
        })
    }
}
