//! The writer's session with the database. It has a lease: if the server hears nothing for a while, it ends the session
//! and gives the lock to whoever waits for it. A process that is frozen, or hangs, sends nothing.

use std::{
    pin::pin,
    sync::{Arc, Mutex as StdMutex, Weak},
    time::Duration,
};

use sqlx::{Connection, PgConnection};
use tokio::{
    sync::Mutex,
    task::JoinSet,
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::{StoreError, connections::set, patience::Patience};

/// How long the server keeps a session from which it hears nothing.
const LEASE: Duration = Duration::from_secs(10);
/// How long a session may keep a transaction open without sending anything.
const FROZEN_AFTER: Duration = Duration::from_secs(15);
/// How often a session without other work is kept alive.
const KEEP_ALIVE: Duration = Duration::from_secs(3);
/// After this time and the lease, another indexer takes over. Whatever may take longer is waited for with
/// [`SignsOfLife::during`], and has a deadline of its own.
const HUNG_AFTER: Duration = Duration::from_secs(8);
const CLOSE_DEADLINE: Duration = Duration::from_secs(5);
/// If somebody holds a row for longer, we must wait without holding anything ourselves.
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);

/// Shows that a writer's owner is working. Cheap to clone.
#[derive(Clone, Debug)]
pub struct SignsOfLife {
    last: Arc<StdMutex<Instant>>,
    line_is_dead: CancellationToken,
}

impl SignsOfLife {
    /// Returns signs of an owner that is at work now.
    #[must_use]
    pub fn now() -> Self {
        Self { last: Arc::new(StdMutex::new(Instant::now())), line_is_dead: CancellationToken::new() }
    }

    /// Shows that the owner is working now. An owner that shows nothing for eight seconds loses its lease.
    pub fn show(&self) {
        *self.last.lock().expect("no thread panics while it holds the time") = Instant::now();
    }

    /// Shows that the owner is at work for as long as it waits for something that may take any time.
    pub fn during<T>(&self, waiting: impl Future<Output = T>) -> impl Future<Output = T> {
        self.shown_every(KEEP_ALIVE, waiting)
    }

    async fn shown_every<T>(&self, interval: Duration, waiting: impl Future<Output = T>) -> T {
        let mut waiting = pin!(waiting);
        loop {
            self.show();
            tokio::select! {
                done = &mut waiting => return done,
                () = sleep(interval) => {}
            }
        }
    }

    /// Returns when the last sign was shown.
    #[must_use]
    pub fn last(&self) -> Instant {
        *self.last.lock().expect("nothing panics while it holds a moment")
    }

    /// Returns whether, at `now`, the owner has shown nothing for too long.
    fn are_missing(&self, now: Instant) -> bool {
        now.duration_since(self.last()) > HUNG_AFTER
    }
}

/// A connection that is kept alive for as long as its owner lives.
#[derive(Debug)]
pub(super) struct Session {
    connection: Arc<Mutex<PgConnection>>,
    /// The patience with work that may take long.
    for_long: Patience,
    signs: SignsOfLife,
    keeping: JoinSet<()>,
}

impl Session {
    /// Gives a connection a lease, and renews it.
    pub(super) async fn with_lease(mut connection: PgConnection, for_long: Patience) -> Result<Self, StoreError> {
        let [lease, lock_timeout] = [LEASE, LOCK_TIMEOUT].map(|time| time.as_millis().to_string());
        let settings = [
            ("idle_session_timeout", &*lease),
            ("idle_in_transaction_session_timeout", &*lease),
            ("lock_timeout", &*lock_timeout),
        ];
        set(&mut connection, settings).await?;
        let mut session = Self::on(connection, for_long);
        let (connection, signs) = (Arc::clone(&session.connection), session.signs.clone());
        session.keeping.spawn(keep_alive(connection, signs));
        Ok(session)
    }

    /// Returns a session that nobody is waiting to take over. If it is frozen, it must still not keep rows from others.
    pub(super) async fn without_lease(mut connection: PgConnection, for_long: Patience) -> Result<Self, StoreError> {
        let [frozen, lock_timeout] = [FROZEN_AFTER, LOCK_TIMEOUT].map(|time| time.as_millis().to_string());
        let settings = [("idle_in_transaction_session_timeout", &*frozen), ("lock_timeout", &*lock_timeout)];
        set(&mut connection, settings).await?;
        Ok(Self::on(connection, for_long))
    }

    fn on(connection: PgConnection, for_long: Patience) -> Self {
        let connection = Arc::new(Mutex::new(connection));
        Self { connection, for_long, signs: SignsOfLife::now(), keeping: JoinSet::new() }
    }

