//! Redis as the feed uses it: a stream of entries for each epoch, whose ids are positions of the feed, and a stream of
//! hints. Nothing here waits without a limit. Redis proves nothing: it may be empty, or lack entries without a trace.

use std::{fmt, time::Duration};

use redis::{AsyncConnectionConfig, Client, Cmd, FromRedisValue, RedisError, aio::MultiplexedConnection, cmd};
use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;
use tokio::time::timeout;

use crate::{
    domain::{Epoch, EventId},
    store::FeedIdentity,
};

/// A server that takes longer than this to answer counts as away.
const PATIENCE: Duration = Duration::from_secs(3);
/// A read that waits is answered this much later at most.
const GRACE: Duration = Duration::from_secs(1);
/// A gateway that has missed more than this reads the table. Redis removes whole nodes of its tree, so it keeps a few more.
const MOST_ENTRIES: u32 = 1_000;
const MOST_HINTS: u32 = 100;
const MOST_READ: u32 = 64;
/// The keys of a feed that nobody announces any more do not stay.
const KEPT_FOR_SECONDS: u32 = 86_400;
/// The only field of an entry.
const FIELD: &str = "committed";

/// Where a Redis is. Its URL may hold a password, which is never shown.
#[derive(Clone)]
pub struct RedisServer(Client);

impl fmt::Debug for RedisServer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("RedisServer").finish_non_exhaustive()
    }
}

/// A URL that is not one of a Redis.
#[derive(Debug, Error)]
#[error("expected redis://user:password@host:port/number, or rediss://…")]
pub struct BadRedisUrl;

impl RedisServer {
    /// Reads the URL of a server. Nothing is asked yet.
    ///
    /// # Errors
    /// [`BadRedisUrl`], which does not repeat the URL.
    pub fn new(url: &SecretString) -> Result<Self, BadRedisUrl> {
        // The library's own message could repeat a part of the password.
        Client::open(url.expose_secret()).map(Self).map_err(|_| BadRedisUrl)
    }
}

/// Why Redis could not be used.
#[derive(Debug, Error)]
pub(super) enum RedisFailure {
    /// It did not answer in time.
    #[error("Redis does not answer")]
    Silent,
    /// It refused a command, or the connection broke.
    #[error("Redis: {0}")]
    Failed(#[from] RedisError),
    /// An id that we have not written.
    #[error("Redis holds an entry with a foreign id")]
    ForeignId,
}

/// An entry of an epoch's stream.
#[derive(Debug)]
pub(super) struct Entry {
    /// Everything up to here was committed.
    pub(super) position: EventId,
    /// What the entry carries, if it was written by us.
    pub(super) text: Option<String>,
}

/// What was announced after the last look.
#[derive(Debug, Default)]
pub(super) struct Announced {
    /// The newest hint: the table has more than new events.
    pub(super) hint: Option<String>,
    /// The next entries, in order.
    pub(super) entries: Vec<Entry>,
}

/// What became of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Appended {
    Written,
    /// The stream already holds an entry of this position, or of a later one.
    NotTheNewest,
}

/// A connection to the keys of one feed.
pub(super) struct RedisLink {
    connection: MultiplexedConnection,
    name: String,
}

type Reply = Vec<(String, Vec<(String, Vec<String>)>)>;

impl RedisLink {
    pub(super) async fn open(server: &RedisServer, feed: &FeedIdentity) -> Result<Self, RedisFailure> {
        // Every command has a deadline here, which depends on what it waits for.
        let config = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
        let connected = timeout(PATIENCE, server.0.get_multiplexed_async_connection_with_config(&config)).await;
        let connection = connected.map_err(|_| RedisFailure::Silent)??;
        Ok(Self { connection, name: feed.name().to_owned() })
    }

    /// Returns the position of an epoch's newest entry.
    pub(super) async fn newest(&mut self, epoch: Epoch) -> Result<Option<EventId>, RedisFailure> {
        let mut newest = cmd("XREVRANGE");
        newest.arg(self.entries(epoch)).arg("+").arg("-").arg("COUNT").arg(1);
        let newest: Vec<(String, Vec<String>)> = self.ask(&newest, PATIENCE).await?;
        newest.first().map(|(id, _)| position_of(id)).transpose()
    }

    /// Returns the id of the newest hint.
    pub(super) async fn newest_hint(&mut self) -> Result<String, RedisFailure> {
        let mut newest = cmd("XREVRANGE");
        newest.arg(self.hints()).arg("+").arg("-").arg("COUNT").arg(1);
        let newest: Vec<(String, Vec<String>)> = self.ask(&newest, PATIENCE).await?;
        Ok(newest.into_iter().next().map_or_else(|| "0-0".to_owned(), |(id, _)| id))
    }

    /// Adds the next entry of an epoch.
    pub(super) async fn append(
        &mut self,
        epoch: Epoch,
        position: EventId,
        text: &str,
    ) -> Result<Appended, RedisFailure> {
        let key = self.entries(epoch);
        let mut append = cmd("XADD");
        append.arg(&key).arg("MAXLEN").arg("~").arg(MOST_ENTRIES).arg(id_of(position)).arg(FIELD).arg(text);
        match self.ask::<String>(&append, PATIENCE).await {
            Ok(_) => {}
            Err(RedisFailure::Failed(refused)) if is_not_the_newest(&refused) => return Ok(Appended::NotTheNewest),
            Err(failure) => return Err(failure),
        }
        self.keep(&key).await?;
        Ok(Appended::Written)
    }

