//! Routes events to subscribers: for each subscriber, the matching slots of the ring that it has not read yet, and what it
//! must be told besides.
//!
//! There is one lock, held for one publication or for one subscriber's read, and never across an await.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard},
};

use tokio::{sync::Notify, time::Instant};

use super::{
    connections::{Client, ConnectedClient, MOST_SHOWN, OpenConnection, OpenConnections},
    interests::{Interests, SubscriberId},
    news::News,
    published::{EncodingSlot, Published},
    ring::Ring,
    stats::FilterKind,
};
use crate::{
    domain::{CommittedEvent, Epoch, EventFilter, EventId, FeedId, Revision},
    store::FeedState,
};

/// A subscriber gets at most this many events at once, so that ten thousand subscribers use little memory.
const MOST_PULLED: usize = 64;

/// A subscriber with more unread slots than this catches up by reading the ring or the table in order.
const MOST_PENDING: usize = 1_024;

/// The ring and its subscribers.
#[derive(Debug)]
pub(super) struct Hub(Mutex<State>);

#[derive(Debug)]
struct State {
    ring: Ring,
    /// The epoch of everything in the ring.
    epoch: Epoch,
    /// The last revision that subscribers were told of, or are about to be told of.
    revision: i64,
    /// How many outlets keep an encoding of each event.
    encodings: usize,
    /// The feed has ended for every subscriber with a lower number.
    ended_below: SubscriberId,
    next_id: SubscriberId,
    /// Boxed, because a map keeps room for many that do not exist.
    subscribers: HashMap<SubscriberId, Box<Subscriber>>,
    interests: Interests,
}

#[derive(Debug)]
struct Subscriber {
    filter: Arc<EventFilter>,
    pending: VecDeque<u64>,
    lagged: bool,
    /// Whether it is reading, in order, from the ring or the table, what comes before the pending slots.
    catching_up: bool,
    /// The client, for operators.
    client: Option<ConnectedClient>,
    news: Option<Box<News>>,
    wake: Arc<Notify>,
}

/// A subscriber's place in the hub.
#[derive(Debug)]
pub(super) struct Registration {
    pub(super) id: SubscriberId,
    pub(super) wake: Arc<Notify>,
    /// Every event after this one will be pending.
    pub(super) head: EventId,
    /// The epoch of that event.
    pub(super) epoch: Epoch,
    /// The subscriber will be told of every revision after this one that concerns it.
    pub(super) revision: i64,
}

/// What a live subscriber finds when it reads.
#[derive(Debug)]
pub(super) enum Pull {
    /// Events after the given position, in order. They complete everything up to `up_to`.
    Events { events: Vec<Arc<Published>>, up_to: EventId },
    /// Too many events are unread: the subscriber must read everything up to `head` in order instead.
    Lagged { head: EventId },
    /// A notice that comes before the next event.
    News(News),
    /// The feed has ended.
    Ended,
}

/// What a subscriber finds when it reads the ring in order.
#[derive(Debug)]
pub(super) enum RingRead {
    /// The next events.
    Events(Vec<Arc<Published>>),
    /// The ring no longer holds all of them: the subscriber must read the table instead.
    NotHeld,
    /// A notice that comes before the next event.
    News(News),
}

