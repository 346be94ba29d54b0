//! Waits until a replica has what its primary told of. A replica is a moment behind: a reader that was woken by the primary
//! would find nothing there yet.

use std::time::Duration;

use tokio::time::sleep;

use super::{FeedState, Store, StoreError};

/// The interval between two looks at the replica: short at first, since it is rarely far behind.
const FIRST_LOOK: Duration = Duration::from_millis(2);
const LONGEST: Duration = Duration::from_millis(250);

/// How far a replica is behind what is known of its primary. Every step may be cut off and is then taken again.
#[derive(Debug)]
pub(super) struct ReplicaWatch {
    replica: Store,
    /// What the replica had at the last look.
    seen: FeedState,
    wanted: Wanted,
}

/// What the replica should have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    /// Nothing that it does not have.
    Nothing,
    /// Whatever the primary has now.
    Everything,
    /// At least this.
    Of(FeedState),
}

impl ReplicaWatch {
    pub(super) fn new(replica: Store) -> Self {
        Self { replica, seen: FeedState::default(), wanted: Wanted::Nothing }
    }

    /// Returns whether the replica may lack something.
    pub(super) fn is_behind(&self) -> bool {
        self.wanted != Wanted::Nothing
    }

    /// Records that the primary has something new.
    pub(super) const fn is_told(&mut self) {
        self.wanted = Wanted::Everything;
    }

    /// Waits until the replica has more than at the last look, or all that is wanted.
    pub(super) async fn has_more(&mut self) -> Result<(), StoreError> {
        let wanted = match self.wanted {
            Wanted::Nothing => return Ok(()),
            Wanted::Of(state) => state,
            Wanted::Everything => {
                let state = self.replica.primary().feed_state().await?;
                self.wanted = Wanted::Of(state);
                state
            }
        };
        let mut pause = FIRST_LOOK;
        loop {
            let state = self.replica.feed_state().await?;
            let has_all = has(state, wanted);
            if has_all {
                self.wanted = Wanted::Nothing;
            }
            if has_all || std::mem::replace(&mut self.seen, state) != state {
                return Ok(());
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST);
        }
    }
}

/// Returns whether a replica in this state has what the primary had.
fn has(state: FeedState, wanted: FeedState) -> bool {
    let in_its_epoch = || state.position >= wanted.position && state.revision >= wanted.revision;
    state.epoch > wanted.epoch || (state.epoch == wanted.epoch && in_its_epoch())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Epoch, EventId, LedgerSequence};

    #[test]
    fn a_replica_has_everything_if_it_is_as_far_in_the_same_epoch_or_in_a_later_one() {
        let state = |epoch, revision, ledger| FeedState {
            epoch: Epoch(epoch),
            revision,
            position: EventId::end_of_ledger(LedgerSequence(ledger)),
        };
        let wanted = state(1, 5, 100);
        assert!(has(wanted, wanted) && has(state(1, 6, 101), wanted) && has(state(2, 0, 3), wanted));
        for behind in [state(1, 4, 100), state(1, 5, 99), state(0, 9, 900)] {
            assert!(!has(behind, wanted), "{behind:?}");
        }
    }
}
