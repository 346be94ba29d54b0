//! How the gateway decodes the quarantine again: as the command does.

use crate::{
    domain::Contracts,
    http::{QuarantineReplayer, Replayed},
    ingest::replay_quarantine,
    store::Store,
};

/// Returns a replayer of the quarantine of these contracts, one after the other.
#[must_use]
pub fn quarantine_replayer(store: Store, contracts: Contracts) -> QuarantineReplayer {
    QuarantineReplayer::new(move || {
        let (store, contracts) = (store.clone(), contracts.clone());
        Box::pin(async move {
            let mut outcome = Replayed::default();
            for contract_id in contracts.iter() {
                let replayed = replay_quarantine(&store, contract_id, |_| {}).await?;
                outcome.released += replayed.released;
                outcome.kept += replayed.kept;
            }
            Ok(outcome)
        })
    })
}
