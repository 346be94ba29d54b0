//! One seed: a small world, its random history, and its end.

use std::{
    fs,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use flowfi_indexer::{
    devnet::{DevnetArgs, Repertoire},
    domain::{ContractId, Contracts, EventId, StreamId},
    ingest::{Follow, Indexer, IngestSettings, OnReset, PaceArgs, RecordState, Waits},
    source::{EndpointPool, Lake, WholeLedgers},
    store::Store,
};
use rand::{Rng, SeedableRng, rngs::StdRng};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;

use crate::{
    abilities::Abilities,
    chain::{Chain, ORACLE},
    client::{Client, Gateways},
    daemon::{GatewayProcess, IndexerProcess, serve},
    database::Database,
    epochs::Epochs,
    losses::Losses,
    maintenance::Maintenance,
    silent_line::SilentLine,
    watch::watch,
};

/// The endpoints of a daemon, in order of preference.
pub const ENDPOINTS: [&str; 3] = ["a", "b", "c"];
/// An endpoint with every ledger and without faults; only used for whole ledgers.
pub const ARCHIVE: &str = "archive";
/// Everything takes a second or two. A busy machine gets far more than it can need: only a history that fails waits
/// this long.
pub const DEADLINE: Duration = Duration::from_mins(2);
/// After this long, the state of everything is reported.
const LONG_WAIT: Duration = Duration::from_secs(8);
/// How the description of a missed deadline begins.
pub const MISSED_DEADLINE: &str = "did not happen within";
/// Never within a seed: a second opinion would repair what the follower missed before the judge sees it.
const CHECK_INTERVAL: Duration = Duration::from_hours(1);
const LOOK: Duration = Duration::from_millis(5);

/// Who fills a hole in the endpoints' events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filler {
    /// Nobody: it is given up.
    Nobody,
    Lake,
    GetLedgers,
}

/// A worker's own resources, used by one seed after the other.
pub struct Place {
    pub database: Database,
    pub http: reqwest::Client,
    pub lake_folder: PathBuf,
    /// For a lake of the chain before the last reset.
    pub old_lake_folder: PathBuf,
}

pub struct World<'a> {
    pub place: &'a Place,
    pub rng: StdRng,
    began: Instant,
    /// What was done, for whoever has to find out why it failed.
    pub story: Vec<String>,
    pub chain: Chain,
    pub filler: Filler,
    pub abilities: Abilities,
    base: String,
    endpoints: usize,
    page_limit: u32,
    pub indexers: Vec<IndexerProcess>,
    pub gateway_processes: Vec<GatewayProcess>,
    gateways: Gateways,
    pub clients: Vec<Client>,
    pub losses: Losses,
    pub epochs: Epochs,
    pub maintenance: Maintenance,
    /// Whether the stray endpoint belongs to another chain.
    pub is_astray: bool,
    broken: Arc<Mutex<Option<String>>>,
    _tasks: JoinSet<()>,
    stop: CancellationToken,
}

