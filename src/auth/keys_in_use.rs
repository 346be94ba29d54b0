//! The API keys by which event streams of this node were opened, and from when on their secrets are valid. The node asks
//! the database for these keys alone: a key that is not there any more was deleted. What others do with their keys costs
//! nothing here.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard},
};

use tokio::sync::watch;

use crate::domain::UnixTime;

/// When the oldest valid secret of a key was made; `None` if no secret is valid.
type ValidSince = Option<UnixTime>;

/// The keys in use.
#[derive(Debug, Default)]
pub(super) struct KeysInUse(Mutex<HashMap<String, InUse>>);

#[derive(Debug)]
struct InUse {
    users: usize,
    valid_since: watch::Sender<ValidSince>,
}

/// A stream that uses a key, for as long as this lives.
#[derive(Debug)]
pub(super) struct KeyUse<'a> {
    keys: &'a KeysInUse,
    id: &'a str,
    valid_since: watch::Receiver<ValidSince>,
}

impl KeysInUse {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, InUse>> {
        self.0.lock().expect("no thread panics while it holds the keys")
    }

    /// Adds a user of a key. All secrets of the key count as valid until [`Self::update`] says more.
    pub(super) fn add<'a>(&'a self, id: &'a str) -> KeyUse<'a> {
        let mut keys = self.lock();
        let all = || InUse { users: 0, valid_since: watch::Sender::new(Some(UnixTime(0))) };
        let key = keys.entry(id.to_owned()).or_insert_with(all);
        key.users += 1;
        KeyUse { keys: self, id, valid_since: key.valid_since.subscribe() }
    }

    /// Returns the ids of the keys in use.
    pub(super) fn ids(&self) -> Vec<String> {
        self.lock().keys().cloned().collect()
    }

    /// Returns those of these keys that are in use, each once.
    pub(super) fn among(&self, mut ids: Vec<String>) -> Vec<String> {
        let keys = self.lock();
        ids.retain(|id| keys.contains_key(id));
        ids.sort();
        ids.dedup();
        ids
    }

    /// Takes note of what the database says about these keys: those that are not in `valid` are not in the database.
    pub(super) fn update(&self, asked: &[String], valid: &HashMap<String, UnixTime>) {
        let keys = self.lock();
        for id in asked {
            let Some(key) = keys.get(id) else { continue };
            let read = valid.get(id).copied();
            key.valid_since.send_if_modified(|known| {
                // A key that is gone does not come back, and secrets only end: a reading that says less is an earlier one.
                let fresh = known.zip(read).map(|(known, read)| known.max(read));
                std::mem::replace(known, fresh) != fresh
            });
        }
    }
}

impl KeyUse<'_> {
    /// Waits until the secret that was made at this time is no longer valid.
    pub(super) async fn ended(&mut self, issued_at: Option<UnixTime>) {
        let is_over = |valid_since: &ValidSince| valid_since.is_none_or(|since| issued_at.is_none_or(|at| at < since));
        // The sender outlives this use of the key.
        let _ = self.valid_since.wait_for(is_over).await;
    }
}

impl Drop for KeyUse<'_> {
    fn drop(&mut self) {
        let mut keys = self.keys.lock();
        if let Some(key) = keys.get_mut(self.id) {
            key.users -= 1;
            if key.users == 0 {
                keys.remove(self.id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn a_key_is_known_only_while_it_is_in_use() {
        let keys = KeysInUse::default();
        let (first, second, other) = (keys.add("a"), keys.add("a"), keys.add("b"));
        drop((first, other));
        assert_eq!(keys.ids(), ["a"]);
        assert_eq!(keys.among(["b", "a", "c", "a"].map(str::to_owned).to_vec()), ["a"]);
        drop(second);
        assert!(keys.ids().is_empty());
    }

    #[test]
    fn a_secret_ends_when_a_later_one_is_the_oldest_or_its_key_is_gone() {
        let keys = KeysInUse::default();
        let (mut old, mut new) = (keys.add("a"), keys.add("a"));
        let asked = ["a".to_owned()];
        let mut have_ended = || {
            let old = old.ended(Some(UnixTime(1))).now_or_never().is_some();
            (old, new.ended(Some(UnixTime(2))).now_or_never().is_some())
        };
        assert_eq!(have_ended(), (false, false), "nothing is known yet");
        keys.update(&asked, &HashMap::from([("a".to_owned(), UnixTime(1))]));
        assert_eq!(have_ended(), (false, false));
        keys.update(&asked, &HashMap::from([("a".to_owned(), UnixTime(2))]));
        assert_eq!(have_ended(), (true, false));
        keys.update(&asked, &HashMap::new());
        assert_eq!(have_ended(), (true, true));
    }
}
