//! `serve`: the daemon.

use std::process::ExitCode;

use futures_util::future::join_all;
use rand::Rng;
use tracing::info;

use super::{
    BadConfig, auth, chain_reader, gateway::Gateway, listen, random_generator, required_database_url, sources, stores,
};
use crate::{
    config::{Role, ServeArgs},
    domain::Contracts,
    http::LocalRoutes,
    ingest::{Indexer, IngestSettings, Waits},
    lifecycle::Lifecycle,
    source::{EndpointPool, WholeLedgers},
    store::Store,
};

/// Runs the parts that the role asks for, until stopped.
pub(super) async fn run(args: ServeArgs) -> anyhow::Result<ExitCode> {
    let contracts =
        Contracts::new(args.ingest.contracts.clone()).map_err(|rule| BadConfig(format!("--contract: {rule}")))?;
    let reads_the_chain = args.role != Role::Gateway || !args.source.rpc_urls.is_empty();
    let source = if reads_the_chain { Some(sources::endpoints(&args.source)?) } else { None };
    // What callers make us ask must not be what makes an endpoint refuse the indexer, or be left alone by it.
    let for_callers = if reads_the_chain { Some(sources::endpoints(&args.source)?) } else { None };
    let door = match args.role {
        Role::All | Role::Gateway => {
            auth::door(args.auth, &args.door, &args.source.network_passphrase, for_callers.as_ref())?
        }
        // Nobody comes to it.
        Role::Indexer => None,
    };
    let url = required_database_url(&args.database)?;
    let listener = match args.role {
        Role::All | Role::Gateway => Some(listen(args.http.listen).await?),
        Role::Indexer => None,
    };
    let mut opened = Vec::new();
    let mut lifecycle = Lifecycle::new();
    if let Some(listener) = listener {
        let address = listener.local_addr()?;
        let store = stores::for_requests(url, &args.database).await?;
        store.warn_of_too_few_connections(stores::most_connections(&args)).await?;
        match args.role {
            Role::Gateway => store.expect_schema().await?,
            Role::All | Role::Indexer => store.migrate().await?,
        }
        let health_store = stores::for_health(url).await?;
        let feed_store = stores::for_the_feed(url).await?;
        opened.extend([store.clone(), health_store.clone(), feed_store.clone()]);
        let gateway = Gateway {
            store: store.clone(),
            health_store,
            feed_store,
            chain: for_callers.map(chain_reader),
            contracts: contracts.clone(),
            auth: door.map(|door| auth::open(door, &args.door, store)),
            local: LocalRoutes::None,
        };
        let who = if gateway.auth.is_some() { "" } else { "; everybody who reaches it may read everything" };
        gateway.start(&mut lifecycle, listener, &args.http).await?;
        info!("listening on http://{address}{who}");
    }
    if let Some(source) = source.filter(|_| args.role != Role::Gateway) {
        let whole_ledgers = sources::whole_ledgers(&args.source, Some(&source)).await?;
        let store = stores::for_indexing(url).await?;
        if args.role == Role::Indexer {
            store.warn_of_too_few_connections(stores::most_connections(&args)).await?;
        }
        store.migrate().await?;
        opened.push(store.clone());
        start_indexer(&mut lifecycle, source, whole_ledgers, store, contracts, &args);
    }
    let code = lifecycle.run_until_stopped().await?;
    join_all(opened.iter().map(Store::close)).await;
    Ok(code)
}

fn start_indexer(
    lifecycle: &mut Lifecycle,
    source: EndpointPool,
    whole_ledgers: Vec<WholeLedgers>,
    store: Store,
    contracts: Contracts,
    args: &ServeArgs,
) {
    let settings = IngestSettings {
        network_passphrase: args.source.network_passphrase.clone(),
        contracts,
        pace: args.ingest.pace.clone(),
        on_reset: args.ingest.on_reset,
        waits: Waits::default(),
        seed: random_generator().random(),
    };
    let indexer = Indexer::new(source, whole_ledgers, store, settings);
    let stop = lifecycle.soft_stop();
    lifecycle.spawn("indexer", async move { Ok(indexer.run(stop).await?) });
}
