//! The state that the handlers share.

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
    status_cache::StatusCache,
    status_view::StatusScope,
    stream_text::StreamText,
    summaries::Summaries,
};
use crate::{
    auth::Auth,
    domain::{ContractId, Contracts, StreamKey, UnixTime},
    feed::{EncodingSlot, Feed},
    store::{Store, StoreError},
};

/// Browsers reconnect this long after a connection ends, randomized so that they do not all return at once.
const RETRY_MS: std::ops::RangeInclusive<u32> = 2_000..=7_000;

/// A contract that is followed, or that the database has.
pub(super) const CONTRACT: Parameter<One<ContractId>> =
    Parameter::new("contract", "Only streams of this contract.", || named("ContractId"));

/// What every handler can use. Cheap to clone.
#[derive(Clone, Debug)]
pub struct HttpState {
    pub(super) store: Store,
    /// Reads the status and the health.
    pub(super) status_cache: StatusCache,
    pub(super) summaries: Summaries,
    pub(super) feed: Feed,
    /// The place for encoded frames of events.
    pub(super) sse_slot: EncodingSlot,
    pub(super) contracts: Contracts,
    pub(super) heartbeat: Duration,
    /// A subscriber that reads nothing for longer is told to resume.
    pub(super) write_deadline: Duration,
    /// The index is not ready if it is further behind the tip than this.
    pub(super) max_lag_ledgers: u32,
    pub(super) soft_stop: CancellationToken,
    /// Reads from the chain, if an endpoint is configured.
    pub(super) chain: Option<LimitedChainReader>,
    pub(super) limits: Limits,
    /// Replays the quarantine.
    pub(super) replayer: Option<OneReplayer>,
    /// Decides which caller may read what; `None` if everybody may read everything.
    pub(super) auth: Option<Auth>,
    rng: Arc<Mutex<StdRng>>,
}

/// Returns a random time for a client to wait before it reconnects, in milliseconds: clients must not all return at
/// once.
pub(super) fn random_retry_ms(rng: &mut StdRng) -> u32 {
    rng.random_range(RETRY_MS)
}

impl HttpState {
    /// Returns the state of a gateway to a database in which these contracts are followed. Event streams end when
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
            status_cache: StatusCache::new(store.clone()),
            summaries: Summaries::default(),
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

    /// Gives the status and the health a store of their own; without, they wait for connections with the requests.
    #[must_use]
    pub fn with_health_store(self, store: Store) -> Self {
        Self { status_cache: self.status_cache.with_store(store), ..self }
    }

    /// Sets for how long a reading of the status serves everybody; without, a second.
    #[must_use]
    pub fn with_status_fresh_for(self, fresh_for: Duration) -> Self {
        Self { status_cache: self.status_cache.with_fresh_for(fresh_for), ..self }
    }

    /// Sets the clients' limits. Without them, clients are not limited.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Sets how long a subscriber may read nothing. The default is a minute.
    #[must_use]
    pub fn with_write_deadline(self, write_deadline: Duration) -> Self {
        Self { write_deadline, ..self }
    }

    /// Sets who may read what. Without it, everybody may read everything.
    #[must_use]
    pub fn with_auth(self, auth: Option<Auth>) -> Self {
        Self { auth, ..self }
    }

    /// Lets operators replay the quarantine.
    #[must_use]
    pub fn with_quarantine_replayer(self, replayer: Option<Arc<dyn QuarantineReplayer>>) -> Self {
        Self { replayer: replayer.map(OneReplayer::new), ..self }
    }

    /// Lets callers read the contract's own record of a stream.
    #[must_use]
    pub fn with_chain_reader(self, reader: Option<Arc<dyn ChainReader>>) -> Self {
        Self { chain: reader.map(LimitedChainReader::new), ..self }
    }

    /// Returns what the status of this gateway depends on.
    pub(super) const fn status_scope(&self) -> StatusScope<'_> {
        StatusScope { contracts: &self.contracts, feed: &self.feed, max_lag_ledgers: self.max_lag_ledgers }
    }

    fn random<T>(&self, draw: impl FnOnce(&mut StdRng) -> T) -> T {
        draw(&mut self.rng.lock().expect("no thread panics while it holds the generator"))
    }

    /// Returns a random time for a client to wait before it reconnects, in milliseconds.
    pub(super) fn retry_ms(&self) -> u32 {
        self.random(random_retry_ms)
    }

    /// Returns a new name for a connection.
    pub(super) fn client_id(&self) -> String {
        format!("{:016x}", self.random(Rng::random::<u64>))
    }

    /// Returns "now": the close time of the last whole ledger of the contract that is furthest ahead. The wall clock
    /// would count money that the chain does not have yet. Read it before the records: a record that is newer by then
    /// has less to claim at that time, never more.
    pub(super) async fn now(&self) -> Result<UnixTime, StoreError> {
        let progress = self.store.feed_progress().await?;
        Ok(time_of(progress.and_then(|progress| progress.last_whole_ledger_closed_at)))
    }

    /// Parses a stream's id from a path.
    pub(super) fn stream_key(&self, text: &str) -> Result<StreamKey, Problem> {
        let stream = text.parse::<StreamText>().map_err(|rule| Problem::parameter("id", rule.to_string()))?;
        stream.key("id", &self.contracts)
    }

    /// Reads the parameter `contract`: a contract that is followed, or that the database has.
    pub(super) async fn contract<T: QueryTable>(&self, query: &Query<T>) -> Result<Option<ContractId>, Problem> {
        let Some(contract_id) = query.get(CONTRACT)? else { return Ok(None) };
        if self.contracts.contains(&contract_id) || self.store.contracts().await?.contains(&contract_id) {
            return Ok(Some(contract_id));
        }
        Err(CONTRACT.refuse(format!("{contract_id} is not followed here; /v1/status lists those that are")))
    }
}

/// Returns the time that a last whole ledger stands for. Before the first one is known, nothing has accrued.
pub(super) fn time_of(closed_at: Option<DateTime<Utc>>) -> UnixTime {
    closed_at.map_or(UnixTime(0), UnixTime::of_close)
}
