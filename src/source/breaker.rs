//! Decides when an endpoint that failed may be asked again.
//!
//! After a failure no request passes until a time that grows with each failure in a row. Then one request passes as a
//! probe. Its success lets every request pass again; its failure shuts the breaker for longer.

use std::time::Duration;

use rand::rngs::StdRng;
use tokio::time::Instant;

use crate::backoff::Backoff;

const FIRST_DELAY: Duration = Duration::from_millis(250);
/// What is told to a request that meets a probe under way.
const PROBE_TAKES: Duration = Duration::from_millis(250);

/// One endpoint's failures in a row, and when to try again.
#[derive(Debug)]
pub(super) struct Breaker {
    shut_until: Option<Instant>,
    probing: bool,
    backoff: Backoff,
}

impl Breaker {
    pub(super) const fn new(rng: StdRng) -> Self {
        Self { shut_until: None, probing: false, backoff: Backoff::new(FIRST_DELAY, rng) }
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
        self.backoff.reset();
    }

    /// Shuts for the delay of the back-off, which is longer than a server asked for. Requests that were under way together and fail together count as one failure.
    pub(super) fn fail(&mut self, now: Instant, asked: Option<Duration>) {
        let is_counted = self.shut_until.is_some_and(|until| now < until);
        let delay = match (is_counted, asked) {
            (false, _) => self.backoff.delay(asked),
            (true, Some(_)) => self.backoff.same_delay(asked),
            (true, None) => return,
        };
        self.shut_until = self.shut_until.max(Some(now + delay));
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
        assert!(wait >= FIRST_DELAY / 2 && wait <= FIRST_DELAY, "{wait:?}");
        assert_eq!(breaker.pass(start + wait), Ok(true));
        assert_eq!(breaker.pass(start + wait), Err(PROBE_TAKES), "one probe at a time");
        breaker.end_probe();
        breaker.succeed();
        assert_eq!(breaker.pass(start + wait), Ok(false));
    }

    #[test]
    fn each_failed_probe_shuts_for_longer() {
        let (mut breaker, mut now) = breaker();
        let mut waits = Vec::new();
        for _ in 0..4 {
            breaker.fail(now, None);
            let wait = breaker.wait(now).unwrap();
            now += wait;
            assert_eq!(breaker.pass(now), Ok(true));
            breaker.end_probe();
            waits.push(wait);
        }
        assert!(waits[0] <= FIRST_DELAY && waits[3] >= FIRST_DELAY * 4, "{waits:?}");
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
        let wait = breaker.wait(now).unwrap();
        assert!(wait <= FIRST_DELAY, "{wait:?}");
        breaker.fail(now + wait, None);
        let wait = breaker.wait(now + wait).unwrap();
        assert!(wait >= FIRST_DELAY && wait <= FIRST_DELAY * 2, "{wait:?} is that of the second failure in a row");
    }
}
