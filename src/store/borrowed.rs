//! A connection of the pool in use, and whether it may be used again. Only a connection that answers, and that would
//! not repeat a failure, goes back to the pool.

use std::{
    ops::{Deref, DerefMut},
    sync::{Arc, Mutex},
    time::Duration,
};

use sqlx::{PgConnection, Postgres, error::DatabaseError, pool::PoolConnection};
use tokio::time::{Instant, timeout};
use tracing::warn;

use super::StoreError;

/// The pool checks each returned connection and keeps its place meanwhile, so this is shorter than anybody waits for a
/// place.
const RETURN_TIMEOUT: Duration = Duration::from_secs(2);

/// When a server last answered that it is read-only. A session that began before that may stay read-only after the
/// server is not, so all of them are replaced at once, rather than one with each failure. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct ReadOnlyAnswers(Arc<Mutex<Option<Instant>>>);

impl ReadOnlyAnswers {
    /// Returns whether such an answer came at most this long ago.
    pub(super) fn came_in_the_last(&self, time: Duration) -> bool {
        self.0.lock().expect("nothing panics while it holds a moment").is_some_and(|last| last.elapsed() <= time)
    }

    fn note(&self) {
        *self.0.lock().expect("nothing panics while it holds a moment") = Some(Instant::now());
    }
}

/// A connection of the pool in use. It is closed when dropped, unless it is given back.
#[derive(Debug)]
pub(super) struct Borrowed {
    connection: Option<PoolConnection<Postgres>>,
    read_only: ReadOnlyAnswers,
}

impl Borrowed {
    pub(super) const fn new(connection: PoolConnection<Postgres>, read_only: ReadOnlyAnswers) -> Self {
        Self { connection: Some(connection), read_only }
    }

    /// Returns the connection to the pool, unless it does not answer. Dropping it would do the same without a limit,
    /// and the places of silent connections would be lost forever.
    pub(super) fn give_back(mut self) {
        let Some(mut connection) = self.connection.take() else { return };
        let returned = timeout(RETURN_TIMEOUT, connection.return_to_pool());
        let returning = async move {
            if returned.await.is_err() {
                warn!("a returned connection to the database did not answer within {RETURN_TIMEOUT:?} and was closed");
            }
        };
        #[expect(
            clippy::disallowed_methods,
            reason = "it ends soon, and a caller that has its rows need not wait for it"
        )]
        tokio::spawn(returning);
    }

    /// Returns the connection to the pool if it can be used after the outcome of a statement.
    pub(super) fn give_back_after<T>(self, outcome: &Result<T, sqlx::Error>) {
        match outcome {
            Err(failure) if !self.is_well_after(failure) => {}
            _ => self.give_back(),
        }
    }

    /// Returns the connection to the pool if it can be used after the outcome of some work.
    pub(super) fn give_back_after_work<T>(self, outcome: &Result<T, StoreError>) {
        if self.heard(outcome) {
            self.give_back();
        }
    }

    /// Learns from the outcome of some work. Returns whether the connection can be used again.
    pub(super) fn heard<T>(&self, outcome: &Result<T, StoreError>) -> bool {
        match outcome {
            Err(
                StoreError::Unavailable(failure)
                | StoreError::DiskFull(failure)
                | StoreError::SharedMemoryFull(failure)
                | StoreError::Refused(failure),
            ) => self.is_well_after(failure),
            Err(StoreError::TimedOut(_)) => false,
            _ => true,
        }
    }

    fn is_well_after(&self, failure: &sqlx::Error) -> bool {
        if is_read_only(failure) {
            self.read_only.note();
        }
        leaves_it_well(failure)
    }
}

impl Deref for Borrowed {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        self.connection.as_ref().expect("the connection is given back last")
    }
}

impl DerefMut for Borrowed {
    fn deref_mut(&mut self) -> &mut PgConnection {
        self.connection.as_mut().expect("the connection is given back last")
    }
}

impl Drop for Borrowed {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            // Nobody waits for its pending answers.
            drop(connection.detach());
        }
    }
}

/// Returns whether a connection can be used after a failure. It cannot if it is broken, if an answer is still due, or
/// if the server would fail again (because it is read-only, or ends the session, class 57).
fn leaves_it_well(failure: &sqlx::Error) -> bool {
    match failure {
        sqlx::Error::Database(refusal) => {
            !is_read_only(failure) && refusal.code().is_some_and(|code| !code.starts_with("57P"))
        }
        sqlx::Error::RowNotFound | sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => true,
        _ => false,
    }
}

/// Returns whether a server refused because it is read-only.
pub(super) fn is_read_only(failure: &sqlx::Error) -> bool {
    const READ_ONLY_SQL_TRANSACTION: &str = "25006";
    failure.as_database_error().and_then(DatabaseError::code).is_some_and(|code| code == READ_ONLY_SQL_TRANSACTION)
}
