//! Reads what was committed after the last event seen, whenever it is woken, and publishes it.

use std::time::Duration;

use tokio::{
    task::yield_now,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::sequence::Feed;
use crate::store::{FeedState, Listener, StoreError};

/// So many rows are read at once.
const CHUNK: u32 = 1_000;
/// A wake-up that was lost costs this long.
const POLL: Duration = Duration::from_secs(2);
/// The same where the server tells of nothing.
const POLL_UNHEARD: Duration = Duration::from_millis(250);
const RETRY: Duration = Duration::from_secs(1);
/// A database that needs this long for a chunk is not there.
const READ_DEADLINE: Duration = Duration::from_secs(30);
/// So many events are published under one lock.
const SLICE: usize = 16;

/// Publishes committed events until stopped. Whatever goes wrong is tried again: what was committed meanwhile is then
/// published, and the rest of the process has its own use without it. [`Feed::trouble`] says what is wrong.
pub async fn tail(feed: Feed, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let Err(failure) = listen_and_publish(&feed, &stop).await else { return };
        if failure.is_unavailable() {
            warn!("the feed waits for the database: {failure}");
        } else {
            error!("the feed cannot read the table and tries again: {failure}");
        }
        feed.set_trouble(Some(failure.to_string()));
        tokio::select! {
            () = stop.cancelled() => {}
            () = sleep(RETRY) => {}
        }
    }
}

/// The listener comes before the first read, so that no commit falls between them.
async fn listen_and_publish(feed: &Feed, stop: &CancellationToken) -> Result<(), StoreError> {
    let mut listener: Listener = feed.store.listen().await?;
    let can_hear = listener.can_hear();
    let how = if can_hear { "hears of commits" } else { "looks for commits: this database follows another one" };
    info!("the feed follows the table and {how}");
    let (mut by_the_clock, mut missed) = (false, 0);
    loop {
        // The position is read before the events: all of them up to there are then in the table, or come late.
        let state = look(feed).await?;
        // Late rows lie up to the position. Whoever registers before the feed has come there is told of them, and nobody
        // who registers later needs to be.
        let published = publish_new(feed, state, stop).await?;
        if published.is_level {
            publish_revisions(feed, state).await?;
        }
        feed.set_trouble(None);
        // Only the clock told of what was committed. A notification may have come a moment too late for it, but not
        // twice in a row: then the connection that hears of them is silent.
        missed = if by_the_clock && can_hear && published.events > 0 { missed + 1 } else { 0 };
        if missed >= 2 {
            warn!("commits are no longer heard of; listening anew");
            return Err(StoreError::TimedOut(POLL));
        }
        by_the_clock = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            heard = listener.heard() => heard.map(|()| false)?,
            () = sleep(if can_hear { POLL } else { POLL_UNHEARD }) => true,
        };
    }
}

/// Reads how far the table is, and tells subscribers of another epoch.
async fn look(feed: &Feed) -> Result<FeedState, StoreError> {
    let state = in_time(feed.store.feed_state()).await?;
    if state.epoch != feed.epoch() {
        info!("the network started over: epoch {}", state.epoch.0);
        // Its late rows are told of once the feed has come to where they lie.
        feed.hub.start_over(state.epoch, 0);
    }
    Ok(state)
}

/// Tells subscribers of late rows: of every revision after the last that they were told of, also one that was written
/// while the database was away from here.
async fn publish_revisions(feed: &Feed, state: FeedState) -> Result<(), StoreError> {
    let told = feed.hub.revision();
    if told >= state.revision {
        return Ok(());
    }
    let revisions = in_time(feed.store.revisions_after(told)).await?;
    // Those of a later look may lie beyond where the feed is.
    for revision in revisions.into_iter().filter(|revision| revision.number <= state.revision) {
        feed.hub.revise(revision);
    }
    Ok(())
}

/// What came of a look at the table.
struct Published {
    /// Whether the feed has come to the position that was looked at.
    is_level: bool,
    /// So many events were published.
    events: usize,
}

/// While nobody subscribes nothing is read: a client that resumes later is served from the table. What is stored later
/// at or before the state's position is late, and is not sent.
async fn publish_new(feed: &Feed, state: FeedState, stop: &CancellationToken) -> Result<Published, StoreError> {
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
    while !stop.is_cancelled() {
        let mut events = in_time(feed.store.events_after(feed.hub.head(), CHUNK)).await?;
        if events.first().is_some_and(|event| event.epoch != epoch) {
            // The network started over since: subscribers are told that before they are sent any of these.
            break;
        }
        published.events += events.len();
        let is_last = u32::try_from(events.len()).is_ok_and(|count| count < CHUNK);
        while !events.is_empty() {
            let rest = events.split_off(events.len().min(SLICE));
            feed.publish(events);
            events = rest;
            // Ten thousand subscribers of each event are work; others must get their turn in between.
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
