//! The public keys of the token issuer (JWKS, RFC 7517): fetched by one task, kept in memory, found by `kid`.

use std::{fmt, sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use jsonwebtoken::{
    Algorithm, DecodingKey,
    jwk::{Jwk, KeyOperations, PublicKeyUse},
};
use serde::Deserialize;
use tokio::{
    sync::{Notify, watch},
    time::{Instant, sleep, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{KeysUnavailable, TokenRefusal, keys::is_long_enough};

/// A set may name several keys alike (RFC 7517, 4.5), while one takes the place of the other. Whoever makes up a token
/// makes us try each of them, so no more than this are tried.
const MOST_OF_ONE_NAME: usize = 4;

/// How often keys are fetched.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// The keys are fetched again this often, so that a withdrawn key is not accepted for longer.
    refresh: Duration,
    /// The least time between two fetches, however many tokens name unknown keys.
    least_interval: Duration,
    /// How long a request waits for keys that are being fetched.
    patience: Duration,
    /// Keys older than this are no longer accepted if fetching fails: they may have been withdrawn.
    keep: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            refresh: Duration::from_mins(5),
            least_interval: Duration::from_secs(10),
            patience: Duration::from_secs(3),
            keep: Duration::from_hours(24),
        }
    }
}

/// Reads a key set where it is published.
pub trait KeySetReader: Send + Sync {
    /// Returns the text of the key set as it is now.
    fn read(&self) -> BoxFuture<'_, Result<String, KeysUnavailable>>;
}

/// A key set that is kept up to date. Clones share it.
#[derive(Clone)]
pub(super) struct Jwks {
    reader: Arc<dyn KeySetReader>,
    algorithm: Algorithm,
    pace: Pace,
    keys: Arc<watch::Sender<Arc<Keys>>>,
    wanted: Arc<Notify>,
}

#[derive(Deserialize)]
struct KeySet {
    keys: Vec<serde_json::Value>,
}

#[derive(Clone, Default)]
struct Keys {
    by_id: Vec<(Option<String>, DecodingKey)>,
    /// `None` before they were fetched for the first time.
    fetched_at: Option<Instant>,
    /// When the last fetch ended, even if it failed.
    tried_at: Option<Instant>,
}

impl Jwks {
    pub(super) fn new(reader: Arc<dyn KeySetReader>, algorithm: Algorithm, pace: Pace) -> Self {
        Self { reader, algorithm, pace, keys: Arc::new(watch::Sender::default()), wanted: Arc::default() }
    }

