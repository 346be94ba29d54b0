//! One subscriber's way through the sequence: replay up to where it registered, then live, no gap and no double.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use bytes::Bytes;
use serde::Serialize;
use tokio::{sync::Notify, time::sleep};
use tracing::debug;

use super::{
    connections::Client,
    frame::notice_frame,
    hub::{Notice, Registered, Taken},
    ring::FeedEvent,
    sequence::Feed,
    stats::FilterKind,
};
use crate::{
    domain::{CommittedEvent, EventId, FeedId},
    planted::{Bug, is_planted},
    store::{EventAtoms, EventRange, StoreError},
};

/// So many ring slots are looked at under one lock, and so many rows are read at once.
const CHUNK: u32 = 256;
/// How long a replay waits for a database that is away.
const DATABASE_RETRY: Duration = Duration::from_secs(1);

/// A query under way. It is kept when nobody waits for it for a moment: starting it over at each heartbeat would never
/// end a long one.
type Query = Pin<Box<dyn Future<Output = Result<Vec<CommittedEvent>, StoreError>> + Send>>;

/// A registered subscriber. Dropping it ends the subscription.
pub struct Subscription {
    feed: Feed,
    atoms: Arc<EventAtoms>,
    kind: FilterKind,
    id: u64,
    wake: Arc<Notify>,
    /// Every matching event up to here was handed out.
    position: EventId,
    /// Up to here the ring or the table is read in order; after it, what the hub noted is taken.
    replay_up_to: EventId,
    query: Option<Query>,
    /// What is to be told next.
    notice: Option<Notice>,
}

/// What a subscriber is told of late rows: events in this range were added, or their streams were folded again.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Revised {
    from_id: FeedId,
    to_id: FeedId,
}

impl fmt::Debug for Subscription {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Subscription").field("position", &self.position).finish_non_exhaustive()
    }
}

impl Subscription {
    /// Registers a subscriber that begins with the next event.
    pub(super) fn register(feed: Feed, atoms: EventAtoms) -> Self {
        let atoms = Arc::new(atoms);
        let kind = FilterKind::of(&atoms);
        let Registered { id, wake, head } = feed.hub.register(Arc::clone(&atoms));
        feed.counters.connected(kind);
        Self { feed, atoms, kind, id, wake, position: head, replay_up_to: head, query: None, notice: None }
    }

    /// Notes who subscribed, for operators to see.
    pub fn introduce(&self, client: Client) {
        self.feed.hub.introduce(self.id, client);
    }

    /// Begins after `last` instead: with a replay if that lies behind, and by leaving out what the client has if this
    /// node has yet to see it.
    pub(super) const fn resume_after(&mut self, last: EventId) {
        self.position = last;
    }

    /// Returns the position up to which everything was handed out: what a client may resume from. None before the
    /// first event.
    #[must_use]
    pub fn position(&self) -> Option<FeedId> {
        Some(self.position).filter(|position| *position != EventId::ZERO).map(|position| self.feed.id_of(position))
    }

    /// Takes note of events that did not match, so that the position of a quiet subscription goes on with the feed.
    /// Does nothing while matching events are waiting.
    pub fn advance_if_quiet(&mut self) {
        if self.position >= self.replay_up_to
            && let Some(head) = self.feed.hub.advance(self.id, self.position)
        {
            self.position = head;
        }
    }

    /// Returns the next frames, in order, waiting until there are some. Dropping the future loses nothing.
    ///
    /// # Errors
    /// The table holds what cannot be read; a database that is away is waited for instead.
    pub async fn next(&mut self) -> Result<Vec<Bytes>, StoreError> {
        loop {
            let frames = if self.position < self.replay_up_to { self.replay().await? } else { self.take_live() };
            if let Some(notice) = self.notice {
                let frame = frame_of(&self.feed, notice).await?;
                self.notice = None;
                return Ok(vec![frame]);
            }
            if !frames.is_empty() {
                self.feed.counters.events_sent.fetch_add(count(&frames), Ordering::Relaxed);
                return Ok(frames);
            }
            if self.position >= self.replay_up_to {
                self.wake.notified().await;
            }
        }
    }

