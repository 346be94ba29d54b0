//! A look at the table: publishes what was committed after the last event seen, and tells subscribers what else happened.

use std::time::Duration;

use tokio::{task::yield_now, time::timeout};
use tracing::info;

use super::sequence::Feed;
use crate::{
    domain::{CommittedEvent, EventId},
    store::{FeedState, StoreError},
};

/// The number of rows read at once.
const CHUNK: u32 = 1_000;
/// A database that takes longer than this for a chunk counts as unavailable.
const READ_DEADLINE: Duration = Duration::from_secs(30);
/// The number of events published under one lock.
const SLICE: usize = 16;

/// The result of one look at the table.
pub(super) struct Published {
    /// Whether the feed has reached the position that the table had.
    is_level: bool,
    /// The newest event that was published, if there were any.
    pub(super) newest: Option<EventId>,
}

/// Publishes everything that is new in the table.
pub(super) async fn look(feed: &Feed) -> Result<Published, StoreError> {
    // The position is read before the events. All events up to it are then in the table, or will come late.
    let state = read_state(feed).await?;
    // Late rows lie at or before the position. A subscriber that registers before the feed has reached it is told
    // of them; one that registers later need not be.
    let published = publish_new(feed, state).await?;
    if published.is_level {
        publish_revisions(feed, state).await?;
    }
    feed.set_trouble(None);
    Ok(published)
}

/// Publishes events that a wake-up carries, which follow everything published so far, up to this position.
pub(super) async fn publish_carried(feed: &Feed, events: Vec<CommittedEvent>, position: EventId) {
    feed.counters.count_carried(events.len());
    publish_in_slices(feed, events).await;
    feed.hub.advance_to(position);
}

async fn publish_in_slices(feed: &Feed, mut events: Vec<CommittedEvent>) {
    while !events.is_empty() {
        let rest = events.split_off(events.len().min(SLICE));
        feed.hub.publish(events);
        events = rest;
        // Ten thousand subscribers make each event expensive, so other tasks must get their turn in between.
        yield_now().await;
    }
}

/// Reads the state of the table, and tells subscribers if its epoch changed.
async fn read_state(feed: &Feed) -> Result<FeedState, StoreError> {
    let state = in_time(feed.store.feed_state()).await?;
    if state.epoch != feed.epoch() {
        info!("the network started over: epoch {}", state.epoch.0);
        // Subscribers are told of the new epoch's late rows once the feed has reached their position.
        feed.hub.start_over(state.epoch, 0);
    }
    Ok(state)
}

/// Tells subscribers about late rows and changed records: about every revision since the last one that the feed saw,
/// including those written while this node could not reach the database.
async fn publish_revisions(feed: &Feed, state: FeedState) -> Result<(), StoreError> {
    let announced = feed.hub.revision();
    if announced >= state.revision {
        return Ok(());
    }
    let revisions = in_time(feed.store.revisions_after(announced)).await?;
    // Revisions written since that look may lie beyond the feed's position.
    for revision in revisions.into_iter().filter(|revision| revision.number <= state.revision) {
        feed.hub.revise(&revision);
    }
    Ok(())
}

/// Publishes the events up to the state's position. Without subscribers it reads nothing: a client that resumes later
/// is served from the table. Rows stored at or before that position afterwards are late, and are not sent.
async fn publish_new(feed: &Feed, state: FeedState) -> Result<Published, StoreError> {
    let FeedState { epoch, position, .. } = state;
    let mut published = Published { is_level: true, newest: None };
    if position <= feed.hub.head() {
        return Ok(published);
    }
    if !feed.hub.has_subscribers() {
        let newest = in_time(feed.store.newest_event()).await?;
        if newest.is_none_or(|newest| newest <= feed.hub.head() || feed.hub.skip_to(newest)) {
            feed.hub.advance_to(position);
            return Ok(published);
        }
    }
    published.is_level = false;
    loop {
        let events = in_time(feed.store.events_after(feed.hub.head(), CHUNK)).await?;
        if events.first().is_some_and(|event| event.epoch != epoch) {
            // The network has started over: subscribers must be told before they get any of these events.
            break;
        }
        published.newest = events.last().map(|event| event.id).or(published.newest);
        let is_last = u32::try_from(events.len()).is_ok_and(|count| count < CHUNK);
        publish_in_slices(feed, events).await;
        if is_last {
            feed.hub.advance_to(position);
            published.is_level = true;
            break;
        }
    }
    Ok(published)
}

/// Gives a read of the table as much time as it may take.
pub(super) async fn in_time<T>(read: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    timeout(READ_DEADLINE, read).await.unwrap_or(Err(StoreError::TimedOut(READ_DEADLINE)))
}
