//! The feed as others use it: open a subscription, publish, count.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use serde::Serialize;

use super::{
    connections::OpenConnections,
    hub::{Hub, Notice},
    stats::{Counters, FeedStats},
    subscription::Subscription,
};
use crate::{
    domain::{CommittedEvent, Epoch, EventId, FeedId},
    store::{EventAtoms, FeedState, Revision, Store, StoreError},
};

/// The live sequence of committed events. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Feed {
    pub(super) hub: Arc<Hub>,
    pub(super) store: Store,
    epoch: Arc<AtomicU32>,
    pub(super) counters: Arc<Counters>,
}

/// The last event id that a client says it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LastEventId {
    /// It says none: it wants what comes from now on.
    None,
    /// It wants everything after this one.
    Known(FeedId),
    /// It says something that is no event id.
    Malformed,
}

/// A subscription that begins.
#[derive(Debug)]
pub struct Opened {
    /// What will come.
    pub subscription: Subscription,
    /// Set if the client's last event id cannot be resumed from: then the subscription begins now.
    pub reset: Option<Reset>,
}

/// Why and between which ids a client must fetch anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Reset {
    /// In one of a few words: `malformed`, `beyondTip`, `beforeOldest`, `networkReset`.
    pub reason: &'static str,
    /// The oldest event there is.
    pub oldest_event_id: Option<FeedId>,
    /// The newest event there is.
    pub newest_event_id: Option<FeedId>,
}

impl Feed {
    /// Returns a feed of a database, all of its contracts together, that begins after what is there and holds
    /// `ring_capacity` events in memory.
    ///
    /// # Errors
    /// The table could not be read.
    pub async fn open(store: Store, ring_capacity: usize) -> Result<Self, StoreError> {
        // The position is read first: an event that is committed in between is then the newest one.
        let FeedState { epoch, position, .. } = store.feed_state().await?;
        let hub = Arc::new(Hub::new(store.newest_event().await?.unwrap_or(position), ring_capacity));
        hub.advance_to(position);
        Ok(Self { hub, store, epoch: Arc::new(AtomicU32::new(epoch.0)), counters: Arc::default() })
    }

    /// Returns the network's epoch as the feed last saw it.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        Epoch(self.epoch.load(Ordering::Acquire))
    }

    /// Returns a position as the wire has it.
    pub(super) fn id_of(&self, event: EventId) -> FeedId {
        FeedId { event, epoch: self.epoch() }
    }

    /// Goes on with another epoch of the network, whose first event is still to come.
    pub(super) fn start_over(&self, epoch: Epoch) {
        self.epoch.store(epoch.0, Ordering::Release);
        self.hub.start_over();
    }

    /// Tells every subscriber of late rows.
    pub(super) fn tell_of(&self, revision: &Revision) {
        self.hub.tell(Notice::Revised { from: revision.from, to: revision.to });
    }

    /// Returns the position up to which the feed has seen everything, none before anything was indexed.
    #[must_use]
    pub fn head(&self) -> Option<FeedId> {
        Some(self.hub.head()).filter(|head| *head != EventId::ZERO).map(|head| self.id_of(head))
    }

    /// Returns what the feed has counted.
    #[must_use]
    pub fn stats(&self) -> FeedStats {
        self.counters.read()
    }

    /// Returns the open subscriptions of clients that were introduced, as operators may see them.
    #[must_use]
    pub fn connections(&self) -> OpenConnections {
        self.hub.connections()
    }

    /// Opens a subscription. The subscriber is registered first, so that nothing can fall between its replay and what
    /// comes live.
    ///
    /// # Errors
    /// The table could not be read, which it must be to know whether the last event id can be resumed from.
    pub async fn subscribe(&self, atoms: EventAtoms, last: LastEventId) -> Result<Opened, StoreError> {
        let mut subscription = Subscription::register(self.clone(), atoms);
        let reset = match last {
            LastEventId::None => None,
            LastEventId::Malformed => Some(self.reset("malformed").await?),
            LastEventId::Known(last) if last.epoch != self.epoch() => Some(self.reset("networkReset").await?),
            LastEventId::Known(last) => self.cannot_resume_from(last.event).await?,
        };
        if reset.is_some() {
            self.counters.resets.fetch_add(1, Ordering::Relaxed);
        } else if let LastEventId::Known(last) = last {
            subscription.resume_after(last.event);
        }
        Ok(Opened { subscription, reset })
    }

    /// What is kept begins with the oldest first ledger of any contract and ends at the newest position. What this node
    /// has in memory can be behind another node's, so the database is asked, but for what the ring proves.
    async fn cannot_resume_from(&self, last: EventId) -> Result<Option<Reset>, StoreError> {
        if self.hub.can_resume(last) {
            return Ok(None);
        }
        let reason = match self.store.feed_progress().await? {
            Some(progress) if last < EventId::end_of_ledger(progress.from_ledger.previous()) => "beforeOldest",
            Some(progress) if last <= progress.position => return Ok(None),
            _ => "beyondTip",
        };
        self.reset(reason).await.map(Some)
    }

    pub(super) async fn reset(&self, reason: &'static str) -> Result<Reset, StoreError> {
        let (oldest, newest) = tokio::try_join!(self.store.oldest_event(), self.store.newest_event())?;
        let [oldest_event_id, newest_event_id] = [oldest, newest].map(|id| id.map(|id| self.id_of(id)));
        Ok(Reset { reason, oldest_event_id, newest_event_id })
    }

    pub(super) fn publish(&self, events: Vec<CommittedEvent>) {
        self.hub.publish(events);
    }
}
