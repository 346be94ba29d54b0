//! What the status says of one contract.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::{openapi::words, records_check::RecordsCheckView, views::date_text};
use crate::{
    domain::{ContractId, CoveredRange, Epoch, FeedId, LedgerRange, LedgerSequence, holes},
    store::{AgedReport, IndexerState, Progress, QuarantineCount, RecordCheck, Store, StoreError, StoredUpgrade},
};

pub(super) const LATEST_UPGRADES: u32 = 10;

/// How far the index of one contract is.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ContractStatus)]
#[serde(rename_all = "camelCase")]
pub(super) struct ContractView {
    /// The contract.
    #[schema(value_type = words::ContractId)]
    contract_id: ContractId,
    /// Whether it is one of those that this deployment follows. Others stand still and can be read.
    is_followed: bool,
    /// Up to where its events are stored.
    #[schema(value_type = Option<words::EventId>)]
    cursor: Option<FeedId>,
    /// Its first ledger that is indexed.
    #[schema(value_type = Option<words::LedgerSequence>)]
    from_ledger: Option<LedgerSequence>,
    /// The last ledger of which everything of it is stored.
    #[schema(value_type = Option<words::LedgerSequence>)]
    last_whole_ledger: Option<LedgerSequence>,
    /// When that closed.
    #[schema(value_type = Option<words::Moment>)]
    last_whole_ledger_closed_at: Option<String>,
    /// Seconds since the last whole ledger closed, by the database's clock.
    last_whole_ledger_closed_seconds_ago: Option<i64>,
    /// Why its index is not to be relied on right now; empty if it is.
    reasons: Vec<String>,
    /// The ledgers that were seen whole.
    pub(super) coverage: Vec<CoverageView>,
    /// The ledgers that were not.
    pub(super) holes: Vec<HoleView>,
    /// Events that are kept raw.
    pub(super) quarantine: QuarantineView,
    /// The last times that its code was replaced.
    pub(super) upgrades: Vec<UpgradeView>,
    /// What the check of its records against the chain found; null before the first check.
    pub(super) records_check: Option<RecordsCheckView>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Coverage)]
#[serde(rename_all = "camelCase")]
pub(super) struct CoverageView {
    #[schema(value_type = words::LedgerSequence)]
    from_ledger: LedgerSequence,
    #[schema(value_type = words::LedgerSequence)]
    to_ledger: LedgerSequence,
    #[schema(value_type = words::CoverageSource)]
    source: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Hole)]
#[serde(rename_all = "camelCase")]
pub(super) struct HoleView {
    #[schema(value_type = words::LedgerSequence)]
    from_ledger: LedgerSequence,
    #[schema(value_type = words::LedgerSequence)]
    to_ledger: LedgerSequence,
    /// Whether an operator gave these ledgers up.
    pub(super) accepted: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Quarantine)]
pub(super) struct QuarantineView {
    /// Events of names that are not known.
    pub(super) unknown: u64,
    /// Events that did not decode.
    pub(super) refused: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Upgrade)]
#[serde(rename_all = "camelCase")]
pub(super) struct UpgradeView {
    #[schema(value_type = words::EventId)]
    pub(super) id: FeedId,
    #[schema(value_type = words::LedgerSequence)]
    ledger: LedgerSequence,
    #[schema(value_type = words::Moment)]
    ledger_closed_at: String,
    #[schema(value_type = words::TransactionHash)]
    transaction_hash: String,
    #[schema(value_type = words::CodeHash)]
    old_executable: String,
    #[schema(value_type = words::CodeHash)]
    new_executable: String,
}

/// Everything that is read of one contract for a status.
pub(super) struct Facts {
    pub(super) contract_id: ContractId,
    pub(super) progress: Option<Progress>,
    pub(super) report: Option<AgedReport>,
    covered: Vec<CoveredRange>,
    accepted: Vec<LedgerRange>,
    quarantine: QuarantineCount,
    upgrades: Vec<StoredUpgrade>,
    record_check: Option<RecordCheck>,
    /// When all this was read, by the database's clock.
    read_at: DateTime<Utc>,
}

