//! The writer's session with the database. It has a lease: the server ends it, and gives the lock to who waits for it,
//! once it hears nothing for a while. A process that is frozen, or that hangs, says nothing.

use std::{
    pin::pin,
    sync::{Arc, Mutex as StdMutex},
    time::Duration,
};

use sqlx::{Connection, PgConnection};
use tokio::{
    sync::Mutex,
    task::JoinSet,
    time::{Instant, sleep, timeout},
};
use tracing::warn;

use super::{StoreError, connections::set};

/// So long the server keeps a session of which it hears nothing.
const LEASE: Duration = Duration::from_secs(15);
/// So long a session may keep a transaction open without a word.
const FROZEN_AFTER: Duration = Duration::from_secs(30);
/// How often a session without other work is kept alive.
const KEEP_ALIVE: Duration = Duration::from_secs(4);
/// Longer than any request to a source or statement that its owner waits for.
const HUNG_AFTER: Duration = Duration::from_mins(1);
const CLOSE_DEADLINE: Duration = Duration::from_secs(5);
/// Who holds a row for longer is to be waited for without holding anything.
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);

/// Shows that a writer's owner is at work. Cheap to clone.
#[derive(Clone, Debug)]
pub struct SignsOfLife(Arc<StdMutex<Instant>>);

impl SignsOfLife {
    fn new() -> Self {
        Self(Arc::new(StdMutex::new(Instant::now())))
    }

    /// Shows that the owner is at work now. An owner that shows nothing for a minute loses its lease.
    pub fn show(&self) {
        *self.0.lock().expect("nothing panics while it holds a moment") = Instant::now();
    }

    /// Shows that the owner is at work for as long as it waits for something that may take any time.
    pub async fn during<T>(&self, waiting: impl Future<Output = T>) -> T {
        let mut waiting = pin!(waiting);
        loop {
            self.show();
            tokio::select! {
                done = &mut waiting => return done,
                () = sleep(KEEP_ALIVE) => {}
            }
        }
    }

    fn last(&self) -> Instant {
        *self.0.lock().expect("nothing panics while it holds a moment")
    }
}

/// A connection that is kept alive for as long as its owner is.
#[derive(Debug)]
pub(super) struct Session {
    connection: Arc<Mutex<PgConnection>>,
    signs: SignsOfLife,
    keeping: JoinSet<()>,
}

impl Session {
    /// Gives a connection a lease, and keeps it.
    pub(super) async fn with_lease(mut connection: PgConnection) -> Result<Self, StoreError> {
        let [lease, lock_timeout] = [LEASE, LOCK_TIMEOUT].map(|time| time.as_millis().to_string());
        let settings = [
            ("idle_session_timeout", &*lease),
            ("idle_in_transaction_session_timeout", &*lease),
            ("lock_timeout", &*lock_timeout),
        ];
        set(&mut connection, settings).await?;
        let mut session = Self::on(connection);
        let (connection, signs) = (Arc::clone(&session.connection), session.signs.clone());
        session.keeping.spawn(keep_alive(connection, signs));
        Ok(session)
    }

    /// A session that nobody waits to take over, but one that is frozen keeps no rows from others.
    pub(super) async fn without_lease(mut connection: PgConnection) -> Result<Self, StoreError> {
        let [frozen, lock_timeout] = [FROZEN_AFTER, LOCK_TIMEOUT].map(|time| time.as_millis().to_string());
        let settings = [("idle_in_transaction_session_timeout", &*frozen), ("lock_timeout", &*lock_timeout)];
        set(&mut connection, settings).await?;
        Ok(Self::on(connection))
    }

    fn on(connection: PgConnection) -> Self {
        let connection = Arc::new(Mutex::new(connection));
        Self { connection, signs: SignsOfLife::new(), keeping: JoinSet::new() }
    }

    pub(super) fn signs_of_life(&self) -> SignsOfLife {
        self.signs.clone()
    }

    /// Does some work on the connection.
    ///
    /// # Errors
    /// Those of the work; [`StoreError::TimedOut`] if it takes longer than the deadline. The session is to be dropped
    /// then: what became of the work is not known.
    pub(super) async fn within<T>(
        &self,
        deadline: Duration,
        work: impl AsyncFnOnce(&mut PgConnection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let done = async {
            self.signs.show();
            work(&mut *self.connection.lock().await).await
        };
        timeout(deadline, done).await.unwrap_or(Err(StoreError::TimedOut(deadline)))
    }

    /// Closes the connection in good order.
    pub(super) async fn close(mut self) -> Result<(), StoreError> {
        self.keeping.shutdown().await;
        let Some(connection) = Arc::into_inner(self.connection) else { return Ok(()) };
        let closed = timeout(CLOSE_DEADLINE, connection.into_inner().close()).await;
        closed.map_err(|_| StoreError::TimedOut(CLOSE_DEADLINE))?.map_err(StoreError::from)
    }
}

async fn keep_alive(connection: Arc<Mutex<PgConnection>>, signs: SignsOfLife) {
    loop {
        sleep(KEEP_ALIVE).await;
        if signs.last().elapsed() > HUNG_AFTER {
            warn!("the indexer has done nothing for {} s: its lease is not renewed", HUNG_AFTER.as_secs());
            return;
        }
        // While a statement runs the server hears enough.
        let Ok(mut connection) = connection.try_lock() else { continue };
        match timeout(LEASE, connection.ping()).await {
            Ok(Ok(())) => {}
            // Its owner finds that out with its next statement.
            Ok(Err(_)) | Err(_) => return,
        }
    }
}
