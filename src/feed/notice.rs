//! What subscribers are told besides events.

use crate::{domain::Epoch, store::Revision};

/// Something that every subscriber must be told. A subscriber holds at most one; a later one is joined to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Notice {
    /// The network started over: this is its new epoch, with the last revision of that, as those are counted anew.
    StartedOver { epoch: Epoch, revision: i64 },
    /// Rows came late.
    Revised(Revision),
}

impl Notice {
    /// Returns a notice that tells both.
    pub(super) fn joined_to(self, earlier: Option<Self>) -> Self {
        match (earlier, self) {
            (Some(Self::Revised(earlier)), Self::Revised(later)) => Self::Revised(joined(earlier, later)),
            // A client that is told to fetch everything anew fetches what was revised by then as well.
            (Some(Self::StartedOver { epoch, .. }), Self::Revised(later)) => {
                Self::StartedOver { epoch, revision: later.number }
            }
            (_, later) => later,
        }
    }
}

/// Returns the revision that covers both, under the number of the later one.
pub(super) fn joined(one: Revision, other: Revision) -> Revision {
    Revision { number: one.number.max(other.number), from: one.from.min(other.from), to: one.to.max(other.to) }
}
