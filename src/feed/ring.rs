//! The newest events in memory, in order.

use std::{collections::VecDeque, sync::Arc};

use super::published::Published;
use crate::domain::EventId;

/// A bounded sequence of events. It holds every event after its floor.
#[derive(Debug)]
pub(super) struct Ring {
    events: VecDeque<Arc<Published>>,
    capacity: usize,
    floor: EventId,
    head: EventId,
    /// The sequence number of the oldest event that is held.
    first: u64,
}

impl Ring {
    pub(super) const fn new(start: EventId, capacity: usize) -> Self {
        Self { events: VecDeque::new(), capacity, floor: start, head: start, first: 0 }
    }

    /// Returns the position up to which the ring has seen every event.
    pub(super) const fn head(&self) -> EventId {
        self.head
    }

    /// Adds the newest event, drops the oldest if the ring is full, and returns the new event's sequence number.
    pub(super) fn push(&mut self, event: Arc<Published>) -> u64 {
        if self.events.len() >= self.capacity
            && let Some(oldest) = self.events.pop_front()
        {
            self.floor = oldest.event.id;
            self.first += 1;
        }
        self.head = event.event.id;
        self.events.push_back(event);
        self.first + u64::try_from(self.events.len() - 1).expect("a length fits u64")
    }

    /// Continues after a position without the events up to it, which are in the table.
    pub(super) fn skip_to(&mut self, position: EventId) {
        self.first += u64::try_from(self.events.len()).expect("a length fits u64");
        self.events.clear();
        self.floor = position;
        self.head = position;
    }

    /// Records that no event lies between the newest one and a position.
    pub(super) fn advance_to(&mut self, position: EventId) {
        self.head = self.head.max(position);
    }

    /// Starts again before the first event of another epoch.
    pub(super) fn start_over(&mut self) {
        self.skip_to(EventId::ZERO);
    }

    /// Returns the event with a sequence number, if it is still held.
    pub(super) fn get(&self, sequence: u64) -> Option<&Arc<Published>> {
        let at = usize::try_from(sequence.checked_sub(self.first)?).ok()?;
        self.events.get(at)
    }

    /// Returns at most `limit` events after a position, or `None` if the ring no longer holds all of them.
    pub(super) fn after(&self, position: EventId, limit: usize) -> Option<Vec<Arc<Published>>> {
        if position < self.floor {
            return None;
        }
        let from = self.events.partition_point(|published| published.event.id <= position);
        Some(self.events.iter().skip(from).take(limit).cloned().collect())
    }
}
