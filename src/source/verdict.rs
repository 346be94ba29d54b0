//! If every endpoint failed, chooses the failure that tells the caller most.

use std::{cmp::Reverse, mem::discriminant, time::Duration};

use super::{SourceError, TransientReason};

/// A node that is behind may get the ledger soon, however long another endpoint is away.
const A_NODE_CATCHES_UP_WITHIN: Duration = Duration::from_secs(1);

/// One failure per endpoint.
#[derive(Debug, Default)]
pub(super) struct Failures {
    lately: Vec<SourceError>,
    long_gone: Vec<SourceError>,
}

impl Failures {
    pub(super) fn push(&mut self, failure: SourceError, is_long_gone: bool) {
        if is_long_gone { self.long_gone.push(failure) } else { self.lately.push(failure) }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lately.is_empty() && self.long_gone.is_empty()
    }

    /// Returns whether every endpoint that failed has been away for long.
    pub(super) fn are_of_the_long_gone(&self) -> bool {
        self.lately.is_empty()
    }

    /// Returns the failure to act on. An endpoint that has been away for long might have the ledgers that all others
    /// lack, but filling a hole does not wait for it.
    pub(super) fn most_telling(mut self) -> SourceError {
        if !self.lately.iter().any(SourceError::is_lack) {
            self.lately.append(&mut self.long_gone);
        }
        most_telling(self.lately)
    }
}

/// Returns the failure to act on, given one failure per endpoint.
///
/// If any failure is transient, the result is. Ledgers are gone only if no endpoint may still have them; then the
/// endpoint with the oldest ledger counts. If the ledger is still to come, the endpoint with the newest ledger counts.
/// A permanent failure counts only if all failures are permanent. Another network or another chain is believed only if
/// every endpoint reports the same: a mix is transient, because the endpoint that is right may answer again.
fn most_telling(failures: Vec<SourceError>) -> SourceError {
    if let Some(disagreement) = disagreement(&failures) {
        return disagreement;
    }
    let behind = failures.iter().any(|failure| matches!(failure, SourceError::NodeBehind { .. }));
    let worst = failures.into_iter().max_by_key(weight);
    let mut worst = worst.unwrap_or_else(|| SourceError::Permanent { detail: "there is no endpoint to ask".into() });
    if let (SourceError::Transient { retry_after: Some(wait), .. }, true) = (&mut worst, behind) {
        *wait = (*wait).min(A_NODE_CATCHES_UP_WITHIN);
    }
    worst
}

/// Returns a transient failure if some endpoints, but not all, are on another network or chain, and all that is known
/// about the others is that they refuse.
fn disagreement(failures: &[SourceError]) -> Option<SourceError> {
    let foreign = failures.iter().find(|failure| failure.is_of_another_chain())?;
    let is_like_it = |failure: &SourceError| discriminant(failure) == discriminant(foreign);
    let all_refuse = failures.iter().all(|failure| weight(failure).0 <= WEIGHT_OF_ANOTHER_CHAIN);
    if !all_refuse || failures.iter().all(is_like_it) {
        return None;
    }
    let said: Vec<String> = failures.iter().map(ToString::to_string).collect();
    Some(SourceError::transient(TransientReason::Disagreement, said.join("; ")))
}

const WEIGHT_OF_ANOTHER_CHAIN: u8 = 2;

