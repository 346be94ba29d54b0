//! `LISTEN` and `NOTIFY`: hints that something changed. The tables are the truth; a lost hint only costs time.

use std::{future::pending, time::Duration};

use futures_util::FutureExt;
use sqlx::{
    PgConnection,
    postgres::{PgListener, PgNotification, PgPoolOptions},
};
use tokio::time::timeout;

use super::{
    Store, StoreError,
    borrowed::is_read_only,
    carried::{self, CarriedEvents},
    connections::Connections,
    replica_watch::ReplicaWatch,
};

/// Events, late rows or another epoch were committed.
pub(super) const COMMITTED: &str = "flowfi_committed";
/// The desired state of the indexer changed.
pub(super) const DESIRED_STATE: &str = "flowfi_desired_state";

/// Tokens were revoked; or secrets of the API key that is named.
pub(super) const REVOKED: &str = "flowfi_revoked";

/// Wakes the listeners of a channel when the transaction commits. It is used once per batch, because `NOTIFY` takes a
/// global lock at the commit.
pub(super) async fn notify(connection: &mut PgConnection, channel: &str) -> Result<(), StoreError> {
    notify_of(connection, channel, "").await
}

/// The same, and says what changed: the id of a row. Nothing in it says that anything may have changed.
pub(super) async fn notify_of(connection: &mut PgConnection, channel: &str, id: &str) -> Result<(), StoreError> {
    sqlx::query!("select pg_notify($1, $2)", channel, id).execute(connection).await?;
    Ok(())
}

/// Shorter than the other deadlines, so that a pool without a free connection can be told apart from a silent one.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
const OPEN_TIMEOUT: Duration = Duration::from_secs(10);

/// A connection of its own that receives one kind of notification. A replica sends no notifications; there it receives
/// nothing, and the tables must be polled more often.
#[derive(Debug)]
pub struct Listener(Option<Line>);

#[derive(Debug)]
struct Line {
    listener: PgListener,
    schema: String,
    replica: Option<ReplicaWatch>,
}

/// What a listener heard.
#[derive(Debug)]
pub enum WakeUp {
    /// Something may have changed.
    Hint,
    /// These events were committed, and something else may have changed too.
    Events(CarriedEvents),
}

impl Listener {
    /// Opens a connection outside the pool, which would have one less for every listener.
    pub(super) async fn open(connections: &Connections, channel: &str) -> Result<Self, StoreError> {
        let own = PgPoolOptions::new().max_connections(1).acquire_timeout(ACQUIRE_TIMEOUT);
        let own = own.max_lifetime(None).idle_timeout(None).connect_lazy_with(connections.options());
        let listen = async {
            let mut listener = PgListener::connect_with(&own).await?;
            listener.ignore_pool_close_event(true);
            let schema = sqlx::query_scalar("select current_schema()").fetch_one(&mut listener).await?;
            listener.listen(channel).await?;
            Ok(Line { listener, schema, replica: None })
        };
        // The connection can fall silent before it listens.
        match timeout(OPEN_TIMEOUT, listen).await {
            Ok(Ok(line)) => Ok(Self(Some(line))),
            Ok(Err(failure)) if is_read_only(&failure) => Ok(Self(None)),
            Ok(Err(failure)) => Err(connections.explained(failure).await.into()),
            Err(_) => Err(StoreError::TimedOut(OPEN_TIMEOUT)),
        }
    }

    /// Returns whether the server sends notifications.
    #[must_use]
    pub const fn can_hear(&self) -> bool {
        self.0.is_some()
    }

    /// The same for a replica of the database that notifies: hears of a change once the replica has it.
    fn on_behalf_of(self, replica: Store) -> Self {
        Self(self.0.map(|line| Line { replica: Some(ReplicaWatch::new(replica)), ..line }))
    }

    /// Returns whether something has changed that a replica does not have yet.
    #[must_use]
    pub fn waits_for_replica(&self) -> bool {
        self.0.as_ref().and_then(|line| line.replica.as_ref()).is_some_and(ReplicaWatch::is_behind)
    }

    /// Waits until something may have changed: a notification came, or the connection was lost and reopened
    /// (notifications in between are lost).
    ///
    /// # Errors
    /// The connection is gone and cannot be reopened; open another listener.
    pub async fn heard(&mut self) -> Result<WakeUp, StoreError> {
        let Some(Line { listener, schema, replica }) = &mut self.0 else { return pending().await };
        let Some(replica) = replica else {
            let notification = listener.try_recv().await?;
            let carried = notification.and_then(|notification| carried::decode(notification.payload(), schema));
            return Ok(carried.map_or(WakeUp::Hint, WakeUp::Events));
        };
        if !replica.is_behind() {
            listener.try_recv().await?;
            // Whatever else was heard by now is in what the primary has now.
            while let Some(heard) = listener.try_recv().now_or_never() {
                heard?;
            }
            replica.is_told();
        }
        replica.has_more().await?;
        Ok(WakeUp::Hint)
    }

    /// Waits like [`Self::heard`], and returns everything that was heard by then.
    ///
    /// # Errors
    /// The connection is gone and cannot be reopened; open another listener.
    pub async fn changes(&mut self) -> Result<Changes, StoreError> {
        let Some(Line { listener, .. }) = &mut self.0 else { return pending().await };
        let mut changes = Changes::of(listener.try_recv().await?.as_ref());
        while changes != Changes::Unknown
            && let Some(heard) = listener.try_recv().now_or_never()
        {
            changes = changes.and(Changes::of(heard?.as_ref()));
        }
        Ok(changes)
    }
}

/// What notifications say that changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changes {
    /// The rows with these ids, and no others.
    Of(Vec<String>),
    /// Anything may have changed.
    Unknown,
}

impl Changes {
    /// Reads a notification; `None` stands for those that were lost with their connection.
    fn of(notification: Option<&PgNotification>) -> Self {
        match notification.map(PgNotification::payload) {
            None | Some("") => Self::Unknown,
            Some(id) => Self::Of(vec![id.to_owned()]),
        }
    }

    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Of(mut ids), Self::Of(others)) => {
                ids.extend(others);
                Self::Of(ids)
            }
            _ => Self::Unknown,
        }
    }
}

impl Store {
    /// Opens a connection that is notified of commits from now on.
    pub async fn listen(&self) -> Result<Listener, StoreError> {
        let listener = Listener::open(&self.primary().pool, COMMITTED).await?;
        Ok(if self.has_a_primary() { listener.on_behalf_of(self.clone()) } else { listener })
    }

    /// Opens a connection that is notified of revocations from now on.
    pub async fn listen_for_revocations(&self) -> Result<Listener, StoreError> {
        Listener::open(&self.primary().pool, REVOKED).await
    }
}
