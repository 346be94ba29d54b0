//! The feed: the state that its parts share.

use std::{
    ops::Deref,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{sync::Semaphore, time::sleep};
use tokio_util::sync::CancellationToken;

use super::{
    connections::OpenConnections,
    hub::Hub,
    published::EncodingSlot,
    stats::{Counters, FeedStats},
};
use crate::{
    domain::{Epoch, EventId, FeedId, Reset, ResetReason},
    store::{FeedState, Store, StoreError},
};

/// The number of replays that read the table at the same time. It is lower than the number of database connections, so
/// that returning clients do not slow the live events, and low enough to spare the database.
const REPLAYS_AT_ONCE: usize = 2;

/// The feed ends for at least this many subscribers at a time.
const LEAST_IN_A_WAVE: usize = 250;
const MOST_WAVES: usize = 40;
const BETWEEN_WAVES: Duration = Duration::from_millis(50);

/// The live sequence of committed events. Cheap to clone: each subscription keeps one.
#[derive(Clone, Debug)]
pub struct Feed(Arc<Shared>);

/// What the parts of the feed share.
#[derive(Debug)]
pub struct Shared {
    pub(super) hub: Hub,
    pub(super) store: Store,
    pub(super) counters: Counters,
    /// Limits how many returning clients read the table at once.
    pub(super) replays: Arc<Semaphore>,
    /// Why new events cannot be read from the table, if so.
    pub(super) trouble: Mutex<Option<String>>,
    /// Cancelled when the feed ends, for whoever is not waiting for the hub.
    pub(super) ended: CancellationToken,
}

impl Deref for Feed {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl Feed {
    /// Returns a feed of all contracts in a database. It starts after the newest event, and holds `ring_capacity`
    /// events in memory.
    ///
    /// # Errors
    /// The table could not be read.
    pub async fn open(store: Store, ring_capacity: usize) -> Result<Self, StoreError> {
        // Read the state first: an event that is committed in between then counts as new.
        let state = store.feed_state().await?;
        let newest = store.newest_event().await?.unwrap_or(state.position);
        let hub = Hub::new(FeedState { position: newest, ..state }, ring_capacity);
        hub.advance_to(state.position);
        let replays = Arc::new(Semaphore::new(REPLAYS_AT_ONCE));
        let ended = CancellationToken::new();
        let (counters, trouble) = (Counters::default(), Mutex::default());
        Ok(Self(Arc::new(Shared { hub, store, counters, replays, trouble, ended })))
    }

    /// Ends every subscription within two seconds. Whoever is still reading old events goes first; the others follow in
    /// waves, the oldest first, so that ten thousand clients do not all come back at the same moment.
    pub(super) async fn end(&self) {
        self.ended.cancel();
        let wave = self.hub.subscriber_count().div_ceil(MOST_WAVES).max(LEAST_IN_A_WAVE);
        while self.hub.end_next(wave) {
            sleep(BETWEEN_WAVES).await;
        }
    }

    /// Reserves a place for an outlet's encoding of every event that is published from now on.
    #[must_use]
    pub fn encoding_slot(&self) -> EncodingSlot {
        self.hub.encoding_slot()
    }

    /// Returns the network's epoch as the feed last saw it.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.hub.epoch()
    }

    /// Returns the position up to which the feed has seen everything; `None` before anything was indexed.
    #[must_use]
    pub fn head(&self) -> Option<FeedId> {
        Some(self.hub.head_id()).filter(|head| head.event != EventId::ZERO)
    }

    /// Returns why new events cannot be read from the table; `None` while they can.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        self.trouble.lock().expect("no thread panics while it holds the text").clone()
    }

    pub(super) fn set_trouble(&self, why: Option<String>) {
        *self.trouble.lock().expect("no thread panics while it holds the text") = why;
    }

    /// Returns the counters.
    #[must_use]
    pub fn stats(&self) -> FeedStats {
        self.counters.read()
    }

    /// Returns the open subscriptions of introduced clients, for operators.
    #[must_use]
    pub fn connections(&self) -> OpenConnections {
        self.hub.connections()
    }

    /// Returns a reset, with its ids if the subscriber may see every event. The epoch is read before and after the ids,
    /// so that no id gets the number of another epoch.
    pub(super) async fn reset(&self, reason: ResetReason, with_ids: bool) -> Result<Reset, StoreError> {
        if !with_ids {
            return Ok(Reset { reason, oldest_event_id: None, newest_event_id: None });
        }
        loop {
            let epoch = self.store.feed_state().await?.epoch;
            let (oldest, newest) = tokio::try_join!(self.store.oldest_event(), self.store.newest_event())?;
            if self.store.feed_state().await?.epoch == epoch {
                let [oldest_event_id, newest_event_id] =
                    [oldest, newest].map(|event| event.map(|event| FeedId { event, epoch }));
                return Ok(Reset { reason, oldest_event_id, newest_event_id });
            }
        }
    }
}