    /// Tells gateways that the table has more than new events.
    pub(super) async fn hint(&mut self) -> Result<(), RedisFailure> {
        let key = self.hints();
        let mut hint = cmd("XADD");
        hint.arg(&key).arg("MAXLEN").arg("~").arg(MOST_HINTS).arg("*").arg("look").arg("table");
        self.ask::<String>(&hint, PATIENCE).await?;
        self.keep(&key).await
    }

    async fn keep(&mut self, key: &str) -> Result<(), RedisFailure> {
        let mut keep = cmd("EXPIRE");
        keep.arg(key).arg(KEPT_FOR_SECONDS);
        self.ask::<i64>(&keep, PATIENCE).await.map(|_| ())
    }

    /// Waits for something after the last entry and the last hint, at most this long. Nothing is announced if nothing came.
    pub(super) async fn announced(
        &mut self,
        epoch: Epoch,
        (last_entry, last_hint): (EventId, &str),
        at_most: Duration,
    ) -> Result<Announced, RedisFailure> {
        // 0 would be forever.
        let block_ms = u64::try_from(at_most.as_millis()).unwrap_or(u64::MAX).max(1);
        let (entries, hints) = (self.entries(epoch), self.hints());
        let mut read = cmd("XREAD");
        read.arg("COUNT").arg(MOST_READ).arg("BLOCK").arg(block_ms).arg("STREAMS").arg(&entries).arg(&hints);
        read.arg(id_of(last_entry)).arg(last_hint);
        let reply: Option<Reply> = self.ask(&read, at_most + GRACE).await?;
        let mut announced = Announced::default();
        for (key, found) in reply.unwrap_or_default() {
            if key == hints {
                announced.hint = found.into_iter().next_back().map(|(id, _)| id);
            } else {
                announced.entries = found.into_iter().map(entry_of).collect::<Result<_, _>>()?;
            }
        }
        Ok(announced)
    }

    async fn ask<T: FromRedisValue>(&mut self, command: &Cmd, patience: Duration) -> Result<T, RedisFailure> {
        let answer = timeout(patience, command.query_async(&mut self.connection)).await;
        Ok(answer.map_err(|_| RedisFailure::Silent)??)
    }

    fn entries(&self, epoch: Epoch) -> String {
        format!("flowfi:feed:{}:{}", self.name, epoch.0)
    }

    fn hints(&self) -> String {
        format!("flowfi:feed:{}:hints", self.name)
    }
}

fn is_not_the_newest(refused: &RedisError) -> bool {
    refused.detail().is_some_and(|detail| detail.contains("equal or smaller"))
}

fn entry_of((id, fields): (String, Vec<String>)) -> Result<Entry, RedisFailure> {
    let position = position_of(&id)?;
    let mut fields = fields.into_iter();
    let is_ours = fields.next().is_some_and(|name| name == FIELD);
    Ok(Entry { position, text: fields.next().filter(|_| is_ours) })
}

/// Returns the id of the entry that reaches a position. Redis writes both numbers without leading zeros.
fn id_of(position: EventId) -> String {
    format!("{}-{}", position.toid(), position.index())
}

fn position_of(id: &str) -> Result<EventId, RedisFailure> {
    let numbers = id.split_once('-').and_then(|(toid, index)| Some((toid.parse().ok()?, index.parse().ok()?)));
    numbers.and_then(|(toid, index)| EventId::from_parts(toid, index)).ok_or(RedisFailure::ForeignId)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::LedgerSequence;

    #[test]
    fn an_entrys_id_is_its_position_without_leading_zeros() {
        let position = EventId::end_of_ledger(LedgerSequence(2));
        assert_eq!(id_of(position), "12884901887-4294967295");
        for position in [EventId::ZERO, position, EventId::LAST] {
            assert_eq!(position_of(&id_of(position)).unwrap(), position);
        }
        for foreign in ["", "1", "1-", "-1-0", "1-4294967296", "9223372036854775808-0", "a-b"] {
            assert!(position_of(foreign).is_err(), "{foreign}");
        }
    }

    #[test]
    fn a_refused_url_is_not_repeated_and_an_accepted_one_is_not_shown() {
        for url in ["s3cret", "http://s3cret@host", "redis://u:s3cret@host:port", "redis://u:s3cret@host/db"] {
            let refused = RedisServer::new(&SecretString::from(url)).unwrap_err();
            assert!(!format!("{refused} {refused:?}").contains("s3cret"), "{url}");
        }
        for url in ["redis://u:s3cret@host:1/3", "rediss://:s3cret@host", "redis://localhost"] {
            let server = RedisServer::new(&SecretString::from(url)).unwrap();
            assert!(!format!("{server:?}").contains("s3cret"), "{url}");
        }
    }
}
