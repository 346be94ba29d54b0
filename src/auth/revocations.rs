//! The revocations: one task reads them from the database, and every request and every open stream of this node sees
//! them at once. Of API keys it reads only those in use, and after a wake-up by a key that one alone: anybody may rotate
//! keys, and must not make every node read everything.

use std::{
    collections::HashMap,
    future::pending,
    slice,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::watch,
    time::{Instant, sleep, sleep_until},
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::{Subject, Token, keys_in_use::KeysInUse};
use crate::{
    domain::{Clock, UnixTime},
    lifecycle::do_to_the_end,
    store::{Changes, Revocation, Store, StoreError},
};

/// The delay if a wake-up is lost.
const POLL: Duration = Duration::from_secs(2);
/// The shortest time between two readings, however many wake-ups come.
const SHORTEST_PAUSE: Duration = Duration::from_millis(50);

/// The revoked subjects, and which of their tokens are revoked.
#[derive(Debug, Default)]
struct Subjects {
    /// The number of the reading that they come from.
    reading: u64,
    up_to: HashMap<String, UpTo>,
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
pub(super) struct Revocations {
    subjects: watch::Sender<Arc<Subjects>>,
    /// How many readings have begun.
    readings: AtomicU64,
    keys: KeysInUse,
    clock: Arc<dyn Clock>,
}

impl Revocations {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { subjects: watch::Sender::default(), readings: AtomicU64::default(), keys: KeysInUse::default(), clock }
    }

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
        let (mut changes, mut read_all_at) = (Changes::Unknown, Instant::now());
        loop {
            match changes {
                Changes::Unknown => {
                    read_all_at = Instant::now() + POLL;
                    let keys = self.keys.ids();
                    tokio::try_join!(self.read(store), self.read_keys(store, &keys))?;
                }
                Changes::Of(keys) => drop(self.read_keys(store, &self.keys.among(keys)).await?),
            }
            sleep(SHORTEST_PAUSE).await;
            changes = tokio::select! {
                biased;
                () = sleep_until(read_all_at) => Changes::Unknown,
                changes = listener.changes() => changes?,
            };
        }
    }

    /// Reads which subjects are revoked.
    pub(super) async fn read(&self, store: &Store) -> Result<(), StoreError> {
        let reading = self.readings.fetch_add(1, Ordering::Relaxed) + 1;
        let rows = store.revocations().await?;
        let up_to = rows.into_iter().map(|row| (row.subject.clone(), UpTo::of(&row))).collect();
        self.learn(Subjects { reading, up_to });
        Ok(())
    }

    /// Takes note of a reading, unless a later one ended first: it may lack what the later one saw, and whoever revoked a
    /// token was told that it is refused now.
    fn learn(&self, fresh: Subjects) {
        self.subjects.send_if_modified(|known| {
            let has_changed = fresh.reading > known.reading && fresh.up_to != known.up_to;
            if fresh.reading > known.reading {
                *known = Arc::new(fresh);
            }
            has_changed
        });
    }

    /// Reads since when the secrets of these keys are valid, and tells the streams that use them.
    async fn read_keys(&self, store: &Store, ids: &[String]) -> Result<HashMap<String, UnixTime>, StoreError> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let valid = store.valid_api_keys(ids, UnixTime::of_close(self.clock.now())).await?;
        self.keys.update(ids, &valid);
        Ok(valid)
    }

    /// Returns whether the secret of the token's API key is still valid. Every other token has none that could end.
    pub(super) async fn keeps_secret_of(&self, token: &Token, store: &Store) -> Result<bool, StoreError> {
        let Some(id) = &token.api_key else { return Ok(true) };
        let valid = self.read_keys(store, slice::from_ref(id)).await?;
        Ok(valid.get(id).is_some_and(|since| token.issued_at.is_some_and(|issued_at| *since <= issued_at)))
    }

    /// Returns whether a token is revoked together with its subject, or with the maker of its key or of the key's secret.
    /// Whether the secret of an API key is valid is not known here.
    pub(super) fn holds(&self, token: &Token) -> bool {
        self.subjects.borrow().revoke(token)
    }

    /// Returns whether a subject is banned, or the account that it is a user of.
    pub(super) fn bans(&self, subject: &Subject) -> bool {
        self.subjects.borrow().of(subject).any(|up_to| up_to == UpTo::Forever)
    }

    /// Waits until a token is revoked, or the secret of its key.
    pub(super) async fn revoked(&self, token: &Token, store: &Store) {
        let mut changes = self.subjects.subscribe();
        let with_subject = async {
            // We own the sender, so it outlives this call.
            let _ = changes.wait_for(|subjects| subjects.revoke(token)).await;
        };
        tokio::select! {
            () = with_subject => {}
            () = self.key_ended(token, store) => {}
        }
    }

    /// Reads the key once it is among those in use: it may have been deleted since the stream was admitted. Nobody polls the
    /// stream of a client that reads nothing, which must not keep a connection meanwhile.
    async fn key_ended(&self, token: &Token, store: &Store) {
        let Some(id) = &token.api_key else { return pending().await };
        let mut key = self.keys.add(id);
        let (store, ids, now) = (store.clone(), vec![id.clone()], UnixTime::of_close(self.clock.now()));
        let (ids, valid) = do_to_the_end(async move {
            let valid = store.valid_api_keys(&ids, now).await;
            (ids, valid)
        })
        .await;
        match valid {
            Ok(valid) => self.keys.update(&ids, &valid),
            Err(failure) => debug!("an API key will be read with the others: {failure}"),
        }
        key.ended(token.issued_at).await;
    }
}

