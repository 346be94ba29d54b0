//! Whether the newest ledger that the source is known to have is still its newest one. A lag is measured against that
//! ledger, so the lag is unknown while the ledger is old: it would stay 0 for as long as the source is away.

use super::ContractFacts;
use crate::store::{AgedReport, IndexerState};

/// An indexer that has not reported for this long is considered absent: it reports at least every ten seconds.
const REPORT_IS_STALE_MS: u64 = 30_000;
/// A ledger closes every five to six seconds.
const LEDGER_TAKES_MS: i64 = 6_000;
/// A source that is briefly away is back within this time.
const SHORTEST_FRESHNESS_MS: i64 = 30_000;
/// Close times are compared with the database's clock, which may be wrong by less than this.
const SHORTEST_AGE_MS: i64 = 300_000;

impl ContractFacts {
    /// Returns how many ledgers the index is behind the tip; `None` if nobody knows the tip of this moment.
    #[must_use]
    pub fn lag_ledgers(&self, max_lag_ledgers: u32) -> Option<u32> {
        self.ledgers_behind_last_tip().filter(|_| self.tip_is_current(max_lag_ledgers))
    }

    /// Returns the same by close times.
    #[must_use]
    pub fn lag_seconds(&self, max_lag_ledgers: u32) -> Option<i64> {
        self.seconds_behind_last_tip().filter(|_| self.tip_is_current(max_lag_ledgers))
    }

    fn tip_is_current(&self, max_lag_ledgers: u32) -> bool {
        self.report.as_ref().is_some_and(tells_the_tip)
            && self.stale_source(max_lag_ledgers).is_none()
            && self.old_ledgers(max_lag_ledgers).is_none()
    }

    /// Returns why the source says nothing about the chain as it is now.
    pub(super) fn stale_source(&self, max_lag_ledgers: u32) -> Option<String> {
        let aged = self.report.as_ref().filter(|aged| tells_the_tip(aged))?;
        let late = |ms_ago: Option<i64>| ms_ago.filter(|ms_ago| *ms_ago > allowed_ms(max_lag_ledgers));
        if let Some(ms_ago) = late(aged.answered_ms_ago) {
            return Some(format!("the source has been away for {} s", ms_ago / 1_000));
        }
        let ms_ago = late(aged.tip_moved_ms_ago)?;
        Some(format!("the source's newest ledger has been the same for {} s", ms_ago / 1_000))
    }

    /// Returns why an index at the tip of a source with new ledgers is not at the chain's tip. A node that replays
    /// history has new ledgers all the time, and they closed long ago.
    pub(super) fn old_ledgers(&self, max_lag_ledgers: u32) -> Option<String> {
        let is_behind = self.ledgers_behind_last_tip().is_some_and(|behind| behind > max_lag_ledgers);
        if is_behind || !self.report.as_ref().is_some_and(tells_the_tip) {
            return None;
        }
        let allowed_ms = allowed_ms(max_lag_ledgers).max(SHORTEST_AGE_MS);
        let seconds = self.closed_seconds_ago().filter(|seconds| *seconds > allowed_ms / 1_000)?;
        Some(format!("the source's newest ledgers are old: the last one indexed closed {seconds} s ago"))
    }
}

/// Returns for how long the source may have nothing new.
fn allowed_ms(max_lag_ledgers: u32) -> i64 {
    (i64::from(max_lag_ledgers) * LEDGER_TAKES_MS).max(SHORTEST_FRESHNESS_MS)
}

/// Returns whether the indexer that reported may be gone. A report from the future is as old: the database's clock was set
/// back, and nobody has reported since.
pub(super) const fn is_stale(aged: &AgedReport) -> bool {
    aged.age_ms.unsigned_abs() > REPORT_IS_STALE_MS
}

/// Returns whether the indexer follows the source, and said so a moment ago. An old report says nothing about the
/// source: perhaps the database could not be written to.
fn tells_the_tip(aged: &AgedReport) -> bool {
    let follows =
        !matches!(aged.report.state, IndexerState::Paused | IndexerState::Stopped | IndexerState::DatabaseFull);
    follows && !is_stale(aged)
}
