//! An event in the feed, and the outlets' encodings of it.

use std::sync::OnceLock;

use bytes::Bytes;

use crate::domain::{CommittedEvent, ResumeId};

/// A committed event, shared by all subscribers that receive it.
#[derive(Debug)]
pub struct Published {
    /// The event.
    pub event: CommittedEvent,
    /// Every subscriber that gets the event was told of every revision up to this one.
    pub(super) revision: i64,
    encodings: Box<[OnceLock<Bytes>]>,
}

/// The place where an outlet keeps its encoding of each event. The first subscriber that needs it makes it for all.
#[derive(Clone, Copy, Debug)]
pub struct EncodingSlot(pub(super) usize);

impl Published {
    /// Publishes an event with room for `encodings` encodings.
    pub(super) fn new(event: CommittedEvent, revision: i64, encodings: usize) -> Self {
        Self { event, revision, encodings: (0..encodings).map(|_| OnceLock::new()).collect() }
    }

    /// Returns the id that a client resumes from after this event.
    #[must_use]
    pub fn resume_id(&self) -> ResumeId {
        ResumeId { position: self.event.feed_id(), revision: self.revision }
    }

    /// Returns an outlet's encoding of the event. It is kept if there is room for it. An event that only one subscriber
    /// has read from the table has no room.
    pub fn encoded(&self, slot: EncodingSlot, encode: impl FnOnce(&Self) -> Bytes) -> Bytes {
        match self.encodings.get(slot.0) {
            Some(kept) => kept.get_or_init(|| encode(self)).clone(),
            None => encode(self),
        }
    }
}