    /// Fetches the keys now, at regular intervals, and when a token names an unknown key, until stopped.
    pub(super) async fn follow(self, stop: CancellationToken) {
        loop {
            let begun = Instant::now();
            let fetched = tokio::select! {
                () = stop.cancelled() => return,
                fetched = self.reader.read() => fetched,
            };
            match fetched.and_then(|text| self.keys_in(&text)) {
                Ok(by_id) => {
                    if by_id.is_empty() {
                        warn!("the key set holds no key for {:?}, so every token is refused", self.algorithm);
                    }
                    let now = Some(Instant::now());
                    self.keys.send_replace(Arc::new(Keys { by_id, fetched_at: now, tried_at: now }));
                }
                Err(away) => {
                    warn!("the keys to verify tokens with could not be read: {away}");
                    // Whoever waits is told too: a token with an unknown key is refused without further delay.
                    self.keys.send_modify(|keys| Arc::make_mut(keys).tried_at = Some(Instant::now()));
                }
            }
            let is_due = async {
                sleep_until(begun + self.pace.least_interval).await;
                let has_none = self.keys.borrow().fetched_at.is_none();
                if !has_none {
                    tokio::select! {
                        () = sleep(self.pace.refresh) => {}
                        () = self.wanted.notified() => info!("a token names an unknown key; fetching the keys again"),
                    }
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = is_due => {}
            }
        }
    }

    /// Keys that cannot be read, or are of kinds that we do not know, are left out (RFC 7517, 5). The issuer may have
    /// withdrawn all that we could use; only a text that is no key set says nothing about them.
    fn keys_in(&self, text: &str) -> Result<Vec<(Option<String>, DecodingKey)>, KeysUnavailable> {
        let set: KeySet = serde_json::from_str(text).map_err(|error| KeysUnavailable::NotAKeySet(error.to_string()))?;
        let jwks = set.keys.into_iter().filter_map(|jwk| serde_json::from_value(jwk).ok());
        Ok(jwks.filter_map(|jwk| self.usable(&jwk)).collect())
    }

    /// Returns a key that can verify our tokens; a key for another algorithm, for encryption or for other operations
    /// (RFC 7517, 4.3) cannot.
    fn usable(&self, jwk: &Jwk) -> Option<(Option<String>, DecodingKey)> {
        let common = &jwk.common;
        let signs = common.public_key_use.as_ref().is_none_or(|word| *word == PublicKeyUse::Signature);
        let verifies = common.key_operations.as_ref().is_none_or(|words| words.contains(&KeyOperations::Verify));
        let named = common.key_algorithm.as_ref().map(ToString::to_string);
        let fits = named.is_none_or(|name| name == format!("{:?}", self.algorithm));
        let key = DecodingKey::from_jwk(jwk).ok()?;
        let is_ours = key.family() == self.algorithm.family() && is_long_enough(&key);
        (signs && verifies && fits && is_ours).then(|| (common.key_id.clone(), key))
    }

    /// Waits for a key that is not there, for a moment and until the next fetch ends, unless one ended just now. Whoever
    /// makes up tokens can make many requests wait, so none of them may hold what others need.
    pub(super) async fn wait_for(&self, kid: Option<&str>) {
        let mut changes = self.keys.subscribe();
        if !self.may_come(&changes.borrow_and_update(), kid) {
            return;
        }
        self.wanted.notify_one();
        // The keys decide, whether or not they changed in time.
        let _ = timeout(self.pace.patience, changes.changed()).await;
    }

    fn may_come(&self, keys: &Keys, kid: Option<&str>) -> bool {
        let was_tried = keys.tried_at.is_some_and(|tried_at| tried_at.elapsed() < self.pace.least_interval);
        !was_tried && !self.is_stale(keys) && keys.find(kid).is_empty()
    }

    fn is_stale(&self, keys: &Keys) -> bool {
        keys.fetched_at.is_some_and(|fetched_at| fetched_at.elapsed() > self.pace.keep)
    }

    /// Returns the keys that a token names, at least one.
    pub(super) fn keys(&self, kid: Option<&str>) -> Result<Vec<DecodingKey>, TokenRefusal> {
        let keys = Arc::clone(&self.keys.borrow());
        if self.is_stale(&keys) {
            return Err(KeysUnavailable::Stale.into());
        }
        let found = keys.find(kid);
        match (found.is_empty(), keys.fetched_at) {
            (false, _) => Ok(found),
            (true, Some(_)) => Err(TokenRefusal::UnknownKey),
            (true, None) => Err(KeysUnavailable::NotFetched.into()),
        }
    }
}

impl Keys {
    /// A token that names no key is checked with the only one, if there is only one.
    fn find(&self, kid: Option<&str>) -> Vec<DecodingKey> {
        match (kid, self.by_id.as_slice()) {
            (None, [(_, only)]) => vec![only.clone()],
            (None, _) => Vec::new(),
            (Some(_), keys) => {
                let named = keys.iter().filter(|(id, _)| id.as_deref() == kid).map(|(_, key)| key.clone());
                named.take(MOST_OF_ONE_NAME).collect()
            }
        }
    }
}

impl fmt::Debug for Jwks {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Jwks").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::{future::ready, sync::Mutex};

    use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
    use futures_util::FutureExt;
    use serde_json::json;
    use tokio::spawn;

    use super::*;

    /// The public half of a key that signs no token in these tests.
    const X: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

    fn key(kid: &str) -> serde_json::Value {
        json!({"kty": "OKP", "crv": "Ed25519", "x": X, "kid": kid, "use": "sig", "alg": "EdDSA"})
    }

    /// A key set whose keys can be replaced and withheld, and the number of times it was fetched.
    #[derive(Clone, Default)]
    struct Issuer(Arc<Mutex<Published>>);

    #[derive(Default)]
    struct Published {
        keys: Vec<serde_json::Value>,
        is_away: bool,
        asked: u32,
    }

    impl Issuer {
        fn set(&self, keys: Vec<serde_json::Value>) {
            self.0.lock().unwrap().keys = keys;
        }

        fn go_away(&self) {
            self.0.lock().unwrap().is_away = true;
        }

        fn asked(&self) -> u32 {
            self.0.lock().unwrap().asked
        }

