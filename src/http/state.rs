//! The state that the handlers share.

use std::{
    ops::Deref,
    sync::{Arc, Mutex},
    time::Duration,
};

use chrono::{DateTime, Utc};
use rand::{Rng, SeedableRng, rngs::StdRng};

use super::{
    Limits,
    chain_reader::{ChainReader, LimitedChainReader},
    openapi::words::named,
    parameters::One,
    problem::Problem,
    quarantine_replayer::{OneReplayer, QuarantineReplayer},
    query::{Parameter, Query, QueryTable},
    server_settings::ServerSettings,
    status_cache::StatusCache,
    status_view::StatusScope,
    stream_text::StreamText,
    summaries::Summaries,
};
use crate::{
    auth::{Auth, Tickets},
    domain::{ContractId, Contracts, StreamKey, SystemClock, UnixTime},
    feed::{EncodingSlot, Feed},
    store::{Store, StoreError},
};

/// Browsers reconnect this long after a connection ends, randomized so that they do not all return at once.
const RETRY_MS: std::ops::RangeInclusive<u32> = 2_000..=7_000;

/// A contract that is followed, or that the database has.
pub(super) const CONTRACT: Parameter<One<ContractId>> =
    Parameter::new("contract", "Only streams of this contract.", || named("ContractId"));

/// What every handler can use. Cheap to clone: each open event stream keeps one.
#[derive(Clone, Debug)]
pub struct HttpState(Arc<Shared>);

/// The one copy of it.
#[derive(Clone, Debug)]
pub struct Shared {
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
    /// Reads from the chain, if an endpoint is configured.
    pub(super) chain: Option<LimitedChainReader>,
    pub(super) limits: Limits,
    /// Replays the quarantine.
    pub(super) replayer: Option<OneReplayer>,
    /// Decides which caller may read what; `None` if everybody may read everything.
    pub(super) auth: Option<Auth>,
    /// The tickets of a service that asks for no token.
    open_tickets: Tickets,
    rng: Arc<Mutex<StdRng>>,
}

impl Deref for HttpState {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

/// Returns a random time for a client to wait before it reconnects, in milliseconds: clients must not all return at
/// once.
pub(super) fn random_retry_ms(rng: &mut StdRng) -> u32 {
    rng.random_range(RETRY_MS)
}

impl HttpState {
    /// Returns the state of a gateway to a database in which these contracts are followed.
    #[must_use]
    pub fn new(
        store: Store,
        feed: Feed,
        contracts: Contracts,
        heartbeat: Duration,
        max_lag_ledgers: u32,
        mut rng: StdRng,
    ) -> Self {
        let of_tickets = StdRng::from_rng(&mut rng);
        let rng = Arc::new(Mutex::new(rng));
        Self(Arc::new(Shared {
            status_cache: StatusCache::new(store.clone()),
            summaries: Summaries::default(),
            open_tickets: Tickets::new(store.primary().clone(), Arc::new(SystemClock), of_tickets),
            store,
            sse_slot: feed.encoding_slot(),
            feed,
            contracts,
            heartbeat,
            write_deadline: ServerSettings::default().write_deadline,
            max_lag_ledgers,
            chain: None,
            limits: Limits::none(),
            replayer: None,
            auth: None,
            rng,
        }))
    }

    fn changed(self, change: impl FnOnce(&mut Shared)) -> Self {
        let mut shared = Arc::unwrap_or_clone(self.0);
        change(&mut shared);
        Self(Arc::new(shared))
    }

    /// Gives the status and the health a store of their own; without, they wait for connections with the requests.
    #[must_use]
    pub fn with_health_store(self, store: Store) -> Self {
        self.changed(|shared| shared.status_cache = shared.status_cache.clone().with_store(store))
    }

    /// Sets for how long a reading of the status serves everybody; without, a second.
    #[must_use]
    pub fn with_status_fresh_for(self, fresh_for: Duration) -> Self {
        self.changed(|shared| shared.status_cache = shared.status_cache.clone().with_fresh_for(fresh_for))
    }

    /// Sets the clients' limits. Without them, clients are not limited.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        self.changed(|shared| shared.limits = limits)
    }

    /// Sets how long a subscriber may read nothing. The default is a minute.
    #[must_use]
    pub fn with_write_deadline(self, write_deadline: Duration) -> Self {
        self.changed(|shared| shared.write_deadline = write_deadline)
    }

    /// Sets who may read what. Without it, everybody may read everything.
    #[must_use]
    pub fn with_auth(self, auth: Option<Auth>) -> Self {
        self.changed(|shared| shared.auth = auth)
    }

    /// Lets operators replay the quarantine.
    #[must_use]
    pub fn with_quarantine_replayer(self, replayer: Option<Arc<dyn QuarantineReplayer>>) -> Self {
        self.changed(|shared| shared.replayer = replayer.map(OneReplayer::new))
    }

    /// Lets callers read the contract's own record of a stream.
    #[must_use]
    pub fn with_chain_reader(self, reader: Option<Arc<dyn ChainReader>>) -> Self {
        self.changed(|shared| shared.chain = reader.map(LimitedChainReader::new))
    }

    /// Returns the tickets that this gateway issues and accepts.
    pub(super) fn tickets(&self) -> &Tickets {
        self.auth.as_ref().map_or(&self.open_tickets, Auth::tickets)
    }

    /// Returns what the status of this gateway depends on.
    pub(super) fn status_scope(&self) -> StatusScope<'_> {
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
