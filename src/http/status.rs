//! `GET /v1/status`: how far the index is, what it has seen, and what it is missing.

use axum::{
    Json,
    extract::{RawQuery, State},
};
use serde::Serialize;
use serde_json::Value;

use super::{
    contract_status::{ContractView, CoverageView, Facts, HoleView, LATEST_UPGRADES, QuarantineView, UpgradeView},
    parameters::Parameters,
    problem::Problem,
    state::HttpState,
    views::date_text,
};
use crate::{
    domain::{ContractId, Epoch, FeedId, LedgerSequence},
    store::{AgedReport, StoreError},
};

/// How far the index is. Of several contracts that are followed it says the worst, and the lists are of all of them
/// together; each by itself is in `contracts`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Status {
    network: Option<NetworkView>,
    /// The contract, if it is the only one that is followed.
    contract_id: Option<ContractId>,
    /// Whether a process holds the writer's lock.
    has_writer: bool,
    indexer: Option<IndexerView>,
    cursor: Option<FeedId>,
    from_ledger: Option<LedgerSequence>,
    last_whole_ledger: Option<LedgerSequence>,
    last_whole_ledger_closed_at: Option<String>,
    pub(super) tip_ledger: Option<LedgerSequence>,
    pub(super) lag_ledgers: Option<u32>,
    pub(super) lag_seconds: Option<i64>,
    oldest_ledger_of_source: Option<LedgerSequence>,
    /// How many ledgers the source may drop before it drops one that is not indexed.
    pub(super) ledgers_to_data_loss: Option<i64>,
    coverage: Vec<CoverageView>,
    pub(super) holes: Vec<HoleView>,
    pub(super) quarantine: QuarantineView,
    upgrades: Vec<UpgradeView>,
    /// Every contract that is followed or was.
    contracts: Vec<ContractView>,
    endpoints: Value,
    /// Why the index is not to be relied on right now; empty if it is.
    pub(super) reasons: Vec<String>,
}

#[derive(Debug, Serialize)]
struct NetworkView {
    passphrase: String,
    epoch: Epoch,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct IndexerView {
    state: &'static str,
    detail: Option<String>,
    reported_ms_ago: i64,
}

/// Shows the status. Always 200 where the database answers; `/health/ready` is the one that refuses.
pub(super) async fn status(State(state): State<HttpState>, RawQuery(query): RawQuery) -> Result<Json<Status>, Problem> {
    Parameters::read(query.as_deref(), &[])?;
    Ok(Json(read(&state).await?))
}

/// Reads the status.
pub(super) async fn read(state: &HttpState) -> Result<Status, StoreError> {
    let store = &state.store;
    let (network, known, has_writer) = tokio::try_join!(store.network(), store.contracts(), store.has_writer())?;
    let mut followed = Vec::new();
    for contract_id in state.contracts.iter() {
        followed.push(Facts::read(store, contract_id.clone()).await?);
    }
    let mut left = Vec::new();
    for contract_id in known.into_iter().filter(|contract_id| !state.contracts.contains(contract_id)) {
        left.push(Facts::read(store, contract_id).await?);
    }
    let epoch = network.as_ref().map_or(Epoch(0), |network| network.epoch);
    let mut contracts: Vec<ContractView> = followed.iter().map(|facts| facts.view(epoch, true)).collect();
    let report = worst_report(&followed);
    let furthest_behind = furthest_behind(&followed);
    let progress = furthest_behind.and_then(|facts| facts.progress);
    Ok(Status {
        contract_id: state.contracts.only().cloned(),
        has_writer,
        cursor: progress.map(|progress| FeedId { event: progress.position, epoch }),
        from_ledger: followed.iter().filter_map(|facts| Some(facts.progress?.from_ledger)).min(),
        last_whole_ledger: progress.map(|progress| progress.last_whole_ledger),
        last_whole_ledger_closed_at: furthest_behind.and_then(Facts::closed_at).map(date_text),
        tip_ledger: followed.iter().filter_map(Facts::tip_ledger).max(),
        lag_ledgers: followed.iter().filter_map(Facts::lag_ledgers).max(),
        lag_seconds: followed.iter().filter_map(Facts::lag_seconds).max(),
        oldest_ledger_of_source: followed.iter().filter_map(Facts::oldest_ledger).max(),
        ledgers_to_data_loss: followed.iter().filter_map(Facts::ledgers_to_data_loss).min(),
        coverage: once_each(contracts.iter().flat_map(|contract| &contract.coverage)),
        holes: once_each(contracts.iter().flat_map(|contract| &contract.holes)),
        quarantine: QuarantineView {
            unknown: contracts.iter().map(|contract| contract.quarantine.unknown).sum(),
            refused: contracts.iter().map(|contract| contract.quarantine.refused).sum(),
        },
        upgrades: newest_upgrades(&contracts),
        reasons: reasons(&followed, state.max_lag_ledgers),
        endpoints: report.map_or(Value::Array(Vec::new()), |aged| aged.report.endpoints.clone()),
        indexer: report.map(IndexerView::of),
        network: network.map(|network| NetworkView { passphrase: network.passphrase, epoch }),
        contracts: {
            contracts.extend(left.iter().map(|facts| facts.view(epoch, false)));
            contracts
        },
    })
}

/// Returns the contract that is the furthest behind: one whose index has not begun, else that of the lowest cursor.
fn furthest_behind(followed: &[Facts]) -> Option<&Facts> {
    followed.iter().min_by_key(|facts| facts.progress.map(|progress| progress.position))
}

/// Returns the report that an operator must look at first: of what is the worst, the oldest.
fn worst_report(followed: &[Facts]) -> Option<&AgedReport> {
    let reports = followed.iter().filter_map(|facts| facts.report.as_ref());
    reports.max_by_key(|aged| (aged.report.missing.is_some(), aged.report.state, aged.age_ms))
}

/// Returns why the contracts are not to be relied on. What is not said of all of them names those it is said of.
fn reasons(followed: &[Facts], max_lag_ledgers: u32) -> Vec<String> {
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

fn once_each<'a, T: Clone + PartialEq + 'a>(all: impl Iterator<Item = &'a T>) -> Vec<T> {
    let mut once = Vec::new();
    for item in all {
        if !once.contains(item) {
            once.push(item.clone());
        }
    }
    once
}

fn newest_upgrades(contracts: &[ContractView]) -> Vec<UpgradeView> {
    let mut upgrades: Vec<UpgradeView> = contracts.iter().flat_map(|contract| contract.upgrades.clone()).collect();
    upgrades.sort_by_key(|upgrade| std::cmp::Reverse(upgrade.id.event));
    upgrades.truncate(usize::try_from(LATEST_UPGRADES).unwrap_or(usize::MAX));
    upgrades
}

impl IndexerView {
    fn of(aged: &AgedReport) -> Self {
        Self { state: aged.report.state.as_str(), detail: aged.report.detail.clone(), reported_ms_ago: aged.age_ms }
    }
}
