//! The newest events in memory, in order, each encoded once.

use std::{collections::VecDeque, sync::Arc};

use bytes::Bytes;

use super::frame::sse_frame;
use crate::{
    domain::{Address, CommittedEvent, ContractId, EventId, StoredEventType, StreamId},
    store::{EventAtoms, StreamKey},
};

/// An event as subscribers get it, and what filters look at.
#[derive(Debug)]
pub(super) struct FeedEvent {
    pub(super) id: EventId,
    pub(super) event_type: StoredEventType,
    pub(super) contract_id: ContractId,
    pub(super) stream_id: Option<StreamId>,
    pub(super) sender: Option<Address>,
    pub(super) recipient: Option<Address>,
    pub(super) frame: Bytes,
    /// The revision in the frame's `id:`.
    pub(super) revision: i64,
}

impl FeedEvent {
    /// Encodes an event for subscribers that were told of every revision up to this one.
    pub(super) fn new(event: CommittedEvent, revision: i64) -> Self {
        Self {
            frame: sse_frame(&event, revision),
            revision,
            id: event.id,
            event_type: event.event_type,
            contract_id: event.contract_id,
            stream_id: event.stream_id,
            sender: event.sender,
            recipient: event.recipient,
        }
    }

    /// Returns whether the atoms are about this event: the same rule as `Store::matching_events` applies in SQL.
    pub(super) fn matches(&self, atoms: &EventAtoms) -> bool {
        let is_of_type =
            atoms.types.is_empty() || self.event_type.known().is_some_and(|known| atoms.types.contains(&known));
        let is_of_contract = atoms.contract_id.as_ref().is_none_or(|contract_id| *contract_id == self.contract_id);
        if !is_of_type || !is_of_contract {
            return false;
        }
        if !atoms.visibility.shows(self.sender.as_ref(), self.recipient.as_ref()) {
            return false;
        }
        let of_stream = |(contract_id, stream_id): &StreamKey| {
            Some(*stream_id) == self.stream_id && *contract_id == self.contract_id
        };
        let of_user = |user: &Address| Some(user) == self.sender.as_ref() || Some(user) == self.recipient.as_ref();
        atoms.all || atoms.streams.iter().any(of_stream) || atoms.users.iter().any(of_user)
    }
}

/// A bounded row of events. Holds every event after its floor.
#[derive(Debug)]
pub(super) struct Ring {
    events: VecDeque<Arc<FeedEvent>>,
    capacity: usize,
    floor: EventId,
    head: EventId,
    /// The sequence number of the first event held.
    first: u64,
}

impl Ring {
    pub(super) const fn new(start: EventId, capacity: usize) -> Self {
        Self { events: VecDeque::new(), capacity, floor: start, head: start, first: 0 }
    }

    /// Returns the position up to which every event was seen.
    pub(super) const fn head(&self) -> EventId {
        self.head
    }

    /// Adds the newest event, lets go of the oldest if there are too many, and returns the new one's sequence number.
    pub(super) fn push(&mut self, event: Arc<FeedEvent>) -> u64 {
        if self.events.len() >= self.capacity
            && let Some(oldest) = self.events.pop_front()
        {
            self.floor = oldest.id;
            self.first += 1;
        }
        self.head = event.id;
        self.events.push_back(event);
        self.first + u64::try_from(self.events.len() - 1).expect("a length fits u64")
    }

    /// Goes on after a position without the events up to it: the table has them.
    pub(super) fn skip_to(&mut self, position: EventId) {
        self.first += u64::try_from(self.events.len()).expect("a length fits u64");
        self.events.clear();
        self.floor = position;
        self.head = position;
    }

    /// Notes that there is no event after the newest one up to a position.
    pub(super) fn advance_to(&mut self, position: EventId) {
        self.head = self.head.max(position);
    }

    /// Goes on before the first event of another epoch.
    pub(super) fn start_over(&mut self) {
        self.skip_to(EventId::ZERO);
    }

    /// Returns the event of a sequence number, if it is held still.
    pub(super) fn get(&self, sequence: u64) -> Option<&Arc<FeedEvent>> {
        let at = usize::try_from(sequence.checked_sub(self.first)?).ok()?;
        self.events.get(at)
    }

    /// Returns at most `limit` events after a position, `None` if the ring no longer holds all of them.
    pub(super) fn after(&self, position: EventId, limit: usize) -> Option<Vec<Arc<FeedEvent>>> {
        if position < self.floor {
            return None;
        }
        let from = self.events.partition_point(|event| event.id <= position);
        Some(self.events.iter().skip(from).take(limit).cloned().collect())
    }
}
