//! When the delays between the indexer's sessions start over.

use std::time::Duration;

use crate::{backoff::Backoff, domain::EventId};

/// A session that lasted this long is unrelated to earlier failures.
const STEADY: Duration = Duration::from_secs(10);

/// Starts over if a session moved the index forward. A session that only began is no success: a source that refuses
/// everything would be asked again at once, forever.
pub(super) fn reset_after_progress(backoff: &mut Backoff, begun_at: Option<EventId>, ended_at: Option<EventId>) {
    if ended_at > begun_at {
        backoff.reset();
    }
}

/// Starts over if a session lasted. One that only stood by counts too: brief failures must not delay its takeover ever
/// longer.
pub(super) fn reset_after_session_of(backoff: &mut Backoff, lasted: Duration) {
    if lasted >= STEADY {
        backoff.reset();
    }
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;
    use crate::domain::LedgerSequence;

    const FIRST: Duration = Duration::from_millis(250);
    const LONGEST: Duration = Duration::from_secs(30);
    const BRIEF: Duration = Duration::from_millis(100);

    fn end_of(ledger: u32) -> EventId {
        EventId::end_of_ledger(LedgerSequence(ledger))
    }

    #[test]
    fn a_source_that_refuses_everything_is_asked_less_and_less_until_the_index_moves_forward() {
        let mut backoff = Backoff::new(FIRST, StdRng::seed_from_u64(1));
        let mut delay_after = |begun_at, ended_at| {
            reset_after_progress(&mut backoff, Some(begun_at), Some(ended_at));
            reset_after_session_of(&mut backoff, BRIEF);
            backoff.delay(None)
        };
        let delays: Vec<_> = (0..12).map(|_| delay_after(end_of(7), end_of(7))).collect();
        assert!(delays[11] >= LONGEST / 2, "{delays:?}");
        assert!(delay_after(end_of(7), end_of(8)) <= FIRST);
        assert!(delay_after(end_of(8), end_of(8)) > FIRST / 2);
    }

    #[test]
    fn a_session_that_lasted_has_nothing_to_do_with_the_failures_before_it() {
        let mut backoff = Backoff::new(FIRST, StdRng::seed_from_u64(1));
        let delays: Vec<_> = (0..12).map(|_| backoff.delay(None)).collect();
        assert!(delays[11] >= LONGEST / 2, "{delays:?}");
        reset_after_session_of(&mut backoff, STEADY);
        assert!(backoff.delay(None) <= FIRST);
    }
}
