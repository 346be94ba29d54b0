//! The status for probes and monitors. There may be many of them, and their answers must not depend on how busy the
//! service is.

use std::{sync::Arc, time::Duration};

use tokio::{sync::Mutex, time::Instant};
use tracing::error;

use super::status_view::{self, Status, StatusScope};
use crate::store::{Store, StoreError};

/// How long everybody gets the same answer.
const FRESH_FOR: Duration = Duration::from_secs(1);

/// Reads the status at most once a second, however many clients ask.
#[derive(Clone, Debug)]
pub(super) struct Watch {
    store: Store,
    last: Arc<Mutex<Option<Look>>>,
}

#[derive(Clone, Debug)]
struct Look {
    at: Instant,
    /// The status, or why the database could not be read.
    status: Result<Arc<Status>, StatusUnknown>,
}

/// Why the database does not tell the status, in words for everybody.
#[derive(Clone, Copy, Debug, thiserror::Error)]
pub(super) enum StatusUnknown {
    #[error("the database holds a row that this version cannot read; the log says which")]
    Corrupt,
    #[error("the database refuses what it is asked; the log says why")]
    Refused,
    #[error("the database refuses for now what it is asked; the log says why")]
    RefusedForNow,
    #[error("the database does not answer")]
    NoAnswer,
}

impl Watch {
    pub(super) fn new(store: Store) -> Self {
        Self { store, last: Arc::default() }
    }

    /// Returns the status.
    pub(super) async fn status(&self, scope: StatusScope<'_>) -> Result<Arc<Status>, StatusUnknown> {
        let mut last = self.last.lock().await;
        if let Some(look) = last.as_ref().filter(|look| look.at.elapsed() < FRESH_FOR) {
            return look.status.clone();
        }
        let status = status_view::read(&self.store, scope).await;
        let status = status.inspect_err(|failure| error!("the status could not be read: {failure}"));
        let status = status.map(Arc::new).map_err(|failure| StatusUnknown::from(&failure));
        *last = Some(Look { at: Instant::now(), status: status.clone() });
        status
    }
}

impl From<&StoreError> for StatusUnknown {
    fn from(failure: &StoreError) -> Self {
        match failure {
            StoreError::Corrupt(_) => Self::Corrupt,
            StoreError::Refused(_) => Self::Refused,
            StoreError::Unavailable(_) if failure.is_word_of_the_server() => Self::RefusedForNow,
            _ => Self::NoAnswer,
        }
    }
}
