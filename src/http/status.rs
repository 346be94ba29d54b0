//! `GET /v1/status`: how far the index is, what it has seen, and what it is missing.

use axum::{
    Json,
    extract::{RawQuery, State},
};
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{
    caller::CalledBy,
    openapi::{EndpointHealth, OfQuery, words},
    parameters::Parameters,
    problem::Problem,
    state::HttpState,
    views::date_text,
};
use crate::{
    domain::{ContractId, CoveredRange, Epoch, FeedId, LedgerRange, LedgerSequence, holes},
    store::{AgedReport, IndexerState, Progress, QuarantineCount, StoreError, StoredUpgrade},
};

const LATEST_UPGRADES: u32 = 10;

/// How far the index is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Status {
    /// The network; null before anything was indexed.
    network: Option<NetworkView>,
    /// The contract that is indexed.
    #[schema(value_type = words::ContractId)]
    contract_id: ContractId,
    /// Whether a process holds the writer's lock.
    pub(super) has_writer: bool,
    /// What the indexer last said of itself.
    pub(super) indexer: Option<IndexerView>,
    /// Up to where events are stored.
    #[schema(value_type = Option<words::EventId>)]
    cursor: Option<FeedId>,
    /// The first ledger that is indexed.
    #[schema(value_type = Option<words::LedgerSequence>)]
    from_ledger: Option<LedgerSequence>,
    /// The last ledger of which everything is stored.
    #[schema(value_type = Option<words::LedgerSequence>)]
    last_whole_ledger: Option<LedgerSequence>,
    /// When that closed.
    #[schema(value_type = Option<words::Moment>)]
    last_whole_ledger_closed_at: Option<String>,
    /// The newest ledger of the source.
    #[schema(value_type = Option<words::LedgerSequence>)]
    pub(super) tip_ledger: Option<LedgerSequence>,
    /// How many ledgers the index is behind that.
    pub(super) lag_ledgers: Option<u32>,
    /// The same by close times.
    pub(super) lag_seconds: Option<i64>,
    /// The oldest ledger that the source still has.
    #[schema(value_type = Option<words::LedgerSequence>)]
    oldest_ledger_of_source: Option<LedgerSequence>,
    /// How many ledgers the source may drop before it drops one that is not indexed.
    pub(super) ledgers_to_data_loss: Option<i64>,
    /// The ledgers that were seen whole.
    coverage: Vec<CoverageView>,
    /// The ledgers that were not.
    pub(super) holes: Vec<HoleView>,
    /// Events that are kept raw.
    pub(super) quarantine: QuarantineView,
    /// The last times that the contract's code was replaced.
    upgrades: Vec<UpgradeView>,
    /// The endpoints that the indexer asks.
    #[schema(value_type = Vec<EndpointHealth>)]
    endpoints: Value,
    /// Why the index is not to be relied on right now; empty if it is.
    pub(super) reasons: Vec<String>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Network)]
struct NetworkView {
    /// The network's passphrase.
    passphrase: String,
    /// How often the network was reset while it was indexed.
    #[schema(value_type = u32)]
    epoch: Epoch,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Indexer)]
#[serde(rename_all = "camelCase")]
pub(super) struct IndexerView {
    /// What it is doing.
    #[schema(value_type = words::IndexerState)]
    state: &'static str,
    /// Why, in words, where that needs any.
    detail: Option<String>,
    /// Milliseconds since it said so.
    reported_ms_ago: i64,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Coverage)]
#[serde(rename_all = "camelCase")]
struct CoverageView {
    #[schema(value_type = words::LedgerSequence)]
    from_ledger: LedgerSequence,
    #[schema(value_type = words::LedgerSequence)]
    to_ledger: LedgerSequence,
    #[schema(value_type = words::CoverageSource)]
    source: &'static str,
}

#[derive(Debug, Serialize, ToSchema)]
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

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Quarantine)]
pub(super) struct QuarantineView {
    /// Events of names that are not known.
    pub(super) unknown: u64,
    /// Events that did not decode.
    pub(super) refused: u64,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Upgrade)]
#[serde(rename_all = "camelCase")]
struct UpgradeView {
    #[schema(value_type = words::EventId)]
    id: FeedId,
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

/// Shows the status. Always 200 where the database answers; `/health/ready` is the one that refuses.
#[utoipa::path(
    get,
    path = "/status",
    tag = "operation",
    operation_id = "getStatus",
    responses(
        (status = 200, description = "How far the index is.", body = Status),
        OfQuery,
    ),
    security((), ("bearerAuth" = [])),
)]
pub(super) async fn status(
    State(state): State<HttpState>,
    _: CalledBy,
    RawQuery(query): RawQuery,
) -> Result<Json<Status>, Problem> {
    Parameters::read(query.as_deref(), &[])?;
    Ok(Json(read(&state).await?))
}

/// Everything that is read for a status.
struct Facts {
    progress: Option<Progress>,
    report: Option<AgedReport>,
    covered: Vec<CoveredRange>,
    accepted: Vec<LedgerRange>,
}

