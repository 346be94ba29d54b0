//! `serve`: the daemon.

use std::process::ExitCode;

use rand::Rng;
use tracing::info;

use super::{BadConfig, gateway, listen, random_generator, required_database_url};
use crate::{
    config::{Auth, Role, ServeArgs},
    http::LocalRoutes,
    ingest::{Indexer, IngestSettings},
    lifecycle::Lifecycle,
    source::EndpointPool,
    store::Store,
};

/// Runs the parts that the role asks for, until stopped.
pub(super) async fn run(args: ServeArgs) -> anyhow::Result<ExitCode> {
    let source = source(&args)?;
    let url = required_database_url(&args.database)?;
    let listener = match args.role {
        Role::All | Role::Gateway => Some(listen(args.http.listen).await?),
        Role::Indexer => None,
    };
    let store = Store::connect(url, args.database.database_connections).await?;
    store.migrate().await?;
    let mut lifecycle = Lifecycle::new();
    if let Some(listener) = listener {
        let address = listener.local_addr()?;
        let contract_id = args.ingest.contract.clone();
        gateway::start(&mut lifecycle, listener, store.clone(), contract_id, &args.http, LocalRoutes::None).await?;
        let Auth::Off = args.auth;
        info!("listening on http://{address}; everybody who reaches it may read everything");
    }
    if let Some(source) = source {
        start_indexer(&mut lifecycle, source, store.clone(), &args);
    }
    let code = lifecycle.run_until_stopped().await?;
    store.close().await;
    Ok(code)
}

fn source(args: &ServeArgs) -> anyhow::Result<Option<EndpointPool>> {
    if args.role == Role::Gateway {
        return Ok(None);
    }
    if args.source.rpc_urls.is_empty() {
        return Err(BadConfig("--rpc-url (FLOWFI_RPC_URL) is needed to index".to_owned()).into());
    }
    let passphrase = args.source.network_passphrase.clone();
    let pool = EndpointPool::new(&args.source.rpc_urls, passphrase, random_generator().random());
    Ok(Some(pool.map_err(|failure| BadConfig(format!("--rpc-url: {failure}")))?))
}

fn start_indexer(lifecycle: &mut Lifecycle, source: EndpointPool, store: Store, args: &ServeArgs) {
    let settings = IngestSettings {
        network_passphrase: args.source.network_passphrase.clone(),
        contract_id: args.ingest.contract.clone(),
        pace: args.ingest.pace.clone(),
        seed: random_generator().random(),
    };
    let indexer = Indexer::new(source, store, settings);
    let stop = lifecycle.soft_stop();
    lifecycle.spawn("indexer", async move { Ok(indexer.run(stop).await?) });
}
