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
    by_stream: HashMap<StreamKey, Followers>,
    by_user: HashMap<Address, Followers>,
    all: HashSet<SubscriberId>,
}

/// Those who follow one stream or address. Most are followed by one subscriber, which needs no set.
#[derive(Debug)]
enum Followers {
    One(SubscriberId),
    #[expect(
        clippy::box_collection,
        reason = "most streams have one follower, for whom a set would take three times the room"
    )]
    Several(Box<HashSet<SubscriberId>>),
}

impl Followers {
    fn insert(&mut self, id: SubscriberId) {
        match self {
            Self::One(first) if *first == id => {}
            Self::One(first) => *self = Self::Several(Box::new(HashSet::from([*first, id]))),
            Self::Several(ids) => {
                ids.insert(id);
            }
        }
    }

    /// Returns whether nobody is left.
    fn remove(&mut self, id: SubscriberId) -> bool {
        match self {
            Self::One(only) => *only == id,
            Self::Several(ids) => {
                ids.remove(&id);
                ids.is_empty()
            }
        }
    }

    fn iter(&self) -> impl Iterator<Item = SubscriberId> {
        let (one, several) = match self {
            Self::One(only) => (Some(*only), None),
            Self::Several(ids) => (None, Some(ids.iter().copied())),
        };
        one.into_iter().chain(several.into_iter().flatten())
    }
}

impl Interests {
    /// Adds a subscriber. One that sees only its own events is listed under its own address: no other event can match.
    pub(super) fn add(&mut self, id: SubscriberId, filter: &EventFilter) {
        match &filter.visibility {
            Visibility::Nothing => {}
            Visibility::Party(party) => follow(&mut self.by_user, party, id),
            Visibility::Everything => {
                if filter.all {
                    self.all.insert(id);
                }
                for stream in &filter.streams {
                    follow(&mut self.by_stream, stream, id);
                }
                for user in &filter.users {
                    follow(&mut self.by_user, user, id);
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
        let listed = [of_stream].into_iter().chain(of_parties).flatten().flat_map(Followers::iter);
        self.all.iter().copied().chain(listed)
    }

    /// Returns everybody whom changed streams may concern.
    pub(super) fn of_changed(&self, streams: &ChangedStreams) -> HashSet<SubscriberId> {
        let of_streams = streams.keys().map(|stream| self.by_stream.get(stream));
        let of_parties = streams.values().flatten().map(|party| self.by_user.get(party));
        let listed = of_streams.chain(of_parties).flatten().flat_map(Followers::iter);
        self.all.iter().copied().chain(listed).collect()
    }
}

fn follow<K: Eq + Hash + Clone>(index: &mut HashMap<K, Followers>, key: &K, id: SubscriberId) {
    match index.get_mut(key) {
        Some(followers) => followers.insert(id),
        None => {
            index.insert(key.clone(), Followers::One(id));
        }
    }
}

fn forget<K: Eq + Hash>(index: &mut HashMap<K, Followers>, key: &K, id: SubscriberId) {
    if index.get_mut(key).is_some_and(|followers| followers.remove(id)) {
        index.remove(key);
    }
}