/// Reads the status.
pub(super) async fn read(state: &HttpState) -> Result<Status, StoreError> {
    let (store, contract_id) = (&state.store, &state.contract_id);
    let (network, progress, report) =
        tokio::try_join!(store.network(), store.progress(contract_id), store.indexer_report(contract_id))?;
    let (covered, accepted) = tokio::try_join!(store.coverage(contract_id), store.accepted_gaps(contract_id))?;
    let (QuarantineCount { unknown, refused }, upgrades, has_writer) = tokio::try_join!(
        store.quarantine_count(contract_id),
        store.upgrades(contract_id, LATEST_UPGRADES),
        store.has_writer()
    )?;
    let epoch = network.as_ref().map_or(Epoch(0), |network| network.epoch);
    let facts = Facts { progress, report, covered, accepted };
    let (lag_ledgers, holes) = (facts.lag_ledgers(), facts.holes());
    let reasons = facts.reasons(state.max_lag_ledgers, lag_ledgers, &holes);
    Ok(Status {
        contract_id: contract_id.clone(),
        has_writer,
        cursor: progress.map(|progress| FeedId { event: progress.position, epoch }),
        from_ledger: progress.map(|progress| progress.from_ledger),
        last_whole_ledger: progress.map(|progress| progress.last_whole_ledger),
        last_whole_ledger_closed_at: facts.closed_at().map(date_text),
        tip_ledger: facts.tip_ledger(),
        lag_ledgers,
        lag_seconds: facts.lag_seconds(),
        oldest_ledger_of_source: facts.oldest_ledger(),
        ledgers_to_data_loss: facts.ledgers_to_data_loss(),
        coverage: facts.covered.iter().map(CoverageView::of).collect(),
        holes,
        quarantine: QuarantineView { unknown, refused },
        upgrades: upgrades.into_iter().map(|upgrade| UpgradeView::of(upgrade, epoch)).collect(),
        reasons,
        endpoints: facts.report.as_ref().map_or(Value::Array(Vec::new()), |aged| aged.report.endpoints.clone()),
        indexer: facts.report.map(IndexerView::of),
        network: network.map(|network| NetworkView { passphrase: network.passphrase, epoch }),
    })
}

/// An indexer that says nothing for so long is not there: it reports at each poll, at least once a minute.
const REPORT_IS_STALE_MS: i64 = 90_000;

impl Facts {
    fn tip_ledger(&self) -> Option<LedgerSequence> {
        self.report.as_ref().and_then(|aged| aged.report.tip_ledger)
    }

    fn oldest_ledger(&self) -> Option<LedgerSequence> {
        self.report.as_ref().and_then(|aged| aged.report.oldest_ledger)
    }

    fn closed_at(&self) -> Option<DateTime<Utc>> {
        self.progress.and_then(|progress| progress.last_whole_ledger_closed_at)
    }

    /// A tip that was seen on another node may lie before what is indexed.
    fn lag_ledgers(&self) -> Option<u32> {
        Some(self.tip_ledger()?.0.saturating_sub(self.progress?.last_whole_ledger.0))
    }

    fn lag_seconds(&self) -> Option<i64> {
        let tip_closed_at = self.report.as_ref().and_then(|aged| aged.report.tip_closed_at)?;
        Some((tip_closed_at - self.closed_at()?).num_seconds().max(0))
    }

    fn ledgers_to_data_loss(&self) -> Option<i64> {
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

    fn reasons(&self, max_lag_ledgers: u32, lag_ledgers: Option<u32>, holes: &[HoleView]) -> Vec<String> {
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
                reasons.push(report.detail.clone().unwrap_or_else(|| "paused".to_owned()));
            }
            Some(AgedReport { report, .. }) => reasons.extend(report.missing.map(|missing| {
                format!(
                    "no source has ledgers {missing}; give one, or give them up: coverage --accept-gap {}",
                    missing.with_slack()
                )
            })),
        }
        if let Some(lag) = lag_ledgers.filter(|lag| *lag > max_lag_ledgers) {
            reasons.push(format!("{lag} ledgers behind the tip"));
        }
        let open = holes.iter().filter(|hole| !hole.accepted);
        reasons.extend(open.map(|hole| format!("ledgers {}-{} were never seen", hole.from_ledger, hole.to_ledger)));
        reasons
    }
}

impl IndexerView {
    fn of(aged: AgedReport) -> Self {
        Self { state: aged.report.state.as_str(), detail: aged.report.detail, reported_ms_ago: aged.age_ms }
    }
}

impl CoverageView {
    fn of(covered: &CoveredRange) -> Self {
        Self { from_ledger: covered.ledgers.from(), to_ledger: covered.ledgers.to(), source: covered.source.as_str() }
    }
}

impl UpgradeView {
    fn of(stored: StoredUpgrade, epoch: Epoch) -> Self {
        Self {
            id: FeedId { event: stored.id, epoch },
            ledger: stored.id.ledger(),
            ledger_closed_at: date_text(stored.ledger_closed_at),
            transaction_hash: stored.tx_hash,
            old_executable: stored.upgrade.old,
            new_executable: stored.upgrade.new,
        }
    }
}