/// An indexer that says nothing for so long is not there: it reports every ten seconds at least.
const REPORT_IS_STALE_MS: i64 = 30_000;
/// A ledger closes every five to six seconds.
const LEDGER_TAKES_MS: i64 = 6_000;
/// A source that stumbles is back by then.
const SHORTEST_FRESHNESS_MS: i64 = 30_000;

impl Facts {
    pub(super) async fn read(store: &Store, contract_id: ContractId) -> Result<Self, StoreError> {
        let (progress, report) = tokio::try_join!(store.progress(&contract_id), store.indexer_report(&contract_id))?;
        let (covered, accepted) = tokio::try_join!(store.coverage(&contract_id), store.accepted_gaps(&contract_id))?;
        let (quarantine, upgrades) =
            tokio::try_join!(store.quarantine_count(&contract_id), store.upgrades(&contract_id, LATEST_UPGRADES))?;
        let (record_check, read_at) = tokio::try_join!(store.record_check(&contract_id), store.now())?;
        Ok(Self { contract_id, progress, report, covered, accepted, quarantine, upgrades, record_check, read_at })
    }

    /// Returns what is shown of the contract. `reasons` speak against relying on it.
    pub(super) fn view(&self, epoch: Epoch, is_followed: bool, reasons: Vec<String>) -> ContractView {
        let QuarantineCount { unknown, refused } = self.quarantine;
        let progress = self.progress;
        ContractView {
            contract_id: self.contract_id.clone(),
            is_followed,
            cursor: progress.map(|progress| FeedId { event: progress.position, epoch }),
            from_ledger: progress.map(|progress| progress.from_ledger),
            last_whole_ledger: progress.map(|progress| progress.last_whole_ledger),
            last_whole_ledger_closed_at: self.closed_at().map(date_text),
            last_whole_ledger_closed_seconds_ago: self.closed_seconds_ago(),
            reasons,
            coverage: self.covered.iter().map(CoverageView::of).collect(),
            holes: self.holes(),
            quarantine: QuarantineView { unknown, refused },
            upgrades: self.upgrades.iter().map(|upgrade| UpgradeView::of(upgrade, epoch)).collect(),
            records_check: self.record_check.as_ref().map(RecordsCheckView::of),
        }
    }

    pub(super) fn tip_ledger(&self) -> Option<LedgerSequence> {
        self.report.as_ref().and_then(|aged| aged.report.tip_ledger)
    }

    pub(super) fn oldest_ledger(&self) -> Option<LedgerSequence> {
        self.report.as_ref().and_then(|aged| aged.report.oldest_ledger)
    }

    pub(super) fn closed_at(&self) -> Option<DateTime<Utc>> {
        self.progress.and_then(|progress| progress.last_whole_ledger_closed_at)
    }

    /// Returns how long ago the last whole ledger closed; zero if the network's clock is ahead of the database's.
    pub(super) fn closed_seconds_ago(&self) -> Option<i64> {
        Some((self.read_at - self.closed_at()?).num_seconds().max(0))
    }

    /// A tip that was seen on another node may lie before what is indexed.
    pub(super) fn lag_ledgers(&self) -> Option<u32> {
        Some(self.tip_ledger()?.0.saturating_sub(self.progress?.last_whole_ledger.0))
    }

    pub(super) fn answered_ms_ago(&self) -> Option<i64> {
        self.report.as_ref().and_then(|aged| aged.answered_ms_ago)
    }

    pub(super) fn tip_moved_ms_ago(&self) -> Option<i64> {
        self.report.as_ref().and_then(|aged| aged.tip_moved_ms_ago)
    }

    pub(super) fn lag_seconds(&self) -> Option<i64> {
        let tip_closed_at = self.report.as_ref().and_then(|aged| aged.report.tip_closed_at)?;
        Some((tip_closed_at - self.closed_at()?).num_seconds().max(0))
    }

