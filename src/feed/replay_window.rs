//! How much of the chain a replay reads at once if the filter has many streams or users.
//!
//! The table has one index for streams and one for users, so a chunk costs at least one look-up for each of them, and
//! at most a whole chunk for each. With a small window of ledgers, the query reads little more than it returns.

use crate::domain::{EventFilter, EventId, LedgerSequence};

/// With this few streams and users, reading without a window is cheap, however many events each has.
const FEW: usize = 4;
const FIRST: u32 = 64;
const MOST: u32 = 1 << 24;

/// The range of ledgers that is read at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReplayWindow {
    Everything,
    Ledgers(u32),
}

impl ReplayWindow {
    pub(super) fn of(filter: &EventFilter) -> Self {
        if filter.all || filter.streams.len() + filter.users.len() <= FEW {
            Self::Everything
        } else {
            Self::Ledgers(FIRST)
        }
    }

    /// Returns the position up to which to read after `after`; never beyond `up_to`.
    pub(super) fn end(self, after: EventId, up_to: EventId) -> EventId {
        match self {
            Self::Everything => up_to,
            Self::Ledgers(ledgers) => {
                up_to.min(EventId::end_of_ledger(LedgerSequence(after.ledger().0.saturating_add(ledgers))))
            }
        }
    }

    /// Adapts to the number of events found: halves the window after a full chunk, and doubles it after a nearly empty
    /// one.
    pub(super) fn learn(&mut self, found: usize, chunk: usize) {
        if let Self::Ledgers(ledgers) = self {
            *ledgers = if found >= chunk {
                (*ledgers / 2).max(1)
            } else if found < chunk / 4 {
                (*ledgers * 2).min(MOST)
            } else {
                *ledgers
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Visibility;

    fn at(ledger: u32) -> EventId {
        EventId::end_of_ledger(LedgerSequence(ledger))
    }

    #[test]
    fn a_window_grows_in_a_quiet_past_and_shrinks_in_a_busy_one() {
        let mut window = ReplayWindow::Ledgers(FIRST);
        assert_eq!(window.end(at(10), at(1_000)), at(74));
        window.learn(0, 256);
        assert_eq!(window.end(at(74), at(1_000)), at(202));
        window.learn(100, 256);
        assert_eq!(window, ReplayWindow::Ledgers(128));
        for _ in 0..10 {
            window.learn(256, 256);
        }
        assert_eq!(window.end(at(202), at(1_000)), at(203));
        for _ in 0..40 {
            window.learn(0, 256);
        }
        assert_eq!(window.end(at(203), at(1_000)), at(1_000));
    }

    #[test]
    fn a_few_streams_are_read_without_a_window() {
        assert_eq!(ReplayWindow::of(&EventFilter::seen_by(Visibility::Everything)).end(at(1), at(900)), at(900));
    }
}