        fn jwks(&self, least_interval: Duration) -> Jwks {
            let pace = Pace { least_interval, patience: Duration::from_secs(20), ..Pace::default() };
            Jwks::new(Arc::new(self.clone()), Algorithm::EdDSA, pace)
        }
    }

    impl KeySetReader for Issuer {
        fn read(&self) -> BoxFuture<'_, Result<String, KeysUnavailable>> {
            let mut state = self.0.lock().unwrap();
            state.asked += 1;
            let away = || KeysUnavailable::Source("away".to_owned());
            let text = json!({"keys": state.keys}).to_string();
            Box::pin(ready(if state.is_away { Err(away()) } else { Ok(text) }))
        }
    }

    impl Jwks {
        /// Returns the keys as a request finds them.
        async fn awaited(&self, kid: Option<&str>) -> Result<Vec<DecodingKey>, TokenRefusal> {
            self.wait_for(kid).await;
            self.keys(kid)
        }
    }

    #[expect(clippy::disallowed_methods, reason = "a test owns its task")]
    fn followed(jwks: &Jwks) {
        spawn(jwks.clone().follow(CancellationToken::new()));
    }

    #[tokio::test]
    async fn a_new_key_is_found_when_a_token_names_it() {
        let issuer = Issuer::default();
        issuer.set(vec![key("one")]);
        let jwks = issuer.jwks(Duration::ZERO);
        followed(&jwks);
        assert!(jwks.awaited(Some("one")).await.is_ok(), "the first request waits for the first keys");
        assert!(jwks.awaited(None).await.is_ok(), "the only key needs no name");
        issuer.set(vec![key("two"), key("three")]);
        assert!(jwks.awaited(Some("two")).await.is_ok());
        assert!(jwks.awaited(None).await.is_err(), "one of two needs a name");
    }

    #[tokio::test]
    async fn unknown_key_names_do_not_cause_repeated_fetches() {
        let issuer = Issuer::default();
        issuer.set(vec![key("one")]);
        let jwks = issuer.jwks(Duration::from_mins(1));
        followed(&jwks);
        assert!(jwks.awaited(Some("one")).await.is_ok());
        for number in 0..100 {
            assert!(matches!(jwks.awaited(Some(&format!("forged {number}"))).await, Err(TokenRefusal::UnknownKey)));
        }
        assert_eq!(issuer.asked(), 1);
    }

    #[tokio::test]
    async fn while_the_key_set_is_away_unknown_keys_are_refused_at_once() {
        let issuer = Issuer::default();
        issuer.go_away();
        let jwks = issuer.jwks(Duration::from_hours(1));
        followed(&jwks);
        jwks.wait_for(Some("one")).await;
        let unknown = jwks.awaited(Some("one")).now_or_never().expect("the fetch failed just now");
        assert_eq!(unknown.err(), Some(KeysUnavailable::NotFetched.into()));

        let issuer = Issuer::default();
        issuer.set(vec![key("one")]);
        let jwks = issuer.jwks(Duration::ZERO);
        followed(&jwks);
        assert!(jwks.awaited(Some("one")).await.is_ok());
        issuer.go_away();
        let jwks = Jwks { pace: Pace { patience: Duration::MAX, ..jwks.pace }, ..jwks };
        let is_told = timeout(Duration::from_secs(20), jwks.wait_for(Some("two"))).await;
        assert!(is_told.is_ok(), "a fetch that fails ends the wait");
        let jwks = Jwks { pace: Pace { least_interval: Duration::from_hours(1), ..jwks.pace }, ..jwks };
        let unknown = jwks.awaited(Some("two")).now_or_never().expect("the fetch failed just now");
        assert_eq!(unknown.err(), Some(TokenRefusal::UnknownKey));
        assert!(jwks.keys(Some("one")).is_ok(), "a known key is good all the same");
    }

    #[tokio::test]
    async fn of_keys_that_are_named_alike_only_so_many_are_tried() {
        let issuer = Issuer::default();
        issuer.set(vec![key("alike"); 100]);
        let jwks = issuer.jwks(Duration::from_mins(1));
        followed(&jwks);
        assert_eq!(jwks.awaited(Some("alike")).await.unwrap().len(), MOST_OF_ONE_NAME);
        assert!(jwks.awaited(None).await.is_err(), "one of many needs a name");
    }

