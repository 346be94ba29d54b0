//! The facts about a contract that its index is judged by, and how far that index is.

use chrono::{DateTime, Utc};

use crate::{
    domain::{ContractId, CoveredRange, LedgerRange, LedgerSequence, holes},
    store::{AgedReport, Progress, QuarantineCount, RecordCheck, Store, StoreError, StoredUpgrade},
};

/// How many upgrades of a contract are read.
pub const LATEST_UPGRADES: u32 = 10;

/// Everything that a status needs to know about one contract.
#[derive(Debug)]
pub struct ContractFacts {
    /// The contract.
    pub contract_id: ContractId,
    /// How far its index is; `None` before indexing has begun.
    pub progress: Option<Progress>,
    /// The indexer's last report.
    pub report: Option<AgedReport>,
    /// The ledgers that were seen whole.
    pub covered: Vec<CoveredRange>,
    accepted: Vec<LedgerRange>,
    /// The number of its events that are kept undecoded.
    pub quarantine: QuarantineCount,
    /// The latest upgrades of its code.
    pub upgrades: Vec<StoredUpgrade>,
    /// The result of the check of its records against the chain.
    pub record_check: Option<RecordCheck>,
    /// When these facts were read, by the database's clock.
    read_at: DateTime<Utc>,
}

/// Ledgers that were not seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hole {
    /// The missing ledgers.
    pub ledgers: LedgerRange,
    /// Whether an operator accepted that they are lost.
    pub is_accepted: bool,
}

impl ContractFacts {
    /// Reads the facts of a contract.
    pub async fn read(store: &Store, contract_id: ContractId) -> Result<Self, StoreError> {
        let (progress, report) = tokio::try_join!(store.progress(&contract_id), store.indexer_report(&contract_id))?;
        let (covered, accepted) = tokio::try_join!(store.coverage(&contract_id), store.accepted_gaps(&contract_id))?;
        let (quarantine, upgrades) =
            tokio::try_join!(store.quarantine_count(&contract_id), store.upgrades(&contract_id, LATEST_UPGRADES))?;
        let (record_check, read_at) = tokio::try_join!(store.record_check(&contract_id), store.now())?;
        Ok(Self { contract_id, progress, report, covered, accepted, quarantine, upgrades, record_check, read_at })
    }

    /// Returns the newest ledger of the source.
    #[must_use]
    pub fn tip_ledger(&self) -> Option<LedgerSequence> {
        self.report.as_ref().and_then(|aged| aged.report.tip_ledger)
    }

    /// Returns the oldest ledger that the source still has.
    #[must_use]
    pub fn oldest_ledger(&self) -> Option<LedgerSequence> {
        self.report.as_ref().and_then(|aged| aged.report.oldest_ledger)
    }

    /// Returns when the last whole ledger closed.
    #[must_use]
    pub fn closed_at(&self) -> Option<DateTime<Utc>> {
        self.progress.and_then(|progress| progress.last_whole_ledger_closed_at)
    }

    /// Returns how long ago the last whole ledger closed; zero if the network's clock is ahead of the database's.
    #[must_use]
    pub fn closed_seconds_ago(&self) -> Option<i64> {
        Some((self.read_at - self.closed_at()?).num_seconds().max(0))
    }

    /// Returns how many ledgers the index is behind the tip that was last reported. A tip reported by another node may
    /// lie before what is indexed.
    pub(super) fn ledgers_behind_last_tip(&self) -> Option<u32> {
        Some(self.tip_ledger()?.0.saturating_sub(self.progress?.last_whole_ledger.0))
    }

    /// Returns how long ago the source last answered.
    #[must_use]
    pub fn answered_ms_ago(&self) -> Option<i64> {
        self.report.as_ref().and_then(|aged| aged.answered_ms_ago)
    }

    /// Returns how long ago the source had a new ledger.
    #[must_use]
    pub fn tip_moved_ms_ago(&self) -> Option<i64> {
        self.report.as_ref().and_then(|aged| aged.tip_moved_ms_ago)
    }

    /// Returns the same by close times.
    pub(super) fn seconds_behind_last_tip(&self) -> Option<i64> {
        let tip_closed_at = self.report.as_ref().and_then(|aged| aged.report.tip_closed_at)?;
        Some((tip_closed_at - self.closed_at()?).num_seconds().max(0))
    }

    /// Returns how long ago some records were last compared with the chain.
    #[must_use]
    pub fn record_check_age_ms(&self) -> Option<i64> {
        self.record_check.as_ref().and_then(|check| check.age_ms)
    }

    /// Returns how many ledgers the source may drop before it drops one that is not indexed.
    #[must_use]
    pub fn ledgers_to_data_loss(&self) -> Option<i64> {
        Some(i64::from(self.progress?.last_whole_ledger.next().0) - i64::from(self.oldest_ledger()?.0))
    }

    /// Returns the ledgers before the last whole one that were not seen.
    #[must_use]
    pub fn holes(&self) -> Vec<Hole> {
        let Some(progress) = self.progress else { return Vec::new() };
        let Some(whole) = LedgerRange::new(progress.from_ledger, progress.last_whole_ledger) else {
            return Vec::new();
        };
        let not_seen = holes(whole, self.covered.iter().map(|covered| covered.ledgers));
        let is_accepted = |ledgers: LedgerRange| holes(ledgers, self.accepted.iter().copied()).is_empty();
        not_seen.into_iter().map(|ledgers| Hole { ledgers, is_accepted: is_accepted(ledgers) }).collect()
    }
}

/// Returns the contract that is furthest behind: one that is not indexed yet, otherwise the one with the lowest cursor.
#[must_use]
pub fn furthest_behind(followed: &[ContractFacts]) -> Option<&ContractFacts> {
    followed.iter().min_by_key(|facts| facts.progress.map(|progress| progress.position))
}

/// Returns the report that an operator must look at first: the oldest among those with the worst state.
#[must_use]
pub fn worst_report(followed: &[ContractFacts]) -> Option<&AgedReport> {
    let reports = followed.iter().filter_map(|facts| facts.report.as_ref());
    reports.max_by_key(|aged| (aged.report.missing.is_some(), aged.report.state, aged.age_ms))
}
