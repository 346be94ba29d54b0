//! The reasons why an index cannot be relied on. A contract's index without a reason is ready.

use super::{ContractFacts, tip::is_stale};
use crate::{
    domain::ContractId,
    store::{AgedReport, IndexerState, RecordCheck},
};

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
            Some(aged) if is_stale(aged) => reasons.push(match aged.age_ms / 1_000 {
                ahead if ahead < 0 => {
                    format!("the database's clock went back: the indexer's last report is from {} s ahead", -ahead)
                }
                seconds => format!("the indexer has not reported for {seconds} s"),
            }),
            Some(AgedReport { report, .. }) if report.state == IndexerState::Paused => {
                // Anybody may ask for the health; the name of the operator is only in the status.
                reasons.push("paused by an operator".to_owned());
            }
            Some(AgedReport { report, .. }) if report.state == IndexerState::Stopped => {
                reasons.push("the network started over, and indexing has stopped (--on-reset stop)".to_owned());
            }
            Some(AgedReport { report, .. }) if report.state == IndexerState::DatabaseFull => {
                reasons.push("the database's disk is full: make room on it".to_owned());
            }
            Some(AgedReport { report, .. }) => reasons.extend(report.missing.map(|missing| {
                format!(
                    "no source has ledgers {missing}; add a source, or give the ledgers up: coverage --accept-gap {}",
                    missing.with_slack()
                )
            })),
        }
        let behind = self.ledgers_behind_last_tip().filter(|behind| *behind > max_lag_ledgers);
        reasons.extend(self.stale_source(max_lag_ledgers).or_else(|| self.old_ledgers(max_lag_ledgers)));
        reasons.extend(behind.map(|behind| format!("{behind} ledgers behind the tip")));
        let holes = self.holes();
        let open = holes.iter().filter(|hole| !hole.is_accepted).map(|hole| hole.ledgers);
        reasons.extend(open.map(|ledgers| format!("ledgers {}-{} were never seen", ledgers.from(), ledgers.to())));
        reasons.extend(self.record_check.as_ref().and_then(differing_records));
        reasons
    }
}

/// Explains why the records cannot be relied on; `None` if they can. It names no stream, because anybody may ask for the
/// health.
fn differing_records(check: &RecordCheck) -> Option<String> {
    let differ = match check.look.differing.len() {
        0 => return None,
        1 => "1 record differs".to_owned(),
        count => format!("{count} records differ"),
    };
    Some(format!("{differ} from the chain: flowfi-indexer verify --repair"))
}
