//! The revocations: one task reads them from the database, and every request and every open stream of this node sees
//! them at once.

use std::{collections::HashMap, sync::Arc, time::Duration};

use tokio::{sync::watch, time::sleep};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::{Subject, Token};
use crate::{
    domain::UnixTime,
    store::{Revocation, RevokedApiKey, Store, StoreError},
};

/// The delay if a wake-up is lost.
const POLL: Duration = Duration::from_secs(2);

/// The current revocations.
type Revoked = Arc<RevokedTokens>;

#[derive(Debug, Default, PartialEq, Eq)]
struct RevokedTokens {
    /// The revoked subjects, and which of their tokens are revoked.
    subjects: HashMap<String, UpTo>,
    /// The API keys some or all of whose secrets were revoked.
    api_keys: HashMap<String, Secrets>,
}

/// Which secrets of a key are revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Secrets {
    /// All of them: the key was deleted.
    All,
    /// Those made before this time: the key was rotated.
    MadeBefore(UnixTime),
}

/// Which tokens of a subject are revoked.
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
    /// Reads the revocations now, and whenever they change, until stopped. Waits while the database is away.
    pub(super) async fn follow(&self, store: &Store, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let followed = tokio::select! {
                () = stop.cancelled() => return,
                followed = self.listen_and_read(store) => followed,
            };
            if let Err(failure) = followed {
                warn!("waiting for the database to read the revocations: {failure}");
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = sleep(POLL) => {}
            }
        }
    }

    /// Listens before the first read, so that no change falls between them.
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

    pub(super) async fn read(&self, store: &Store) -> Result<(), StoreError> {
        let (rows, api_keys) = tokio::try_join!(store.revocations(), store.revoked_api_keys())?;
        let subjects = rows.into_iter().map(|row| (row.subject.clone(), UpTo::of(&row))).collect();
        let secrets = |key: RevokedApiKey| (key.id, key.current_since.map_or(Secrets::All, Secrets::MadeBefore));
        let fresh = RevokedTokens { subjects, api_keys: api_keys.into_iter().map(secrets).collect() };
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

    /// Returns whether a subject is banned, or the account that it is a user of.
    pub(super) fn bans(&self, subject: &Subject) -> bool {
        self.0.borrow().of(subject).any(|up_to| up_to == UpTo::Forever)
    }

    /// Waits until a token is revoked.
    pub(super) async fn revoked(&self, token: &Token) {
        let mut changes = self.0.subscribe();
        // We own the sender, so it outlives this call.
        let _ = changes.wait_for(|revoked| is_revoked(revoked, token)).await;
    }
}

impl UpTo {
    const fn of(revocation: &Revocation) -> Self {
        if revocation.banned { Self::Forever } else { Self::Time(revocation.revoked_at) }
    }
}

impl RevokedTokens {
    /// Returns the revocations of a subject, and of the account that it is a user of.
    fn of(&self, subject: &Subject) -> impl Iterator<Item = UpTo> {
        let account = subject.account().and_then(|account| self.subjects.get(&account).copied());
        self.subjects.get(subject.as_str()).copied().into_iter().chain(account)
    }
}

/// A token that does not say when it was made may predate the revocation.
fn is_revoked(revoked: &Revoked, token: &Token) -> bool {
    let is_before = |time: UnixTime| token.issued_at.is_none_or(|issued_at| issued_at < time);
    let secrets = token.api_key.as_ref().and_then(|id| revoked.api_keys.get(id));
    if secrets.is_some_and(|secrets| match secrets {
        Secrets::All => true,
        Secrets::MadeBefore(time) => is_before(*time),
    }) {
        return true;
    }
    // A revoked or banned maker of API keys must not keep access through them.
    let mut up_to =
        [Some(&token.subject), token.created_by.as_ref()].into_iter().flatten().flat_map(|by| revoked.of(by));
    up_to.any(|up_to| match up_to {
        UpTo::Forever => true,
        UpTo::Time(up_to) => token.issued_at.is_none_or(|issued_at| issued_at <= up_to),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(text: &str) -> Subject {
        Subject::try_from(text.to_owned()).unwrap()
    }

    #[test]
    fn a_ban_of_an_account_covers_all_of_its_users() {
        const ACCOUNT: &str = "GA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJVSGZ";
        let revocations = Revocations::default();
        let subjects = HashMap::from([(ACCOUNT.to_owned(), UpTo::Forever)]);
        revocations.0.send_replace(Arc::new(RevokedTokens { subjects, api_keys: HashMap::new() }));
        let muxed = "MA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJUAAAAAAAAAAAACJUQ";
        for (who, is_banned) in [(ACCOUNT, true), (&format!("{ACCOUNT}:5"), true), (muxed, true), ("a service", false)]
        {
            assert_eq!(revocations.bans(&subject(who)), is_banned, "{who}");
            let token = Token {
                subject: subject(who),
                scopes: Vec::new(),
                issued_at: Some(UnixTime(9)),
                expires_at: UnixTime(99),
                api_key: None,
                created_by: None,
            };
            assert_eq!(revocations.holds(&token), is_banned, "{who}");
        }
    }
}
