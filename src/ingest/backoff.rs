//! How long to wait after a failure: longer each time, and randomized so that clients do not all return at once.

use std::time::Duration;

use rand::{Rng, rngs::StdRng};

const LONGEST: Duration = Duration::from_secs(30);

/// The waiting times for failures in a row.
#[derive(Debug)]
pub(super) struct Backoff {
    first: Duration,
    next: Duration,
    rng: StdRng,
}

impl Backoff {
    pub(super) const fn new(first: Duration, rng: StdRng) -> Self {
        Self { first, next: first, rng }
    }

    /// Starts over, after a success.
    pub(super) const fn reset(&mut self) {
        self.next = self.first;
    }

    /// Returns how long to wait now: between half and all of a time that doubles up to 30 s, but never less than the
    /// server asked for.
    pub(super) fn wait(&mut self, asked: Option<Duration>) -> Duration {
        let longest = self.next;
        self.next = (longest * 2).min(LONGEST);
        let spread = self.rng.random_range(longest / 2..=longest);
        asked.map_or(spread, |asked| asked + spread / 4)
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    const FIRST: Duration = Duration::from_millis(250);

    #[test]
    fn waits_longer_each_time_up_to_a_limit_and_starts_over() {
        let mut backoff = Backoff::new(FIRST, StdRng::seed_from_u64(1));
        let waits: Vec<_> = (0..12).map(|_| backoff.wait(None)).collect();
        assert!(waits[0] <= FIRST && waits[0] >= FIRST / 2);
        assert!(waits[11] >= LONGEST / 2 && waits[11] <= LONGEST);
        backoff.reset();
        assert!(backoff.wait(None) <= FIRST);
        assert!(backoff.wait(Some(Duration::from_secs(7))) >= Duration::from_secs(7));
    }
}
