//! The indexer's side of Redis: repeats there what is committed, so that gateways need not read the table for it.
//!
//! It hears of commits like any other reader and never keeps the indexer waiting. Whatever Redis lacks, for whichever
//! reason, is read from the table. Several may run at once: an entry tells what lies between two positions, whoever wrote it.

use std::{convert::Infallible, time::Duration};

use rand::rngs::StdRng;
use thiserror::Error;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::{
    carried::Fit,
    look::in_time,
    redis_link::{Appended, RedisFailure, RedisLink, RedisServer},
};
use crate::{
    backoff::Backoff,
    domain::{CommittedEvent, Epoch, EventId},
    store::{CarriedEvents, FeedIdentity, FeedState, Listener, Store, StoreError, WakeUp},
};

/// The interval between looks at the table that nothing leads to. The position of ledgers without events is announced by
/// these alone.
const TICK: Duration = Duration::from_secs(1);
/// A gateway that has missed more events than this is better served by the table.
const MOST_MISSING: u32 = 1_000;
/// An entry of this many events stays well below a megabyte.
const MOST_IN_AN_ENTRY: usize = 100;
const FIRST_BACKOFF: Duration = Duration::from_millis(250);

/// Why a relay was interrupted.
#[derive(Debug, Error)]
enum Interrupted {
    #[error(transparent)]
    Table(#[from] StoreError),
    #[error(transparent)]
    Redis(#[from] RedisFailure),
}

/// Announces the commits of a database until stopped. Every failure is retried.
pub async fn relay(store: Store, (server, rng): (RedisServer, StdRng), stop: CancellationToken) {
    let backoff = Backoff::new(FIRST_BACKOFF, rng);
    stop.run_until_cancelled(keep_relaying(&store, &server, backoff)).await;
}

async fn keep_relaying(store: &Store, server: &RedisServer, mut backoff: Backoff) -> Infallible {
    let mut is_away = false;
    loop {
        let interrupted = match Relay::open(store, server).await {
            Ok(mut relay) => {
                info!("commits are announced by Redis");
                is_away = false;
                let Err(why) = relay.run(&mut backoff).await;
                why
            }
            Err(why) => why,
        };
        if is_away {
            debug!("commits cannot be announced by Redis yet: {interrupted}");
        } else {
            warn!("commits are not announced by Redis for now: {interrupted}");
        }
        is_away = true;
        sleep(backoff.delay(None)).await;
    }
}

struct Relay<'a> {
    store: &'a Store,
    identity: FeedIdentity,
    listener: Listener,
    link: RedisLink,
    epoch: Epoch,
    /// The position of the newest entry of the epoch.
    newest: Option<EventId>,
    /// The epoch and the revision that gateways were told to look at.
    told: Option<(Epoch, i64)>,
}

impl<'a> Relay<'a> {
    /// Listens before the first look, so that no commit falls between them.
    async fn open(store: &'a Store, server: &RedisServer) -> Result<Self, Interrupted> {
        let identity = in_time(store.feed_identity()).await?;
        let mut link = RedisLink::open(server, &identity).await?;
        let listener = store.listen().await?;
        let epoch = in_time(store.feed_state()).await?.epoch;
        let newest = link.newest(epoch).await?;
        Ok(Self { store, identity, listener, link, epoch, newest, told: None })
    }

    async fn run(&mut self, backoff: &mut Backoff) -> Result<Infallible, Interrupted> {
        let (mut by_the_clock, mut missed) = (false, 0);
        loop {
            let found = self.look().await?;
            backoff.reset();
            // As for a gateway that listens: twice in a row means that the connection is dead.
            missed = if by_the_clock && found > 0 { missed + 1 } else { 0 };
            if missed >= 2 {
                return Err(StoreError::TimedOut(TICK).into());
            }
            by_the_clock = self.pass_on_until_a_look_is_due().await?;
        }
    }

    /// Returns whether the clock led to the look.
    async fn pass_on_until_a_look_is_due(&mut self) -> Result<bool, Interrupted> {
        loop {
            let Ok(heard) = timeout(TICK, self.listener.heard()).await else { return Ok(true) };
            let WakeUp::Events(carried) = heard? else { return Ok(false) };
            if !self.pass_on(carried).await? {
                return Ok(false);
            }
        }
    }

    /// Repeats what a wake-up carries. Returns whether the table need not be read.
    async fn pass_on(&mut self, carried: CarriedEvents) -> Result<bool, Interrupted> {
        let Some(newest) = self.newest else { return Ok(false) };
        let position = carried.position;
        match Fit::of(carried, newest, self.epoch) {
            Fit::Known => {}
            Fit::Next(events) => self.append(newest, position, events).await?,
            Fit::Gap => return Ok(false),
        }
        Ok(true)
    }

    /// Announces everything that the table has and Redis lacks. Returns how many events it found.
    async fn look(&mut self) -> Result<usize, Interrupted> {
        let state = in_time(self.store.feed_state()).await?;
        if state.epoch != self.epoch {
            (self.epoch, self.newest) = (state.epoch, self.link.newest(state.epoch).await?);
        }
        let to_tell = Some((state.epoch, state.revision));
        if self.told != to_tell {
            self.link.hint().await?;
            self.told = to_tell;
        }
        self.fill(state).await
    }

    async fn fill(&mut self, FeedState { epoch, position, .. }: FeedState) -> Result<usize, Interrupted> {
        if position == EventId::ZERO || self.newest >= Some(position) {
            return Ok(0);
        }
        let Some(newest) = self.newest else {
            // Nobody has anything to do with earlier entries, since there are none.
            self.append(position, position, Vec::new()).await?;
            return Ok(0);
        };
        let mut events = in_time(self.store.events_after(newest, MOST_MISSING)).await?;
        if events.first().is_some_and(|event| event.epoch != epoch) {
            return Ok(0);
        }
        // What was committed since that look is announced after the next one.
        let is_everything = u32::try_from(events.len()).is_ok_and(|count| count < MOST_MISSING);
        events.retain(|event| event.id <= position);
        let found = events.len();
        if is_everything {
            self.append_in_pieces(newest, position, events).await?;
        } else {
            // Nothing lies between a position and itself: whoever is not there yet reads the table.
            self.append(position, position, Vec::new()).await?;
        }
        Ok(found)
    }

    async fn append_in_pieces(
        &mut self,
        mut since: EventId,
        position: EventId,
        mut events: Vec<CommittedEvent>,
    ) -> Result<(), Interrupted> {
        while events.len() > MOST_IN_AN_ENTRY {
            let rest = events.split_off(MOST_IN_AN_ENTRY);
            let last = events[MOST_IN_AN_ENTRY - 1].id;
            self.append(since, last, events).await?;
            (since, events) = (last, rest);
        }
        self.append(since, position, events).await
    }

    /// Adds an entry that tells everything between two positions.
    async fn append(
        &mut self,
        since: EventId,
        position: EventId,
        events: Vec<CommittedEvent>,
    ) -> Result<(), Interrupted> {
        let epoch = self.epoch;
        let text = self.identity.encode(CarriedEvents { since, position, epoch, events })?;
        self.newest = match self.link.append(epoch, position, &text).await? {
            Appended::Written => Some(position),
            // Another relay was faster.
            Appended::NotTheNewest => self.link.newest(epoch).await?,
        };
        Ok(())
    }
}
