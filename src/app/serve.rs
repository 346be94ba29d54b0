//! `serve`: runs the daemon.

use std::process::ExitCode;

use futures_util::future::join_all;
use rand::Rng;
use tracing::info;

use super::{
    BadConfig,
    auth::{self, Access},
    chain_reader,
    gateway::{Gateway, ring_capacity, server_settings},
    listen_for_clients, random_generator, replica_url, required_database_url,
    sources::{self, Mistakes},
    starting::{answer_during, once_the_database_is_there},
    stores::{Databases, Stores},
};
use crate::{
    auth::Auth,
    config::{Role, ServeArgs},
    domain::Contracts,
    feed::{self, Feed, FeedArgs, RedisServer},
    http::{LocalRoutes, Starting},
    ingest::{Indexer, IngestSettings, Waits},
    lifecycle::Lifecycle,
    source::{EndpointPool, WholeLedgers},
    store::Store,
};

/// Runs the parts of the role until stopped.
pub(super) async fn run(args: ServeArgs) -> anyhow::Result<ExitCode> {
    let contracts =
        Contracts::new(args.ingest.contracts.ids.clone()).map_err(|rule| BadConfig(format!("--contracts: {rule}")))?;
    let source = if args.role == Role::Gateway { None } else { Some(sources::followed(&args.source)?) };
    // What callers make us ask must not be what makes an endpoint refuse the indexer, or be left alone by it.
    let for_callers = sources::endpoints_if_named(&args.source)?;
    let access = match args.role {
        Role::All | Role::Gateway => {
            auth::access(&args.auth, &args.source.network_passphrase, for_callers.as_ref(), &contracts)?
        }
        // An indexer serves no clients.
        Role::Indexer => None,
    };
    let databases = Databases { primary: required_database_url(&args.database)?, replica: replica_url(&args)? };
    let redis = redis_server(&args.feed)?;
    let tls = args.tls.load().map_err(|failure| BadConfig(format!("--tls-cert and --tls-key: {failure}")))?;
    let starting = Starting::new(random_generator());
    let opening = Box::pin(Opened::of(databases, &args, access, &starting));
    let mut lifecycle = Lifecycle::new();
    let Some(opened) = (match args.role {
        Role::All | Role::Gateway => {
            let (listener, settings) = (listen_for_clients(&args.http).await?, server_settings(&args.http, tls));
            let origins = &args.http.cors_origins;
            let opening = Box::pin(answer_during(listener, settings.clone(), origins, starting.clone(), opening));
            let opened = lifecycle.unless_stopped(opening).await?.transpose()?;
            opened.map(|started| {
                let (listener, opened) = started.hand_over(&mut lifecycle);
                (opened, Some((listener, settings)))
            })
        }
        Role::Indexer => lifecycle.unless_stopped(opening).await?.transpose()?.map(|opened| (opened, None)),
    }) else {
        return Ok(ExitCode::SUCCESS);
    };
    let (Opened { stores, reading }, serving) = opened;
    let to_close = stores.all();
    if let (Some(stores), Some((feed, auth)), Some((listener, settings))) = (stores.gateway, reading, serving) {
        let (scheme, address) = (settings.scheme(), listener.local_addr()?);
        let who = if auth.is_some() { "" } else { "; everybody who can reach it may read everything" };
        let gateway = Gateway {
            store: stores.requests,
            health_store: stores.health,
            feed,
            // Beside the indexer it hears of commits as soon as Redis does.
            redis: redis.clone().filter(|_| args.role == Role::Gateway),
            chain: for_callers.map(|source| chain_reader(source, args.ingest.entries.harmless())),
            contracts: contracts.clone(),
            auth,
            local: LocalRoutes::None,
        };
        gateway.start(&mut lifecycle, listener, &args.http, settings);
        info!("listening on {scheme}://{address}{who}");
    }
    if let (Some(store), Some(server)) = (stores.relay, redis) {
        start_relay(&mut lifecycle, store, server);
    }
    if let (Some(store), Some(source)) = (stores.indexing, source) {
        // What a source says now must not end a daemon that has indexed before; a first start refuses a mistake.
        let mistakes = match store.feed_progress().await {
            Ok(None) => Mistakes::Refused,
            Ok(Some(_)) | Err(_) => Mistakes::WaitedFor,
        };
        let pace = &args.ingest.pace;
        let contents = pace.records.state.contents();
        let whole_ledgers = sources::whole_ledgers(&args.source, Some(&source), contents, mistakes).await?;
        let source = sources::as_followed(source, pace)?;
        start_indexer(&mut lifecycle, source, whole_ledgers, store, contracts, &args);
    }
    let code = lifecycle.run_until_stopped().await?;
    join_all(to_close.iter().map(Store::close)).await;
    Ok(code)
}

fn redis_server(args: &FeedArgs) -> Result<Option<RedisServer>, BadConfig> {
    let server = args.feed_redis.as_ref().map(RedisServer::new).transpose();
    server.map_err(|rule| BadConfig(format!("--feed-redis: {rule}")))
}

/// What must be available before the tasks can begin.
struct Opened {
    stores: Stores,
    /// The gateway's feed and access control.
    reading: Option<(Feed, Option<Auth>)>,
}

impl Opened {
    /// Waits for the database and reads from it.
    async fn of(
        databases: Databases<'_>,
        args: &ServeArgs,
        access: Option<Access>,
        starting: &Starting,
    ) -> anyhow::Result<Self> {
        let stores = once_the_database_is_there(starting, || Stores::open(databases, args, starting)).await?;
        let Some(of_gateway) = &stores.gateway else { return Ok(Self { stores, reading: None }) };
        let capacity = ring_capacity(&args.http)?;
        let feed = once_the_database_is_there(starting, || Feed::open(of_gateway.feed.clone(), capacity)).await?;
        let (store, apart) = (of_gateway.requests.primary(), of_gateway.health.primary());
        let auth = access.map(|access| auth::guard(access, &args.auth, store.clone(), apart.clone()));
        if let Some(auth) = &auth {
            once_the_database_is_there(starting, || auth.load()).await?;
        }
        Ok(Self { stores, reading: Some((feed, auth)) })
    }
}

fn start_relay(lifecycle: &mut Lifecycle, store: Store, server: RedisServer) {
    let (stop, rng) = (lifecycle.soft_stop(), random_generator());
    lifecycle.spawn("relay", async move {
        feed::relay(store, (server, rng), stop).await;
        Ok(())
    });
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
    let (stop, has_an_api) = (lifecycle.soft_stop(), args.role == Role::All);
    lifecycle.spawn("indexer", async move {
        let ended = if has_an_api { indexer.run_beside_an_api(stop).await } else { indexer.run(stop).await };
        Ok(ended?)
    });
}