    /// Returns how long ago some records were last compared with the chain.
    pub(super) fn record_check_age_ms(&self) -> Option<i64> {
        self.record_check.as_ref().and_then(|check| check.age_ms)
    }

    pub(super) fn ledgers_to_data_loss(&self) -> Option<i64> {
        Some(i64::from(self.progress?.last_whole_ledger.next().0) - i64::from(self.oldest_ledger()?.0))
    }

    fn holes(&self) -> Vec<HoleView> {
        let Some(progress) = self.progress else { return Vec::new() };
        let Some(whole) = LedgerRange::new(progress.from_ledger, progress.last_whole_ledger) else {
            return Vec::new();
        };
        let not_seen = holes(whole, self.covered.iter().map(|covered| covered.ledgers));
        let is_accepted = |hole: &LedgerRange| holes(*hole, self.accepted.iter().copied()).is_empty();
        let view = |hole: LedgerRange| HoleView {
            from_ledger: hole.from(),
            to_ledger: hole.to(),
            accepted: is_accepted(&hole),
        };
        not_seen.into_iter().map(view).collect()
    }

    /// Returns why the index of the contract is not to be relied on.
    pub(super) fn reasons(&self, max_lag_ledgers: u32) -> Vec<String> {
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
                // Anybody may ask for the health; who it was is for those who may ask for the status.
                reasons.push("paused by an operator".to_owned());
            }
            Some(AgedReport { report, .. }) => reasons.extend(report.missing.map(|missing| {
                format!(
                    "no source has ledgers {missing}; give one, or give them up: coverage --accept-gap {}",
                    missing.with_slack()
                )
            })),
        }
        let allowed_ms = (i64::from(max_lag_ledgers) * LEDGER_TAKES_MS).max(SHORTEST_FRESHNESS_MS);
        reasons.extend(self.report.as_ref().and_then(|aged| staleness(aged, allowed_ms)));
        if let Some(lag) = self.lag_ledgers().filter(|lag| *lag > max_lag_ledgers) {
            reasons.push(format!("{lag} ledgers behind the tip"));
        }
        let holes = self.holes();
        let open = holes.iter().filter(|hole| !hole.accepted);
        reasons.extend(open.map(|hole| format!("ledgers {}-{} were never seen", hole.from_ledger, hole.to_ledger)));
        reasons.extend(self.record_check.as_ref().and_then(|check| RecordsCheckView::of(check).reason()));
        reasons
    }
}

/// Returns why a report that is there says nothing about the chain as it is now.
fn staleness(aged: &AgedReport, allowed_ms: i64) -> Option<String> {
    // An old report tells nothing of the source: it may be the database that could not be written to.
    if aged.report.state == IndexerState::Paused || aged.age_ms > REPORT_IS_STALE_MS {
        return None;
    }
    let late = |ms_ago: Option<i64>| ms_ago.filter(|ms_ago| *ms_ago > allowed_ms);
    if let Some(ms_ago) = late(aged.answered_ms_ago) {
        return Some(format!("the source has been away for {} s", ms_ago / 1_000));
    }
    let ms_ago = late(aged.tip_moved_ms_ago)?;
    Some(format!("the source's newest ledger has been the same for {} s", ms_ago / 1_000))
}

impl CoverageView {
    fn of(covered: &CoveredRange) -> Self {
        Self { from_ledger: covered.ledgers.from(), to_ledger: covered.ledgers.to(), source: covered.source.as_str() }
    }
}

impl UpgradeView {
    fn of(stored: &StoredUpgrade, epoch: Epoch) -> Self {
        Self {
            id: FeedId { event: stored.id, epoch },
            ledger: stored.id.ledger(),
            ledger_closed_at: date_text(stored.ledger_closed_at),
            transaction_hash: stored.tx_hash.clone(),
            old_executable: stored.upgrade.old.clone(),
            new_executable: stored.upgrade.new.clone(),
        }
    }
}
