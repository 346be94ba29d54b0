//! Which subjects' tokens were taken back: read from the database by one task, known to every request and every open
//! stream of this node at once.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use tokio::{sync::watch, time::sleep};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::{Subject, Token};
use crate::{
    domain::UnixTime,
    store::{Revocation, Store, StoreError},
};

/// A wake-up that was lost costs this long.
const POLL: Duration = Duration::from_secs(2);

/// What was taken back.
type Revoked = Arc<TakenBack>;

#[derive(Debug, Default, PartialEq, Eq)]
struct TakenBack {
    /// Who was revoked, and up to when.
    subjects: HashMap<String, UpTo>,
    /// Keys that were deleted before they were over.
    api_keys: HashSet<String>,
}

/// Which tokens of a subject are not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum UpTo {
    /// Those made up to this time.
    Time(UnixTime),
    /// All of them.
    Forever,
}

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
        let (rows, api_keys) = tokio::try_join!(store.revocations(), store.deleted_api_keys())?;
        let subjects = rows.into_iter().map(|row| (row.subject.clone(), UpTo::of(&row))).collect();
        let fresh = TakenBack { subjects, api_keys: api_keys.into_iter().collect() };
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

    pub(super) fn bans(&self, subject: &Subject) -> bool {
        self.0.borrow().subjects.get(subject.as_str()) == Some(&UpTo::Forever)
    }

    /// Waits until a token is taken back.
    pub(super) async fn taken_back(&self, token: &Token) {
        let mut changes = self.0.subscribe();
        // The sender is ours, so it is there as long as we are.
        let _ = changes.wait_for(|revoked| is_revoked(revoked, token)).await;
    }
}

impl UpTo {
    const fn of(revocation: &Revocation) -> Self {
        if revocation.banned { Self::Forever } else { Self::Time(revocation.revoked_at) }
    }
}

/// A token that does not say when it was made may be of before.
fn is_revoked(revoked: &Revoked, token: &Token) -> bool {
    if token.api_key.as_ref().is_some_and(|id| revoked.api_keys.contains(id)) {
        return true;
    }
    match revoked.subjects.get(token.subject.as_str()) {
        None => false,
        Some(UpTo::Forever) => true,
        Some(UpTo::Time(up_to)) => token.issued_at.is_none_or(|issued_at| issued_at <= *up_to),
    }
}
