//! The database as each part of the daemon uses it. Each has connections of its own, so that a burst of requests, or of
//! clients who come back, takes none from the indexer or the feed.

use std::time::Duration;

use crate::{
    config::{Role, ServeArgs},
    http::{Starting, StartingPhase},
    store::{DatabaseArgs, Store, StoreError},
};

/// Those who ask do not wait for longer.
const FOR_REQUESTS: Duration = Duration::from_secs(10);
/// Probes do not wait for long.
const FOR_HEALTH: Duration = Duration::from_secs(5);
/// The tailer's chunks, and those of replays.
const FOR_THE_FEED: Duration = Duration::from_secs(30);
const FOR_INDEXING: Duration = Duration::from_mins(1);
/// The tailer's, those of the replays that run at once, and one for a client that begins.
const CONNECTIONS_OF_THE_FEED: u32 = 4;
/// The queries of one look at the health run two at a time.
const CONNECTIONS_OF_HEALTH: u32 = 2;
/// One each to prepare a batch, to report, to check records and to fill holes.
const CONNECTIONS_OF_THE_INDEXER: u32 = 4;

/// Beside its pools a gateway has one connection each to hear of commits and of revocations.
const OTHERS_OF_A_GATEWAY: u32 = 2;
/// Beside its pool an indexer has the writer's, and one to hear of a pause.
const OTHERS_OF_THE_INDEXER: u32 = 2;

/// Returns how many connections the daemon opens at most.
pub(super) const fn most_connections(args: &ServeArgs) -> u32 {
    let of_a_gateway =
        args.database.database_connections + CONNECTIONS_OF_HEALTH + CONNECTIONS_OF_THE_FEED + OTHERS_OF_A_GATEWAY;
    let of_the_indexer = CONNECTIONS_OF_THE_INDEXER + OTHERS_OF_THE_INDEXER;
    match args.role {
        Role::All => of_a_gateway + of_the_indexer,
        Role::Gateway => of_a_gateway,
        Role::Indexer => of_the_indexer,
    }
}

/// The database as the parts of one process use it, with the schema that they need.
pub(super) struct Stores {
    /// Those of a gateway.
    pub(super) gateway: Option<GatewayStores>,
    /// What an indexer writes to.
    pub(super) indexing: Option<Store>,
}

/// The database as a gateway uses it.
pub(super) struct GatewayStores {
    pub(super) requests: Store,
    pub(super) health: Store,
    pub(super) feed: Store,
}

impl Stores {
    /// Connects as the role asks for; every role but the gateway's brings the schema up to date.
    pub(super) async fn open(url: &str, args: &ServeArgs, starting: &Starting) -> Result<Self, StoreError> {
        let first = match args.role {
            Role::All | Role::Gateway => for_requests(url, &args.database).await?,
            Role::Indexer => for_indexing(url).await?,
        };
        first.warn_of_too_few_connections(most_connections(args)).await?;
        match args.role {
            Role::Gateway => first.expect_schema().await?,
            Role::All | Role::Indexer => {
                starting.reach(StartingPhase::Migrating);
                first.migrate().await?;
                starting.reach(StartingPhase::Connecting);
            }
        }
        if args.role == Role::Indexer {
            return Ok(Self { gateway: None, indexing: Some(first) });
        }
        let indexing = if args.role == Role::All { Some(for_indexing(url).await?) } else { None };
        let (health, feed) = (for_health(url).await?, for_the_feed(url).await?);
        Ok(Self { gateway: Some(GatewayStores { requests: first, health, feed }), indexing })
    }

    /// Returns all of them, to be closed.
    pub(super) fn all(&self) -> Vec<Store> {
        let of_gateway = self.gateway.iter().flat_map(|stores| [&stores.requests, &stores.health, &stores.feed]);
        of_gateway.chain(&self.indexing).cloned().collect()
    }
}

/// Connects as requests are answered.
pub(super) async fn for_requests(url: &str, args: &DatabaseArgs) -> Result<Store, StoreError> {
    Store::connect(url, args.database_connections, FOR_REQUESTS).await
}

/// Connects as the health is read.
pub(super) async fn for_health(url: &str) -> Result<Store, StoreError> {
    Store::connect(url, CONNECTIONS_OF_HEALTH, FOR_HEALTH).await
}

/// Connects as the feed reads.
pub(super) async fn for_the_feed(url: &str) -> Result<Store, StoreError> {
    Store::connect(url, CONNECTIONS_OF_THE_FEED, FOR_THE_FEED).await
}

/// Connects as the indexer writes.
pub(super) async fn for_indexing(url: &str) -> Result<Store, StoreError> {
    Store::connect(url, CONNECTIONS_OF_THE_INDEXER, FOR_INDEXING).await
}
