//! The delay before another attempt: longer after each failure in a row, and spread at random so that many clients do not
//! come back at once. Every retry with a growing delay uses this type.

use std::time::Duration;

use rand::{Rng, rngs::StdRng};

const LONGEST: Duration = Duration::from_secs(30);

/// The delays after failures in a row.
#[derive(Debug)]
pub(crate) struct Backoff {
    first: Duration,
    next: Duration,
    longest: Duration,
    rng: StdRng,
}

impl Backoff {
    /// Returns a back-off whose first delay is at most `first`.
    pub(crate) const fn new(first: Duration, rng: StdRng) -> Self {
        Self { first, next: first, longest: LONGEST, rng }
    }

    /// Lets the delays grow up to this time instead.
    pub(crate) const fn up_to(self, longest: Duration) -> Self {
        Self { longest, ..self }
    }

    /// Starts over, after a success.
    pub(crate) const fn reset(&mut self) {
        self.next = self.first;
    }

    /// Returns the delay after the next failure in a row: between half and all of a time that doubles up to the longest, 30 s
    /// unless told otherwise, and never less than a server asked for.
    pub(crate) fn delay(&mut self, asked: Option<Duration>) -> Duration {
        let delay = self.same_delay(asked);
        self.next = (self.next * 2).min(self.longest);
        delay
    }

    /// Returns a delay for a failure that does not count as another one in a row.
    pub(crate) fn same_delay(&mut self, asked: Option<Duration>) -> Duration {
        let spread = self.rng.random_range(self.next / 2..=self.next);
        asked.map_or(spread, |asked| asked + spread / 4)
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    const FIRST: Duration = Duration::from_millis(250);

    fn backoff(seed: u64) -> Backoff {
        Backoff::new(FIRST, StdRng::seed_from_u64(seed))
    }

    #[test]
    fn the_delay_doubles_up_to_a_bound_and_starts_over() {
        let mut backoff = backoff(1);
        let mut longest = FIRST;
        for _ in 0..12 {
            let delay = backoff.delay(None);
            assert!(delay >= longest / 2 && delay <= longest, "{delay:?} of {longest:?}");
            longest = (longest * 2).min(LONGEST);
        }
        assert_eq!(longest, LONGEST);
        backoff.reset();
        assert!(backoff.delay(None) <= FIRST);
    }

    #[test]
    fn the_delay_grows_up_to_another_bound_if_told_so() {
        let longest = 2 * LONGEST;
        let mut backoff = backoff(1).up_to(longest);
        let last = (0..12).map(|_| backoff.delay(None)).last().unwrap();
        assert!(last >= longest / 2 && last <= longest, "{last:?}");
    }

    #[test]
    fn the_delay_is_never_shorter_than_a_server_asked_for() {
        let asked = Duration::from_secs(7);
        let delay = backoff(1).delay(Some(asked));
        assert!(delay > asked && delay <= asked + FIRST / 4, "{delay:?}");
    }

    #[test]
    fn a_failure_that_does_not_count_leaves_the_next_delay_as_it_is() {
        let mut backoff = backoff(1);
        for _ in 0..10 {
            assert!(backoff.same_delay(None) <= FIRST);
        }
        assert!(backoff.delay(None) <= FIRST);
        assert!(backoff.delay(None) >= FIRST, "half of twice the first");
    }

    #[test]
    fn the_spread_follows_from_the_seed() {
        assert_eq!(backoff(1).delay(None), backoff(1).delay(None));
        assert_ne!(backoff(1).delay(None), backoff(2).delay(None));
    }
}