/// Ranks failures by kind, and within a kind by how much they tell.
fn weight(failure: &SourceError) -> (u8, u32, Reverse<Duration>) {
    let (kind, ledger) = match failure {
        SourceError::Permanent { .. } | SourceError::NoTransactionMeta { .. } | SourceError::UnknownForm { .. } => {
            (0, 0)
        }
        SourceError::OtherNetwork { .. } => (1, 0),
        SourceError::OtherChain { .. } => (WEIGHT_OF_ANOTHER_CHAIN, 0),
        // Only sources of whole ledgers report this.
        SourceError::LedgerMissing { ledger } => (3, ledger.0),
        SourceError::NodeBehind { latest, .. } => (3, latest.0),
        SourceError::BehindRetention { oldest, .. } => (4, u32::MAX - oldest.0),
        SourceError::Transient { .. } => (5, 0),
    };
    let wait = match failure {
        SourceError::Transient { retry_after, .. } => retry_after.unwrap_or_default(),
        _ => Duration::ZERO,
    };
    (kind, ledger, Reverse(wait))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{domain::LedgerSequence, source::LedgerMark};

    const WANTED: LedgerSequence = LedgerSequence(50);

    #[test]
    fn an_endpoint_that_is_long_gone_does_not_keep_a_hole_open_but_is_waited_for_if_no_other_one_answers() {
        let told = |lately: SourceError| {
            let mut failures = Failures::default();
            failures.push(transient(30), true);
            failures.push(lately, false);
            failures.most_telling()
        };
        assert!(matches!(told(gone(100)), SourceError::BehindRetention { oldest: LedgerSequence(100), .. }));
        assert!(matches!(told(behind(40)), SourceError::NodeBehind { .. }));
        let refused = SourceError::Permanent { detail: String::new() };
        assert!(matches!(told(refused), SourceError::Transient { .. }), "it may still come back");
    }

    fn transient(seconds: u64) -> SourceError {
        let retry_after = Some(Duration::from_secs(seconds));
        SourceError::Transient { reason: TransientReason::Server, retry_after, detail: String::new() }
    }

    fn gone(oldest: u32) -> SourceError {
        SourceError::BehindRetention { wanted: WANTED, oldest: LedgerSequence(oldest) }
    }

    fn behind(latest: u32) -> SourceError {
        SourceError::NodeBehind { wanted: WANTED, latest: LedgerSequence(latest) }
    }

    fn permanent() -> SourceError {
        SourceError::Permanent { detail: String::new() }
    }

    fn other_network() -> SourceError {
        SourceError::OtherNetwork { found: String::new(), wanted: String::new() }
    }

    fn other_chain() -> SourceError {
        let hash = || LedgerMark::Hash(String::new());
        SourceError::OtherChain { ledger: WANTED, expected: hash(), found: hash() }
    }

    #[test]
    fn a_transient_failure_at_one_endpoint_is_not_a_hole() {
        let told = most_telling(vec![gone(100), transient(9), permanent(), transient(3)]);
        let SourceError::Transient { retry_after, .. } = told else { panic!("{told}") };
        assert_eq!(retry_after, Some(Duration::from_secs(3)), "the soonest");
    }

    #[test]
    fn ledgers_that_are_gone_everywhere_are_reported_with_the_oldest_ledger_of_all() {
        for failures in [vec![gone(200), gone(100), permanent()], vec![behind(40), gone(100), other_network()]] {
            let told = most_telling(failures);
            assert!(matches!(told, SourceError::BehindRetention { oldest: LedgerSequence(100), .. }), "{told}");
        }
    }

    #[test]
    fn a_ledger_that_is_still_to_come_is_reported_with_the_newest_tip() {
        let told = most_telling(vec![behind(40), behind(45), permanent()]);
        assert!(matches!(told, SourceError::NodeBehind { latest: LedgerSequence(45), .. }), "{told}");
    }

    #[test]
    fn a_node_that_is_behind_is_asked_again_sooner_than_a_dead_one() {
        let told = most_telling(vec![transient(30), behind(45)]);
        let SourceError::Transient { retry_after, .. } = told else { panic!("{told}") };
        assert_eq!(retry_after, Some(A_NODE_CATCHES_UP_WITHIN));
    }

    #[test]
    fn a_permanent_failure_counts_only_if_every_endpoint_has_one() {
        assert!(matches!(most_telling(vec![permanent(), permanent()]), SourceError::Permanent { .. }));
        assert!(matches!(most_telling(vec![other_network(), other_network()]), SourceError::OtherNetwork { .. }));
        assert!(matches!(most_telling(vec![other_chain(), other_chain()]), SourceError::OtherChain { .. }));
    }

    #[test]
    fn a_disagreement_on_the_chain_is_transient() {
        for failures in [
            vec![permanent(), other_chain()],
            vec![permanent(), other_network()],
            vec![other_network(), other_chain()],
            vec![other_chain(), permanent(), other_chain()],
        ] {
            let told = most_telling(failures);
            let disagree = TransientReason::Disagreement;
            assert!(matches!(&told, SourceError::Transient { reason, .. } if *reason == disagree), "{told}");
        }
        assert!(matches!(most_telling(vec![behind(45), other_chain()]), SourceError::NodeBehind { .. }));
        assert!(matches!(most_telling(vec![gone(45), other_chain()]), SourceError::BehindRetention { .. }));
    }
}
