//! Hears of commits, publishes what was committed, and goes on when whatever it hears by fails.

use std::{convert::Infallible, time::Duration};

use rand::rngs::StdRng;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::{
    carried::Fit,
    follow_redis::{RedisReader, Unfollowed},
    look::{look, publish_carried},
    redis_link::RedisServer,
    sequence::Feed,
};
use crate::{
    backoff::Backoff,
    store::{Listener, StoreError, WakeUp},
};

/// The delay if a wake-up is lost.
const POLL: Duration = Duration::from_secs(2);
/// The interval between reads if the server sends no notifications.
const POLL_UNHEARD: Duration = Duration::from_millis(250);
const RETRY: Duration = Duration::from_secs(1);
/// The delay before a Redis that failed is tried again.
const FIRST_BACKOFF: Duration = Duration::from_millis(250);

/// Publishes committed events until stopped, which ends the feed for every subscriber. Every failure is retried: the
/// events committed meanwhile are published then, and the rest of the process is useful without the feed.
/// [`Feed::trouble`] says what is wrong.
pub async fn tail(feed: Feed, stop: CancellationToken) {
    stop.run_until_cancelled(keep_publishing(&feed, None)).await;
    feed.end().await;
}

/// Does the same, and hears of commits by this Redis for as long as it announces them.
pub async fn tail_by_redis(feed: Feed, (server, rng): (RedisServer, StdRng), stop: CancellationToken) {
    let redis = Redis { server, backoff: Backoff::new(FIRST_BACKOFF, rng) };
    stop.run_until_cancelled(keep_publishing(&feed, Some(redis))).await;
    feed.end().await;
}

struct Redis {
    server: RedisServer,
    backoff: Backoff,
}

async fn keep_publishing(feed: &Feed, mut redis: Option<Redis>) {
    loop {
        let Err(failure) = match &mut redis {
            None => listen_and_publish(feed).await,
            Some(redis) => Box::pin(publish_by_redis(feed, redis)).await,
        };
        if failure.is_unavailable() {
            warn!("the feed is waiting for the database: {failure}");
        } else {
            error!("the feed cannot read the table and will try again: {failure}");
        }
        feed.set_trouble(Some(failure.to_string()));
        sleep(RETRY).await;
    }
}

/// Listens to PostgreSQL until Redis announces something, and goes back to that whenever Redis fails.
async fn publish_by_redis(feed: &Feed, redis: &mut Redis) -> Result<Infallible, StoreError> {
    let mut rest = Duration::ZERO;
    loop {
        let reader = tokio::select! {
            listened = listen_and_publish(feed) => return listened,
            reader = RedisReader::once_it_announces(feed, (&redis.server, &mut redis.backoff), rest) => reader,
        };
        info!("the feed follows Redis");
        feed.counters.set_follows_redis(true);
        let Err(why) = reader.follow(feed, &mut redis.backoff).await;
        feed.counters.set_follows_redis(false);
        match why {
            Unfollowed::Table(failure) => return Err(failure),
            why => warn!("the feed no longer follows Redis, and listens to PostgreSQL: {why}"),
        }
        rest = redis.backoff.delay(None);
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
        let published = look(feed).await?;
        // The timer, not a notification, led to these commits. A notification may come a moment too late once, but not
        // twice in a row: then the connection that listens is dead.
        let is_late = by_the_clock && can_hear && !listener.waits_for_replica();
        missed = if is_late && published.newest.is_some() { missed + 1 } else { 0 };
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
        let position = carried.position;
        match Fit::of(carried, feed.hub.head(), feed.epoch()) {
            Fit::Known => {}
            Fit::Next(events) => publish_carried(feed, events, position).await,
            Fit::Gap => return Ok(()),
        }
    }
}
