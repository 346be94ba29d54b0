//! What subscribers are told besides events.

use super::{Epoch, EventId, FeedId};

/// Something that a subscriber must be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

/// Events that came late, or whose streams were recomputed: somewhere in this range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revision {
    /// Its number; later ones are higher.
    pub number: i64,
    /// The first event.
    pub from: EventId,
    /// The last event.
    pub to: EventId,
}

impl Revision {
    /// Returns the revision that covers both, under the number of the later one.
    #[must_use]
    pub fn joined(self, other: Self) -> Self {
        Self { number: self.number.max(other.number), from: self.from.min(other.from), to: self.to.max(other.to) }
    }

    /// Returns what subscribers are told of it.
    #[must_use]
    pub const fn notice(self, epoch: Epoch) -> Notice {
        Notice::Revised { from: FeedId { event: self.from, epoch }, to: FeedId { event: self.to, epoch } }
    }
}
