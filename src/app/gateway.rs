//! The reading half: feed, tailer, the door, and HTTP, on a listener that is bound already.

use std::time::Duration;

use anyhow::Context;
use tokio::net::TcpListener;

use crate::{
    auth::Auth,
    domain::Contracts,
    feed::{self, Feed},
    http::{self, ChainReader, HttpArgs, HttpState, Limits, LocalRoutes, ServerSettings},
    lifecycle::Lifecycle,
    store::Store,
};

/// What a gateway serves, and by whose leave.
pub(super) struct Gateway {
    /// Answers requests.
    pub(super) store: Store,
    /// What the health is read from.
    pub(super) health_store: Store,
    /// What the feed reads from.
    pub(super) feed_store: Store,
    pub(super) contracts: Contracts,
    pub(super) chain: Option<ChainReader>,
    pub(super) auth: Option<Auth>,
    pub(super) local: LocalRoutes,
}

impl Gateway {
    /// Starts its tasks as those of `lifecycle`.
    pub(super) async fn start(
        self,
        lifecycle: &mut Lifecycle,
        listener: TcpListener,
        args: &HttpArgs,
    ) -> anyhow::Result<()> {
        let soft_stop = lifecycle.soft_stop();
        let ring_events = usize::try_from(args.ring_events).context("too many ring events")?;
        let feed = Feed::open(self.feed_store, ring_events).await?;
        let write_deadline = Duration::from_secs(args.write_deadline_seconds);
        let heartbeat = Duration::from_secs(args.heartbeat_seconds);
        let (store, contracts, lag) = (self.store, self.contracts, args.max_lag_ledgers);
        let generator = super::random_generator();
        let limits = Limits::new(&args.limits);
        let replayer = super::quarantine_replayer(store.clone(), contracts.clone());
        let state = HttpState::new(store, feed.clone(), contracts, heartbeat, lag, soft_stop.clone(), generator)
            .with_health_store(self.health_store)
            .with_chain_reader(self.chain)
            .with_quarantine_replayer(Some(replayer))
            .with_auth(self.auth.clone())
            .with_limits(limits.clone())
            .with_write_deadline(write_deadline);
        let router = http::router(state, self.local, &args.cors_origins);
        let settings =
            ServerSettings { head_deadline: Duration::from_secs(args.head_deadline_seconds), write_deadline, limits };
        let stop = soft_stop.clone();
        lifecycle.spawn("tailer", async move {
            feed::tail(feed, stop).await;
            Ok(())
        });
        if let Some(auth) = self.auth {
            auth.load().await?;
            let stop = soft_stop.clone();
            lifecycle.spawn("auth", async move {
                auth.follow(stop).await;
                Ok(())
            });
        }
        lifecycle.spawn("http", async move { Ok(http::serve(listener, router, settings, soft_stop).await?) });
        Ok(())
    }
}
