//! Decides when an endpoint that failed may be asked again.
//!
//! After a failure no request passes until a time that grows with each failure in a row. Then one request passes as a
//! probe. Its success lets every request pass again; its failure shuts the breaker for longer.

use std::time::Duration;

use rand::{Rng, rngs::StdRng};
use tokio::time::Instant;

const FIRST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(30);
/// How long a request waits while another request's probe is running.
const PROBE_TAKES: Duration = Duration::from_millis(250);

/// One endpoint's failures in a row, and when to try again.
#[derive(Debug)]
pub(super) struct Breaker {
    shut_until: Option<Instant>,
    probing: bool,
    next: Duration,
    rng: StdRng,
}

impl Breaker {
    pub(super) const fn new(rng: StdRng) -> Self {
        Self { shut_until: None, probing: false, next: FIRST, rng }
    }

    /// Returns how long no request passes; `None` if one may pass now.
    pub(super) fn wait(&self, now: Instant) -> Option<Duration> {
        let shut_until = self.shut_until?;
        if now < shut_until {
            return Some(shut_until - now);
        }
        self.probing.then_some(PROBE_TAKES)
    }

    /// Lets a request pass, and returns whether it is the probe. If none may pass, returns how long.
    pub(super) fn pass(&mut self, now: Instant) -> Result<bool, Duration> {
        if let Some(wait) = self.wait(now) {
            return Err(wait);
        }
        self.probing = self.shut_until.is_some();
        Ok(self.probing)
    }

    /// Ends a probe, whatever its result.
    pub(super) const fn end_probe(&mut self) {
        self.probing = false;
    }

    /// Lets every request pass again.
    pub(super) const fn succeed(&mut self) {
        self.shut_until = None;
        self.next = FIRST;
    }

    /// Shuts for between half and all of a time that doubles up to 30 s, or for longer than the server asked for.
    /// Requests that were in flight together and fail together count as one failure.
    pub(super) fn fail(&mut self, now: Instant, asked: Option<Duration>) {
        let longest = self.next;
        let spread = self.rng.random_range(longest / 2..=longest);
        let wait = asked.map_or(spread, |asked| asked + spread / 4);
        let counted_already = self.shut_until.is_some_and(|until| now < until);
        if counted_already && asked.is_none() {
            return;
        }
        if !counted_already {
            self.next = (longest * 2).min(LONGEST);
        }
        self.shut_until = self.shut_until.max(Some(now + wait));
    }

    /// Shuts for a fixed time, for problems that a short wait does not fix.
    pub(super) fn shut(&mut self, now: Instant, wait: Duration) {
        self.shut_until = Some(now + wait);
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    fn breaker() -> (Breaker, Instant) {
        (Breaker::new(StdRng::seed_from_u64(1)), Instant::now())
    }

    #[test]
    fn after_a_failure_one_probe_passes_and_its_success_opens_the_breaker() {
        let (mut breaker, start) = breaker();
        assert_eq!(breaker.pass(start), Ok(false));
        breaker.fail(start, None);
        let wait = breaker.pass(start).unwrap_err();
        assert!(wait >= FIRST / 2 && wait <= FIRST, "{wait:?}");
        assert_eq!(breaker.pass(start + wait), Ok(true));
        assert_eq!(breaker.pass(start + wait), Err(PROBE_TAKES), "one probe at a time");
        breaker.end_probe();
        breaker.succeed();
        assert_eq!(breaker.pass(start + wait), Ok(false));
    }

    #[test]
    fn each_failed_probe_shuts_for_longer_up_to_a_limit() {
        let (mut breaker, mut now) = breaker();
        let mut waits = Vec::new();
        for _ in 0..12 {
            breaker.fail(now, None);
            let wait = breaker.wait(now).unwrap();
            now += wait;
            assert_eq!(breaker.pass(now), Ok(true));
            breaker.end_probe();
            waits.push(wait);
        }
        assert!(waits[0] <= FIRST && waits[3] >= FIRST * 4, "{waits:?}");
        assert!(waits[11] >= LONGEST / 2 && waits[11] <= LONGEST, "{waits:?}");
    }

    #[test]
    fn a_server_that_asks_for_a_wait_gets_it() {
        let (mut breaker, now) = breaker();
        breaker.fail(now, Some(Duration::from_secs(7)));
        assert!(breaker.wait(now).unwrap() >= Duration::from_secs(7));
        breaker.fail(now, None);
        assert!(breaker.wait(now).unwrap() >= Duration::from_secs(7), "a later failure does not shorten it");
    }

    #[test]
    fn requests_that_fail_together_count_once() {
        let (mut breaker, now) = breaker();
        for _ in 0..10 {
            breaker.fail(now, None);
        }
        assert!(breaker.wait(now).unwrap() <= FIRST);
        assert_eq!(breaker.next, FIRST * 2);
    }

    #[test]
    fn the_spread_follows_from_the_seed() {
        let wait_of = |seed| {
            let now = Instant::now();
            let mut breaker = Breaker::new(StdRng::seed_from_u64(seed));
            breaker.fail(now, None);
            breaker.wait(now)
        };
        assert_eq!(wait_of(1), wait_of(1));
        assert_ne!(wait_of(1), wait_of(2));
    }
}
