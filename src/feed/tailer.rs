//! Reads what was committed after the last event seen, whenever it is woken, and publishes it.

use std::time::Duration;

use tokio::{
    task::yield_now,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::sequence::Feed;
use crate::{
    domain::EventId,
    planted::{Bug, is_planted},
    store::{FeedState, Listener, StoreError},
};

/// So many rows are read at once.
const CHUNK: u32 = 1_000;
/// A wake-up that was lost costs this long.
const POLL: Duration = Duration::from_secs(2);
const RETRY: Duration = Duration::from_secs(1);
/// A database that needs this long for a chunk is not there.
const READ_DEADLINE: Duration = Duration::from_secs(30);
/// So many events are published under one lock.
const SLICE: usize = 16;

/// Publishes committed events until stopped. A database that goes away is waited for; what was committed meanwhile is
/// published when it is back.
///
/// # Errors
/// The table holds what cannot be read.
pub async fn tail(feed: Feed, stop: CancellationToken) -> Result<(), StoreError> {
    while !stop.is_cancelled() {
        match listen_and_publish(&feed, &stop).await {
            Ok(()) => return Ok(()),
            Err(failure) if failure.is_unavailable() => warn!("the feed waits for the database: {failure}"),
            Err(failure) => return Err(failure),
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = sleep(RETRY) => {}
        }
    }
    Ok(())
}

/// The listener comes before the first read, so that no commit falls between them.
async fn listen_and_publish(feed: &Feed, stop: &CancellationToken) -> Result<(), StoreError> {
    let mut listener: Listener = feed.store.listen().await?;
    info!("the feed follows the table");
    loop {
        // The position is read before the events: all of them up to there are then in the table, or come late.
        let state = look(feed).await?;
        // Late rows lie up to the position. Whoever registers before the feed has come there is told of them, and nobody
        // who registers later needs to be.
        if publish_new(feed, state, stop).await? {
            publish_revisions(feed, state).await?;
        }
        if is_planted(Bug::LostWakeUp) {
            stop.cancelled().await;
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            heard = listener.heard() => heard?,
            () = sleep(POLL) => {}
        }
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
        if is_planted(Bug::LateRowSentLive) {
            let before = EventId::end_of_ledger(revision.from.ledger().previous());
            feed.publish(feed.store.events_after(before, 1).await?);
        }
    }
    Ok(())
}

/// While nobody subscribes nothing is read: a client that resumes later is served from the table. What is stored later
/// at or before the state's position is late, and is not sent. Returns whether the feed has come to that position.
async fn publish_new(feed: &Feed, state: FeedState, stop: &CancellationToken) -> Result<bool, StoreError> {
    let FeedState { epoch, position, .. } = state;
    if position <= feed.hub.head() {
        return Ok(true);
    }
    if !feed.hub.has_subscribers() {
        let newest = in_time(feed.store.newest_event()).await?;
        if newest.is_none_or(|newest| newest <= feed.hub.head() || feed.hub.skip_to(newest)) {
            feed.hub.advance_to(position);
            return Ok(true);
        }
    }
    while !stop.is_cancelled() {
        let mut events = in_time(feed.store.events_after(feed.hub.head(), CHUNK)).await?;
        if events.first().is_some_and(|event| event.epoch != epoch) {
            // The network started over since: subscribers are told that before they are sent any of these.
            return Ok(false);
        }
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
            return Ok(true);
        }
    }
    Ok(false)
}

async fn in_time<T>(read: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    timeout(READ_DEADLINE, read).await.unwrap_or(Err(StoreError::TimedOut(READ_DEADLINE)))
}
