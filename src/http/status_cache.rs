//! The status for everybody who asks: clients, probes and monitors. There may be many of them, and their answers must not
//! depend on how busy the other requests are.

use std::{sync::Arc, time::Duration};

use tokio::{sync::Mutex, time::Instant};
use tracing::error;

use super::{
    problem::Problem,
    status_view::{self, Status, StatusScope},
};
use crate::store::{Store, StoreError};

/// For so long everybody gets the same answer, unless it is set otherwise.
const FRESH_FOR: Duration = Duration::from_secs(1);

/// Reads the status at most once a second, however many clients ask.
#[derive(Clone, Debug)]
pub(super) struct StatusCache {
    store: Store,
    fresh_for: Duration,
    last: Arc<Mutex<Option<CachedStatus>>>,
}

#[derive(Clone, Debug)]
struct CachedStatus {
    at: Instant,
    status: Result<Arc<Status>, StatusUnknown>,
}

/// Why the database does not tell the status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StatusUnknown {
    UnreadableRow,
    Refused,
    RefusedForNow,
    DiskFull,
    NoAnswer,
}

impl StatusCache {
    pub(super) fn new(store: Store) -> Self {
        Self { store, fresh_for: FRESH_FOR, last: Arc::default() }
    }

    /// Returns the same with another store to read from.
    pub(super) fn with_store(self, store: Store) -> Self {
        Self { store, ..self }
    }

    /// Returns the same with another time for which everybody gets the same answer.
    pub(super) fn with_fresh_for(self, fresh_for: Duration) -> Self {
        Self { fresh_for, ..self }
    }

    /// Returns the status, or why the database does not tell it.
    pub(super) async fn status(&self, scope: StatusScope<'_>) -> Result<Arc<Status>, StatusUnknown> {
        let mut last = self.last.lock().await;
        if let Some(cached) = last.as_ref().filter(|cached| cached.at.elapsed() < self.fresh_for) {
            return cached.status.clone();
        }
        let status = status_view::read(&self.store, scope).await;
        let status = status.inspect_err(|failure| error!("the status could not be read: {failure}"));
        let status = status.map(Arc::new).map_err(|failure| StatusUnknown::from(&failure));
        *last = Some(CachedStatus { at: Instant::now(), status: status.clone() });
        status
    }
}

impl StatusUnknown {
    /// Returns the reason in words for everybody.
    pub(super) const fn reason(self) -> &'static str {
        match self {
            Self::UnreadableRow => "the database holds a row that this version cannot read; the log says which",
            Self::Refused => "the database refuses what it is asked; the log says why",
            Self::RefusedForNow => "the database refuses for now what it is asked; the log says why",
            Self::DiskFull => "the database's disk is full: make room on it",
            Self::NoAnswer => "the database does not answer",
        }
    }
}

impl From<&StoreError> for StatusUnknown {
    fn from(failure: &StoreError) -> Self {
        match failure {
            StoreError::Corrupt(_) => Self::UnreadableRow,
            StoreError::Refused(_) => Self::Refused,
            StoreError::DiskFull(_) => Self::DiskFull,
            failure if failure.is_word_of_the_server() => Self::RefusedForNow,
            _ => Self::NoAnswer,
        }
    }
}

impl From<StatusUnknown> for Problem {
    fn from(unknown: StatusUnknown) -> Self {
        match unknown {
            StatusUnknown::UnreadableRow | StatusUnknown::Refused => Self::internal(),
            StatusUnknown::RefusedForNow | StatusUnknown::DiskFull | StatusUnknown::NoAnswer => Self::database_away(),
        }
    }
}
