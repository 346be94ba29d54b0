//! What the handlers share.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use chrono::{DateTime, Utc};
use rand::{Rng, rngs::StdRng};
use tokio_util::sync::CancellationToken;

use super::{
    Limits, ServerSettings,
    chain_reader::{ChainReader, LimitedChainReader},
    openapi::words::named,
    parameters::One,
    problem::Problem,
    quarantine_replayer::{OneReplayer, QuarantineReplayer},
    query::{Parameter, Query, QueryTable},
    status_view::StatusScope,
    stream_text::StreamText,
    watch::Watch,
};
use crate::{
    auth::Auth,
    domain::{ContractId, Contracts, StreamKey, UnixTime},
    feed::{EncodingSlot, Feed},
    store::{Store, StoreError},
};

/// Browsers return this long after a connection ends, spread so that they do not return at once.
const RETRY_MS: std::ops::RangeInclusive<u32> = 2_000..=7_000;

/// One of the contracts that are followed, or that the database has.
pub(super) const CONTRACT: Parameter<One<ContractId>> =
    Parameter::new("contract", "Only streams of this contract.", || named("ContractId"));

/// What every handler has at hand. Cheap to clone.
#[derive(Clone, Debug)]
pub struct HttpState {
    pub(super) store: Store,
    /// Reads the health.
    pub(super) watch: Watch,
    pub(super) feed: Feed,
    /// Where encoded frames of events are kept.
    pub(super) sse_slot: EncodingSlot,
    pub(super) contracts: Contracts,
    pub(super) heartbeat: Duration,
    /// A subscriber that takes nothing for longer begins anew.
    pub(super) write_deadline: Duration,
    /// Further behind the tip than this is not ready.
    pub(super) max_lag_ledgers: u32,
    pub(super) soft_stop: CancellationToken,
    /// Asks the chain, where an endpoint is configured.
    pub(super) chain: Option<LimitedChainReader>,
    pub(super) limits: Limits,
    /// Decodes the quarantine again.
    pub(super) replayer: Option<OneReplayer>,
    /// Says which caller may read what; `None` where everybody may read everything.
    pub(super) auth: Option<Auth>,
    rng: Arc<Mutex<StdRng>>,
}

/// Draws how long a client should wait before it connects again, in milliseconds: not all are to return at once.
pub(super) fn random_retry_ms(rng: &mut StdRng) -> u32 {
    rng.random_range(RETRY_MS)
}

impl HttpState {
    /// Returns the state of a gateway of a database in which these contracts are followed. Event streams end when
    /// `soft_stop` is cancelled.
    #[must_use]
    pub fn new(
        store: Store,
        feed: Feed,
        contracts: Contracts,
        heartbeat: Duration,
        max_lag_ledgers: u32,
        soft_stop: CancellationToken,
        rng: StdRng,
    ) -> Self {
        let rng = Arc::new(Mutex::new(rng));
        Self {
            watch: Watch::new(store.clone()),
            store,
            sse_slot: feed.encoding_slot(),
            feed,
            contracts,
            heartbeat,
            write_deadline: ServerSettings::default().write_deadline,
            max_lag_ledgers,
            soft_stop,
            chain: None,
            limits: Limits::none(),
            replayer: None,
            auth: None,
            rng,
        }
    }

    /// Gives the health a store of its own; without, it waits for connections with the requests.
    #[must_use]
    pub fn with_health_store(self, store: Store) -> Self {
        Self { watch: Watch::new(store), ..self }
    }

    /// Sets how much clients may ask for; without, they may ask for anything.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Sets how long a subscriber may take nothing; without, a minute.
    #[must_use]
    pub fn with_write_deadline(self, write_deadline: Duration) -> Self {
        Self { write_deadline, ..self }
    }

    /// Sets who may read what; without, everybody may read everything.
    #[must_use]
    pub fn with_auth(self, auth: Option<Auth>) -> Self {
        Self { auth, ..self }
    }

    /// Lets operators replay the quarantine.
    #[must_use]
    pub fn with_quarantine_replayer(self, replayer: Option<Arc<dyn QuarantineReplayer>>) -> Self {
        Self { replayer: replayer.map(OneReplayer::new), ..self }
    }

    /// Lets callers ask for the contract's own record of a stream.
    #[must_use]
    pub fn with_chain_reader(self, reader: Option<Arc<dyn ChainReader>>) -> Self {
        Self { chain: reader.map(LimitedChainReader::new), ..self }
    }

    /// Returns what a status of this gateway is read of.
    pub(super) const fn status_scope(&self) -> StatusScope<'_> {
        StatusScope { contracts: &self.contracts, feed: &self.feed, max_lag_ledgers: self.max_lag_ledgers }
    }

    fn random<T>(&self, draw: impl FnOnce(&mut StdRng) -> T) -> T {
        draw(&mut self.rng.lock().expect("nothing panics while it holds the generator"))
    }

    /// Returns how long a client should wait before it connects again, in milliseconds.
    pub(super) fn retry_ms(&self) -> u32 {
        self.random(random_retry_ms)
    }

    /// Returns a new name for a connection.
    pub(super) fn client_id(&self) -> String {
        format!("{:016x}", self.random(Rng::random::<u64>))
    }

    /// Returns "now": the close time of the last whole ledger of the contract that is the furthest. By the wall clock,
    /// money would count that the chain does not have. Read it before the records: one that is newer by then has less
    /// to claim at that time, never more.
    pub(super) async fn now(&self) -> Result<UnixTime, StoreError> {
        let progress = self.store.feed_progress().await?;
        Ok(time_of(progress.and_then(|progress| progress.last_whole_ledger_closed_at)))
    }

    /// Reads a stream's id as a path names it.
    pub(super) fn stream_key(&self, text: &str) -> Result<StreamKey, Problem> {
        let stream = text.parse::<StreamText>().map_err(|rule| Problem::parameter("id", rule.to_string()))?;
        stream.key("id", &self.contracts)
    }

    /// Reads the parameter `contract`: one that is followed, or that the database has.
    pub(super) async fn contract<T: QueryTable>(&self, query: &Query<T>) -> Result<Option<ContractId>, Problem> {
        let Some(contract_id) = query.get(CONTRACT)? else { return Ok(None) };
        if self.contracts.contains(&contract_id) || self.store.contracts().await?.contains(&contract_id) {
            return Ok(Some(contract_id));
        }
        Err(CONTRACT.refuse(format!("{contract_id} is not followed here; /v1/status lists those that are")))
    }
}

/// Returns the time that a last whole ledger stands for; before the first is known nothing has accrued.
pub(super) fn time_of(closed_at: Option<DateTime<Utc>>) -> UnixTime {
    closed_at.map_or(UnixTime(0), UnixTime::of_close)
}
