//! A gateway's side of Redis: publishes what entries carry if it follows what is known, and reads the table if it does
//! not. Redis may be empty, behind, or silent; then whoever follows it must stop following.

use std::{convert::Infallible, time::Duration};

use thiserror::Error;
use tokio::time::{Instant, sleep};
use tracing::warn;

use super::{
    carried::Fit,
    look::{in_time, look, publish_carried},
    redis_link::{Entry, RedisFailure, RedisLink, RedisServer},
    sequence::Feed,
};
use crate::{
    backoff::Backoff,
    domain::{Epoch, EventId},
    store::{FeedIdentity, StoreError},
};

/// The interval between looks at the table that nothing announces.
const POLL: Duration = Duration::from_secs(2);
/// How long one read waits for the first announcement.
const WAIT: Duration = Duration::from_secs(1);
/// A replica that lags further behind cannot be followed by announcements of the primary.
const LONGEST_LAG: Duration = Duration::from_secs(5);
/// The interval between looks at a replica that lags behind an announcement.
const LAG_POLL: Duration = Duration::from_millis(20);

/// Why Redis is not followed any more.
#[derive(Debug, Error)]
pub(super) enum Unfollowed {
    /// The table could not be read.
    #[error(transparent)]
    Table(#[from] StoreError),
    /// Redis could not be read.
    #[error(transparent)]
    Redis(#[from] RedisFailure),
    /// Events were in the table for a while before Redis announced them.
    #[error("Redis does not announce what is committed")]
    Behind,
    /// Redis announced a position that the table does not have.
    #[error("Redis announces more than this database has")]
    Ahead,
}

/// The place up to which announcements were read.
pub(super) struct RedisReader {
    link: RedisLink,
    identity: FeedIdentity,
    epoch: Epoch,
    last_entry: EventId,
    last_hint: String,
}

impl RedisReader {
    /// Rests, and then waits until an indexer announces something. Until then nothing shows that any indexer announces its
    /// commits to this Redis.
    pub(super) async fn once_it_announces(
        feed: &Feed,
        (server, backoff): (&RedisServer, &mut Backoff),
        rest: Duration,
    ) -> Self {
        sleep(rest).await;
        let mut is_logged = false;
        loop {
            let why = match Self::open(feed, server).await {
                Ok(mut reader) => match reader.wait_for_an_entry(feed).await {
                    Ok(()) => return reader,
                    Err(why) => why,
                },
                Err(why) => why,
            };
            if !is_logged {
                warn!("the feed cannot follow Redis, and listens to PostgreSQL: {why}");
                is_logged = true;
            }
            sleep(backoff.delay(None)).await;
        }
    }

    async fn open(feed: &Feed, server: &RedisServer) -> Result<Self, Unfollowed> {
        let identity = in_time(feed.store.feed_identity()).await?;
        let mut link = RedisLink::open(server, &identity).await?;
        let last_hint = link.newest_hint().await?;
        let epoch = feed.epoch();
        let last_entry = link.newest(epoch).await?.unwrap_or(EventId::ZERO);
        Ok(Self { link, identity, epoch, last_entry, last_hint })
    }

    async fn wait_for_an_entry(&mut self, feed: &Feed) -> Result<(), Unfollowed> {
        loop {
            let entries = self.read(WAIT).await?.1;
            if let Some(newest) = entries.last() {
                self.last_entry = newest.position;
                return Ok(());
            }
            self.turn_to_the_epoch_of(feed);
        }
    }

    /// Publishes what is announced. The table is read once at the beginning, and whenever something may be missing.
    pub(super) async fn follow(mut self, feed: &Feed, backoff: &mut Backoff) -> Result<Infallible, Unfollowed> {
        let is_replica = in_time(feed.store.is_replica()).await?;
        self.reach(feed, self.last_entry).await?;
        let (mut next_look, mut owed) = (Instant::now() + POLL, EventId::ZERO);
        loop {
            let (is_hinted, entries) = self.read(next_look.saturating_duration_since(Instant::now())).await?;
            if is_hinted {
                look(feed).await?;
            }
            for entry in entries {
                self.last_entry = entry.position;
                self.take(feed, entry, is_replica).await?;
                backoff.reset();
            }
            self.turn_to_the_epoch_of(feed);
            if Instant::now() >= next_look {
                // A look may find events a moment before they are announced, but not a whole interval before.
                if owed > self.last_entry {
                    return Err(Unfollowed::Behind);
                }
                owed = look(feed).await?.newest.unwrap_or(EventId::ZERO);
                next_look = Instant::now() + POLL;
            }
        }
    }

    /// Returns whether the table has more than new events, and the next entries.
    async fn read(&mut self, at_most: Duration) -> Result<(bool, Vec<Entry>), RedisFailure> {
        let announced = self.link.announced(self.epoch, (self.last_entry, &self.last_hint), at_most).await?;
        let is_hinted = announced.hint.is_some();
        if let Some(hint) = announced.hint {
            self.last_hint = hint;
        }
        Ok((is_hinted, announced.entries))
    }

    /// Publishes what an entry carries. A replica may not have it yet, and a subscriber that is told of an event reads the
    /// records that it changed; so there the table decides when.
    async fn take(&self, feed: &Feed, entry: Entry, is_replica: bool) -> Result<(), Unfollowed> {
        let Entry { position, text } = entry;
        let carried = text.and_then(|text| self.identity.decode(&text));
        let carried = carried.filter(|carried| carried.position == position);
        match carried.map(|carried| Fit::of(carried, feed.hub.head(), feed.epoch())) {
            Some(Fit::Known) => {}
            Some(Fit::Next(events)) if !is_replica => publish_carried(feed, events, position).await,
            Some(Fit::Next(_) | Fit::Gap) | None => self.reach(feed, position).await?,
        }
        Ok(())
    }

    /// Reads the table until it has everything up to an announced position.
    async fn reach(&self, feed: &Feed, position: EventId) -> Result<(), Unfollowed> {
        let give_up = Instant::now() + LONGEST_LAG;
        loop {
            look(feed).await?;
            if feed.hub.head() >= position || feed.epoch() != self.epoch {
                return Ok(());
            }
            if Instant::now() >= give_up {
                return Err(Unfollowed::Ahead);
            }
            sleep(LAG_POLL).await;
        }
    }

    /// Each epoch has entries of its own. What was announced of another one before this look is in the table.
    fn turn_to_the_epoch_of(&mut self, feed: &Feed) {
        if feed.epoch() != self.epoch {
            (self.epoch, self.last_entry) = (feed.epoch(), feed.hub.head());
        }
    }
}
