//! When to look at the tip again: when the next ledger is due, and never later than the poll interval.

use std::time::Duration;

use tokio::time::Instant;

use crate::domain::LedgerSequence;

/// Looking more often than this has no benefit.
const SHORTEST: Duration = Duration::from_millis(20);

/// Learns the interval between ledgers.
#[derive(Debug)]
pub(super) struct TipPacing {
    poll: Duration,
    seen: Option<(LedgerSequence, Instant)>,
    interval: Option<Duration>,
}

impl TipPacing {
    pub(super) const fn new(poll: Duration) -> Self {
        Self { poll, seen: None, interval: None }
    }

    /// Returns how long to wait after the source reported at `now` that its tip is `latest`.
    pub(super) fn wait_after(&mut self, latest: LedgerSequence, now: Instant) -> Duration {
        match self.seen {
            Some((seen, at)) if latest > seen => {
                let each = (now - at) / (latest.0 - seen.0);
                self.interval = Some(self.interval.map_or(each, |before| (before * 3 + each) / 4));
                self.seen = Some((latest, now));
            }
            None => self.seen = Some((latest, now)),
            Some(_) => {}
        }
        let (Some((_, at)), Some(interval)) = (self.seen, self.interval) else { return self.poll };
        let until_next = (at + interval).saturating_duration_since(now);
        // Once the next ledger is due, look several times per interval until it is there.
        let wait = if until_next.is_zero() { interval / 8 } else { until_next };
        wait.clamp(SHORTEST.min(self.poll), self.poll)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLL: Duration = Duration::from_secs(1);

    #[test]
    fn never_waits_longer_than_the_poll_interval() {
        let mut pacing = TipPacing::new(POLL);
        let start = Instant::now();
        assert_eq!(pacing.wait_after(LedgerSequence(10), start), POLL);
        assert_eq!(pacing.wait_after(LedgerSequence(11), start + POLL * 5), POLL, "five seconds apart");
    }

    #[test]
    fn waits_for_the_next_ledger_and_looks_often_once_it_is_due() {
        let mut pacing = TipPacing::new(POLL);
        let start = Instant::now();
        let _ = pacing.wait_after(LedgerSequence(10), start);
        let _ = pacing.wait_after(LedgerSequence(11), start + POLL * 5);
        let almost = start + POLL * 10 - Duration::from_millis(300);
        assert_eq!(pacing.wait_after(LedgerSequence(11), almost), Duration::from_millis(300));
        assert_eq!(pacing.wait_after(LedgerSequence(11), start + POLL * 10), POLL * 5 / 8);
    }
}
