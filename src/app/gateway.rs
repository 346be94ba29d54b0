//! The reading half: feed, tailer, access control and HTTP, on a listener that is already bound.

use std::{sync::Arc, time::Duration};

use anyhow::Context;
use tokio::net::TcpListener;

use crate::{
    auth::Auth,
    domain::Contracts,
    feed::{self, Feed, RedisServer},
    http::{self, ChainReader, HttpArgs, HttpState, Limits, LocalRoutes, ServerSettings, Tls},
    lifecycle::Lifecycle,
    store::Store,
};

/// How often the files of the certificate are looked at.
const BETWEEN_LOOKS: Duration = Duration::from_secs(30);

/// Returns the settings of a gateway's connections.
pub(super) fn server_settings(args: &HttpArgs, tls: Option<Tls>) -> ServerSettings {
    ServerSettings {
        head_deadline: args.head_deadline,
        write_deadline: args.write_deadline,
        limits: Limits::new(&args.limits),
        tls,
    }
}

/// Returns how many events the feed of a gateway keeps in memory.
pub(super) fn ring_capacity(args: &HttpArgs) -> anyhow::Result<usize> {
    usize::try_from(args.ring_events).context("too many ring events")
}

/// What a gateway serves, and to whom.
pub(super) struct Gateway {
    /// The store that answers requests.
    pub(super) store: Store,
    /// The store that the health is read from.
    pub(super) health_store: Store,
    pub(super) feed: Feed,
    /// The Redis that announces commits to it.
    pub(super) redis: Option<RedisServer>,
    pub(super) contracts: Contracts,
    pub(super) chain: Option<Arc<dyn ChainReader>>,
    /// The access control, with its revocations already read.
    pub(super) auth: Option<Auth>,
    pub(super) local: LocalRoutes,
}

impl Gateway {
    /// Starts the gateway's tasks under `lifecycle`.
    pub(super) fn start(
        self,
        lifecycle: &mut Lifecycle,
        listener: TcpListener,
        args: &HttpArgs,
        settings: ServerSettings,
    ) {
        let soft_stop = lifecycle.soft_stop();
        let (store, feed, contracts, lag) = (self.store, self.feed, self.contracts, args.max_lag_ledgers);
        let generator = super::random_generator();
        let replayer = super::quarantine_replayer(store.primary().clone(), contracts.clone());
        let state = HttpState::new(store, feed.clone(), contracts, args.heartbeat, lag, generator)
            .with_health_store(self.health_store)
            .with_chain_reader(self.chain)
            .with_quarantine_replayer(Some(replayer))
            .with_auth(self.auth.clone())
            .with_limits(settings.limits.clone())
            .with_write_deadline(settings.write_deadline);
        let router = http::router(state, self.local, &args.cors_origins);
        let (redis, stop) = (self.redis, soft_stop.clone());
        lifecycle.spawn("tailer", async move {
            match redis {
                Some(redis) => feed::tail_by_redis(feed, (redis, super::random_generator()), stop).await,
                None => feed::tail(feed, stop).await,
            }
            Ok(())
        });
        if let Some(auth) = self.auth {
            let stop = soft_stop.clone();
            lifecycle.spawn("auth", async move {
                auth.follow(stop).await;
                Ok(())
            });
        }
        if let Some(tls) = settings.tls.clone() {
            let stop = soft_stop.clone();
            lifecycle.spawn("certificate", async move {
                tls.follow_files(BETWEEN_LOOKS, stop).await;
                Ok(())
            });
        }
        lifecycle.spawn("http", async move { Ok(http::serve(listener, router, settings, soft_stop).await?) });
    }
}
