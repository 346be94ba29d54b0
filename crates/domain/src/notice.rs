//! What subscribers are told besides events.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{Address, Epoch, EventFilter, EventId, FeedId, StreamKey};

/// Streams whose records changed without an event, each with its parties before and after.
pub type ChangedStreams = BTreeMap<StreamKey, BTreeSet<Address>>;

/// Something that a subscriber must be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// What the subscriber has cannot be continued: it must fetch anew, and events from now on follow.
    Reset(Reset),
    /// Events of this range came late or were corrected, and are not sent.
    Revised {
        /// The first of them.
        from: FeedId,
        /// The last of them.
        to: FeedId,
    },
    /// The records of these streams changed without an event: they were completed or corrected from the chain's entries.
    Changed {
        /// Those of the streams that concern the subscriber.
        streams: Arc<ChangedStreams>,
    },
}

/// Why, and between which ids, a subscriber must fetch anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reset {
    /// Why.
    pub reason: ResetReason,
    /// The oldest event there is; `None` for those who may not see every event.
    pub oldest_event_id: Option<FeedId>,
    /// The newest event there is; `None` for those who may not see every event.
    pub newest_event_id: Option<FeedId>,
}

/// Why an id cannot be resumed from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResetReason {
    /// It is not an id.
    Malformed,
    /// It lies beyond the newest event.
    BeyondTip,
    /// It lies before what is kept.
    BeforeOldest,
    /// It is from before a reset of the network.
    NetworkReset,
}

/// Events that came late, or whose streams were recomputed: somewhere in this range. Or, if no event did, streams whose
/// records changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision {
    /// Its number; later ones are higher.
    pub number: i64,
    /// The first event.
    pub from: EventId,
    /// The last event.
    pub to: EventId,
    /// The streams, if nothing but their records changed. The range then has the last event of each.
    pub changed: Option<Arc<ChangedStreams>>,
}

impl Revision {
    /// More changed streams than this are told as the range of their events.
    pub const MOST_CHANGED: usize = 256;

    /// Returns the revision that covers both, under the number of the later one.
    #[must_use]
    pub fn joined(self, other: Self) -> Self {
        let changed = self.changed.zip(other.changed).and_then(|(one, other)| union(one, &other));
        Self {
            number: self.number.max(other.number),
            from: self.from.min(other.from),
            to: self.to.max(other.to),
            changed,
        }
    }

    /// Returns what of the revision concerns a subscriber; `None` if nothing does. Events that came late concern everybody.
    #[must_use]
    pub fn concerning(&self, filter: &EventFilter) -> Option<Self> {
        let Some(changed) = &self.changed else { return Some(self.clone()) };
        let concerned = || changed.iter().filter(|(stream, parties)| filter.matches_change(stream, parties));
        match concerned().count() {
            0 => None,
            all if all == changed.len() => Some(self.clone()),
            _ => {
                let some = concerned().map(|(stream, parties)| (stream.clone(), parties.clone())).collect();
                Some(Self { changed: Some(Arc::new(some)), ..*self })
            }
        }
    }

    /// Returns the whole ledgers that it lies in, for those who may not see every event: the ends of those are no ids.
    #[must_use]
    pub fn in_whole_ledgers(self) -> Self {
        let before = EventId::end_of_ledger(self.from.ledger().previous()).min(self.from);
        Self { from: before, to: EventId::end_of_ledger(self.to.ledger()), ..self }
    }

    /// Returns what subscribers are told of it.
    #[must_use]
    pub fn notice(self, epoch: Epoch) -> Notice {
        match self.changed {
            Some(streams) => Notice::Changed { streams },
            None => Notice::Revised { from: FeedId { event: self.from, epoch }, to: FeedId { event: self.to, epoch } },
        }
    }
}

