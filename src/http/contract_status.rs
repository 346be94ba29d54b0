//! The status of one contract.

use serde::Serialize;
use utoipa::ToSchema;

use super::{openapi::words, records_check::RecordsCheckView, times::date_text};
use crate::{
    domain::{ContractId, CoveredRange, Epoch, FeedId, LedgerSequence},
    status::{ContractFacts, Hole},
    store::{QuarantineCount, StoredUpgrade},
};

/// How far the index of one contract is.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ContractStatus)]
#[serde(rename_all = "camelCase")]
pub(super) struct ContractView {
    /// The contract.
    #[schema(value_type = words::ContractId)]
    contract_id: ContractId,
    /// Whether this deployment follows it. Others can be read but no longer change.
    is_followed: bool,
    /// The position up to which its events are stored; in whole ledgers for callers who may not see every event.
    #[schema(value_type = Option<words::EventId>)]
    cursor: Option<FeedId>,
    /// Its first ledger that is indexed.
    #[schema(value_type = Option<words::LedgerSequence>)]
    from_ledger: Option<LedgerSequence>,
    /// The last ledger whose events of it are all stored.
    #[schema(value_type = Option<words::LedgerSequence>)]
    last_whole_ledger: Option<LedgerSequence>,
    /// When that closed.
    #[schema(value_type = Option<words::Moment>)]
    last_whole_ledger_closed_at: Option<String>,
    /// Seconds since the last whole ledger closed, by the database's clock.
    last_whole_ledger_closed_seconds_ago: Option<i64>,
    /// Why its index cannot be relied on right now; empty if it can.
    reasons: Vec<String>,
    /// The ledgers that were seen whole.
    pub(super) coverage: Vec<CoverageView>,
    /// The ledgers that were not.
    pub(super) holes: Vec<HoleView>,
    /// Quarantined events.
    pub(super) quarantine: QuarantineView,
    /// The latest upgrades of its code.
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
    /// Whether an operator accepted that these ledgers are lost.
    pub(super) accepted: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Quarantine)]
pub(super) struct QuarantineView {
    /// Events with unknown names.
    pub(super) unknown: u64,
    /// Events that did not decode.
    pub(super) refused: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Upgrade)]
#[serde(rename_all = "camelCase")]
pub(super) struct UpgradeView {
    /// The id of its event; null for callers who may not see every event.
    #[schema(value_type = Option<words::EventId>)]
    pub(super) id: Option<FeedId>,
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

impl ContractView {
    /// Returns the view of the contract. `reasons` say why it cannot be relied on.
    pub(super) fn of(facts: &ContractFacts, epoch: Epoch, is_followed: bool, reasons: Vec<String>) -> Self {
        let QuarantineCount { unknown, refused } = facts.quarantine;
        let progress = facts.progress;
        Self {
            contract_id: facts.contract_id.clone(),
            is_followed,
            cursor: progress.map(|progress| FeedId { event: progress.position, epoch }),
            from_ledger: progress.map(|progress| progress.from_ledger),
            last_whole_ledger: progress.map(|progress| progress.last_whole_ledger),
            last_whole_ledger_closed_at: facts.closed_at().map(date_text),
            last_whole_ledger_closed_seconds_ago: facts.closed_seconds_ago(),
            reasons,
            coverage: facts.covered.iter().map(CoverageView::of).collect(),
            holes: facts.holes().into_iter().map(HoleView::of).collect(),
            quarantine: QuarantineView { unknown, refused },
            upgrades: facts.upgrades.iter().map(|upgrade| UpgradeView::of(upgrade, epoch)).collect(),
            records_check: facts.record_check.as_ref().map(RecordsCheckView::of),
        }
    }

    /// Leaves out the ids of events and streams.
    pub(super) fn leave_out_ids(&mut self) {
        self.cursor = self.cursor.map(FeedId::in_whole_ledgers);
        self.upgrades.iter_mut().for_each(UpgradeView::leave_out_id);
        if let Some(check) = &mut self.records_check {
            check.leave_out_examples();
        }
    }
}

impl HoleView {
    fn of(hole: Hole) -> Self {
        Self { from_ledger: hole.ledgers.from(), to_ledger: hole.ledgers.to(), accepted: hole.is_accepted }
    }
}

impl CoverageView {
    fn of(covered: &CoveredRange) -> Self {
        Self { from_ledger: covered.ledgers.from(), to_ledger: covered.ledgers.to(), source: covered.source.as_str() }
    }
}

impl UpgradeView {
    pub(super) fn leave_out_id(&mut self) {
        self.id = None;
    }

    fn of(stored: &StoredUpgrade, epoch: Epoch) -> Self {
        Self {
            id: Some(FeedId { event: stored.id, epoch }),
            ledger: stored.id.ledger(),
            ledger_closed_at: date_text(stored.ledger_closed_at),
            transaction_hash: stored.tx_hash.clone(),
            old_executable: stored.upgrade.old.clone(),
            new_executable: stored.upgrade.new.clone(),
        }
    }
}
