//! The reasons why an index cannot be relied on. A contract's index without a reason is ready.

use super::ContractFacts;
use crate::{
    domain::ContractId,
    store::{AgedReport, IndexerState, RecordCheck},
};

/// An indexer that has not reported for this long is considered absent: it reports at least every ten seconds.
const REPORT_IS_STALE_MS: i64 = 30_000;
/// A ledger closes every five to six seconds.
const LEDGER_TAKES_MS: i64 = 6_000;
/// A source that is briefly away is back within this time.
const SHORTEST_FRESHNESS_MS: i64 = 30_000;
/// Close times are compared with the database's clock, which may be wrong by less than this.
const SHORTEST_AGE_MS: i64 = 300_000;

/// Returns why the contracts cannot be relied on. A reason that does not apply to all of them names those that it
/// applies to.
#[must_use]
pub fn reasons(followed: &[ContractFacts], max_lag_ledgers: u32) -> Vec<String> {
    let mut reasons: Vec<(String, Vec<&ContractId>)> = Vec::new();
    for facts in followed {
        for reason in facts.reasons(max_lag_ledgers) {
            match reasons.iter_mut().find(|(said, _)| *said == reason) {
                Some((_, of)) => of.push(&facts.contract_id),
                None => reasons.push((reason, vec![&facts.contract_id])),
            }
        }
    }
    let named = |(reason, of): (String, Vec<&ContractId>)| {
        let names: Vec<&str> = of.iter().map(|contract_id| contract_id.as_str()).collect();
        if of.len() == followed.len() { reason } else { format!("{reason} (contract {})", names.join(", ")) }
    };
    reasons.into_iter().map(named).collect()
}

impl ContractFacts {
    /// Returns why the contract's index cannot be relied on.
    #[must_use]
    pub fn reasons(&self, max_lag_ledgers: u32) -> Vec<String> {
        let mut reasons = Vec::new();
        if self.progress.is_none() {
            reasons.push("indexing has not begun".to_owned());
        }
        match &self.report {
            None => reasons.push("no indexer has reported yet".to_owned()),
            Some(aged) if aged.age_ms > REPORT_IS_STALE_MS => {
                reasons.push(format!("the indexer has not reported for {} s", aged.age_ms / 1_000));
            }
            Some(AgedReport { report, .. }) if report.state == IndexerState::Paused => {
                // Anybody may ask for the health; the name of the operator is only in the status.
                reasons.push("paused by an operator".to_owned());
            }
            Some(AgedReport { report, .. }) if report.state == IndexerState::Stopped => {
                reasons.push("the network started over, and indexing has stopped (--on-reset stop)".to_owned());
            }
            Some(AgedReport { report, .. }) => reasons.extend(report.missing.map(|missing| {
                format!(
                    "no source has ledgers {missing}; add a source, or give the ledgers up: coverage --accept-gap {}",
                    missing.with_slack()
                )
            })),
        }
        let allowed_ms = (i64::from(max_lag_ledgers) * LEDGER_TAKES_MS).max(SHORTEST_FRESHNESS_MS);
        let stale = self.report.as_ref().and_then(|aged| staleness(aged, allowed_ms));
        let behind = self.lag_ledgers().filter(|lag| *lag > max_lag_ledgers);
        reasons.extend(match (stale, behind) {
            (None, None) => self.old_tip(allowed_ms.max(SHORTEST_AGE_MS)),
            (stale, _) => stale,
        });
        reasons.extend(behind.map(|lag| format!("{lag} ledgers behind the tip")));
        let holes = self.holes();
        let open = holes.iter().filter(|hole| !hole.is_accepted).map(|hole| hole.ledgers);
        reasons.extend(open.map(|ledgers| format!("ledgers {}-{} were never seen", ledgers.from(), ledgers.to())));
        reasons.extend(self.record_check.as_ref().and_then(differing_records));
        reasons
    }

    /// Returns why a source with new ledgers does not tell the chain's present. A node that replays history has new
    /// ledgers all the time, and they closed long ago.
    fn old_tip(&self, allowed_ms: i64) -> Option<String> {
        if self.report.as_ref().is_none_or(|aged| is_idle(aged) || aged.age_ms > REPORT_IS_STALE_MS) {
            return None;
        }
        let seconds = self.closed_seconds_ago().filter(|seconds| *seconds > allowed_ms / 1_000)?;
        Some(format!("the source's newest ledgers are old: the last one indexed closed {seconds} s ago"))
    }
}

/// Returns whether the indexer follows nothing, so that the source says nothing either.
const fn is_idle(aged: &AgedReport) -> bool {
    matches!(aged.report.state, IndexerState::Paused | IndexerState::Stopped)
}

/// Returns why a report does not describe the chain as it is now.
fn staleness(aged: &AgedReport, allowed_ms: i64) -> Option<String> {
    // An old report says nothing about the source: perhaps the database could not be written to.
    if is_idle(aged) || aged.age_ms > REPORT_IS_STALE_MS {
        return None;
    }
    let late = |ms_ago: Option<i64>| ms_ago.filter(|ms_ago| *ms_ago > allowed_ms);
    if let Some(ms_ago) = late(aged.answered_ms_ago) {
        return Some(format!("the source has been away for {} s", ms_ago / 1_000));
    }
    let ms_ago = late(aged.tip_moved_ms_ago)?;
    Some(format!("the source's newest ledger has been the same for {} s", ms_ago / 1_000))
}

/// Explains why the records cannot be relied on; `None` if they can.
fn differing_records(check: &RecordCheck) -> Option<String> {
    let differing = &check.look.differing;
    let (stream_id, field) = differing.iter().next()?;
    let differ = if differing.len() == 1 { "record differs" } else { "records differ" };
    let count = differing.len();
    Some(format!(
        "{count} {differ} from the chain, such as stream {stream_id} ({field}): flowfi-indexer verify --repair"
    ))
}
