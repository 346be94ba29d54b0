//! The database as each part of the daemon uses it. Each has connections of its own, so that a burst of requests, or of
//! clients who come back, takes none from the indexer or the feed.

use std::time::Duration;

use crate::store::{DatabaseArgs, Store, StoreError};

/// Those who ask do not wait for longer.
const FOR_REQUESTS: Duration = Duration::from_secs(10);
/// The tailer's chunks, and those of replays.
const FOR_THE_FEED: Duration = Duration::from_secs(30);
const FOR_INDEXING: Duration = Duration::from_mins(1);
/// The tailer's, those of the replays that run at once, and one for a client that begins.
const CONNECTIONS_OF_THE_FEED: u32 = 4;
/// One each to prepare a batch, to report, to check records and to fill holes.
const CONNECTIONS_OF_THE_INDEXER: u32 = 4;

/// Connects as requests are answered.
pub(super) async fn for_requests(url: &str, args: &DatabaseArgs) -> Result<Store, StoreError> {
    Store::connect(url, args.database_connections, FOR_REQUESTS).await
}

/// Connects as the feed reads.
pub(super) async fn for_the_feed(url: &str) -> Result<Store, StoreError> {
    Store::connect(url, CONNECTIONS_OF_THE_FEED, FOR_THE_FEED).await
}

/// Connects as the indexer writes.
pub(super) async fn for_indexing(url: &str) -> Result<Store, StoreError> {
    Store::connect(url, CONNECTIONS_OF_THE_INDEXER, FOR_INDEXING).await
}
