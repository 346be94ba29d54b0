//! What operators want the indexer to do: heard within moments, and looked at at every poll besides.

use std::{convert::Infallible, future::pending, time::Duration};

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use crate::store::{DesiredState, Listener, Store, StoreError};

/// The operators' wishes as they were last seen.
#[derive(Debug)]
pub(super) struct Wishes {
    store: Store,
    poll: Duration,
    listener: Option<Listener>,
    seen: Option<DesiredState>,
}

impl Wishes {
    pub(super) const fn new(store: Store, poll: Duration) -> Self {
        Self { store, poll, listener: None, seen: None }
    }

    /// Returns the pause that is wanted now, `None` where the indexer is to run. While the database does not answer, what
    /// was last wanted holds.
    pub(super) async fn pause(&mut self) -> Option<&DesiredState> {
        match self.look().await {
            Ok(state) => self.seen = state,
            Err(failure) => debug!("whether to pause is not known: {failure}"),
        }
        self.seen.as_ref().filter(|state| state.paused)
    }

    /// Listens before it looks, so that nothing falls in between.
    async fn look(&mut self) -> Result<Option<DesiredState>, StoreError> {
        if self.listener.is_none() {
            self.listener = Some(self.store.listen_for_desired_state().await?);
        }
        self.store.desired_state().await
    }

    /// Waits until operators may want something else.
    pub(super) async fn may_have_changed(&mut self) {
        let heard = async {
            match &mut self.listener {
                Some(listener) => listener.heard().await,
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

/// Cancels the token once a pause is wanted.
pub(super) async fn cancel_at_a_pause(wishes: &mut Wishes, token: &CancellationToken) -> Infallible {
    while wishes.pause().await.is_none() {
        wishes.may_have_changed().await;
    }
    token.cancel();
    pending().await
}