    fn take_live(&mut self) -> Vec<Bytes> {
        match self.feed.hub.take(self.id, self.position) {
            Taken::Frames { frames, up_to } => {
                self.position = self.position.max(up_to);
                frames
            }
            Taken::Lagged { head } => {
                self.feed.counters.slow_clients.fetch_add(1, Ordering::Relaxed);
                self.replay_up_to = head;
                // Whatever is pending from now on comes after that head, so look again without waiting.
                self.wake.notify_one();
                Vec::new()
            }
            Taken::Notice(notice) => {
                if notice == Notice::StartedOver {
                    self.position = EventId::ZERO;
                    self.replay_up_to = EventId::ZERO;
                }
                self.notice = Some(notice);
                Vec::new()
            }
        }
    }

    async fn replay(&mut self) -> Result<Vec<Bytes>, StoreError> {
        let chunk = usize::try_from(CHUNK).expect("a small number");
        let from_ring = if self.query.is_none() { self.feed.hub.ring_after(self.position, chunk) } else { None };
        let frames = match from_ring {
            Some(events) => self.replay_from_ring(&events),
            None => self.replay_from_table().await?,
        };
        self.feed.counters.events_replayed.fetch_add(count(&frames), Ordering::Relaxed);
        if is_planted(Bug::ReplayBeforeRegister) && self.position >= self.replay_up_to {
            drop(self.feed.hub.take(self.id, self.position));
        }
        Ok(frames)
    }

    fn replay_from_ring(&mut self, events: &[Arc<FeedEvent>]) -> Vec<Bytes> {
        let due = events.partition_point(|event| event.id <= self.replay_up_to);
        // Without a later event there is nothing to look for again.
        let last = events.last().map(|event| event.id).filter(|last| due == events.len() && *last > self.position);
        self.position = last.unwrap_or(self.replay_up_to);
        let matching = events[..due].iter().filter(|event| event.matches(&self.atoms));
        matching.map(|event| event.frame.clone()).collect()
    }

    async fn replay_from_table(&mut self) -> Result<Vec<Bytes>, StoreError> {
        let query = self.query.get_or_insert_with(|| {
            let (store, atoms) = (self.feed.store.clone(), Arc::clone(&self.atoms));
            let range = EventRange { after: self.position, up_to: self.replay_up_to };
            Box::pin(async move { store.matching_events(range, &atoms, CHUNK).await })
        });
        let answer = query.await;
        self.query = None;
        match answer {
            Ok(events) => {
                let is_full = u32::try_from(events.len()) == Ok(CHUNK);
                let last = events.last().map(|event| event.id).filter(|_| is_full);
                self.position = last.unwrap_or(self.replay_up_to);
                Ok(events.into_iter().map(|event| FeedEvent::new(event).frame).collect())
            }
            Err(failure) if failure.is_unavailable() => {
                debug!("a replay waits for the database: {failure}");
                sleep(DATABASE_RETRY).await;
                Ok(Vec::new())
            }
            Err(failure) => Err(failure),
        }
    }
}

async fn frame_of(feed: &Feed, notice: Notice) -> Result<Bytes, StoreError> {
    match notice {
        Notice::Revised { from, to } => {
            let revised = Revised { from_id: feed.id_of(from), to_id: feed.id_of(to) };
            Ok(notice_frame("revised", &revised))
        }
        Notice::StartedOver => {
            feed.counters.resets.fetch_add(1, Ordering::Relaxed);
            Ok(notice_frame("reset", &feed.reset("networkReset").await?))
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.feed.hub.remove(self.id);
        self.feed.counters.disconnected(self.kind);
    }
}

fn count(frames: &[Bytes]) -> u64 {
    u64::try_from(frames.len()).unwrap_or(u64::MAX)
}
