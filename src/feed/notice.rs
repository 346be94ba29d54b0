//! What subscribers are told besides events.

use serde::Serialize;

use crate::{
    domain::{Epoch, FeedId},
    store::Revision,
};

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

/// A revision as subscribers see it: in this range events were added, or their streams were folded again.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RevisedRange {
    from_id: FeedId,
    to_id: FeedId,
}

impl RevisedRange {
    pub(super) const fn of(revision: &Revision, epoch: Epoch) -> Self {
        Self { from_id: FeedId { event: revision.from, epoch }, to_id: FeedId { event: revision.to, epoch } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{EventId, LedgerSequence};

    fn revision(number: i64, from: u32, to: u32) -> Revision {
        let [from, to] = [from, to].map(|ledger| EventId::end_of_ledger(LedgerSequence(ledger)));
        Revision { number, from, to }
    }

    #[test]
    fn two_revisions_are_joined_to_a_range_that_covers_both() {
        let (one, other) = (revision(1, 5, 9), revision(2, 3, 4));
        let joined = Notice::Revised(other).joined_to(Some(Notice::Revised(one)));
        assert_eq!(joined, Notice::Revised(revision(2, 3, 9)));
        assert_eq!(Notice::Revised(one).joined_to(None), Notice::Revised(one));
    }

    #[test]
    fn a_reset_covers_the_revisions_before_and_after_it() {
        let reset = Notice::StartedOver { epoch: Epoch(1), revision: 0 };
        let revised = Notice::Revised(revision(1, 5, 9));
        assert_eq!(reset.joined_to(Some(Notice::Revised(revision(7, 5, 9)))), reset);
        assert_eq!(revised.joined_to(Some(reset)), Notice::StartedOver { epoch: Epoch(1), revision: 1 });
    }
}
