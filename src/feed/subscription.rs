//! One subscriber's way through the sequence: replay up to where it registered, then live, with no gap and no duplicate.
//!
//! The ids that it hands out say what this subscriber has been told, never more: a client that comes back with one of
//! them, from whatever point it broke off at, is told the rest.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use bytes::Bytes;
use tokio::{
    sync::Notify,
    time::{sleep, timeout},
};
use tracing::debug;

use super::{
    connections::Client,
    frame::{id_frame, notice_frame},
    hub::{Registered, RingRead, Taken},
    notice::{Notice, RevisedRange},
    replay_window::ReplayWindow,
    ring::FeedEvent,
    sequence::Feed,
    stats::FilterKind,
};
use crate::{
    domain::{CommittedEvent, Epoch, EventId, FeedId, ResumeId, Visibility},
    planted::{Bug, is_planted},
    store::{EventAtoms, EventRange, Revision, StoreError},
};

/// So many ring slots are looked at under one lock, and so many rows are read at once.
const CHUNK: u32 = 256;
/// How long a subscriber waits for a database that is away, or for a tailer that is behind it.
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
    /// The epoch of everything it hands out.
    epoch: Epoch,
    /// Every matching event up to here was handed out.
    position: EventId,
    /// Every revision up to this one was told, or needs no telling.
    told: i64,
    /// The revision in the id that was handed out last.
    told_by_id: i64,
    /// Up to here the ring or the table is read in order; after it, what the hub noted is taken.
    replay_up_to: EventId,
    query: Option<Query>,
    window: ReplayWindow,
    /// What is to be told next.
    notice: Option<Notice>,
}

impl fmt::Debug for Subscription {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Subscription").field("position", &self.position).finish_non_exhaustive()
    }
}

impl Subscription {
    /// Registers a subscriber that begins with the next event and the next revision.
    pub(super) fn register(feed: Feed, atoms: EventAtoms) -> Self {
        let atoms = Arc::new(atoms);
        let kind = FilterKind::of(&atoms);
        let window = ReplayWindow::of(&atoms);
        let Registered { id, wake, head, epoch, revision } = feed.hub.register(Arc::clone(&atoms));
        feed.counters.connected(kind);
        Self {
            feed,
            atoms,
            kind,
            id,
            wake,
            epoch,
            position: head,
            told: revision,
            told_by_id: revision,
            replay_up_to: head,
            query: None,
            window,
            notice: None,
        }
    }

    /// Notes who subscribed, for operators to see.
    pub fn introduce(&self, client: Client) {
        self.feed.hub.introduce(self.id, client);
    }

    pub(super) const fn epoch(&self) -> Epoch {
        self.epoch
    }

    pub(super) const fn revision(&self) -> i64 {
        self.told
    }

    /// Begins after `last` instead: with a replay if that lies behind, and by leaving out what the client has if this
    /// node has yet to see it. What it has missed of revisions is told first.
    pub(super) fn resume_after(&mut self, last: ResumeId, missed: Option<Revision>) {
        self.position = last.position.event;
        self.told = last.revision;
        self.told_by_id = last.revision;
        self.notice = missed.map(Notice::Revised);
    }

    /// Returns the id that a client may resume from: it has been handed everything up to there. `None` before the first
    /// event.
    #[must_use]
    pub fn resume_id(&self) -> Option<ResumeId> {
        let is_begun = self.position != EventId::ZERO;
        let position = FeedId { event: self.position, epoch: self.epoch };
        is_begun.then_some(ResumeId { position, revision: self.told })
    }

