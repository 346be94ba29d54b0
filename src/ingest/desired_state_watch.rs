//! What operators want the indexer to do: notified within moments, and also checked at every poll.

use std::{convert::Infallible, future::pending, time::Duration};

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use crate::store::{DesiredState, Listener, Store, StoreError};

/// The operators' desired state, as last seen.
#[derive(Debug)]
pub(super) struct DesiredStateWatch {
    store: Store,
    poll: Duration,
    listener: Option<Listener>,
    seen: Option<DesiredState>,
}

impl DesiredStateWatch {
    pub(super) const fn new(store: Store, poll: Duration) -> Self {
        Self { store, poll, listener: None, seen: None }
    }

    /// Returns the pause that operators want now; `None` if the indexer is to run. While the database does not answer,
    /// the last known state applies.
    pub(super) async fn pause(&mut self) -> Option<&DesiredState> {
        match self.read().await {
            Ok(state) => self.seen = state,
            Err(failure) => debug!("it is unknown whether to pause: {failure}"),
        }
        self.seen.as_ref().filter(|state| state.paused)
    }

    /// Listens before it reads, so that no change falls in between.
    async fn read(&mut self) -> Result<Option<DesiredState>, StoreError> {
        if self.listener.is_none() {
            self.listener = Some(self.store.listen_for_desired_state().await?);
        }
        self.store.desired_state().await
    }

    /// Waits until the desired state may have changed.
    pub(super) async fn may_have_changed(&mut self) {
        let heard = async {
            match &mut self.listener {
                Some(listener) => listener.heard().await.map(drop),
                None => pending().await,
            }
        };
        let heard = tokio::select! {
            heard = heard => heard,
            () = sleep(self.poll) => Ok(()),
        };
        if heard.is_err() {
            self.listener = None;
        }
    }
}

/// Cancels the token once operators want a pause.
pub(super) async fn cancel_on_pause(desired_state: &mut DesiredStateWatch, token: &CancellationToken) -> Infallible {
    while desired_state.pause().await.is_none() {
        desired_state.may_have_changed().await;
    }
    token.cancel();
    pending().await
}
