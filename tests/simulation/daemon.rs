//! The processes of a world: indexers and gateways, as tasks that can be killed at any point.

use std::{sync::Arc, time::Duration};

use flowfi_indexer::{
    domain::Contracts,
    feed::{self, Feed},
    http::{self, HttpState, LocalRoutes, ServerSettings},
    ingest::{Indexer, IngestError},
    store::{Store, StoreError},
};
use rand::{SeedableRng, rngs::StdRng};
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;

use crate::{silent_line::SilentLine, stalls::Freezer};

const MAX_LAG_LEDGERS: u32 = 24;
const HEARTBEAT: Duration = Duration::from_millis(15);

/// An indexer. Dropping it is its `kill -9`: its connections break in the middle of whatever they were doing.
pub struct IndexerProcess {
    stop: CancellationToken,
    task: JoinSet<Result<(), IngestError>>,
    pub freezer: Freezer,
    pub line: Option<SilentLine>,
}

impl IndexerProcess {
    pub fn start(indexer: Indexer, line: Option<SilentLine>) -> Self {
        let (stop, freezer) = (CancellationToken::new(), Freezer::default());
        let mut task = JoinSet::new();
        task.spawn(freezer.keep(indexer.run(stop.clone())));
        Self { stop, task, freezer, line }
    }

    /// Returns why it ended without being asked.
    pub fn failure(&mut self) -> Option<String> {
        match self.task.try_join_next()? {
            Ok(Ok(())) => Some("the indexer ended without being asked".to_owned()),
            Ok(Err(failure)) => Some(format!("the indexer ended: {failure}")),
            Err(failure) => Some(format!("the indexer panicked: {failure}")),
        }
    }

    /// Asks it to stop, and waits until it has.
    pub async fn stop(mut self) -> Result<(), String> {
        self.freezer.thaw();
        self.stop.cancel();
        match self.task.join_next().await {
            Some(Ok(Err(failure))) => Err(format!("the indexer ended: {failure}")),
            Some(Err(failure)) => Err(format!("the indexer panicked: {failure}")),
            _ => Ok(()),
        }
    }
}

/// What a subscriber needs to know about a gateway.
#[derive(Clone)]
pub struct Gateway {
    pub feed: Feed,
    pub base: Arc<str>,
    pub stop: CancellationToken,
}

/// A gateway: a tailer and a server. Dropping it kills it.
pub struct GatewayProcess {
    pub gateway: Gateway,
    tasks: JoinSet<()>,
    pub line: Option<SilentLine>,
}

impl Drop for GatewayProcess {
    fn drop(&mut self) {
        self.gateway.stop.cancel();
    }
}

impl GatewayProcess {
    pub async fn start(
        (store, line): (Store, Option<SilentLine>),
        contracts: Contracts,
        ring_events: usize,
    ) -> Result<Self, StoreError> {
        let feed = Feed::open(store.clone(), ring_events).await?;
        let stop = CancellationToken::new();
        let rng = StdRng::seed_from_u64(7);
        let state = HttpState::new(store, feed.clone(), contracts, HEARTBEAT, MAX_LAG_LEDGERS, rng);
        let mut tasks = JoinSet::new();
        tasks.spawn(feed::tail(feed.clone(), stop.clone()));
        let base = serve(&mut tasks, http::router(state, LocalRoutes::None, &[]), stop.clone()).await;
        Ok(Self { gateway: Gateway { feed, base: base.into(), stop }, tasks, line })
    }

    /// Returns why it ended without being asked, or what it permanently cannot read.
    pub fn failure(&mut self) -> Option<String> {
        if let Some(ended) = self.tasks.try_join_next() {
            return Some(format!("a task of a gateway ended without being asked: {ended:?}"));
        }
        let passes = |trouble: &String| trouble.contains("unavailable") || trouble.contains("did not answer");
        self.gateway.feed.trouble().filter(|trouble| !passes(trouble))
    }
}

/// Serves routes on a free port until stopped, and returns the base URL.
pub async fn serve(tasks: &mut JoinSet<()>, router: axum::Router, stop: CancellationToken) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tasks.spawn(async move {
        http::serve(listener, router, ServerSettings::default(), stop).await.unwrap();
    });
    format!("http://{address}")
}
