//! What can go wrong with the database, sorted once.

use thiserror::Error;

use crate::domain::Epoch;

/// A failure of the store.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The database cannot be reached, is starting or stopping, or asked to try again. Waiting helps.
    #[error("the database is unavailable: {0}")]
    Unavailable(sqlx::Error),
    /// The text is not the URL of a PostgreSQL database.
    #[error("not the URL of a PostgreSQL database (postgres://user:password@host/database): {0}")]
    BadUrl(String),
    /// The database refused a statement. Waiting does not help.
    #[error("the database refused a statement: {0}")]
    Refused(sqlx::Error),
    /// Another writer moved a cursor: this one must stop.
    #[error("another writer moved a cursor; this one stops")]
    Fenced,
    /// Rows came late between what this writer prepared and its commit: it prepares anew.
    #[error("late rows were written meanwhile; the batch is prepared anew")]
    Revised,
    /// A row does not hold what it should.
    #[error("the database holds an unreadable row: {0}")]
    Corrupt(String),
    /// The database belongs to another network.
    #[error("this database holds the network \"{found}\", not \"{wanted}\"; use another database")]
    OtherNetwork {
        /// The passphrase in the database.
        found: String,
        /// The passphrase of the source.
        wanted: String,
    },
    /// What is to be written was read from a chain that the network no longer follows.
    #[error("the network started over: this was read in epoch {}, and the database holds epoch {}", read_in.0, now.0)]
    OtherEpoch {
        /// The epoch that it was read in.
        read_in: Epoch,
        /// The epoch that the database holds.
        now: Epoch,
    },
    /// What a reindex was built from is no longer what the database holds.
    #[error("the network started over while records were built anew; nothing was changed. Run reindex again")]
    BuildSuperseded,
    /// The database did not answer in time.
    #[error("the database did not answer within {0:?}")]
    TimedOut(std::time::Duration),
    /// The schema could not be brought up to date.
    #[error("the database schema could not be brought up to date: {0}")]
    Migration(sqlx::migrate::MigrateError),
}

impl StoreError {
    /// Returns whether a lock was not given in time, or two who waited for each other were parted.
    #[must_use]
    pub(super) fn is_lock_timeout(&self) -> bool {
        const LOCK_NOT_AVAILABLE: &str = "55P03";
        const DEADLOCK_DETECTED: &str = "40P01";
        let (Self::Refused(failure) | Self::Unavailable(failure)) = self else { return false };
        let code = failure.as_database_error().and_then(sqlx::error::DatabaseError::code);
        code.is_some_and(|code| [LOCK_NOT_AVAILABLE, DEADLOCK_DETECTED].contains(&&*code))
    }

    /// Returns whether waiting helps: the database is away or does not answer.
    #[must_use]
    pub const fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::TimedOut(_))
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(database) if !asks_to_try_again(database.code().as_deref()) => Self::Refused(error),
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => Self::Corrupt(error.to_string()),
            _ => Self::Unavailable(error),
        }
    }
}

/// Connection exceptions (08), states of a transaction or a server that is being changed (25), rollbacks by the server
/// (40), too few resources (53), operator intervention (57): the `SQLSTATE` classes that pass by themselves.
fn asks_to_try_again(code: Option<&str>) -> bool {
    code.is_none_or(|code| ["08", "25", "40", "53", "57"].iter().any(|class| code.starts_with(class)))
}
