//! One subscriber's path through the sequence: it replays up to the point where it registered, then goes live, with no
//! gap and no duplicate.
//!
//! The ids that it hands out never claim more than this subscriber was told. A client that resumes from any of them,
//! wherever its connection broke, gets the rest.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::{
    sync::{Notify, Semaphore},
    time::{sleep, timeout},
};
use tracing::debug;

use super::{
    connections::Client,
    hub::{Pull, Registration, RingRead},
    news::News,
    published::Published,
    replay_window::ReplayWindow,
    sequence::Feed,
    stats::FilterKind,
};
use crate::{
    domain::{
        CommittedEvent, Epoch, EventFilter, EventId, FeedId, Notice, ResetReason, ResumeId, Revision, Visibility,
    },
    lifecycle::do_to_the_end,
    store::{EventRange, StoreError},
};

/// The number of ring slots read under one lock, and of rows read at once.
const CHUNK: u32 = 256;
/// How long a subscriber waits for a database that is away, or for a tailer that lags behind it.
const DATABASE_RETRY: Duration = Duration::from_secs(1);

/// A running query. It is kept when nobody awaits it for a moment: a long one that restarted at each heartbeat would
/// never end.
type Query = Pin<Box<dyn Future<Output = Result<Vec<CommittedEvent>, StoreError>> + Send>>;

/// What a subscriber receives.
#[derive(Clone, Debug)]
pub enum Delivery {
    /// A matching event.
    Event(Arc<Published>),
    /// A notice. It has no id: a client whose connection breaks after it is told again.
    Notice(Notice),
    /// Everything up to this id was handed out, including notices: a client may resume from it.
    Position(ResumeId),
}

/// A registered subscriber. Dropping it ends the subscription.
pub struct Subscription {
    feed: Feed,
    filter: Arc<EventFilter>,
    kind: FilterKind,
    id: u64,
    wake: Arc<Notify>,
    /// The epoch of everything that the subscriber receives.
    epoch: Epoch,
    /// Every matching event up to here was handed out. It may be the id of an event that the subscriber may not see.
    position: EventId,
    /// The last id that the subscriber knows: of an event that it was handed, or the one that it came back with.
    known: EventId,
    /// Every revision up to this one was told, or needs no telling.
    announced_revision: i64,
    /// The revision in the last id that was handed out.
    revision_in_id: i64,
    /// Up to here the subscriber reads the ring or the table in order. After it, it reads the slots that the hub noted.
    replay_up_to: EventId,
    query: Option<Query>,
    window: ReplayWindow,
    /// The turns at the table that the subscription shares with others of its client.
    turns: Option<Arc<Semaphore>>,
    /// The next notice to hand out.
    news: Option<News>,
}

impl fmt::Debug for Subscription {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Subscription").field("position", &self.position).finish_non_exhaustive()
    }
}

impl Subscription {
    /// Registers a subscriber that starts with the next event and the next revision.
    pub(super) fn register(feed: Feed, filter: EventFilter) -> Self {
        let filter = Arc::new(filter);
        let kind = FilterKind::of(&filter);
        let window = ReplayWindow::of(&filter);
        let Registration { id, wake, head, epoch, revision } = feed.hub.register(Arc::clone(&filter));
        feed.counters.connected(kind);
        let sees_everything = filter.visibility == Visibility::Everything;
        Self {
            feed,
            filter,
            kind,
            id,
            wake,
            epoch,
            position: if sees_everything { head } else { head.in_whole_ledgers() },
            known: EventId::ZERO,
            announced_revision: revision,
            revision_in_id: revision,
            replay_up_to: head,
            query: None,
            window,
            turns: None,
            news: None,
        }
    }

    /// Records the client behind the subscription, for operators.
    pub fn introduce(&self, client: Client) {
        self.feed.hub.introduce(self.id, client);
    }

    /// Takes a turn for each read of the table. A client that shares them among its subscriptions slows down itself, and
    /// not everybody else.
    pub fn replay_in_turn(&mut self, turns: Arc<Semaphore>) {
        self.turns = Some(turns);
    }

    pub(super) const fn epoch(&self) -> Epoch {
        self.epoch
    }

    pub(super) const fn revision(&self) -> i64 {
        self.announced_revision
    }

    /// Starts after `last` instead. If that lies in the past, the subscription replays from there. If this node has not
    /// reached it yet, events that the client already has are left out. What it missed of revisions is told first.
    pub(super) fn resume_after(&mut self, last: ResumeId, missed: Option<Revision>) {
        self.position = last.position.event;
        self.known = self.position;
        self.announced_revision = last.revision;
        self.revision_in_id = last.revision;
        self.news = missed.map(News::Revised);
    }

