//! Reads what was committed after the last event seen, whenever it is woken, and publishes it.

use std::{convert::Infallible, time::Duration};

use tokio::{
    task::yield_now,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::sequence::Feed;
use crate::store::{CarriedEvents, FeedState, Listener, StoreError, WakeUp};

/// The number of rows read at once.
const CHUNK: u32 = 1_000;
/// The delay if a wake-up is lost.
const POLL: Duration = Duration::from_secs(2);
/// The interval between reads if the server sends no notifications.
const POLL_UNHEARD: Duration = Duration::from_millis(250);
const RETRY: Duration = Duration::from_secs(1);
/// A database that takes longer than this for a chunk counts as unavailable.
const READ_DEADLINE: Duration = Duration::from_secs(30);
/// The number of events published under one lock.
const SLICE: usize = 16;

/// Publishes committed events until stopped, which ends the feed for every subscriber. Every failure is retried: the
/// events committed meanwhile are published then, and the rest of the process is useful without the feed.
/// [`Feed::trouble`] says what is wrong.
pub async fn tail(feed: Feed, stop: CancellationToken) {
    stop.run_until_cancelled(keep_publishing(&feed)).await;
    feed.end().await;
}

async fn keep_publishing(feed: &Feed) {
    loop {
        let Err(failure) = listen_and_publish(feed).await;
        if failure.is_unavailable() {
            warn!("the feed is waiting for the database: {failure}");
        } else {
            error!("the feed cannot read the table and will try again: {failure}");
        }
        feed.set_trouble(Some(failure.to_string()));
        sleep(RETRY).await;
    }
}

/// Listens before the first read, so that no commit falls between them.
async fn listen_and_publish(feed: &Feed) -> Result<Infallible, StoreError> {
    let mut listener: Listener = feed.store.listen().await?;
    let can_hear = listener.can_hear();
    let how = if can_hear { "is notified of commits" } else { "polls for commits, because this database is a replica" };
    info!("the feed follows the table and {how}");
    let (mut by_the_clock, mut missed) = (false, 0);
    loop {
        // The position is read before the events. All events up to it are then in the table, or will come late.
        let state = read_state(feed).await?;
        // Late rows lie at or before the position. A subscriber that registers before the feed has reached it is told
        // of them; one that registers later need not be.
        let published = publish_new(feed, state).await?;
        if published.is_level {
            publish_revisions(feed, state).await?;
        }
        feed.set_trouble(None);
        // The timer, not a notification, led to these commits. A notification may come a moment too late once, but not
        // twice in a row: then the connection that listens is dead.
        let is_late = by_the_clock && can_hear && !listener.waits_for_replica();
        missed = if is_late && published.events > 0 { missed + 1 } else { 0 };
        if missed >= 2 {
            warn!("commits are no longer notified; listening again");
            return Err(StoreError::TimedOut(POLL));
        }
        by_the_clock = tokio::select! {
            heard = publish_heard(feed, &mut listener) => heard.map(|()| false)?,
            () = sleep(if can_hear { POLL } else { POLL_UNHEARD }) => true,
        };
    }
}

/// Publishes what wake-ups carry, until one comes that says only that the table has something new.
async fn publish_heard(feed: &Feed, listener: &mut Listener) -> Result<(), StoreError> {
    loop {
        let WakeUp::Events(carried) = listener.heard().await? else { return Ok(()) };
        let CarriedEvents { since, position, epoch, events } = carried;
        let head = feed.hub.head();
        let is_next = since <= head && events.first().is_some_and(|first| first.id > head);
        if !is_next || epoch != feed.epoch() {
            return Ok(());
        }
        feed.hub.publish(events);
        feed.hub.advance_to(position);
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

/// The result of one look at the table.
struct Published {
    /// Whether the feed has reached the position that the table had.
    is_level: bool,
    /// The number of published events.
    events: usize,
}

/// Publishes the events up to the state's position. Without subscribers it reads nothing: a client that resumes later
/// is served from the table. Rows stored at or before that position afterwards are late, and are not sent.
async fn publish_new(feed: &Feed, state: FeedState) -> Result<Published, StoreError> {
    let FeedState { epoch, position, .. } = state;
    let mut published = Published { is_level: true, events: 0 };
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
        let mut events = in_time(feed.store.events_after(feed.hub.head(), CHUNK)).await?;
        if events.first().is_some_and(|event| event.epoch != epoch) {
            // The network has started over: subscribers must be told before they get any of these events.
            break;
        }
        published.events += events.len();
        let is_last = u32::try_from(events.len()).is_ok_and(|count| count < CHUNK);
        while !events.is_empty() {
            let rest = events.split_off(events.len().min(SLICE));
            feed.hub.publish(events);
            events = rest;
            // Ten thousand subscribers make each event expensive, so other tasks must get their turn in between.
            yield_now().await;
        }
        if is_last {
            feed.hub.advance_to(position);
            published.is_level = true;
            break;
        }
    }
    Ok(published)
}

async fn in_time<T>(read: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    timeout(READ_DEADLINE, read).await.unwrap_or(Err(StoreError::TimedOut(READ_DEADLINE)))
}