/// Returns the streams of both; `None` if there are too many.
fn union(mut all: Arc<ChangedStreams>, more: &ChangedStreams) -> Option<Arc<ChangedStreams>> {
    let streams = Arc::make_mut(&mut all);
    for (stream, parties) in more {
        streams.entry(stream.clone()).or_default().extend(parties.iter().cloned());
    }
    (streams.len() <= Revision::MOST_CHANGED).then_some(all)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{ContractId, EventType, LedgerSequence, StreamId, Visibility};

    #[test]
    fn a_revision_in_whole_ledgers_covers_what_it_covered_and_names_no_event() {
        let event = |ledger| EventId::of(LedgerSequence(ledger), 3, 0, 1).unwrap();
        let revision = Revision { number: 4, from: event(7), to: event(9), changed: None };
        let [before, end] = [6, 9].map(|ledger| EventId::end_of_ledger(LedgerSequence(ledger)));
        let whole = Revision { number: 4, from: before, to: end, changed: None };
        let shown = revision.clone().in_whole_ledgers();
        assert_eq!(shown, whole);
        assert!(whole.from < revision.from && revision.to < whole.to);
    }

    fn contract(number: u8) -> ContractId {
        ContractId::from_bytes([number; 32])
    }

    fn party(number: u8) -> Address {
        contract(100 + number).into()
    }

    fn changed(number: i64, streams: impl IntoIterator<Item = (StreamKey, BTreeSet<Address>)>) -> Revision {
        let event = EventId::end_of_ledger(LedgerSequence(u32::try_from(number).unwrap()));
        Revision { number, from: event, to: event, changed: Some(Arc::new(streams.into_iter().collect())) }
    }

    fn many(number: i64, streams: std::ops::Range<u64>) -> Revision {
        changed(number, streams.map(|stream| ((contract(1), StreamId(stream)), BTreeSet::from([party(1)]))))
    }

    #[test]
    fn too_many_changed_streams_are_told_as_the_range_of_their_events() {
        let most = u64::try_from(Revision::MOST_CHANGED).unwrap();
        let joined = many(1, 0..most - 1).joined(many(2, 5..most));
        assert_eq!(joined.changed.as_ref().map(|streams| streams.len()), Some(Revision::MOST_CHANGED));
        let (from, to) = (joined.from, joined.to);
        assert_eq!(joined.joined(many(2, most..most + 1)), Revision { number: 2, from, to, changed: None });
    }

    #[test]
    fn changed_streams_and_events_that_came_late_are_told_as_the_range_of_both() {
        let event = |ledger| EventId::end_of_ledger(LedgerSequence(ledger));
        let late = Revision { number: 3, from: event(8), to: event(9), changed: None };
        let both = Revision { number: 3, from: event(1), to: event(9), changed: None };
        assert_eq!(many(1, 0..1).joined(late.clone()), both);
        assert_eq!(late.joined(many(1, 0..1)), both);
    }

    fn any_stream() -> impl Strategy<Value = StreamKey> {
        (1..3_u8, 0..3_u64).prop_map(|(number, stream_id)| (contract(number), StreamId(stream_id)))
    }

    fn any_streams() -> impl Strategy<Value = Vec<(StreamKey, BTreeSet<Address>)>> {
        let parties = prop::collection::btree_set((0..4_u8).prop_map(party), 2..4);
        prop::collection::vec((any_stream(), parties), 1..4)
    }

    fn any_filter() -> impl Strategy<Value = EventFilter> {
        let visibility = prop_oneof![
            Just(Visibility::Everything),
            (0..4_u8).prop_map(|number| Visibility::Party(party(number))),
            Just(Visibility::Nothing),
        ];
        let streams = prop::collection::btree_set(any_stream(), 0..3);
        let users = prop::collection::btree_set((0..4_u8).prop_map(party), 0..2);
        let contract_id = prop::option::of((1..3_u8).prop_map(contract));
        let all = prop::bool::weighted(0.2);
        (visibility, all, streams, users, contract_id).prop_map(|(visibility, all, streams, users, contract_id)| {
            EventFilter { visibility, all, streams, users, contract_id, types: vec![EventType::StreamPaused] }
        })
    }

    proptest! {
        #[test]
        fn a_subscriber_is_told_of_exactly_the_streams_that_match(streams in any_streams(), filter in any_filter()) {
            let revision = changed(1, streams);
            let all = revision.changed.clone().unwrap();
            let told = revision.concerning(&filter).map(|told| told.changed.unwrap());
            for (stream, parties) in all.iter() {
                let is_seen = match &filter.visibility {
                    Visibility::Everything => true,
                    Visibility::Party(party) => parties.contains(party),
                    Visibility::Nothing => false,
                };
                let is_wanted = filter.all
                    || filter.streams.contains(stream)
                    || filter.users.iter().any(|user| parties.contains(user));
                let is_of_contract = filter.contract_id.as_ref().is_none_or(|contract_id| *contract_id == stream.0);
                let is_told = told.as_ref().is_some_and(|told| told.contains_key(stream));
                prop_assert_eq!(is_told, is_seen && is_wanted && is_of_contract);
            }
            prop_assert!(told.is_none_or(|told| !told.is_empty()));
        }
    }
}
