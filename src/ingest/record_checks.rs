//! The slow loop beside the index: it asks a second endpoint for the events that were indexed lately, and compares a few
//! records of each contract with the chain. What fails is tried again at the next turn; it neither ends nor delays the
//! session.

use std::{collections::HashMap, convert::Infallible, future::pending, time::Duration};

use rand::{Rng, SeedableRng, rngs::StdRng};
use tokio::{sync::watch, time::sleep};
use tracing::debug;

use super::{second_opinion::AskingAgain, verify::RollingLook};
use crate::{
    domain::{ContractId, Epoch, EventId},
    source::EndpointPool,
    store::Store,
};

/// A difference is looked at again after this time, or after the interval if that is shorter.
const MOMENT: Duration = Duration::from_secs(1);

/// The checks of every contract that is followed.
pub(super) struct RecordChecks<'a> {
    pub(super) store: &'a Store,
    pub(super) source: &'a EndpointPool,
    pub(super) contract_ids: &'a [ContractId],
    /// The epoch that is indexed. Nothing is written to another.
    pub(super) epoch: Epoch,
    pub(super) interval: Duration,
    /// How many events to ask for at once.
    pub(super) page_limit: u32,
    pub(super) rng: StdRng,
}

impl RecordChecks<'_> {
    /// Takes a turn at each interval while the indexer works.
    pub(super) async fn run(mut self, mut works: watch::Receiver<bool>) -> Infallible {
        let mut heard_alone = HashMap::new();
        loop {
            sleep(self.interval).await;
            becomes(&mut works, true).await;
            tokio::select! {
                () = self.turn(&mut heard_alone) => {}
                () = becomes(&mut works, false) => {}
            }
        }
    }

    async fn turn(&mut self, heard_alone: &mut HashMap<ContractId, EventId>) {
        let (store, source, epoch) = (self.store, self.source, self.epoch);
        for contract_id in self.contract_ids {
            let heard_alone = heard_alone.entry(contract_id.clone()).or_insert(EventId::ZERO);
            let page_limit = self.page_limit;
            let mut asking = AskingAgain { store, source, contract_id, epoch, page_limit, heard_alone };
            if let Err(failure) = asking.ask().await {
                debug!(contract.id = %contract_id, "no second opinion on the events of {contract_id}: {failure}");
            }
            let look = RollingLook { store, source, contract_id, epoch, moment: MOMENT.min(self.interval) };
            if let Err(failure) = look.look(StdRng::seed_from_u64(self.rng.random())).await {
                debug!(contract.id = %contract_id, "the records of {contract_id} were not checked: {failure}");
            }
        }
    }
}

/// Waits until the indexer works, or until it does not; forever once there is no indexer.
async fn becomes(works: &mut watch::Receiver<bool>, wanted: bool) {
    let known = works.wait_for(|works| *works == wanted).await.is_ok();
    if !known {
        pending::<()>().await;
    }
}
