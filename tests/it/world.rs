//! A complete small world for a test: the local network, an indexer and a gateway on a database of its own.

use std::{future::Future, sync::Arc, time::Duration};

use flowfi_indexer::{
    app::{chain_reader, quarantine_replayer},
    auth::Auth,
    devnet::{Call, Devnet, DevnetArgs, Receipt},
    domain::{
        Address, Amount, Contracts, EventFilter, EventId, Notice, ResumeId, StreamEntry, StreamId, SystemClock,
        UnixTime, Visibility,
    },
    feed::{self, Delivery, Feed},
    http::{self, HttpState, Limits, LocalRoutes, Origin, ServerSettings, Tls},
    ingest::{Follow, Indexer, IngestError, IngestSettings, OnReset, PaceArgs, RecordState, Waits},
    source::EndpointPool,
    store::{EventRange, PageRequest, PageStart, Progress, Store, StreamListFilter},
};
use rand::{SeedableRng, rngs::StdRng};
use serde_json::{Value, json};
use sqlx::PgPool;
use tokio::{
    net::TcpListener,
    task::JoinSet,
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

/// Everything in these tests happens within milliseconds. A busy machine gets far more than it can need: only a test
/// that fails waits this long.
pub const DEADLINE: Duration = Duration::from_mins(2);
/// Records are not checked within a test, unless it asks for it.
pub const NO_CHECK: Duration = Duration::from_hours(1);
/// The default of the command line.
const MAX_LAG_LEDGERS: u32 = 24;

/// Waits until a condition holds. Checks often; fails at the deadline.
pub async fn eventually<F, Fut>(what: &str, condition: F)
where
    F: Fn() -> Fut,
    Fut: Future<Output = bool>,
{
    let deadline = Instant::now() + DEADLINE;
    while !condition().await {
        assert!(Instant::now() < deadline, "not within {DEADLINE:?}: {what}");
        sleep(Duration::from_millis(5)).await;
    }
}

pub struct World {
    pub devnet: Devnet,
    pub store: Store,
    pub pool: PgPool,
    pub rpc_url: String,
    /// The endpoints of an indexer, in order of preference.
    pub rpc_urls: Vec<String>,
    pub stop: CancellationToken,
    tasks: JoinSet<()>,
}

/// The settings that a test wants for its gateway.
pub struct GatewaySettings {
    pub ring_events: usize,
    pub heartbeat: Duration,
    pub asks_the_chain: bool,
    pub head_deadline: Duration,
    pub write_deadline: Duration,
    /// The same limit for event streams, if it differs from the kernel's.
    pub slow_after: Duration,
    pub limits: Limits,
    pub origins: Vec<Origin>,
    /// For how long a reading of the status serves everybody. A test looks at what it has just changed.
    pub status_fresh_for: Duration,
    pub auth: Option<Auth>,
    pub tls: Option<Tls>,
    /// The contracts that it follows; all of the network's if `None`.
    pub contracts: Option<Contracts>,
}

impl Default for GatewaySettings {
    fn default() -> Self {
        Self {
            ring_events: 10_000,
            heartbeat: Duration::from_secs(15),
            asks_the_chain: true,
            head_deadline: DEADLINE,
            write_deadline: DEADLINE,
            slow_after: DEADLINE,
            limits: Limits::none(),
            origins: Vec::new(),
            status_fresh_for: Duration::ZERO,
            auth: None,
            tls: None,
            contracts: None,
        }
    }
}

impl World {
    /// Creates a local network that closes no ledgers by itself, served on a free port.
    pub async fn new(pool: PgPool) -> Self {
        Self::with_devnet(pool, &DevnetArgs::by_hand()).await
    }

    pub async fn with_devnet(pool: PgPool, args: &DevnetArgs) -> Self {
        Self::on(pool, Devnet::open(args, None, Arc::new(SystemClock)).unwrap()).await
    }

    /// Serves an existing network.
    pub async fn on(pool: PgPool, devnet: Devnet) -> Self {
        let mut world = Self {
            store: Store::on(pool.clone()),
            pool,
            rpc_url: String::new(),
            rpc_urls: Vec::new(),
            stop: CancellationToken::new(),
            tasks: JoinSet::new(),
            devnet: devnet.clone(),
        };
        let base = world.serve(devnet.router(), ServerSettings::default()).await;
        world.rpc_url = format!("{base}/devnet/rpc");
        world.rpc_urls = vec![world.rpc_url.clone()];
        world
    }

    async fn serve(&mut self, router: axum::Router, settings: ServerSettings) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = self.stop.clone();
        self.tasks.spawn(async move { http::serve(listener, router, settings, stop).await.unwrap() });
        format!("http://{address}")
    }

    pub fn source(&self) -> EndpointPool {
        EndpointPool::new(&self.rpc_urls, self.devnet.passphrase().to_owned(), 7).unwrap()
    }

    pub fn indexer(&self, page_limit: u32) -> Indexer {
        let pace = PaceArgs { page_limit, ..self.settings().pace };
        let settings = IngestSettings { pace, ..self.settings() };
        Indexer::new(self.source(), Vec::new(), self.store.clone(), settings)
    }

    /// Returns all contracts of the network.
    pub fn contracts(&self) -> Contracts {
        Contracts::new(self.devnet.contract_ids()).unwrap()
    }

    pub fn settings(&self) -> IngestSettings {
        IngestSettings {
            network_passphrase: self.devnet.passphrase().to_owned(),
            contracts: self.contracts(),
            pace: PaceArgs {
                start_ledger: None,
                poll_interval: Duration::from_millis(10),
                page_limit: 100,
                check_interval: NO_CHECK,
                records: RecordState::Events.into(),
                follow: Follow::Events,
            },
            on_reset: OnReset::Stop,
            waits: Waits::default(),
            seed: 7,
        }
    }

    /// Indexes up to the tip, does everything that an indexer does when it first gets there, and stops.
    pub async fn index_to_the_tip(&self, indexer: Indexer) {
        let stop = self.stop.child_token();
        let run = Box::pin(indexer.run(stop.clone()));
        let until_then = async {
            self.indexed().await;
            eventually("the indexes of lists are created", || async { self.has_indexes_of_lists().await }).await;
            stop.cancel();
        };
        let (ended, ()) = tokio::join!(run, until_then);
        ended.unwrap();
    }

    /// Starts this indexer, which must not fail.
    pub fn start(&mut self, indexer: Indexer) {
        let stop = self.stop.clone();
        self.tasks.spawn(async move { indexer.run(stop).await.unwrap() });
    }

    /// Requests JSON from the gateway.
    pub async fn get(&self, base: &str, path: &str) -> (u16, Value) {
        let response = http_client().get(format!("{base}{path}")).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    /// Starts an indexer that must not fail.
    pub fn start_indexer(&mut self, page_limit: u32) {
        self.start(self.indexer(page_limit));
    }

    /// Runs an indexer until it fails, and returns the failure.
    pub async fn indexer_failure(&self) -> IngestError {
        let run = self.indexer(100).run(self.stop.clone());
        timeout(DEADLINE, run).await.expect("the indexer ends").expect_err("the indexer fails")
    }

    /// Starts a gateway and returns its base URL.
    pub async fn start_gateway(&mut self, settings: GatewaySettings) -> String {
        self.start_gateway_with(settings, LocalRoutes::None).await
    }

    pub async fn start_gateway_with(&mut self, settings: GatewaySettings, local: LocalRoutes) -> String {
        let feed = Feed::open(self.store.clone(), settings.ring_events).await.unwrap();
        let contracts = settings.contracts.unwrap_or_else(|| self.contracts());
        let state = HttpState::new(
            self.store.clone(),
            feed.clone(),
            contracts.clone(),
            settings.heartbeat,
            MAX_LAG_LEDGERS,
            StdRng::seed_from_u64(7),
        )
        .with_chain_reader(
            settings.asks_the_chain.then(|| chain_reader(self.source(), self.store.harmless_fields().clone())),
        )
        .with_status_fresh_for(settings.status_fresh_for);
        let replayer = quarantine_replayer(self.store.clone(), contracts);
        let state = state.with_quarantine_replayer(Some(replayer)).with_write_deadline(settings.slow_after);
        let stop = self.stop.clone();
        self.tasks.spawn(feed::tail(feed, stop));
        if let Some(auth) = settings.auth.clone() {
            auth.load().await.unwrap();
            let stop = self.stop.clone();
            self.tasks.spawn(async move { auth.follow(stop).await });
        }
        let state = state.with_limits(settings.limits.clone()).with_auth(settings.auth);
        let router = http::router(state, local, &settings.origins);
        let GatewaySettings { head_deadline, write_deadline, limits, tls, .. } = settings;
        self.serve(router, ServerSettings { head_deadline, write_deadline, limits, tls }).await
    }

    /// Executes a call in a ledger of its own.
    pub async fn call(&self, call: Call) -> Receipt {
        let answer = self.devnet.submit(call);
        self.devnet.close_ledger().unwrap();
        answer.await.unwrap()
    }

    pub async fn create(&self, sender: &str, recipient: &str, amount: i128, duration_seconds: u64) -> Receipt {
        self.call(self.creation(sender, recipient, amount, duration_seconds)).await
    }

    pub fn creation(&self, sender: &str, recipient: &str, amount: i128, duration_seconds: u64) -> Call {
        Call::Create {
            sender: self.devnet.account(sender),
            recipient: self.devnet.account(recipient),
            token: self.token(),
            amount: Amount(amount),
            duration_seconds,
        }
    }

    pub fn token(&self) -> Address {
        self.devnet.token().into()
    }

    /// Waits until everything up to the newest ledger is indexed.
    pub async fn indexed(&self) {
        let tip = self.devnet.latest_ledger();
        eventually("the tip is indexed", || async {
            let progress = self.progress().await;
            progress.is_some_and(|progress| progress.position.last_whole_ledger() >= tip)
        })
        .await;
    }

    pub async fn progress(&self) -> Option<Progress> {
        self.store.progress(&self.devnet.contract_id()).await.unwrap()
    }

    /// Returns the ids of all event rows, in order.
    pub async fn stored_ids(&self) -> Vec<EventId> {
        let range = EventRange { after: EventId::ZERO, up_to: EventId::from_parts(i64::MAX, 0).unwrap() };
        let all = EventFilter { all: true, ..EventFilter::seen_by(Visibility::Everything) };
        let events = self.store.matching_events(range, &all, 1_000_000).await.unwrap();
        events.iter().map(|event| event.id).collect()
    }

    /// Compares the index with the chain: every event, every record, every claimable amount.
    pub async fn assert_equal_to_the_chain(&self) {
        assert_eq!(self.stored_ids().await, self.devnet.events_emitted(), "every event once");
        let count = u64::try_from(self.devnet.stream_count()).unwrap();
        let now = self.devnet.latest_closed_at();
        for number in 1..=count {
            let stream_id = StreamId(number);
            let record = self.store.stream(&self.devnet.contract_id(), stream_id).await.unwrap().unwrap();
            assert_eq!(Some(StreamEntry::from(&record)), self.devnet.stream_entry(stream_id), "stream {number}");
            for later in [0, 1, 1_000, 100_000_000] {
                let at = UnixTime(now.0 + later);
                assert_eq!(record.claimable(at).ok(), self.devnet.claimable(stream_id, at), "stream {number}");
            }
        }
        let of_others =
            "select count(*) from stream_events as event join streams as record using (contract_id, stream_id)
                         where (event.sender, event.recipient, event.token)
                               is distinct from (record.sender, record.recipient, record.token)";
        let of_others: i64 = sqlx::query_scalar(of_others).fetch_one(&self.pool).await.unwrap();
        assert_eq!(of_others, 0, "every event of a stream names its parties");
        let request = PageRequest { limit: 1, start: PageStart::Offset(0) };
        let page = self.store.stream_page(&StreamListFilter::seen_by(Visibility::Everything), request).await.unwrap();
        assert_eq!(u64::from(page.total), count);
        self.devnet.check_balances().unwrap();
    }
}

impl World {
    /// Stops everything that was started, and waits until it has ended.
    pub async fn stop_all(&mut self) {
        self.stop.cancel();
        while let Some(ended) = self.tasks.join_next().await {
            ended.unwrap();
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// One SSE frame, or a comment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Frame {
    pub id: Option<String>,
    pub event: Option<String>,
    pub data: Option<Value>,
    pub retry: Option<u64>,
    pub is_comment: bool,
}

impl Frame {
    /// Returns what a subscriber without HTTP receives, as a frame of what tests look at.
    pub fn of(delivery: &Delivery) -> Self {
        match delivery {
            Delivery::Event(published) => Self {
                id: Some(published.resume_id().to_string()),
                event: Some(published.event.event_type.to_string()),
                ..Self::default()
            },
            Delivery::Notice(Notice::Reset(_)) => Self { event: Some("reset".to_owned()), ..Self::default() },
            Delivery::Notice(Notice::Revised { from, to }) => {
                let data = json!({ "fromId": from, "toId": to });
                Self { event: Some("revised".to_owned()), data: Some(data), ..Self::default() }
            }
            Delivery::Notice(Notice::Changed { streams }) => {
                let streams: Vec<Value> = streams
                    .keys()
                    .map(|(contract_id, stream_id)| json!({ "contractId": contract_id, "streamId": stream_id }))
                    .collect();
                Self { event: Some("changed".to_owned()), data: Some(json!({ "streams": streams })), ..Self::default() }
            }
            Delivery::Position(id) => Self { id: Some(id.to_string()), ..Self::default() },
        }
    }

    pub fn parse(text: &str) -> Self {
        let mut frame = Self::default();
        for line in text.lines() {
            let (field, value) = line.split_once(':').expect("each line has a field");
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "" => frame.is_comment = true,
                "id" => frame.id = Some(value.to_owned()),
                "event" => frame.event = Some(value.to_owned()),
                "data" => frame.data = Some(serde_json::from_str(value).unwrap()),
                "retry" => frame.retry = Some(value.parse().unwrap()),
                other => panic!("no such field: {other}"),
            }
        }
        frame
    }

    /// Returns the event's id, if the frame is one of the feed's events.
    pub fn feed_id(&self) -> Option<EventId> {
        let name = self.event.as_deref()?;
        let of_feed = name.starts_with("stream.") || name.starts_with("protocol.");
        of_feed.then(|| self.id.as_deref().unwrap().parse::<ResumeId>().unwrap().position.event)
    }
}

/// A client of the event stream.
pub struct Subscriber {
    response: reqwest::Response,
    text: String,
    /// The id of the last frame that had one: the id that a browser sends back.
    pub last_id: Option<String>,
}

impl Subscriber {
    /// Connects and reads up to and including the `connected` event.
    pub async fn connect(base: &str, query: &str, last_event_id: Option<&str>) -> Self {
        Self::try_connect(base, query, last_event_id).await.expect("the gateway answers")
    }

    /// The same with a token.
    pub async fn connect_as(base: &str, query: &str, last_event_id: Option<&str>, token: &str) -> Self {
        Self::try_connect_as(base, query, last_event_id, token).await.expect("the gateway answers")
    }

    /// The same; `None` if nobody answers, the connection breaks, or a token has ended.
    pub async fn try_connect(base: &str, query: &str, last_event_id: Option<&str>) -> Option<Self> {
        Self::open(Self::request(base, query, last_event_id)).await
    }

    /// The same with a token.
    pub async fn try_connect_as(base: &str, query: &str, last_event_id: Option<&str>, token: &str) -> Option<Self> {
        Self::open(Self::request(base, query, last_event_id).bearer_auth(token)).await
    }

    fn request(base: &str, query: &str, last_event_id: Option<&str>) -> reqwest::RequestBuilder {
        let request = http_client().get(format!("{base}/v1/events/subscribe?{query}"));
        match last_event_id {
            Some(id) => request.header("last-event-id", id),
            None => request,
        }
    }

    /// The same with any request.
    pub async fn open(request: reqwest::RequestBuilder) -> Option<Self> {
        let response = request.send().await.ok()?;
        if response.status() == 401 {
            return None;
        }
        assert_eq!(response.status(), 200);
        let mut subscriber = Self { response, text: String::new(), last_id: None };
        let first = subscriber.next().await?;
        assert!((2_000..=7_000).contains(&first.retry.unwrap()));
        assert_eq!(first.event.as_deref(), Some("connected"), "the first block has data");
        Some(subscriber)
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.response.headers().get(name).map(|value| value.to_str().unwrap())
    }

    /// Returns the next frame; `None` at the end of the stream, or if the connection breaks.
    pub async fn next(&mut self) -> Option<Frame> {
        loop {
            if let Some((frame, rest)) = self.text.split_once("\n\n") {
                let frame = Frame::parse(frame);
                let rest = rest.to_owned();
                self.text = rest;
                self.last_id = frame.id.clone().or(self.last_id.take());
                return Some(frame);
            }
            let chunk = timeout(DEADLINE, self.response.chunk()).await.expect("a frame within the deadline");
            self.text += std::str::from_utf8(&chunk.ok()??).unwrap();
        }
    }

    /// Returns the next `count` events of the feed, skipping heartbeats.
    pub async fn events(&mut self, count: usize) -> Vec<Frame> {
        let mut events = Vec::new();
        let deadline = Instant::now() + DEADLINE;
        while events.len() < count {
            let frame = self.next().await.expect("the stream continues");
            if frame.feed_id().is_some() {
                events.push(frame);
            }
            assert!(Instant::now() < deadline, "{} of {count} events came within {DEADLINE:?}", events.len());
        }
        events
    }

    pub async fn ids(&mut self, count: usize) -> Vec<EventId> {
        self.events(count).await.iter().filter_map(Frame::feed_id).collect()
    }
}

/// Returns a client for this machine only. It does not load the system's certificates, which would cost more than a
/// request.
pub fn http_client() -> reqwest::Client {
    // An error means that another test has installed it already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().tls_certs_only([]).build().unwrap()
}