    /// Takes note of events that did not match, so that the position of a quiet subscription goes on with the feed.
    /// Does nothing while anything waits to be handed out.
    pub fn advance_if_quiet(&mut self) {
        if self.notice.is_none()
            && self.position >= self.replay_up_to
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
            let frames = if let Some(notice) = self.notice {
                self.tell(notice).await?
            } else if self.position < self.replay_up_to {
                self.replay().await?
            } else {
                self.take_live()
            };
            if !frames.is_empty() {
                return Ok(self.with_id(frames));
            }
            if self.notice.is_none() && self.position >= self.replay_up_to {
                self.wake.notified().await;
            }
        }
    }

    /// Adds an id to frames of which the last id says less than the subscriber was told: a notice has none, and those of
    /// the ring are as old as its events.
    fn with_id(&mut self, mut frames: Vec<Bytes>) -> Vec<Bytes> {
        if self.told_by_id < self.told
            && let Some(id) = self.resume_id()
        {
            frames.push(id_frame(id));
            self.told_by_id = self.told;
        }
        frames
    }

    pub(super) fn sees_everything(&self) -> bool {
        self.atoms.visibility == Visibility::Everything
    }

    /// Encodes a notice. It stays the next thing to tell until its frame is there.
    async fn tell(&mut self, notice: Notice) -> Result<Vec<Bytes>, StoreError> {
        let frame = match notice {
            Notice::Revised(revision) => {
                self.told = revision.number;
                notice_frame("revised", &RevisedRange::of(&revision, self.epoch))
            }
            Notice::StartedOver { .. } => match self.feed.reset("networkReset", self.sees_everything()).await {
                Ok(reset) => {
                    self.feed.counters.resets.fetch_add(1, Ordering::Relaxed);
                    notice_frame("reset", &reset)
                }
                Err(failure) => return wait_for_database(failure).await,
            },
        };
        self.notice = None;
        Ok(vec![frame])
    }

    /// Makes a notice the next thing to tell, unless its client knows of it from another node or from the table.
    fn take_notice(&mut self, notice: Notice) {
        match notice {
            Notice::Revised(revision) if revision.number <= self.told => return,
            Notice::Revised(_) => {}
            Notice::StartedOver { epoch, revision } => {
                self.epoch = epoch;
                self.position = EventId::ZERO;
                self.replay_up_to = EventId::ZERO;
                self.told = revision;
                self.told_by_id = revision;
            }
        }
        self.notice = Some(notice);
    }

    fn take_live(&mut self) -> Vec<Bytes> {
        match self.feed.hub.take(self.id, self.position) {
            Taken::Events { events, up_to } => {
                self.position = self.position.max(up_to);
                self.frames_of(events.iter())
            }
            Taken::Lagged { head } => {
                self.feed.counters.slow_clients.fetch_add(1, Ordering::Relaxed);
                self.replay_up_to = head;
                // Whatever is pending from now on comes after that head, so look again without waiting.
                self.wake.notify_one();
                Vec::new()
            }
            Taken::Notice(notice) => {
                self.take_notice(notice);
                Vec::new()
            }
        }
    }

    /// Returns the frames of events from the ring or the table, and counts them.
    fn frames_of<'a>(&mut self, events: impl Iterator<Item = &'a Arc<FeedEvent>>) -> Vec<Bytes> {
        let frames: Vec<Bytes> = events
            .map(|event| {
                self.told_by_id = event.revision;
                event.frame.clone()
            })
            .collect();
        self.feed.counters.events_sent.fetch_add(count(&frames), Ordering::Relaxed);
        frames
    }

    async fn replay(&mut self) -> Result<Vec<Bytes>, StoreError> {
        let chunk = usize::try_from(CHUNK).expect("a small number");
        let frames = if self.query.is_some() {
            self.replay_from_table().await?
        } else {
            match self.feed.hub.read_ring(self.id, self.position, chunk) {
                RingRead::Events(events) => self.replay_from_ring(&events),
                RingRead::NotHeld => self.replay_from_table().await?,
                RingRead::Notice(notice) => {
                    self.take_notice(notice);
                    Vec::new()
                }
            }
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
        let atoms = Arc::clone(&self.atoms);
        self.frames_of(events[..due].iter().filter(|event| event.matches(&atoms)))
    }

    async fn replay_from_table(&mut self) -> Result<Vec<Bytes>, StoreError> {
        // Neither the position nor the window changes while a query is under way.
        let end = self.window.end(self.position, self.replay_up_to);
        let query = self.query.get_or_insert_with(|| {
            let (feed, atoms) = (self.feed.clone(), Arc::clone(&self.atoms));
            let range = EventRange { after: self.position, up_to: end };
            Box::pin(async move {
                let _turn = feed.replays.acquire().await;
                feed.store.matching_events(range, &atoms, CHUNK).await
            })
        });
        let answer = query.await;
        self.query = None;
        match answer {
            Ok(events) if events.first().is_some_and(|event| event.epoch != self.epoch) => {
                // The network started over, and the tailer is about to say so. Rows of another epoch are no continuation.
                drop(timeout(DATABASE_RETRY, self.wake.notified()).await);
                Ok(Vec::new())
            }
            Ok(events) => {
                let is_full = u32::try_from(events.len()) == Ok(CHUNK);
                let last = events.last().map(|event| event.id).filter(|_| is_full);
                self.position = last.unwrap_or(end);
                self.window.learn(events.len(), usize::try_from(CHUNK).expect("a small number"));
                let events: Vec<_> =
                    events.into_iter().map(|event| Arc::new(FeedEvent::new(event, self.told))).collect();
                Ok(self.frames_of(events.iter()))
            }
            Err(failure) => wait_for_database(failure).await,
        }
    }
}

/// Waits before a subscriber asks again, unless asking again does not help.
async fn wait_for_database(failure: StoreError) -> Result<Vec<Bytes>, StoreError> {
    if !failure.is_unavailable() {
        return Err(failure);
    }
    debug!("a subscriber waits for the database: {failure}");
    sleep(DATABASE_RETRY).await;
    Ok(Vec::new())
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
