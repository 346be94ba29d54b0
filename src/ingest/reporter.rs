//! The indexer's report about itself: a row that gateways on any machine read.

use std::{convert::Infallible, time::Duration};

use chrono::{DateTime, Utc};
use serde_json::Value;
use tokio::time::{Instant, sleep};
use tracing::debug;

use crate::{
    domain::{ContractId, LedgerRange, LedgerSequence},
    source::{EndpointPool, WholeLedgers},
    store::{IndexerReport, IndexerState, Store},
};

/// The minimum interval between two reports of the same state.
const INTERVAL: Duration = Duration::from_secs(1);

/// An indexer that has not reported for three times as long is considered gone.
const REPEAT: Duration = Duration::from_secs(10);

/// Returns the health of the endpoints that are followed and of those that fill holes, as a report contains it.
pub(super) fn endpoints_of(followed: &EndpointPool, whole_ledgers: &[WholeLedgers]) -> Value {
    let mut endpoints = followed.health();
    endpoints.extend(whole_ledgers.iter().flat_map(|whole| whole.health_beside(followed)));
    serde_json::to_value(endpoints).unwrap_or_default()
}

/// Writes reports, but not too often.
#[derive(Debug)]
pub(super) struct Reporter {
    store: Store,
    contract_ids: Vec<ContractId>,
    report: IndexerReport,
    /// Whether a previous indexer reported the tip: one that was too high must not stay.
    tip_is_old: bool,
    written: Option<(IndexerState, Instant)>,
}

impl Reporter {
    const fn new(store: Store, contract_ids: Vec<ContractId>) -> Self {
        let report = IndexerReport {
            state: IndexerState::CatchingUp,
            detail: None,
            tip_ledger: None,
            tip_closed_at: None,
            oldest_ledger: None,
            missing: None,
            endpoints: Value::Null,
        };
        Self { store, contract_ids, report, tip_is_old: false, written: None }
    }

    /// Returns a reporter that continues with what was last reported about the source.
    pub(super) async fn after_the_last(store: Store, contract_ids: Vec<ContractId>) -> Self {
        let last = match contract_ids.first() {
            Some(contract_id) => store.indexer_report(contract_id).await.ok().flatten(),
            None => None,
        };
        let mut reporter = Self::new(store, contract_ids);
        if let Some(last) = last {
            reporter.report = last.report;
            reporter.tip_is_old = true;
        }
        reporter
    }

    /// Records how far the source is.
    pub(super) fn saw_tip(
        &mut self,
        latest: LedgerSequence,
        closed_at: Option<DateTime<Utc>>,
        oldest: Option<LedgerSequence>,
    ) {
        if std::mem::take(&mut self.tip_is_old) || self.report.tip_ledger.is_none_or(|tip| tip <= latest) {
            self.report.tip_ledger = Some(latest);
            self.report.tip_closed_at = closed_at.or(self.report.tip_closed_at);
        }
        self.report.oldest_ledger = oldest.or(self.report.oldest_ledger);
    }

    /// Records the oldest ledger whose events the source still has.
    pub(super) const fn saw_oldest(&mut self, oldest: LedgerSequence) {
        self.report.oldest_ledger = Some(oldest);
    }

    /// Repeats the report at intervals for as long as the caller waits, so that readers see that the indexer is alive.
    pub(super) async fn repeat(&mut self) -> Infallible {
        loop {
            sleep(REPEAT).await;
            if let Err(failure) = self.store.write_report(&self.contract_ids, &self.report).await {
                debug!("the report was not written: {failure}");
            }
        }
    }

    /// Reports what the indexer is doing. If the database is away, the next report must do.
    pub(super) async fn say(
        &mut self,
        state: IndexerState,
        detail: Option<String>,
        missing: Option<LedgerRange>,
        endpoints: Value,
    ) {
        let is_due = |(before, at): &(IndexerState, Instant)| *before != state || at.elapsed() >= INTERVAL;
        if !self.written.as_ref().is_none_or(is_due) {
            return;
        }
        self.report = IndexerReport { state, detail, missing, endpoints, ..self.report.clone() };
        match self.store.write_report(&self.contract_ids, &self.report).await {
            Ok(()) => self.written = Some((state, Instant::now())),
            Err(failure) => debug!("the report was not written: {failure}"),
        }
    }
}
