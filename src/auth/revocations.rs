//! Which subjects' tokens were taken back: read from the database by one task, known to every request and every open
//! stream of this node at once.

use std::{collections::HashMap, sync::Arc, time::Duration};

use tokio::{sync::watch, time::sleep};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::Token;
use crate::{
    domain::UnixTime,
    store::{Store, StoreError},
};

/// A wake-up that was lost costs this long.
const POLL: Duration = Duration::from_secs(2);

/// Who was revoked, and up to when.
pub(super) type Revoked = Arc<HashMap<String, UnixTime>>;

/// The revocations as this node knows them.
#[derive(Debug, Default)]
pub(super) struct Revocations(watch::Sender<Revoked>);

impl Revocations {
    /// Reads the revocations now, and whenever there are more, until stopped. A database that goes away is waited for.
    pub(super) async fn follow(&self, store: &Store, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let followed = tokio::select! {
                () = stop.cancelled() => return,
                followed = self.listen_and_read(store) => followed,
            };
            if let Err(failure) = followed {
                warn!("revocations wait for the database: {failure}");
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = sleep(POLL) => {}
            }
        }
    }

    /// The listener comes before the first read, so that nothing falls between them.
    async fn listen_and_read(&self, store: &Store) -> Result<(), StoreError> {
        let mut listener = store.listen_for_revocations().await?;
        loop {
            self.read(store).await?;
            tokio::select! {
                heard = listener.heard() => heard?,
                () = sleep(POLL) => {}
            }
        }
    }

    /// Reads them once.
    pub(super) async fn read(&self, store: &Store) -> Result<(), StoreError> {
        let rows = store.revocations().await?;
        let fresh: HashMap<_, _> = rows.into_iter().map(|row| (row.subject, row.revoked_at)).collect();
        self.0.send_if_modified(|known| {
            let has_changed = **known != fresh;
            if has_changed {
                *known = Arc::new(fresh);
            }
            has_changed
        });
        Ok(())
    }

    pub(super) fn holds(&self, token: &Token) -> bool {
        is_revoked(&self.0.borrow(), token)
    }

    /// Waits until a token is taken back.
    pub(super) async fn taken_back(&self, token: &Token) {
        let mut changes = self.0.subscribe();
        // The sender is ours, so it is there as long as we are.
        let _ = changes.wait_for(|revoked| is_revoked(revoked, token)).await;
    }
}

/// A token that does not say when it was made may be of before.
fn is_revoked(revoked: &Revoked, token: &Token) -> bool {
    let up_to = revoked.get(token.subject.as_str());
    up_to.is_some_and(|up_to| token.issued_at.is_none_or(|issued_at| issued_at <= *up_to))
}
