//! The reading half: feed, tailer and HTTP, on a listener that is bound already.

use std::time::Duration;

use anyhow::Context;
use tokio::net::TcpListener;

use crate::{
    domain::ContractId,
    feed::{self, Feed},
    http::{self, ChainReader, HttpArgs, HttpState, Limits, LocalRoutes, ServerSettings},
    lifecycle::Lifecycle,
    store::Store,
};

/// Starts the tailer and the server as tasks of `lifecycle`.
pub(super) async fn start(
    lifecycle: &mut Lifecycle,
    listener: TcpListener,
    store: Store,
    contract_id: ContractId,
    args: &HttpArgs,
    chain: Option<ChainReader>,
    local: LocalRoutes,
) -> anyhow::Result<()> {
    let soft_stop = lifecycle.soft_stop();
    let ring_events = usize::try_from(args.ring_events).context("too many ring events")?;
    let feed = Feed::open(store.clone(), contract_id.clone(), ring_events).await?;
    let heartbeat = Duration::from_secs(args.heartbeat_seconds);
    let generator = super::random_generator();
    let limits = Limits::new(&args.limits);
    let state =
        HttpState::new(store, feed.clone(), contract_id, heartbeat, args.max_lag_ledgers, soft_stop.clone(), generator)
            .with_chain_reader(chain)
            .with_limits(limits.clone());
    let router = http::router(state, local, &args.cors_origins);
    let settings = ServerSettings {
        head_deadline: Duration::from_secs(args.head_deadline_seconds),
        write_deadline: Duration::from_secs(args.write_deadline_seconds),
        limits,
    };
    let stop = soft_stop.clone();
    lifecycle.spawn("tailer", async move { Ok(feed::tail(feed, stop).await?) });
    lifecycle.spawn("http", async move { Ok(http::serve(listener, router, settings, soft_stop).await?) });
    Ok(())
}