    pub(super) fn signs_of_life(&self) -> SignsOfLife {
        self.signs.clone()
    }

    /// Runs some work on the connection.
    ///
    /// # Errors
    /// Those of the work; [`StoreError::TimedOut`] if it takes longer than the deadline. The session must be dropped
    /// then, because the outcome of the work is unknown.
    pub(super) async fn within<T>(
        &self,
        deadline: Duration,
        work: impl AsyncFnOnce(&mut PgConnection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        within(&Patience::until(deadline), &self.connection, &self.signs, work).await
    }

    /// The same for work that may take long, on a connection that may fall silent meanwhile.
    pub(super) async fn for_long<T>(
        &self,
        work: impl AsyncFnOnce(&mut PgConnection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        within(&self.for_long, &self.connection, &self.signs, work).await
    }

    /// Returns a way to the connection for whoever works beside the owner. It ends with the session.
    pub(super) fn beside(&self) -> BesideSession {
        BesideSession { connection: Arc::downgrade(&self.connection), signs: self.signs.clone() }
    }

    /// Closes the connection cleanly.
    pub(super) async fn close(mut self) -> Result<(), StoreError> {
        self.keeping.shutdown().await;
        let Some(connection) = Arc::into_inner(self.connection) else { return Ok(()) };
        let closed = timeout(CLOSE_DEADLINE, connection.into_inner().close()).await;
        closed.map_err(|_| StoreError::TimedOut(CLOSE_DEADLINE))?.map_err(StoreError::from)
    }
}

/// A way to the connection of a session that does not keep the session open.
#[derive(Clone, Debug)]
pub(super) struct BesideSession {
    connection: Weak<Mutex<PgConnection>>,
    signs: SignsOfLife,
}

impl BesideSession {
    /// Runs some work on the connection, after what the owner is doing on it.
    ///
    /// # Errors
    /// Those of the work; [`StoreError::Fenced`] if the session has ended; [`StoreError::TimedOut`] after the deadline.
    pub(super) async fn within<T>(
        &self,
        deadline: Duration,
        work: impl AsyncFnOnce(&mut PgConnection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let connection = self.connection.upgrade().ok_or(StoreError::Fenced)?;
        within(&Patience::until(deadline), &connection, &self.signs, work).await
    }
}

async fn within<T>(
    patience: &Patience,
    connection: &Mutex<PgConnection>,
    signs: &SignsOfLife,
    work: impl AsyncFnOnce(&mut PgConnection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let done = async { work(&mut *connection.lock().await).await };
    tokio::select! {
        done = signs.during(patience.wait(done)) => done,
        () = signs.line_is_dead.cancelled() => Err(StoreError::TimedOut(LEASE)),
    }
}

async fn keep_alive(connection: Arc<Mutex<PgConnection>>, signs: SignsOfLife) {
    let mut hangs = false;
    loop {
        sleep(KEEP_ALIVE).await;
        let hung = std::mem::replace(&mut hangs, signs.are_missing(Instant::now()));
        if hangs {
            if !hung {
                warn!("the indexer has done nothing for {} s: its lease is not renewed", HUNG_AFTER.as_secs());
            }
            continue;
        }
        // While a statement is running, the server hears enough.
        let Ok(mut connection) = connection.try_lock() else { continue };
        match timeout(LEASE, connection.ping()).await {
            Ok(Ok(())) => {}
            // Whatever the owner does next fails without waiting for an answer that will not come.
            Ok(Err(_)) | Err(_) => return signs.line_is_dead.cancel(),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::task::yield_now;

    use super::*;

    #[test]
    fn an_owner_that_shows_nothing_for_eight_seconds_is_hung() {
        let signs = SignsOfLife::now();
        assert!(!signs.are_missing(signs.last() + HUNG_AFTER));
        assert!(signs.are_missing(signs.last() + HUNG_AFTER + Duration::from_millis(1)));
        assert!(KEEP_ALIVE * 2 < HUNG_AFTER, "whoever waits shows signs much more often");
        assert!(KEEP_ALIVE * 3 < LEASE, "a lease outlives two renewals that come late");
        assert!(HUNG_AFTER + LEASE < Duration::from_secs(20), "another takes over within 20 s");
    }

    #[tokio::test]
    async fn whoever_waits_for_long_shows_signs_of_life_again_and_again() {
        let signs = SignsOfLife::now();
        let waiting = async {
            for _ in 0..3 {
                let before = signs.last();
                while signs.last() == before {
                    yield_now().await;
                }
            }
        };
        signs.shown_every(Duration::from_millis(1), waiting).await;
    }
}