    /// Returns the id that a client may resume from: everything up to it was handed out. `None` before the first event.
    #[must_use]
    pub fn resume_id(&self) -> Option<ResumeId> {
        let is_begun = self.position != EventId::ZERO;
        let event =
            if self.sees_everything() { self.position } else { self.known.max(self.position.in_whole_ledgers()) };
        let position = FeedId { event, epoch: self.epoch };
        is_begun.then_some(ResumeId { position, revision: self.announced_revision })
    }

    /// Skips events that did not match and revisions that did not concern the subscriber, so that the id of a quiet
    /// subscription moves with the feed. Does nothing while anything is waiting to be handed out.
    pub fn advance_if_quiet(&mut self) {
        if self.is_live()
            && let Some((head, revision)) = self.feed.hub.level(self.id)
        {
            self.position = head.max(self.position);
            self.announced_revision = revision.max(self.announced_revision);
            self.revision_in_id = self.announced_revision;
        }
    }

    /// Returns what comes next, in order, and waits until there is something; `None` once the feed has ended. Dropping the
    /// future loses nothing.
    ///
    /// # Errors
    /// The table holds a row that cannot be read. If the database is away, this waits instead.
    pub async fn next(&mut self) -> Result<Option<Vec<Delivery>>, StoreError> {
        loop {
            let deliveries = if self.is_live() {
                self.take_live()
            } else {
                // Boxed, because most subscriptions are live and should not carry the room that this takes.
                let ended = self.feed.ended.clone();
                ended.run_until_cancelled(Box::pin(self.catch_up())).await.transpose()?
            };
            let Some(deliveries) = deliveries else { return Ok(None) };
            if !deliveries.is_empty() {
                return Ok(Some(self.with_position(deliveries)));
            }
            if self.is_live() {
                self.wake.notified().await;
            }
        }
    }

    /// Returns whether all that is left to hand out is in the hub.
    fn is_live(&self) -> bool {
        self.news.is_none() && self.position >= self.replay_up_to
    }

    /// Hands out the next notice, or what the subscriber must read in order.
    async fn catch_up(&mut self) -> Result<Vec<Delivery>, StoreError> {
        match self.news.clone() {
            Some(news) => self.tell(news).await,
            None => self.replay().await,
        }
    }

    /// Adds the position if the last id has a lower revision than the subscriber was told: a notice has no id, and the
    /// ids in the ring are as old as their events.
    fn with_position(&mut self, mut deliveries: Vec<Delivery>) -> Vec<Delivery> {
        if self.revision_in_id < self.announced_revision
            && let Some(id) = self.resume_id()
        {
            deliveries.push(Delivery::Position(id));
            self.revision_in_id = self.announced_revision;
        }
        deliveries
    }

    pub(super) fn filter(&self) -> &EventFilter {
        &self.filter
    }

    pub(super) fn sees_everything(&self) -> bool {
        self.filter.visibility == Visibility::Everything
    }

    /// Turns news into a notice. The news stays next in line until that succeeds.
    async fn tell(&mut self, news: News) -> Result<Vec<Delivery>, StoreError> {
        let notice = match news {
            News::Revised(revision) => {
                self.announced_revision = revision.number;
                let shown = if self.sees_everything() { revision } else { revision.in_whole_ledgers() };
                shown.notice(self.epoch)
            }
            News::StartedOver { .. } => {
                match self.feed.reset(ResetReason::NetworkReset, self.sees_everything()).await {
                    Ok(reset) => {
                        self.feed.counters.resets.fetch_add(1, Ordering::Relaxed);
                        Notice::Reset(reset)
                    }
                    Err(failure) => return wait_for_database(failure).await,
                }
            }
        };
        self.news = None;
        Ok(vec![Delivery::Notice(notice)])
    }

    /// Puts news next in line, unless the client knows of it already, from another node or from the table.
    fn take_news(&mut self, news: News) {
        match news {
            News::Revised(ref revision) if revision.number <= self.announced_revision => return,
            News::Revised(_) => {}
            News::StartedOver { epoch, revision } => {
                self.epoch = epoch;
                self.position = EventId::ZERO;
                self.known = EventId::ZERO;
                self.replay_up_to = EventId::ZERO;
                self.announced_revision = revision;
                self.revision_in_id = revision;
            }
        }
        self.news = Some(news);
    }