impl Drop for World<'_> {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl<'a> World<'a> {
    pub async fn new(seed: u64, place: &'a Place) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        place.database.clear().await;
        let _ = fs::remove_dir_all(&place.lake_folder);
        let _ = fs::remove_dir_all(&place.old_lake_folder);
        let filler = [Filler::Nobody, Filler::Lake, Filler::GetLedgers][rng.random_range(0..3)];
        let history_events = if rng.random_ratio(1, 4) { rng.random_range(1..150) } else { 0 };
        let page_limit = if rng.random_ratio(1, 3) { 10_000 } else { rng.random_range(1..20) };
        let endpoints = rng.random_range(1..=ENDPOINTS.len());
        let abilities = Abilities::of(seed, &ENDPOINTS[..endpoints]);
        let lake_dir = Some(place.lake_folder.clone());
        let by_hand = DevnetArgs { history_events, seed, lake_dir, ..DevnetArgs::by_hand() };
        let mut chain = match abilities.second_version {
            None => Chain::new(&by_hand, Repertoire::Older),
            Some(contract_code) => Chain::new(&DevnetArgs { contract_code, ..by_hand }, Repertoire::Both),
        };
        let (mut tasks, stop) = (JoinSet::new(), CancellationToken::new());
        let base = serve(&mut tasks, chain.devnet.router(), stop.clone()).await;
        chain.read_at(&base).await;
        let broken = Arc::default();
        let epochs = Epochs::default();
        let watched = watch(place.database.control.clone(), epochs.most(), Arc::clone(&broken));
        tasks.spawn(watched);
        let size = format!("{filler:?}, {endpoints} endpoints, pages of {page_limit}, {history_events} events before");
        let story = vec![size, format!("{abilities:?}")];
        Self {
            place,
            rng,
            began: Instant::now(),
            story,
            chain,
            filler,
            abilities,
            base,
            endpoints,
            page_limit,
            indexers: Vec::new(),
            gateway_processes: Vec::new(),
            gateways: Gateways::default(),
            clients: Vec::new(),
            losses: Losses::default(),
            epochs,
            maintenance: Maintenance::default(),
            is_astray: false,
            broken,
            _tasks: tasks,
            stop,
        }
    }

    /// Returns the lake of the previous chain, which nobody has removed from the configuration.
    async fn old_lake(&self) -> Option<WholeLedgers> {
        let location = self.epochs.old_lake.as_ref()?.to_str().unwrap();
        let lake = Lake::open(location, self.chain.devnet.passphrase(), 4, StdRng::seed_from_u64(7)).await.unwrap();
        Some(WholeLedgers::of_lake(lake).unwrap())
    }

    /// Returns the lakes that an operator configures: the one that the network writes, preceded by an outdated one if
    /// there is one.
    pub async fn lakes(&self) -> Vec<WholeLedgers> {
        self.old_lake().await.into_iter().chain([self.lake().await]).collect()
    }

    /// Returns how long everything has taken so far.
    pub fn took(&self) -> Duration {
        self.began.elapsed()
    }

    pub fn tell(&mut self, what: impl Into<String>) {
        self.story.push(format!("{:>5} ms {}", self.began.elapsed().as_millis(), what.into()));
    }

    /// Describes the state of the index, for whoever has to find out why the world failed.
    pub async fn tell_how_it_stands(&mut self) {
        let network = self.control().network().await;
        self.tell(format!("the index: {network:?}, up to {:?}", self.cursor().await));
        let reports = "select state || ': ' || coalesce(detail, '') from indexer_reports";
        let reports: Vec<String> =
            sqlx::query_scalar(reports).fetch_all(&self.place.database.control).await.unwrap_or_default();
        self.tell(format!("the indexers' last reports: {reports:?}; running: {}", self.indexers.len()));
        let contract_id = self.contract_id();
        for (stream_id, _) in self.control().uncertain_streams(&contract_id, StreamId(0), 10).await.unwrap_or_default()
        {
            let record = self.control().stream(&contract_id, stream_id).await;
            let entry = self.chain.devnet.stream_entry(stream_id);
            self.tell(format!("not compared with the chain: {record:?}; the chain: {entry:?}"));
        }
        for session in self.place.database.sessions().await {
            self.tell(format!("session {session}"));
        }
        let subscribers: Vec<String> = self.clients.iter().map(|client| client.log.lock().unwrap().summary()).collect();
        for (number, summary) in subscribers.iter().enumerate() {
            self.tell(format!("subscriber {number}: {summary}"));
        }
    }

    pub fn endpoints(&self) -> &'static [&'static str] {
        &ENDPOINTS[..self.endpoints]
    }

    pub fn contract_id(&self) -> ContractId {
        self.chain.devnet.contract_id()
    }

    pub async fn store(&self) -> Store {
        self.place.database.store().await
    }

    /// Opens a store for a process of its own, together with a line that can fall silent, in worlds with silent lines.
    async fn store_of_a_daemon(&self) -> (Store, Option<SilentLine>) {
        if self.abilities.stalls {
            let (store, line) = self.place.database.store_over_a_line().await;
            return (store, Some(line));
        }
        (self.store().await, None)
    }

    /// Returns a store without the faults of a daemon's.
    pub fn control(&self) -> Store {
        Store::on(self.place.database.control.clone())
    }

    /// Opens the lake that the network writes, as an operator does.
    pub async fn lake(&self) -> WholeLedgers {
        let location = self.place.lake_folder.to_str().unwrap();
        let rng = StdRng::seed_from_u64(7);
        WholeLedgers::of_lake(Lake::open(location, self.chain.devnet.passphrase(), 4, rng).await.unwrap()).unwrap()
    }

    /// Returns the endpoint without faults.
    pub fn oracle(&self) -> EndpointPool {
        self.chain.pool(&self.base, &[ORACLE], 7)
    }

    async fn whole_ledgers(&self) -> Vec<WholeLedgers> {
        match self.filler {
            Filler::Nobody => Vec::new(),
            Filler::Lake => self.lakes().await,
            Filler::GetLedgers => {
                let pool = self.chain.pool(&self.base, &[ARCHIVE], 7);
                vec![WholeLedgers::of_endpoints(pool, StdRng::seed_from_u64(7)).unwrap()]
            }
        }
    }

    /// Starts an indexer. One with another lock only learns of the others through the fence.
    pub async fn start_indexer(&mut self, with_another_lock: bool) {
        let (store, line) = if with_another_lock {
            (self.place.database.store_with_another_lock().await, None)
        } else {
            self.store_of_a_daemon().await
        };
        let seed = self.rng.random();
        let state = if self.abilities.second_version.is_some() { RecordState::Both } else { RecordState::Events };
        let settings = IngestSettings {
            network_passphrase: self.chain.devnet.passphrase().to_owned(),
            contracts: self.contract_id().into(),
            pace: PaceArgs {
                start_ledger: None,
                poll_interval: Duration::from_millis(10),
                page_limit: self.page_limit,
                check_interval: CHECK_INTERVAL,
                records: state.into(),
                follow: Follow::Events,
            },
            on_reset: if self.abilities.archives() { OnReset::Archive } else { OnReset::Stop },
            waits: Waits {
                first_backoff: Duration::from_millis(20),
                standby: Duration::from_millis(20),
                hole: Duration::from_millis(50),
                comparison: Duration::from_millis(20),
            },
            seed,
        };
        let source = self.chain.pool(&self.base, self.endpoints(), seed);
        let indexer = Indexer::new(source, self.whole_ledgers().await, store, settings);
        self.indexers.push(IndexerProcess::start(indexer, line));
    }

    pub async fn start_gateway(&mut self) {
        let ring_events = [3, 20, 10_000][self.rng.random_range(0..3)];
        let contracts: Contracts = self.contract_id().into();
        loop {
            let started = GatewayProcess::start(self.store_of_a_daemon().await, contracts.clone(), ring_events).await;
            match started {
                Ok(process) => {
                    self.gateways.lock().unwrap().push(process.gateway.clone());
                    self.gateway_processes.push(process);
                    return;
                }
                Err(failure) => assert!(failure.is_unavailable(), "a gateway did not start: {failure}"),
            }
        }
    }

    pub async fn restart_gateway(&mut self) {
        if !self.gateway_processes.is_empty() {
            let which = self.rng.random_range(0..self.gateway_processes.len());
            self.gateways.lock().unwrap().remove(which);
            drop(self.gateway_processes.remove(which));
        }
        self.start_gateway().await;
    }

    pub fn add_client(&mut self, client: crate::client::Plan) {
        self.clients.push(Client::start(client, Arc::clone(&self.gateways), self.place.http.clone()));
    }

    /// Ends every indexer, with everything that it had begun in the database.
    pub async fn end_indexers(&mut self) {
        self.indexers.clear();
        self.place.database.end_connections().await;
    }

    /// Returns a violation, if there is one.
    pub fn check(&mut self) -> Result<(), String> {
        let indexers = self.indexers.iter_mut().find_map(IndexerProcess::failure);
        let gateways = || self.gateway_processes.iter_mut().find_map(GatewayProcess::failure);
        let clients = || self.clients.iter().find_map(|client| client.log.lock().unwrap().failure.clone());
        let was_reset = || self.clients.iter().find_map(|client| client.log.lock().unwrap().reset.clone());
        let reset =
            || was_reset().filter(|_| self.epochs.past.is_empty()).map(|why| format!("a client was reset {why}"));
        let broken = || self.broken.lock().unwrap().clone();
        match indexers.or_else(gateways).or_else(clients).or_else(reset).or_else(broken) {
            Some(failure) => Err(failure),
            None => self.check_maintenance(),
        }
    }

    /// Lets everything run for a moment.
    pub async fn let_run(&mut self, most_ms: u64) {
        let moment = self.rng.random_range(0..=most_ms);
        sleep(Duration::from_millis(moment)).await;
    }

    /// Waits until a condition holds, as long as nothing else is wrong.
    pub async fn until(&mut self, what: &str, holds: impl AsyncFn(&Self) -> bool) -> Result<(), String> {
        let deadline = Instant::now() + DEADLINE;
        let long = Instant::now() + LONG_WAIT;
        let mut is_told = false;
        while !holds(self).await {
            self.check()?;
            if Instant::now() > long && !std::mem::replace(&mut is_told, true) {
                self.tell(format!("waiting for long: {what}"));
                self.tell_how_it_stands().await;
            }
            if Instant::now() > deadline {
                return Err(format!("{MISSED_DEADLINE} {DEADLINE:?}: {what}"));
            }
            sleep(LOOK).await;
        }
        Ok(())
    }

    pub async fn cursor(&self) -> Option<EventId> {
        self.control().progress(&self.contract_id()).await.unwrap().map(|progress| progress.position)
    }

    /// Repeats an action on a store until the database allows it.
    pub async fn insist<T>(&self, action: impl AsyncFn(&Store) -> Result<T, String>) -> Result<T, String> {
        let deadline = Instant::now() + DEADLINE;
        loop {
            match action(&self.store().await).await {
                Err(failure) if Instant::now() < deadline && failure.contains("the database is unavailable") => {}
                done => return done,
            }
        }
    }
}
