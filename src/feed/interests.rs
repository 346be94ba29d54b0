//! Who follows what: an index from streams and addresses to subscribers. It finds everybody whom something may concern,
//! and some whom it does not: their filters decide.

use std::{
    collections::{HashMap, HashSet},
    hash::Hash,
};

use crate::domain::{Address, ChangedStreams, CommittedEvent, EventFilter, StreamKey, Visibility};

pub(super) type SubscriberId = u64;

/// What subscribers follow.
#[derive(Debug, Default)]
pub(super) struct Interests {
    by_stream: HashMap<StreamKey, HashSet<SubscriberId>>,
    by_user: HashMap<Address, HashSet<SubscriberId>>,
    all: HashSet<SubscriberId>,
}

impl Interests {
    /// Adds a subscriber. One that sees only its own events is listed under its own address: no other event can match.
    pub(super) fn add(&mut self, id: SubscriberId, filter: &EventFilter) {
        match &filter.visibility {
            Visibility::Nothing => {}
            Visibility::Party(party) => {
                self.by_user.entry(party.clone()).or_default().insert(id);
            }
            Visibility::Everything => {
                if filter.all {
                    self.all.insert(id);
                }
                for stream in &filter.streams {
                    self.by_stream.entry(stream.clone()).or_default().insert(id);
                }
                for user in &filter.users {
                    self.by_user.entry(user.clone()).or_default().insert(id);
                }
            }
        }
    }

    pub(super) fn remove(&mut self, id: SubscriberId, filter: &EventFilter) {
        self.all.remove(&id);
        for stream in &filter.streams {
            forget(&mut self.by_stream, stream, id);
        }
        for user in &filter.users {
            forget(&mut self.by_user, user, id);
        }
        if let Visibility::Party(party) = &filter.visibility {
            forget(&mut self.by_user, party, id);
        }
    }

    /// Returns everybody whom an event may concern, some of them several times.
    pub(super) fn of_event(&self, event: &CommittedEvent) -> impl Iterator<Item = SubscriberId> {
        let of_stream =
            event.stream_id.and_then(|stream_id| self.by_stream.get(&(event.contract_id.clone(), stream_id)));
        let of_parties = event.parties().map(|party| self.by_user.get(party));
        [Some(&self.all), of_stream].into_iter().chain(of_parties).flatten().flatten().copied()
    }

    /// Returns everybody whom changed streams may concern.
    pub(super) fn of_changed(&self, streams: &ChangedStreams) -> HashSet<SubscriberId> {
        let of_streams = streams.keys().map(|stream| self.by_stream.get(stream));
        let of_parties = streams.values().flatten().map(|party| self.by_user.get(party));
        [Some(&self.all)].into_iter().chain(of_streams).chain(of_parties).flatten().flatten().copied().collect()
    }
}

fn forget<K: Eq + Hash>(index: &mut HashMap<K, HashSet<SubscriberId>>, key: &K, id: SubscriberId) {
    if let Some(subscribers) = index.get_mut(key) {
        subscribers.remove(&id);
        if subscribers.is_empty() {
            index.remove(key);
        }
    }
}