    /// Takes what the hub has noted; `None` once the feed has ended.
    fn take_live(&mut self) -> Option<Vec<Delivery>> {
        Some(match self.feed.hub.pull(self.id, self.position) {
            Pull::Events { events, up_to } => {
                self.position = self.position.max(up_to);
                self.deliver(events)
            }
            Pull::Lagged { head } => {
                self.feed.counters.slow_clients.fetch_add(1, Ordering::Relaxed);
                self.replay_up_to = head;
                // Whatever is pending from now on comes after that head, so read again without waiting.
                self.wake.notify_one();
                Vec::new()
            }
            Pull::News(news) => {
                self.take_news(news);
                Vec::new()
            }
            Pull::Ended => return None,
        })
    }

    /// Hands out events from the ring or the table, and counts them.
    fn deliver(&mut self, events: Vec<Arc<Published>>) -> Vec<Delivery> {
        if let Some(last) = events.last() {
            self.revision_in_id = last.revision;
            // Whatever concerned the subscriber up to that revision came first.
            self.announced_revision = last.revision.max(self.announced_revision);
            self.known = last.event.id;
        }
        self.feed.counters.events_sent.fetch_add(count(&events), Ordering::Relaxed);
        events.into_iter().map(Delivery::Event).collect()
    }

    async fn replay(&mut self) -> Result<Vec<Delivery>, StoreError> {
        let chunk = usize::try_from(CHUNK).expect("a small number fits usize");
        let deliveries = if self.query.is_some() {
            self.replay_from_table().await?
        } else {
            match self.feed.hub.read_ring(self.id, self.position, chunk) {
                RingRead::Events(events) => self.replay_from_ring(events),
                RingRead::NotHeld => self.replay_from_table().await?,
                RingRead::News(news) => {
                    self.take_news(news);
                    Vec::new()
                }
            }
        };
        self.feed.counters.events_replayed.fetch_add(count(&deliveries), Ordering::Relaxed);
        Ok(deliveries)
    }

    fn replay_from_ring(&mut self, mut events: Vec<Arc<Published>>) -> Vec<Delivery> {
        let due = events.partition_point(|published| published.event.id <= self.replay_up_to);
        // Without a later event there is nothing more to look for.
        let last = events.last().map(|published| published.event.id);
        let last = last.filter(|last| due == events.len() && *last > self.position);
        self.position = last.unwrap_or(self.replay_up_to);
        events.truncate(due);
        events.retain(|published| self.filter.matches(&published.event));
        self.deliver(events)
    }

    async fn replay_from_table(&mut self) -> Result<Vec<Delivery>, StoreError> {
        // Neither the position nor the window changes while a query is running.
        let end = self.window.end(self.position, self.replay_up_to);
        let query = self.query.get_or_insert_with(|| {
            let (feed, filter, turns) = (self.feed.clone(), Arc::clone(&self.filter), self.turns.clone());
            let range = EventRange { after: self.position, up_to: end };
            Box::pin(async move {
                let turn_of_client = match turns {
                    Some(turns) => Some(turns.acquire_owned().await),
                    None => None,
                };
                let turns = (turn_of_client, Arc::clone(&feed.replays).acquire_owned().await);
                do_to_the_end(async move {
                    let _turns = turns;
                    feed.store.matching_events(range, &filter, CHUNK).await
                })
                .await
            })
        });
        let answer = query.await;
        self.query = None;
        match answer {
            Ok(events) if events.first().is_some_and(|event| event.epoch != self.epoch) => {
                // The network started over, and the tailer is about to say so. Rows of another epoch do not continue
                // this one.
                drop(timeout(DATABASE_RETRY, self.wake.notified()).await);
                Ok(Vec::new())
            }
            Ok(events) => {
                let is_full = u32::try_from(events.len()) == Ok(CHUNK);
                let last = events.last().map(|event| event.id).filter(|_| is_full);
                self.position = last.unwrap_or(end);
                self.window.learn(events.len(), usize::try_from(CHUNK).expect("a small number fits usize"));
                // No other subscriber receives these, so there is no encoding to share.
                let published = |event| Arc::new(Published::new(event, self.announced_revision, 0));
                Ok(self.deliver(events.into_iter().map(published).collect()))
            }
            Err(failure) => wait_for_database(failure).await,
        }
    }
}

/// Waits before a subscriber reads again. Returns the failure if reading again would not help.
async fn wait_for_database(failure: StoreError) -> Result<Vec<Delivery>, StoreError> {
    if !failure.is_unavailable() {
        return Err(failure);
    }
    debug!("a subscriber is waiting for the database: {failure}");
    sleep(DATABASE_RETRY).await;
    Ok(Vec::new())
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.feed.hub.remove(self.id);
        self.feed.counters.disconnected(self.kind);
    }
}

fn count<T>(handed_out: &[T]) -> u64 {
    u64::try_from(handed_out.len()).unwrap_or(u64::MAX)
}
