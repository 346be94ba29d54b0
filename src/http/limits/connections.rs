//! The number of open event streams: limited in total, by address and by subject.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard},
};

use serde::Serialize;
use utoipa::ToSchema;

use super::client::ClientKey;
use crate::http::problem::Problem;

/// A refused client should give others time to leave.
const RETRY_AFTER_SECONDS: u32 = 30;

/// Who signed in: an account for all of its users.
type Holder = Arc<str>;

#[derive(Debug)]
pub(super) struct Connections {
    most: ConnectionLimits,
    open: Arc<Mutex<Open>>,
}

/// The largest numbers of open event streams.
#[derive(Clone, Copy, Debug)]
pub(super) struct ConnectionLimits {
    pub(super) in_all: u32,
    pub(super) per_client: u32,
    pub(super) per_subject: u32,
}

#[derive(Debug, Default)]
struct Open {
    count: u32,
    by_client: OpenCounts<ClientKey>,
    by_subject: OpenCounts<Holder>,
}

/// The number of open event streams per key. Only keys with open streams are kept, so there are never more keys than
/// streams.
#[derive(Debug)]
struct OpenCounts<K> {
    taken: HashMap<K, u32>,
    peak: u32,
}

/// How many event streams there are, and the limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConnectionStats {
    /// The most that may be open.
    pub max_connections: u32,
    /// The most that one address may have open.
    pub max_connections_per_ip: u32,
    /// The most that one subject may have open.
    pub max_connections_per_subject: u32,
    /// The most that one address had open since the start.
    pub peak_connections_per_ip: u32,
    /// The most that one subject had open since the start.
    pub peak_connections_per_subject: u32,
    /// TCP connections that were closed at once, because their address made too many, since the start.
    pub refused_connects: u64,
}

/// A place for one open event stream.
#[derive(Debug)]
pub(in crate::http) struct Slot {
    client: Option<ClientKey>,
    holder: Option<Holder>,
    per_subject: u32,
    open: Arc<Mutex<Open>>,
}

impl Slot {
    /// Returns whose place it is; `None` for an exempt address.
    pub(in crate::http) const fn client(&self) -> Option<ClientKey> {
        self.client
    }

    /// Counts the place against whoever holds the caller's share too, once it is known who came. Who did not sign in is
    /// nobody.
    pub(in crate::http) fn of_holder(mut self, holder: Option<&str>) -> Result<Self, Problem> {
        let Some(holder) = holder.map(Holder::from) else { return Ok(self) };
        {
            let mut open = lock(&self.open);
            if open.by_subject.of(&holder) >= self.per_subject {
                return Err(too_many("subject", self.per_subject));
            }
            open.by_subject.take(Arc::clone(&holder));
        }
        self.holder = Some(holder);
        Ok(self)
    }
}

impl Connections {
    pub(super) fn new(most: ConnectionLimits) -> Self {
        Self { most, open: Arc::default() }
    }

    pub(super) fn take(&self, client: Option<ClientKey>) -> Result<Slot, Problem> {
        let ConnectionLimits { in_all, per_client, .. } = self.most;
        let mut open = lock(&self.open);
        if open.count >= in_all {
            return Err(Problem::overloaded("every place for an event stream is taken", RETRY_AFTER_SECONDS));
        }
        if client.is_some_and(|client| open.by_client.of(&client) >= per_client) {
            return Err(too_many("address", per_client));
        }
        open.count += 1;
        if let Some(client) = client {
            open.by_client.take(client);
        }
        Ok(Slot { client, holder: None, per_subject: self.most.per_subject, open: Arc::clone(&self.open) })
    }

    pub(super) fn stats(&self, refused_connects: u64) -> ConnectionStats {
        let open = lock(&self.open);
        ConnectionStats {
            max_connections: self.most.in_all,
            max_connections_per_ip: self.most.per_client,
            max_connections_per_subject: self.most.per_subject,
            peak_connections_per_ip: open.by_client.peak,
            peak_connections_per_subject: open.by_subject.peak,
            refused_connects,
        }
    }
}

fn too_many(whose: &str, most: u32) -> Problem {
    Problem::too_many_requests(format!("one {whose} may have {most} event streams open"), RETRY_AFTER_SECONDS)
}

impl<K: Eq + Hash> OpenCounts<K> {
    fn of(&self, key: &K) -> u32 {
        self.taken.get(key).copied().unwrap_or(0)
    }

    fn take(&mut self, key: K) {
        let mine = self.taken.entry(key).or_insert(0);
        *mine += 1;
        self.peak = self.peak.max(*mine);
    }

    fn give_back(&mut self, key: &K) {
        if let Some(mine) = self.taken.get_mut(key) {
            *mine -= 1;
            if *mine == 0 {
                self.taken.remove(key);
            }
        }
    }
}

impl<K> Default for OpenCounts<K> {
    fn default() -> Self {
        Self { taken: HashMap::new(), peak: 0 }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut open = lock(&self.open);
        open.count -= 1;
        if let Some(client) = &self.client {
            open.by_client.give_back(client);
        }
        if let Some(holder) = &self.holder {
            open.by_subject.give_back(holder);
        }
    }
}

fn lock(open: &Mutex<Open>) -> MutexGuard<'_, Open> {
    open.lock().expect("no thread panics while it counts")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connections() -> Connections {
        Connections::new(ConnectionLimits { in_all: 5, per_client: 5, per_subject: 2 })
    }

    fn take(connections: &Connections, subject: &str) -> Result<Slot, Problem> {
        connections.take(None).and_then(|slot| slot.of_holder(Some(subject)))
    }

    #[test]
    fn a_subjects_limit_holds_wherever_it_connects_from() {
        let connections = connections();
        let alice: Vec<_> = (0..2).map(|_| take(&connections, "alice").unwrap()).collect();
        let from_elsewhere = connections.take(Some(ClientKey::EverybodyElse)).unwrap();
        assert_eq!(from_elsewhere.of_holder(Some("alice")).unwrap_err(), too_many("subject", 2));
        assert!(take(&connections, "bob").is_ok() && connections.take(None).is_ok());
        drop(alice);
        assert!(take(&connections, "alice").is_ok());
        assert_eq!(connections.stats(0).peak_connections_per_subject, 2);
    }

    #[test]
    fn refused_and_closed_event_streams_leave_nothing_behind() {
        let connections = connections();
        for number in 0..1_000 {
            let subject = number.to_string();
            let slots: Vec<_> = (0..3).map(|_| take(&connections, &subject)).collect();
            assert!(slots[1].is_ok() && slots[2].is_err());
        }
        let open = lock(&connections.open);
        assert_eq!((open.count, open.by_subject.taken.len(), open.by_client.taken.len()), (0, 0, 0));
    }
}
