//! The indexer's report about itself: a row that gateways on any machine read.

use std::{convert::Infallible, time::Duration};

use chrono::{DateTime, Utc};
use serde_json::Value;
use tokio::time::{Instant, sleep, timeout};
use tracing::{debug, warn};

use super::full_disk::FullDisk;
use crate::{
    domain::{ContractId, LedgerRange, LedgerSequence},
    source::{EndpointPool, WholeLedgers},
    store::{IndexerReport, IndexerState, Store},
};

/// The minimum interval between two reports of the same state.
const INTERVAL: Duration = Duration::from_secs(1);

/// An indexer that has not reported for three times as long is considered gone.
const REPEAT: Duration = Duration::from_secs(10);
/// How long indexing waits for a report. Somebody may hold the table.
const PATIENCE: Duration = Duration::from_secs(2);

/// Returns the health of the endpoints that are followed and of those that fill holes, as a report contains it.
pub(super) fn endpoints_of(followed: &EndpointPool, whole_ledgers: &[WholeLedgers]) -> Value {
    let mut endpoints = followed.health();
    endpoints.extend(whole_ledgers.iter().flat_map(|whole| whole.health_beside(followed)));
    serde_json::to_value(endpoints).unwrap_or_default()
}

/// After so many lower tips, the next one replaces a higher one.
const MOST_LOWER_TIPS: u8 = 2;

/// Writes reports, but not too often.
#[derive(Debug)]
pub(super) struct Reporter {
    store: Store,
    contract_ids: Vec<ContractId>,
    full_disk: FullDisk,
    report: IndexerReport,
    /// How many tips in a row were lower than the reported one. A node that lags is not followed down at once; but one
    /// answer may have been too high, and must not stay.
    lower_tips: u8,
    written: Option<(IndexerState, Instant)>,
    /// When a report was last given up, because it took too long.
    given_up: Option<Instant>,
}

impl Reporter {
    const fn new(store: Store, contract_ids: Vec<ContractId>, full_disk: FullDisk) -> Self {
        let report = IndexerReport {
            state: IndexerState::CatchingUp,
            detail: None,
            tip_ledger: None,
            tip_closed_at: None,
            oldest_ledger: None,
            missing: None,
            endpoints: Value::Null,
        };
        Self { store, contract_ids, full_disk, report, lower_tips: 0, written: None, given_up: None }
    }

    /// Returns a reporter that continues with what was last reported about the source.
    pub(super) async fn after_the_last(store: Store, contract_ids: Vec<ContractId>, full_disk: FullDisk) -> Self {
        let last = match contract_ids.first() {
            Some(contract_id) => {
                timeout(PATIENCE, store.indexer_report(contract_id)).await.ok().and_then(Result::ok).flatten()
            }
            None => None,
        };
        let mut reporter = Self::new(store, contract_ids, full_disk);
        if let Some(last) = last {
            reporter.report = last.report;
            reporter.lower_tips = MOST_LOWER_TIPS;
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
        let is_lower = self.report.tip_ledger.is_some_and(|tip| latest < tip);
        if is_lower && self.lower_tips < MOST_LOWER_TIPS {
            self.lower_tips += 1;
        } else {
            self.lower_tips = 0;
            self.report.tip_ledger = Some(latest);
            self.report.tip_closed_at = closed_at.or(self.report.tip_closed_at);
        }
        self.report.oldest_ledger = oldest.or(self.report.oldest_ledger);
    }

    /// Records a tip that is only heard of: no page of events has reached it.
    pub(super) fn heard_of_tip(&mut self, latest: LedgerSequence, closed_at: Option<DateTime<Utc>>) {
        self.saw_tip(latest, closed_at, None);
        self.lower_tips = MOST_LOWER_TIPS;
    }

    /// Records the oldest ledger whose events the source still has.
    pub(super) const fn saw_oldest(&mut self, oldest: LedgerSequence) {
        self.report.oldest_ledger = Some(oldest);
    }

    /// Repeats the report at intervals for as long as the caller waits, so that readers see that the indexer is alive.
    async fn repeat(&mut self) -> Infallible {
        loop {
            sleep(REPEAT).await;
            self.write().await;
        }
    }

    /// Repeats the report for as long as the caller waits for something that may take any time.
    pub(super) async fn during<T>(&mut self, waiting: impl Future<Output = T>) -> T {
        tokio::select! {
            done = waiting => done,
            never = self.repeat() => match never {},
        }
    }

    /// Repeats the report between two sessions, unless another indexer has become the writer and reports.
    pub(super) async fn between_sessions(&mut self, waiting: impl Future<Output = ()>) {
        let repeat = async {
            loop {
                sleep(REPEAT).await;
                if matches!(timeout(PATIENCE, self.store.has_writer()).await, Ok(Ok(false))) {
                    self.write().await;
                }
            }
        };
        tokio::select! {
            () = waiting => {}
            never = repeat => match never {},
        }
    }

    /// Returns whether the report was written. If the database is away, or somebody holds the table, the next report
    /// must do: nothing else waits for it.
    async fn write(&mut self) -> bool {
        match timeout(PATIENCE, self.store.write_report(&self.contract_ids, &self.report)).await {
            Ok(Ok(())) => return true,
            Ok(Err(failure)) => debug!("the report was not written: {failure}"),
            Err(_) => {
                warn!("the indexer's report was not written within {PATIENCE:?}; indexing continues without it");
                self.given_up = Some(Instant::now());
            }
        }
        false
    }

    /// Reports what the indexer is doing.
    pub(super) async fn say(
        &mut self,
        state: IndexerState,
        detail: Option<String>,
        missing: Option<LedgerRange>,
        endpoints: Value,
    ) {
        let (state, detail) = match self.full_disk.prevails_over(state) {
            Some(why) => (IndexerState::DatabaseFull, Some(why)),
            None => (state, detail),
        };
        let is_due = |(before, at): &(IndexerState, Instant)| *before != state || at.elapsed() >= INTERVAL;
        if !self.written.as_ref().is_none_or(is_due) {
            return;
        }
        self.report = IndexerReport { state, detail, missing, endpoints, ..self.report.clone() };
        if self.given_up.is_none_or(|at| at.elapsed() >= REPEAT) && self.write().await {
            self.written = Some((state, Instant::now()));
        }
    }
}
