//! The status as JSON: how far the index is, which ledgers it has seen, and which are missing.

use serde::Serialize;
use utoipa::ToSchema;

use super::{
    contract_status::{ContractView, CoverageView, HoleView, QuarantineView, UpgradeView},
    endpoint_health::EndpointHealth,
    openapi::words,
    times::date_text,
};
use crate::{
    domain::{ContractId, Contracts, Epoch, FeedId, LedgerSequence},
    feed::Feed,
    status::{ContractFacts, LATEST_UPGRADES, furthest_behind, reasons, worst_report},
    store::{AgedReport, Store, StoreError},
};

/// What a status depends on.
#[derive(Clone, Copy, Debug)]
pub(super) struct StatusScope<'a> {
    pub(super) contracts: &'a Contracts,
    pub(super) feed: &'a Feed,
    /// The index is not ready if it is further behind the tip than this.
    pub(super) max_lag_ledgers: u32,
}

/// How far the index is. For several contracts, figures are those of the worst and lists cover all of them; `contracts`
/// has each by itself.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Status {
    /// The network; null before anything was indexed.
    network: Option<NetworkView>,
    /// The contract, if it is the only one that is followed.
    #[schema(value_type = Option<words::ContractId>)]
    contract_id: Option<ContractId>,
    /// Whether a process holds the writer's lock.
    pub(super) has_writer: bool,
    /// The indexer's last report.
    pub(super) indexer: Option<IndexerView>,
    /// The position up to which events are stored; in whole ledgers for callers who may not see every event.
    #[schema(value_type = Option<words::EventId>)]
    cursor: Option<FeedId>,
    /// The first ledger that is indexed.
    #[schema(value_type = Option<words::LedgerSequence>)]
    from_ledger: Option<LedgerSequence>,
    /// The last ledger whose events are all stored.
    #[schema(value_type = Option<words::LedgerSequence>)]
    last_whole_ledger: Option<LedgerSequence>,
    /// When that closed.
    #[schema(value_type = Option<words::Moment>)]
    last_whole_ledger_closed_at: Option<String>,
    /// Seconds since the last whole ledger closed, by the database's clock.
    pub(super) last_whole_ledger_closed_seconds_ago: Option<i64>,
    /// The newest ledger of the source, as of its last answer.
    #[schema(value_type = Option<words::LedgerSequence>)]
    pub(super) tip_ledger: Option<LedgerSequence>,
    /// How many ledgers the index is behind that; null if nobody knows the tip of this moment, because the source is
    /// away, its tip stands still or is old, or the indexer does not follow it. `reasons` says which.
    pub(super) lag_ledgers: Option<u32>,
    /// The same by close times.
    pub(super) lag_seconds: Option<i64>,
    /// Seconds since the source last answered the indexer, by the database's clock.
    pub(super) source_answered_seconds_ago: Option<i64>,
    /// Seconds since the source had a new ledger, by the database's clock.
    pub(super) tip_moved_seconds_ago: Option<i64>,
    /// The oldest ledger that the source still has, as of its last answer.
    #[schema(value_type = Option<words::LedgerSequence>)]
    oldest_ledger_of_source: Option<LedgerSequence>,
    /// How many ledgers the source may drop before it drops one that is not indexed, as of its last answer.
    pub(super) ledgers_to_data_loss: Option<i64>,
    /// The ledgers that were seen whole.
    coverage: Vec<CoverageView>,
    /// The ledgers that were not.
    pub(super) holes: Vec<HoleView>,
    /// Quarantined events.
    pub(super) quarantine: QuarantineView,
    /// The latest upgrades of the contract's code.
    upgrades: Vec<UpgradeView>,
    /// Every contract that is or was followed.
    contracts: Vec<ContractView>,
    /// Milliseconds since the check of a followed contract that is the longest ago.
    #[serde(skip)]
    pub(super) record_check_age_ms: Option<i64>,
    /// Records of followed contracts that differ from the chain's.
    #[serde(skip)]
    pub(super) records_differing: u64,
    /// Events of followed contracts that a second endpoint had and that were missing here.
    #[serde(skip)]
    pub(super) second_opinion_events: u64,
    /// How often each field of a record was corrected from the chain.
    #[serde(skip)]
    pub(super) corrections: Vec<(String, u64)>,
    /// The endpoints that the indexer asks; empty for callers who do not run the service (scope `admin`).
    endpoints: Vec<EndpointHealth>,
    /// Why the index cannot be relied on right now; empty if it can.
    pub(super) reasons: Vec<String>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Network)]
struct NetworkView {
    /// The network's passphrase.
    passphrase: String,
    /// How often the network was reset while it was indexed.
    #[schema(value_type = u32)]
    epoch: Epoch,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Indexer)]
#[serde(rename_all = "camelCase")]
pub(super) struct IndexerView {
    /// What it is doing.
    #[schema(value_type = words::IndexerState)]
    state: &'static str,
    /// Why, in words, where that needs any; null for callers who do not run the service (scope `admin`).
    detail: Option<String>,
    /// Milliseconds since this report.
    reported_ms_ago: i64,
}

impl Status {
    /// Leaves out the details that name the source's hosts: those are for operators.
    pub(super) fn without_hosts(mut self) -> Self {
        self.endpoints.clear();
        if let Some(indexer) = &mut self.indexer {
            indexer.detail = None;
        }
        self
    }

    /// Leaves out the ids of events and streams: that is for those who may see all of them.
    pub(super) fn without_ids(mut self) -> Self {
        self.cursor = self.cursor.map(FeedId::in_whole_ledgers);
        self.upgrades.iter_mut().for_each(UpgradeView::leave_out_id);
        self.contracts.iter_mut().for_each(ContractView::leave_out_ids);
        self
    }
}

