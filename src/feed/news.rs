//! What happened apart from new events, before a subscriber turns it into a notice.

use crate::domain::{Epoch, Revision};

/// Something that a subscriber must be told. It holds at most one; a later one is merged into it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum News {
    /// The network started over: the new epoch, with its last revision, because each epoch counts its own revisions.
    StartedOver { epoch: Epoch, revision: i64 },
    /// Late rows were written, or records changed without an event.
    Revised(Revision),
}

impl News {
    /// Returns the news that covers both.
    pub(super) fn joined_to(self, earlier: Option<Self>) -> Self {
        match (earlier, self) {
            (Some(Self::Revised(earlier)), Self::Revised(later)) => Self::Revised(earlier.joined(later)),
            // A client that fetches everything again after the reset also fetches what was revised until then.
            (Some(Self::StartedOver { epoch, .. }), Self::Revised(later)) => {
                Self::StartedOver { epoch, revision: later.number }
            }
            (None, later) | (Some(_), later @ Self::StartedOver { .. }) => later,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{EventId, LedgerSequence};

    fn revision(number: i64, from: u32, to: u32) -> Revision {
        let [from, to] = [from, to].map(|ledger| EventId::end_of_ledger(LedgerSequence(ledger)));
        Revision { number, from, to, changed: None }
    }

    #[test]
    fn two_revisions_join_into_a_range_that_covers_both() {
        let (one, other) = (revision(1, 5, 9), revision(2, 3, 4));
        let joined = News::Revised(other).joined_to(Some(News::Revised(one.clone())));
        assert_eq!(joined, News::Revised(revision(2, 3, 9)));
        assert_eq!(News::Revised(one.clone()).joined_to(None), News::Revised(one));
    }

    #[test]
    fn a_reset_covers_the_revisions_before_and_after_it() {
        let reset = News::StartedOver { epoch: Epoch(1), revision: 0 };
        let revised = News::Revised(revision(1, 5, 9));
        assert_eq!(reset.clone().joined_to(Some(News::Revised(revision(7, 5, 9)))), reset);
        assert_eq!(revised.joined_to(Some(reset)), News::StartedOver { epoch: Epoch(1), revision: 1 });
    }
}
