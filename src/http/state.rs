//! What the handlers share.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use chrono::{DateTime, Utc};
use rand::{Rng, rngs::StdRng};
use tokio_util::sync::CancellationToken;

use super::{Limits, chain::ChainReader, problem::Problem};
use crate::{
    domain::{ContractId, StreamId, UnixTime},
    feed::Feed,
    store::{Store, StoreError},
};

/// Browsers return this long after a connection ends, spread so that they do not return at once.
const RETRY_MS: std::ops::RangeInclusive<u32> = 2_000..=7_000;

/// What every handler has at hand. Cheap to clone.
#[derive(Clone, Debug)]
pub struct HttpState {
    pub(super) store: Store,
    pub(super) feed: Feed,
    pub(super) contract_id: ContractId,
    pub(super) heartbeat: Duration,
    /// Further behind the tip than this is not ready.
    pub(super) max_lag_ledgers: u32,
    pub(super) soft_stop: CancellationToken,
    /// Who asks the chain, where an endpoint is configured.
    pub(super) chain: Option<ChainReader>,
    pub(super) limits: Limits,
    rng: Arc<Mutex<StdRng>>,
}

impl HttpState {
    /// Returns the state of a gateway that serves one contract. Event streams end when `soft_stop` is cancelled.
    #[must_use]
    pub fn new(
        store: Store,
        feed: Feed,
        contract_id: ContractId,
        heartbeat: Duration,
        max_lag_ledgers: u32,
        soft_stop: CancellationToken,
        rng: StdRng,
    ) -> Self {
        let rng = Arc::new(Mutex::new(rng));
        Self {
            store,
            feed,
            contract_id,
            heartbeat,
            max_lag_ledgers,
            soft_stop,
            chain: None,
            limits: Limits::none(),
            rng,
        }
    }

    /// Sets how much clients may ask for; without, they may ask for anything.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Gives the gateway somebody to ask the chain by.
    #[must_use]
    pub fn with_chain_reader(self, chain: Option<ChainReader>) -> Self {
        Self { chain, ..self }
    }

    fn random<T>(&self, draw: impl FnOnce(&mut StdRng) -> T) -> T {
        draw(&mut self.rng.lock().expect("nothing panics while it holds the generator"))
    }

    /// Returns how long a client should wait before it connects again, in milliseconds.
    pub(super) fn retry_ms(&self) -> u32 {
        self.random(|rng| rng.random_range(RETRY_MS))
    }

    /// Returns a new name for a connection.
    pub(super) fn client_id(&self) -> String {
        format!("{:016x}", self.random(Rng::random::<u64>))
    }

    /// Returns the close time of the last whole ledger, which is "now": the wall clock would count money that the chain
    /// has not. It is to be read before the records: one that is newer by then has less to claim at that time, never
    /// more.
    pub(super) async fn now(&self) -> Result<UnixTime, StoreError> {
        let progress = self.store.progress(&self.contract_id).await?;
        Ok(time_of(progress.and_then(|progress| progress.last_whole_ledger_closed_at)))
    }

    /// Reads a stream's id as a path names it: the number, or the contract and the number with a colon between.
    pub(super) fn stream_key(&self, text: &str) -> Result<(ContractId, StreamId), Problem> {
        let (contract_id, number) = match text.split_once(':') {
            Some((contract, number)) => {
                let contract_id = contract.parse().map_err(|rule| Problem::parameter("id", format!("{rule}")))?;
                (contract_id, number)
            }
            None => (self.contract_id.clone(), text),
        };
        let stream_id = number.parse().map_err(|rule| Problem::parameter("id", format!("{rule}")))?;
        Ok((contract_id, stream_id))
    }
}

/// Returns the time that a last whole ledger stands for; before the first is known nothing has accrued.
pub(super) fn time_of(closed_at: Option<DateTime<Utc>>) -> UnixTime {
    closed_at.map_or(UnixTime(0), UnixTime::of_close)
}