/// Reads the status, and reads it again if the network started over meanwhile: no position must get another epoch's
/// number.
pub(super) async fn read(store: &Store, scope: StatusScope<'_>) -> Result<Status, StoreError> {
    loop {
        let status = read_once(store, scope).await?;
        let epoch = store.network().await?.map(|network| network.epoch);
        if status.network.as_ref().map(|network| network.epoch) == epoch {
            return Ok(status);
        }
    }
}

async fn read_once(store: &Store, scope: StatusScope<'_>) -> Result<Status, StoreError> {
    let (network, known, has_writer, corrections) =
        tokio::try_join!(store.network(), store.contracts(), store.has_writer(), store.correction_counts())?;
    let mut followed = Vec::new();
    for contract_id in scope.contracts.iter() {
        followed.push(ContractFacts::read(store, contract_id.clone()).await?);
    }
    let mut left = Vec::new();
    for contract_id in known.into_iter().filter(|contract_id| !scope.contracts.contains(contract_id)) {
        left.push(ContractFacts::read(store, contract_id).await?);
    }
    let epoch = network.as_ref().map_or(Epoch(0), |network| network.epoch);
    let feed_trouble = scope.feed.trouble().map(|_| "the feed cannot read new events".to_owned());
    let with_feed_trouble = |reasons: Vec<String>| reasons.into_iter().chain(feed_trouble.clone()).collect();
    let view = |facts: &ContractFacts| {
        ContractView::of(facts, epoch, true, with_feed_trouble(facts.reasons(scope.max_lag_ledgers)))
    };
    let mut contracts: Vec<ContractView> = followed.iter().map(view).collect();
    let report = worst_report(&followed);
    let furthest_behind = furthest_behind(&followed);
    let progress = furthest_behind.and_then(|facts| facts.progress);
    Ok(Status {
        contract_id: scope.contracts.only().cloned(),
        has_writer,
        cursor: progress.map(|progress| FeedId { event: progress.position, epoch }),
        from_ledger: followed.iter().filter_map(|facts| Some(facts.progress?.from_ledger)).min(),
        last_whole_ledger: progress.map(|progress| progress.last_whole_ledger),
        last_whole_ledger_closed_at: furthest_behind.and_then(ContractFacts::closed_at).map(date_text),
        last_whole_ledger_closed_seconds_ago: furthest_behind.and_then(ContractFacts::closed_seconds_ago),
        tip_ledger: followed.iter().filter_map(ContractFacts::tip_ledger).max(),
        lag_ledgers: largest_known(&followed, |facts| facts.lag_ledgers(scope.max_lag_ledgers)),
        lag_seconds: largest_known(&followed, |facts| facts.lag_seconds(scope.max_lag_ledgers)),
        source_answered_seconds_ago: followed
            .iter()
            .filter_map(ContractFacts::answered_ms_ago)
            .max()
            .map(whole_seconds),
        tip_moved_seconds_ago: followed.iter().filter_map(ContractFacts::tip_moved_ms_ago).max().map(whole_seconds),
        oldest_ledger_of_source: followed.iter().filter_map(ContractFacts::oldest_ledger).max(),
        ledgers_to_data_loss: followed.iter().filter_map(ContractFacts::ledgers_to_data_loss).min(),
        coverage: once_each(contracts.iter().flat_map(|contract| &contract.coverage)),
        holes: once_each(contracts.iter().flat_map(|contract| &contract.holes)),
        quarantine: QuarantineView {
            unknown: contracts.iter().map(|contract| contract.quarantine.unknown).sum(),
            refused: contracts.iter().map(|contract| contract.quarantine.refused).sum(),
        },
        upgrades: newest_upgrades(&contracts),
        record_check_age_ms: followed.iter().filter_map(ContractFacts::record_check_age_ms).max(),
        records_differing: contracts.iter().filter_map(differing).sum(),
        second_opinion_events: contracts.iter().filter_map(second_opinion_events).sum(),
        corrections,
        reasons: with_feed_trouble(reasons(&followed, scope.max_lag_ledgers)),
        endpoints: report.map_or_else(Vec::new, |aged| EndpointHealth::all_in(&aged.report.endpoints)),
        indexer: report.map(IndexerView::of),
        network: network.map(|network| NetworkView { passphrase: network.passphrase, epoch }),
        contracts: {
            let not_followed = || vec!["this deployment does not follow it".to_owned()];
            contracts.extend(left.iter().map(|facts| ContractView::of(facts, epoch, false, not_followed())));
            contracts
        },
    })
}

/// Returns the largest of these figures; `None` if one of them is unknown, because that is worse than any.
fn largest_known<T: Ord>(followed: &[ContractFacts], figure: impl Fn(&ContractFacts) -> Option<T>) -> Option<T> {
    followed.iter().map(figure).collect::<Option<Vec<T>>>()?.into_iter().max()
}

const fn whole_seconds(milliseconds: i64) -> i64 {
    milliseconds / 1_000
}

fn differing(contract: &ContractView) -> Option<u64> {
    contract.records_check.as_ref().map(|check| check.differing)
}

fn second_opinion_events(contract: &ContractView) -> Option<u64> {
    contract.records_check.as_ref().map(|check| check.second_opinion_events)
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
    upgrades.sort_by_key(|upgrade| std::cmp::Reverse(upgrade.id.map(|id| id.event)));
    upgrades.truncate(usize::try_from(LATEST_UPGRADES).unwrap_or(usize::MAX));
    upgrades
}

impl IndexerView {
    fn of(aged: &AgedReport) -> Self {
        Self { state: aged.report.state.as_str(), detail: aged.report.detail.clone(), reported_ms_ago: aged.age_ms }
    }
}
