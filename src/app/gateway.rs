//! The reading half: feed, tailer and HTTP, on a listener that is bound already.

use std::time::Duration;

use anyhow::Context;
use tokio::net::TcpListener;

use crate::{
    domain::Contracts,
    feed::{self, Feed},
    http::{self, ChainReader, HttpArgs, HttpState, Limits, LocalRoutes},
    lifecycle::Lifecycle,
    store::Store,
};

/// Starts the tailer and the server as tasks of `lifecycle`.
pub(super) async fn start(
    lifecycle: &mut Lifecycle,
    listener: TcpListener,
    store: Store,
    contracts: Contracts,
    args: &HttpArgs,
    chain: Option<ChainReader>,
    local: LocalRoutes,
) -> anyhow::Result<()> {
    let soft_stop = lifecycle.soft_stop();
    let ring_events = usize::try_from(args.ring_events).context("too many ring events")?;
    let feed = Feed::open(store.clone(), ring_events).await?;
    let heartbeat = Duration::from_secs(args.heartbeat_seconds);
    let generator = super::random_generator();
    let state =
        HttpState::new(store, feed.clone(), contracts, heartbeat, args.max_lag_ledgers, soft_stop.clone(), generator)
            .with_chain_reader(chain)
            .with_limits(Limits::new(&args.limits));
    let router = http::router(state, local, &args.cors_origins);
    let write_deadline = Duration::from_secs(args.write_deadline_seconds);
    let stop = soft_stop.clone();
    lifecycle.spawn("tailer", async move { Ok(feed::tail(feed, stop).await?) });
    lifecycle.spawn("http", async move { Ok(http::serve(listener, router, write_deadline, soft_stop).await?) });
    Ok(())
}
