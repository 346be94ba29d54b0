//! The status for those who watch the daemon: they may be many, and what they are told must not depend on how busy the
//! other requests are.

use std::{sync::Arc, time::Duration};

use tokio::{sync::Mutex, time::Instant};
use tracing::error;

use super::{
    state::HttpState,
    status::{self, Status},
};
use crate::store::Store;

/// So long everybody is told the same.
const FRESH_FOR: Duration = Duration::from_secs(1);

/// Reads the status once a second at most, however many ask.
#[derive(Clone, Debug)]
pub(super) struct Watch {
    store: Store,
    last: Arc<Mutex<Option<Look>>>,
}

#[derive(Clone, Debug)]
struct Look {
    at: Instant,
    /// `None` if the database did not tell.
    status: Option<Arc<Status>>,
}

impl Watch {
    pub(super) fn new(store: Store) -> Self {
        Self { store, last: Arc::default() }
    }

    /// Returns the status, `None` if the database does not tell.
    pub(super) async fn status(&self, state: &HttpState) -> Option<Arc<Status>> {
        let mut last = self.last.lock().await;
        if let Some(look) = last.as_ref().filter(|look| look.at.elapsed() < FRESH_FOR) {
            return look.status.clone();
        }
        let status = status::read(&self.store, state).await;
        let status = status.inspect_err(|failure| error!("the status could not be read: {failure}")).ok().map(Arc::new);
        *last = Some(Look { at: Instant::now(), status: status.clone() });
        status
    }
}
