//! The database, as each part of the daemon uses it. Each part has its own connections, so that a burst of requests or
//! returning clients takes none from the indexer or the feed.

use std::time::Duration;

use super::client_name::client_name;
use crate::{
    config::{Role, ServeArgs},
    http::{Starting, StartingPhase},
    store::{DatabaseArgs, Store, StoreError},
};

/// How long requests wait; clients would not wait any longer.
const FOR_REQUESTS: Duration = Duration::from_secs(10);
/// How long health probes wait.
const FOR_HEALTH: Duration = Duration::from_secs(5);
/// How long the reads of the tailer and of replays may take.
const FOR_THE_FEED: Duration = Duration::from_secs(30);
/// As long as the writer's own statements may take: after this time a silent connection is replaced.
const FOR_INDEXING: Duration = Duration::from_secs(30);
/// One for the tailer, some for concurrent replays, and one for a new subscriber.
const CONNECTIONS_OF_THE_FEED: u32 = 4;
/// The queries of one health check run two at a time. Revocations are read by them too.
const CONNECTIONS_OF_HEALTH: u32 = 2;
/// One each for preparing a batch, reporting, checking records and filling holes.
const CONNECTIONS_OF_THE_INDEXER: u32 = 4;

/// Besides its pools, a gateway has one connection each to listen for commits and for revocations.
const OTHERS_OF_A_GATEWAY: u32 = 2;
/// Besides its pool, an indexer has the writer's connection, and one to listen for a pause.
const OTHERS_OF_THE_INDEXER: u32 = 2;
/// To read what Redis lacks.
const CONNECTIONS_OF_THE_RELAY: u32 = 1;
/// Besides its pool, it has one to listen for commits.
const OTHERS_OF_THE_RELAY: u32 = 1;

/// Returns the largest number of connections that the daemon opens.
pub(super) const fn most_connections(args: &ServeArgs) -> u32 {
    let of_a_gateway =
        args.database.database_connections + CONNECTIONS_OF_HEALTH + CONNECTIONS_OF_THE_FEED + OTHERS_OF_A_GATEWAY;
    let of_the_relay = if args.feed.feed_redis.is_some() { CONNECTIONS_OF_THE_RELAY + OTHERS_OF_THE_RELAY } else { 0 };
    let of_the_indexer = CONNECTIONS_OF_THE_INDEXER + OTHERS_OF_THE_INDEXER + of_the_relay;
    match args.role {
        Role::All => of_a_gateway + of_the_indexer,
        Role::Gateway => of_a_gateway,
        Role::Indexer => of_the_indexer,
    }
}

/// The database, as the parts of one process use it, with the schema that they need.
pub(super) struct Stores {
    /// The stores of a gateway.
    pub(super) gateway: Option<GatewayStores>,
    /// The store that an indexer writes to.
    pub(super) indexing: Option<Store>,
    /// The store that its commits are read from, to be announced by Redis.
    pub(super) relay: Option<Store>,
}

/// The stores of a gateway.
pub(super) struct GatewayStores {
    pub(super) requests: Store,
    pub(super) health: Store,
    pub(super) feed: Store,
}

/// Where the database is.
#[derive(Clone, Copy)]
pub(super) struct Databases<'a> {
    pub(super) primary: &'a str,
    /// The replica that a gateway reads, if not the primary.
    pub(super) replica: Option<&'a str>,
}

impl Databases<'_> {
    /// Connects to the replica and its primary in the same way, or to the primary alone.
    async fn open(self, connect: impl AsyncFn(&str) -> Result<Store, StoreError>) -> Result<Store, StoreError> {
        let primary = connect(self.primary).await?;
        match self.replica {
            None => Ok(primary),
            Some(replica) => Ok(connect(replica).await?.replica_of(primary)),
        }
    }
}

impl Stores {
    /// Connects as the role requires. Every role except the gateway updates the schema.
    pub(super) async fn open(
        databases: Databases<'_>,
        args: &ServeArgs,
        starting: &Starting,
    ) -> Result<Self, StoreError> {
        let url = databases.primary;
        let first = match args.role {
            Role::All | Role::Gateway => databases.open(async |url| for_requests(url, &args.database).await).await?,
            Role::Indexer => for_indexing(url).await?,
        };
        // A gateway writes too: it replays the quarantine.
        let (harmless, effect) = (args.ingest.entries.harmless(), args.ingest.pace.records.state.event_effect());
        let first = first.ignoring(harmless.clone()).with_event_effect(effect);
        first.warn_of_too_few_connections(most_connections(args)).await?;
        if databases.replica.is_some() {
            first.primary().warn_of_too_few_connections(most_connections(args)).await?;
        }
        match args.role {
            Role::Gateway => first.expect_schema().await?,
            Role::All | Role::Indexer => {
                first.migrate_and_tell(|phase| starting.reach(phase.into())).await?;
                starting.reach(StartingPhase::Connecting);
            }
        }
        let relay = match (args.role, &args.feed.feed_redis) {
            (Role::All | Role::Indexer, Some(_)) => Some(for_the_relay(url).await?),
            _ => None,
        };
        if args.role == Role::Indexer {
            return Ok(Self { gateway: None, indexing: Some(first), relay });
        }
        let indexing = if args.role == Role::All { Some(for_indexing(url).await?.ignoring(harmless)) } else { None };
        let (health, feed) = (databases.open(for_health).await?, databases.open(for_the_feed).await?);
        Ok(Self { gateway: Some(GatewayStores { requests: first, health, feed }), indexing, relay })
    }

    /// Returns all stores, so that they can be closed.
    pub(super) fn all(&self) -> Vec<Store> {
        let of_gateway = self.gateway.iter().flat_map(|stores| [&stores.requests, &stores.health, &stores.feed]);
        of_gateway.chain(&self.indexing).chain(&self.relay).cloned().collect()
    }
}

/// Connects with the settings for requests.
pub(super) async fn for_requests(url: &str, args: &DatabaseArgs) -> Result<Store, StoreError> {
    Store::connect_as(&client_name(), url, args.database_connections, FOR_REQUESTS).await
}

/// Connects with the settings for the health.
pub(super) async fn for_health(url: &str) -> Result<Store, StoreError> {
    Store::connect_as(&client_name(), url, CONNECTIONS_OF_HEALTH, FOR_HEALTH).await
}

/// Connects with the settings for the feed.
pub(super) async fn for_the_feed(url: &str) -> Result<Store, StoreError> {
    Store::connect_as(&client_name(), url, CONNECTIONS_OF_THE_FEED, FOR_THE_FEED).await
}

/// Connects with the settings for the indexer.
pub(super) async fn for_indexing(url: &str) -> Result<Store, StoreError> {
    Store::connect_as(&client_name(), url, CONNECTIONS_OF_THE_INDEXER, FOR_INDEXING).await
}

/// Connects with the settings for announcing commits by Redis.
async fn for_the_relay(url: &str) -> Result<Store, StoreError> {
    Store::connect_as(&client_name(), url, CONNECTIONS_OF_THE_RELAY, FOR_THE_FEED).await
}