impl Hub {
    /// Creates a hub that starts after a position. Nobody needs to be told of earlier revisions.
    pub(super) fn new(FeedState { epoch, revision, position }: FeedState, ring_capacity: usize) -> Self {
        Self(Mutex::new(State {
            ring: Ring::new(position, ring_capacity),
            epoch,
            revision,
            encodings: 0,
            ended_below: 0,
            next_id: 0,
            subscribers: HashMap::new(),
            interests: Interests::default(),
        }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no thread panics while it holds the hub")
    }

    pub(super) fn head(&self) -> EventId {
        self.state().ring.head()
    }

    /// Returns the position of the head, with its epoch.
    pub(super) fn head_id(&self) -> FeedId {
        let state = self.state();
        FeedId { event: state.ring.head(), epoch: state.epoch }
    }

    pub(super) fn epoch(&self) -> Epoch {
        self.state().epoch
    }

    pub(super) fn revision(&self) -> i64 {
        self.state().revision
    }

    /// Returns a place for an outlet's encoding of every event that is published from now on.
    pub(super) fn encoding_slot(&self) -> EncodingSlot {
        let mut state = self.state();
        state.encodings += 1;
        EncodingSlot(state.encodings - 1)
    }

    /// Adds events in order, each with room for an encoding per outlet, and wakes the subscribers that they match. The
    /// events carry the current revision. A subscriber that was told of a later one gets too low a number, which is
    /// harmless; it never gets too high a one.
    pub(super) fn publish(&self, events: Vec<CommittedEvent>) {
        let (revision, encodings) = {
            let state = self.state();
            (state.revision, state.encodings)
        };
        let published = |event| Arc::new(Published::new(event, revision, encodings));
        let events: Vec<_> = events.into_iter().map(published).collect();
        let mut state = self.state();
        for event in events {
            state.publish(&event);
        }
    }

    /// Records that every event up to a position was published.
    pub(super) fn advance_to(&self, position: EventId) {
        self.state().ring.advance_to(position);
    }

    /// Tells every subscriber about late rows, or those whom it concerns about changed records.
    pub(super) fn revise(&self, revision: &Revision) {
        let mut state = self.state();
        let State { revision: newest, subscribers, interests, .. } = &mut *state;
        *newest = revision.number.max(*newest);
        match &revision.changed {
            None => subscribers.values_mut().for_each(|subscriber| subscriber.revise(revision)),
            Some(streams) => {
                for id in interests.of_changed(streams) {
                    subscribers.get_mut(&id).expect("the index holds registered subscribers only").revise(revision);
                }
            }
        }
    }

    /// Starts again before the first event of another epoch, and tells every subscriber.
    pub(super) fn start_over(&self, epoch: Epoch, revision: i64) {
        let mut state = self.state();
        state.ring.start_over();
        (state.epoch, state.revision) = (epoch, revision);
        for subscriber in state.subscribers.values_mut() {
            subscriber.pending = VecDeque::new();
            subscriber.lagged = false;
            subscriber.tell(News::StartedOver { epoch, revision });
        }
    }

    /// Ends the feed for the oldest `most` subscribers that have it still, or for everybody to come if there are fewer.
    /// Returns whether there may be others.
    pub(super) fn end_next(&self, most: usize) -> bool {
        let mut state = self.state();
        let mut ids: Vec<SubscriberId> =
            state.subscribers.keys().copied().filter(|id| *id >= state.ended_below).collect();
        let is_last = ids.len() < most;
        if !is_last {
            ids.select_nth_unstable(most - 1);
            ids.truncate(most);
        }
        state.ended_below = if is_last { SubscriberId::MAX } else { ids[most - 1] + 1 };
        for id in &ids {
            state.subscribers[id].wake.notify_one();
        }
        !is_last
    }

    pub(super) fn subscriber_count(&self) -> usize {
        self.state().subscribers.len()
    }

    pub(super) fn has_subscribers(&self) -> bool {
        !self.state().subscribers.is_empty()
    }

    /// Continues after `position` if there are no subscribers. Returns whether it did.
    pub(super) fn skip_to(&self, position: EventId) -> bool {
        let mut state = self.state();
        let skips = state.subscribers.is_empty() && position > state.ring.head();
        if skips {
            state.ring.skip_to(position);
        }
        skips
    }

    /// Adds a subscriber. From now on every matching event is pending for it.
    pub(super) fn register(&self, filter: Arc<EventFilter>) -> Registration {
        let mut state = self.state();
        let id = state.next_id;
        state.next_id += 1;
        state.interests.add(id, &filter);
        let wake = Arc::new(Notify::new());
        let subscriber = Subscriber {
            filter,
            pending: VecDeque::new(),
            lagged: false,
            catching_up: true,
            client: None,
            news: None,
            wake: Arc::clone(&wake),
        };
        state.subscribers.insert(id, Box::new(subscriber));
        Registration { id, wake, head: state.ring.head(), epoch: state.epoch, revision: state.revision }
    }

    /// Records the client behind a subscriber.
    pub(super) fn introduce(&self, id: SubscriberId, client: Client) {
        if let Some(subscriber) = self.state().subscribers.get_mut(&id) {
            subscriber.client = Some(ConnectedClient { client, since: Instant::now() });
        }
    }

    /// Returns the subscriptions of introduced clients, the oldest ones up to the limit.
    pub(super) fn connections(&self) -> OpenConnections {
        let state = self.state();
        let known = state.subscribers.iter().filter(|(_, subscriber)| subscriber.client.is_some());
        let mut ids: Vec<SubscriberId> = known.map(|(id, _)| *id).collect();
        let total = ids.len();
        if total > MOST_SHOWN {
            ids.select_nth_unstable(MOST_SHOWN);
            ids.truncate(MOST_SHOWN);
        }
        ids.sort_unstable();
        let subscribers = ids.iter().filter_map(|id| state.subscribers.get(id));
        OpenConnections { total, connections: subscribers.filter_map(|subscriber| subscriber.show()).collect() }
    }

    pub(super) fn remove(&self, id: SubscriberId) {
        let mut state = self.state();
        let Some(subscriber) = state.subscribers.remove(&id) else { return };
        state.interests.remove(id, &subscriber.filter);
    }

    /// Reads what is pending for a subscriber after a position.
    pub(super) fn pull(&self, id: SubscriberId, after: EventId) -> Pull {
        let mut state = self.state();
        let head = state.ring.head();
        let State { ring, subscribers, ended_below, .. } = &mut *state;
        if id < *ended_below {
            return Pull::Ended;
        }
        let subscriber = subscribers.get_mut(&id).expect("a subscription is registered until it is dropped");
        if let Some(news) = subscriber.take_news() {
            return Pull::News(news);
        }
        let oldest_is_gone = subscriber.pending.front().is_some_and(|sequence| ring.get(*sequence).is_none());
        if std::mem::take(&mut subscriber.lagged) || oldest_is_gone {
            subscriber.pending = VecDeque::new();
            subscriber.catching_up = true;
            return Pull::Lagged { head };
        }
        subscriber.catching_up = false;
        let pulled = subscriber.pending.len().min(MOST_PULLED);
        let slots = subscriber.pending.drain(..pulled);
        let events: Vec<_> = slots.filter_map(|sequence| ring.get(sequence)).collect();
        let last = events.last().map(|published| published.event.id);
        let up_to = if subscriber.pending.is_empty() { head } else { last.unwrap_or(after) };
        let events = events.into_iter().filter(|published| published.event.id > after).cloned().collect();
        if subscriber.pending.is_empty() {
            subscriber.pending = VecDeque::new();
        } else {
            subscriber.wake.notify_one();
        }
        Pull::Events { events, up_to }
    }

    /// Returns whether the ring holds every event after a position, and has reached the position.
    pub(super) fn can_resume(&self, position: EventId) -> bool {
        let state = self.state();
        position <= state.ring.head() && state.ring.after(position, 0).is_some()
    }

    /// Returns the feed's head and the last revision if nothing is waiting for the subscriber. While a notice waits, they
    /// may belong to another epoch than what the subscriber has.
    pub(super) fn level(&self, id: SubscriberId) -> Option<(EventId, i64)> {
        let state = self.state();
        let subscriber = state.subscribers.get(&id)?;
        let quiet = subscriber.pending.is_empty() && !subscriber.lagged && subscriber.news.is_none();
        quiet.then(|| (state.ring.head(), state.revision))
    }

    /// Reads at most `limit` events after a position. A notice comes first: the ring's events may by now belong to
    /// another epoch than the position, or carry ids that claim that the subscriber already got the notice.
    pub(super) fn read_ring(&self, id: SubscriberId, position: EventId, limit: usize) -> RingRead {
        let mut state = self.state();
        let State { ring, subscribers, .. } = &mut *state;
        let subscriber = subscribers.get_mut(&id).expect("a subscription is registered until it is dropped");
        if let Some(news) = subscriber.take_news() {
            return RingRead::News(news);
        }
        ring.after(position, limit).map_or(RingRead::NotHeld, RingRead::Events)
    }
}

impl State {
    fn publish(&mut self, published: &Arc<Published>) {
        let sequence = self.ring.push(Arc::clone(published));
        let event = &published.event;
        let Self { subscribers, interests, .. } = self;
        for id in interests.of_event(event) {
            let subscriber = subscribers.get_mut(&id).expect("the index holds registered subscribers only");
            if subscriber.filter.matches(event) {
                subscriber.offer(sequence);
            }
        }
    }
}

impl Subscriber {
    fn show(&self) -> Option<OpenConnection> {
        let kind = FilterKind::of(&self.filter);
        let client = self.client.as_ref()?;
        Some(client.show(kind, self.pending.len(), self.catching_up || self.lagged))
    }

    fn revise(&mut self, revision: &Revision) {
        if let Some(revision) = revision.concerning(&self.filter) {
            self.tell(News::Revised(revision));
        }
    }

    fn tell(&mut self, news: News) {
        let waiting = self.news.take().map(|news| *news);
        self.news = Some(Box::new(news.joined_to(waiting)));
        self.wake.notify_one();
    }

    /// Takes the waiting notice, and wakes the subscriber again for whatever waits behind it.
    fn take_news(&mut self) -> Option<News> {
        let news = self.news.take()?;
        self.wake.notify_one();
        Some(*news)
    }

    /// Adds a slot once, even if several lists of the index led to it.
    fn offer(&mut self, sequence: u64) {
        if self.lagged || self.pending.back() == Some(&sequence) {
            return;
        }
        if self.pending.len() >= MOST_PENDING {
            self.pending = VecDeque::new();
            self.lagged = true;
        } else {
            self.pending.push_back(sequence);
        }
        self.wake.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Visibility;

    #[test]
    fn the_feed_ends_for_the_oldest_subscribers_first_and_then_for_all_who_come() {
        let start = FeedState { epoch: Epoch(0), revision: 0, position: EventId::ZERO };
        let hub = Hub::new(start, 4);
        let filter = Arc::new(EventFilter { all: true, ..EventFilter::seen_by(Visibility::Everything) });
        let ids: Vec<SubscriberId> = (0..5).map(|_| hub.register(Arc::clone(&filter)).id).collect();
        let is_ended = |id: &SubscriberId| matches!(hub.pull(*id, EventId::ZERO), Pull::Ended);
        for (is_more, ended) in [(true, 2), (true, 4), (false, 5)] {
            assert_eq!(hub.end_next(2), is_more);
            assert_eq!(
                ids.iter().map(is_ended).collect::<Vec<_>>(),
                [vec![true; ended], vec![false; 5 - ended]].concat()
            );
        }
        assert!(is_ended(&hub.register(filter).id));
    }
}
