//! `dev`: runs everything on one machine.

use std::{
    env, fs,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use anyhow::Context;
use futures_util::future::join_all;
use rand::Rng;

use super::{
    BadConfig, auth, chain_reader, database_url, dev_access, dev_lines,
    gateway::{Gateway, ring_capacity, server_settings},
    listen, listen_for_clients, random_generator,
    sources::{self, Mistakes},
    stores,
};
use crate::{
    auth::AuthMode,
    config::DevArgs,
    devnet::Devnet,
    domain::{Contracts, SystemClock},
    feed::Feed,
    http::{self, LocalRoutes, Origin, ServerSettings},
    ingest::{Indexer, IngestSettings, OnReset, PaceArgs, Waits},
    lifecycle::Lifecycle,
    postgres::{Durability, PrivateServer},
    source::{HorizonArgs, SourceArgs},
    store::Store,
};

/// Where the indexer reaches the local network: a free port of this machine.
const OWN_ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// Runs everything until stopped.
pub(super) async fn run(args: DevArgs) -> anyhow::Result<ExitCode> {
    database_url(&args.database)?;
    let listener = listen_for_clients(&args.http).await?;
    let address = listener.local_addr()?;
    let folder = match &args.data_dir {
        Some(folder) => folder.clone(),
        None => default_folder()?,
    };
    let journal = folder.join("devnet.journal");
    if args.fresh {
        PrivateServer::erase(&folder).await?;
        remove_if_there(&journal)?;
    }
    let (server, url) = database(&args, &folder).await?;
    let store = stores::for_requests(&url, &args.database).await?;
    let store = store.ignoring(args.entries.harmless()).with_event_effect(args.pace.records.state.event_effect());
    store.migrate().await?;
    let (feed_store, index_store) = (stores::for_the_feed(&url).await?, stores::for_indexing(&url).await?);
    let index_store = index_store.ignoring(args.entries.harmless());
    let health_store = stores::for_health(&url).await?;
    fs::create_dir_all(&folder).with_context(|| format!("cannot use {}", folder.display()))?;
    let devnet = Devnet::open(&args.devnet, Some(&journal), Arc::new(SystemClock))?;

    let mut lifecycle = Lifecycle::new();
    // The connections of others must not take the place of the indexer's own.
    let own_listener = listen(OWN_ADDRESS).await?;
    let source = SourceArgs {
        rpc_urls: vec![format!("http://{}/devnet/rpc", own_listener.local_addr()?)],
        lake: args.devnet.lake_dir.as_ref().map(|folder| folder.display().to_string()),
        lake_reads: 8,
        horizon: HorizonArgs { horizon_url: None },
        network_passphrase: devnet.passphrase().to_owned(),
    };
    let (endpoints, for_callers) = (sources::endpoints(&source)?, sources::endpoints(&source)?);
    let access = dev_access::complete(args.auth, &folder, address)?;
    let contracts =
        Contracts::new(devnet.contract_ids()).map_err(|rule| BadConfig(format!("--devnet-contracts: {rule}")))?;
    let guarded = auth::access(&access, devnet.passphrase(), Some(&for_callers), &contracts)?;
    let auth = guarded.map(|guarded| auth::guard(guarded, &access, store.clone(), health_store.clone()));
    if let Some(auth) = &auth {
        auth.load().await?;
    }
    let gateway = Gateway {
        store: store.clone(),
        health_store: health_store.clone(),
        feed: Feed::open(feed_store.clone(), ring_capacity(&args.http)?).await?,
        redis: None,
        contracts: contracts.clone(),
        chain: Some(chain_reader(for_callers, args.entries.harmless())),
        auth,
        local: LocalRoutes::Devnet(devnet.router().merge(devnet.quick_start_router())),
    };
    let mut http_args = args.http.clone();
    if access.mode == AuthMode::Off && http_args.cors_origins.is_empty() {
        // A dashboard under development has its own server, and there is nothing here to protect from it.
        http_args.cors_origins.push(Origin::ThisMachine);
    }
    gateway.start(&mut lifecycle, listener, &http_args, server_settings(&http_args, None));
    let (own_router, stop) = (http::with_checked_host(devnet.router()), lifecycle.soft_stop());
    lifecycle.spawn("devnet for the indexer", async move {
        Ok(http::serve(own_listener, own_router, ServerSettings::default(), stop).await?)
    });
    let whole_ledgers =
        sources::whole_ledgers(&source, Some(&endpoints), args.pace.records.state.contents(), Mistakes::Refused)
            .await?;
    let endpoints = sources::as_followed(endpoints, &args.pace)?;
    let settings = settings(&devnet, contracts, args.pace);
    let indexer = Indexer::new(endpoints, whole_ledgers, index_store.clone(), settings);
    let stop = lifecycle.soft_stop();
    lifecycle.spawn("indexer", async move { Ok(indexer.run(stop).await?) });
    dev_lines::print(&access, &devnet, address, &folder)?;
    let stop = lifecycle.soft_stop();
    lifecycle.spawn("devnet", async move { Ok(devnet.run(stop).await?) });
    let code = lifecycle.run_until_stopped().await?;
    join_all([&store, &health_store, &feed_store, &index_store].map(Store::close)).await;
    if let Some(server) = server {
        server.stop();
    }
    Ok(code)
}

async fn database(args: &DevArgs, folder: &Path) -> anyhow::Result<(Option<PrivateServer>, String)> {
    if let Some(url) = &args.database.database_url {
        return Ok((None, url.clone()));
    }
    let server = PrivateServer::start(folder, args.programs.pg_bin.as_deref(), Durability::Fsync).await?;
    let url = server.url().to_owned();
    Ok((Some(server), url))
}

fn settings(devnet: &Devnet, contracts: Contracts, pace: PaceArgs) -> IngestSettings {
    IngestSettings {
        network_passphrase: devnet.passphrase().to_owned(),
        contracts,
        pace,
        on_reset: OnReset::Archive,
        waits: Waits::default(),
        seed: random_generator().random(),
    }
}

/// The server's own account must be able to enter the folder, so root's folder cannot be below root's home.
fn default_folder() -> anyhow::Result<PathBuf> {
    const NAME: &str = "flowfi-indexer";
    let home = env::var_os("HOME").map(PathBuf::from);
    if let Some(data_home) = env::var_os("XDG_DATA_HOME").filter(|folder| !folder.is_empty()) {
        return Ok(PathBuf::from(data_home).join(NAME));
    }
    match home {
        Some(home) if home != Path::new("/root") => Ok(home.join(".local/share").join(NAME)),
        Some(_) => Ok(Path::new("/var/lib").join(NAME)),
        None => Err(BadConfig("HOME is not set; choose a folder with --data-dir".to_owned()).into()),
    }
}

fn remove_if_there(file: &Path) -> anyhow::Result<()> {
    if file.exists() {
        fs::remove_file(file).with_context(|| format!("cannot remove {}", file.display()))?;
    }
    Ok(())
}