    #[test]
    fn keys_for_other_algorithms_and_for_encryption_are_left_out() {
        let jwks = Issuer::default().jwks(Duration::ZERO);
        let mut for_encryption = key("b");
        for_encryption["use"] = "enc".into();
        let secret = json!({"kty": "oct", "k": "c2VjcmV0", "kid": "c", "alg": "HS256"});
        let mut for_signing = key("d");
        for_signing["key_ops"] = json!(["sign", "other"]);
        let mut for_verifying = key("e");
        for_verifying["key_ops"] = json!(["verify"]);
        let set = json!({"keys": [key("a"), for_encryption, secret, for_signing, for_verifying]}).to_string();
        let ids: Vec<_> = jwks.keys_in(&set).unwrap().into_iter().map(|(id, _)| id.unwrap()).collect();
        assert_eq!(ids, ["a", "e"]);
        assert!(jwks.keys_in("{}").is_err(), "it is no key set");
    }

    #[tokio::test]
    async fn a_key_that_the_issuer_withdraws_is_refused_even_if_no_other_is_left() {
        let with = |name: &str, value: serde_json::Value| {
            let mut key = key("one");
            key[name] = value;
            vec![key]
        };
        for left in [
            vec![],
            with("use", "enc".into()),
            with("alg", "ES256".into()),
            with("key_ops", json!(["sign"])),
            with("kty", "new".into()),
        ] {
            let issuer = Issuer::default();
            issuer.set(vec![key("one")]);
            let jwks = issuer.jwks(Duration::ZERO);
            let jwks = Jwks { pace: Pace { refresh: Duration::ZERO, ..jwks.pace }, ..jwks };
            followed(&jwks);
            assert!(jwks.awaited(Some("one")).await.is_ok());
            let mut changes = jwks.keys.subscribe();
            issuer.set(left.clone());
            let is_read = changes.wait_for(|keys| keys.by_id.is_empty());
            assert!(timeout(Duration::from_secs(20), is_read).await.is_ok(), "{left:?}");
            assert!(matches!(jwks.awaited(Some("one")).await, Err(TokenRefusal::UnknownKey)), "{left:?}");
        }
    }

    #[test]
    fn a_malformed_key_does_not_spoil_the_others() {
        let jwks = Issuer::default().jwks(Duration::ZERO);
        let malformed = json!({"kty": "RSA", "kid": 5, "n": "AQAB", "e": "AQAB"});
        let set = json!({"keys": [malformed, "no key at all", {"kty": "new"}, key("good")]}).to_string();
        let ids: Vec<_> = jwks.keys_in(&set).unwrap().into_iter().map(|(id, _)| id.unwrap()).collect();
        assert_eq!(ids, ["good"]);
    }

    #[test]
    fn rsa_keys_that_are_too_short_are_left_out() {
        let jwks = Jwks { algorithm: Algorithm::RS256, ..Issuer::default().jwks(Duration::ZERO) };
        let rsa = |bytes: usize| {
            let modulus = BASE64_URL_SAFE_NO_PAD.encode(vec![0xff; bytes]);
            json!({"kty": "RSA", "kid": bytes.to_string(), "n": modulus, "e": "AQAB", "alg": "RS256"})
        };
        let set = json!({"keys": [rsa(128), rsa(255), rsa(256)]}).to_string();
        let ids: Vec<_> = jwks.keys_in(&set).unwrap().into_iter().map(|(id, _)| id.unwrap()).collect();
        assert_eq!(ids, ["256"]);
    }

    #[tokio::test]
    async fn keys_that_have_not_been_fetched_for_too_long_are_no_longer_accepted() {
        let jwks = Issuer::default().jwks(Duration::from_mins(1));
        let keep = Duration::from_mins(1);
        let jwks = Jwks { pace: Pace { keep, ..jwks.pace }, ..jwks };
        let by_id = jwks.keys_in(&json!({"keys": [key("one")]}).to_string()).unwrap();
        let fetched = |ago: Duration| {
            let fetched_at = Instant::now().checked_sub(ago);
            jwks.keys.send_replace(Arc::new(Keys { by_id: by_id.clone(), fetched_at, tried_at: fetched_at }));
        };
        fetched(Duration::ZERO);
        assert!(jwks.awaited(Some("one")).await.is_ok());
        fetched(2 * keep);
        assert!(matches!(jwks.awaited(Some("one")).await, Err(TokenRefusal::KeysUnavailable(_))));
    }
}