impl UpTo {
    const fn of(revocation: &Revocation) -> Self {
        if revocation.banned { Self::Forever } else { Self::Time(revocation.revoked_at) }
    }
}

impl Subjects {
    /// Returns the revocations of a subject, and of the account that it is a user of.
    fn of(&self, subject: &Subject) -> impl Iterator<Item = UpTo> {
        let account = subject.account().and_then(|account| self.up_to.get(&account).copied());
        self.up_to.get(subject.as_str()).copied().into_iter().chain(account)
    }

    /// A token that does not say when it was made may predate the revocation.
    fn revoke(&self, token: &Token) -> bool {
        // Whoever made an API key or one of its secrets must not keep access through them once revoked or banned.
        let makers = token.created_by.iter().chain(&token.issued_by);
        let mut up_to = [&token.subject].into_iter().chain(makers).flat_map(|by| self.of(by));
        up_to.any(|up_to| match up_to {
            UpTo::Forever => true,
            UpTo::Time(up_to) => token.issued_at.is_none_or(|issued_at| issued_at <= up_to),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::SystemClock;

    fn subject(text: &str) -> Subject {
        Subject::try_from(text.to_owned()).unwrap()
    }

    #[test]
    fn a_ban_of_an_account_covers_all_of_its_users() {
        const ACCOUNT: &str = "GA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJVSGZ";
        let revocations = Revocations::new(Arc::new(SystemClock));
        revocations.learn(Subjects { reading: 1, up_to: HashMap::from([(ACCOUNT.to_owned(), UpTo::Forever)]) });
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
                issued_by: None,
            };
            assert_eq!(revocations.holds(&token), is_banned, "{who}");
        }
    }

    #[test]
    fn a_reading_that_began_before_a_revocation_does_not_hide_it() {
        let revocations = Revocations::new(Arc::new(SystemClock));
        let banned = HashMap::from([("a service".to_owned(), UpTo::Forever)]);
        revocations.learn(Subjects { reading: 2, up_to: banned });
        revocations.learn(Subjects { reading: 1, up_to: HashMap::new() });
        assert!(revocations.bans(&subject("a service")));
        revocations.learn(Subjects { reading: 3, up_to: HashMap::new() });
        assert!(!revocations.bans(&subject("a service")));
    }
}
