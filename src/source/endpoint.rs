//! One endpoint of the pool: whether it may be asked, what its answers taught, and whether it serves our chain.

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use rand::rngs::StdRng;
use tokio::time::Instant;

use super::{
    Anchor, EndpointHealth, EndpointState, EventPage, EventsFrom, KnownClose, LedgerEntries, SourceError, StellarRpc,
    Tip, TransientReason,
    breaker::Breaker,
    get_ledgers::{LedgerPage, PageLimit},
    identity::{Checked, LOOK_AGAIN_AFTER, Shown},
    page_size::PageSize,
};
use crate::domain::{ContractId, LedgerSequence};

/// A ledger closes every five seconds: what was seen of the tip is no longer true after that.
const TIP_IS_TRUE_FOR: Duration = Duration::from_secs(5);
/// So many failures in a row take about half a minute, by the breaker's waits.
const LONG_GONE_AFTER: u64 = 8;
/// From the largest window to one ledger.
const MOST_TRIES: usize = 14;

#[derive(Debug)]
pub(super) struct Endpoint {
    pub(super) rpc: StellarRpc,
    pub(super) host: String,
    pub(super) network_passphrase: Arc<str>,
    ledger_limit: PageLimit,
    state: Mutex<State>,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) breaker: Breaker,
    pub(super) checked: Checked,
    pub(super) anchor: Option<Arc<Anchor>>,
    pub(super) shown: Shown,
    pub(super) closed: Option<KnownClose>,
    /// Why it must not be used, while its breaker is shut for that.
    pub(super) unusable: Option<SourceError>,
    page_size: PageSize,
    /// The newest ledger by its last word, and when that came.
    tip: Option<(LedgerSequence, Instant)>,
    highest: Option<LedgerSequence>,
    oldest: Option<LedgerSequence>,
    latency: Option<Duration>,
    requests: u64,
    failures: u64,
    failures_in_a_row: u64,
    last_failure: Option<&'static str>,
    /// The last failure that may pass, as whoever has to wait is told.
    passing: Option<(TransientReason, String)>,
    pub(super) passphrase: Option<String>,
    pub(super) version: Option<String>,
}

/// Leave to send one request; the end of a probe, also of one that is dropped.
#[derive(Debug)]
pub(super) struct Permit {
    endpoint: Arc<Endpoint>,
    is_probe: bool,
}

impl Drop for Permit {
    fn drop(&mut self) {
        if self.is_probe {
            self.endpoint.state().breaker.end_probe();
        }
    }
}

impl Endpoint {
    pub(super) fn new(rpc: StellarRpc, network_passphrase: Arc<str>, rng: StdRng) -> Self {
        let state = State {
            breaker: Breaker::new(rng),
            checked: Checked::Nothing,
            anchor: None,
            shown: Shown::Nothing,
            closed: None,
            unusable: None,
            page_size: PageSize::default(),
            tip: None,
            highest: None,
            oldest: None,
            latency: None,
            requests: 0,
            failures: 0,
            failures_in_a_row: 0,
            last_failure: None,
            passing: None,
            passphrase: None,
            version: None,
        };
        Self { host: rpc.host(), rpc, network_passphrase, ledger_limit: PageLimit::new(), state: Mutex::new(state) }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while it holds an endpoint")
    }

    /// Returns the endpoint's host, with its port where that is named.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// Sets the ledger to recognise the chain by. Another one than before makes the endpoint new again: what was said of
    /// it was said about another chain.
    pub(super) fn set_anchor(&self, anchor: Option<Arc<Anchor>>) {
        let mut state = self.state();
        if state.anchor != anchor {
            state.anchor = anchor;
            state.becomes_new();
        }
    }

    /// Sets a ledger of the chain and when it closed. A later one of the same chain says nothing new of the endpoint.
    pub(super) fn set_close(&self, closed: Option<KnownClose>) {
        let mut state = self.state();
        if state.closed.is_some() != closed.is_some() {
            state.becomes_new();
        }
        state.closed = closed;
    }

    /// Returns why the endpoint is not asked now, `None` if it may be.
    pub(super) fn reason_to_wait(&self, now: Instant) -> Option<SourceError> {
        let state = self.state();
        let wait = state.breaker.wait(now)?;
        Some(state.unusable.clone().unwrap_or_else(|| self.waiting(&state, wait)))
    }

    /// What an endpoint failed with is still what is wrong while it is not asked.
    fn waiting(&self, state: &State, wait: Duration) -> SourceError {
        let failed = || (TransientReason::Network, "it failed".to_owned());
        let (reason, detail) = state.passing.clone().unwrap_or_else(failed);
        SourceError::Transient { reason, retry_after: Some(wait), detail: format!("{}: {detail}", self.host) }
    }

    /// Returns whether the endpoint has failed for so long that it is not waited for where others say what they lack.
    pub(super) fn is_long_gone(&self) -> bool {
        self.state().failures_in_a_row >= LONG_GONE_AFTER
    }

    /// Takes leave to send one request, or says why not now.
    pub(super) fn admit(self: &Arc<Self>, now: Instant) -> Result<Permit, SourceError> {
        let mut state = self.state();
        match state.breaker.pass(now) {
            Ok(is_probe) => Ok(Permit { endpoint: Arc::clone(self), is_probe }),
            Err(wait) => Err(self.waiting(&state, wait)),
        }
    }

    /// Returns whether the endpoint lately said that it does not have this ledger yet.
    pub(super) fn is_behind(&self, wanted: LedgerSequence, now: Instant) -> bool {
        self.state().tip.is_some_and(|(tip, seen)| tip < wanted && now.duration_since(seen) < TIP_IS_TRUE_FOR)
    }

    /// Draws the conclusions from what came of a request that was sent at `sent`; a failure then says when to ask
    /// again.
    pub(super) fn settle<T>(&self, outcome: Result<T, SourceError>, sent: Instant) -> Result<T, SourceError> {
        let now = Instant::now();
        let mut state = self.state();
        state.requests += 1;
        match &outcome {
            Ok(_) => state.answered(now.duration_since(sent)),
            // What it has is no fault of the endpoint's.
            Err(SourceError::NodeBehind { latest, .. }) => {
                state.answered(now.duration_since(sent));
                state.saw(*latest, None);
            }
            Err(SourceError::BehindRetention { oldest, .. }) => {
                state.answered(now.duration_since(sent));
                state.oldest = Some(*oldest);
            }
            Err(SourceError::Transient { reason, retry_after, detail }) => {
                state.failed(reason.as_str());
                state.passing = Some((*reason, detail.clone()));
                state.shut(now, *retry_after);
            }
            Err(SourceError::Permanent { .. }) => state.failed("refused"),
            Err(SourceError::LedgerMissing { .. } | SourceError::NoTransactionMeta { .. }) => {}
            Err(SourceError::OtherNetwork { .. } | SourceError::OtherChain { .. }) => state.failed("another chain"),
        }
        let wait = state.breaker.wait(now);
        outcome.map_err(|failure| self.named(failure, wait))
    }

    /// Puts the endpoint's host, and when it may be asked again, into a failure.
    fn named(&self, failure: SourceError, retry_after: Option<Duration>) -> SourceError {
        let detailed = |detail: String| format!("{}: {detail}", self.host);
        match failure {
            SourceError::Transient { reason, detail, .. } => {
                SourceError::Transient { reason, retry_after, detail: detailed(detail) }
            }
            SourceError::Permanent { detail } => SourceError::Permanent { detail: detailed(detail) },
            other => other,
        }
    }

    /// Counts a request that took too long for what the others answered, and returns it as a failure.
    pub(super) fn give_up(&self, sent: Instant) -> SourceError {
        let slow = SourceError::transient(TransientReason::Timeout, "no answer while another endpoint answered");
        self.settle::<()>(Err(slow), sent).expect_err("a failure stays one")
    }

    /// Returns a page of events, asked for as this endpoint bears it: smaller at once where it refuses, larger with
    /// each success. A cursor in a ledger that was dropped is refused also where nothing is missing, as the end of one
    /// ledger is the beginning of the next: then the next one is asked for.
    pub(super) async fn events(
        &self,
        contract_ids: &[ContractId],
        from: EventsFrom,
        limit: u32,
    ) -> Result<EventPage, SourceError> {
        match self.events_in_portions(contract_ids, from, limit).await {
            Err(SourceError::BehindRetention { oldest, .. }) if from.next_ledger() == Some(oldest) => {
                self.events_in_portions(contract_ids, EventsFrom::Ledger(oldest), limit).await
            }
            outcome => outcome,
        }
    }

    async fn events_in_portions(
        &self,
        contract_ids: &[ContractId],
        from: EventsFrom,
        limit: u32,
    ) -> Result<EventPage, SourceError> {
        let mut tries = 0;
        loop {
            let (query, tip) = {
                let state = self.state();
                let tip = state.tip.map(|(tip, _)| tip);
                (state.page_size.query(from, limit, tip), tip)
            };
            tries += 1;
            match self.rpc.events(contract_ids, query).await {
                Ok(page) => {
                    let mut state = self.state();
                    state.page_size.grow();
                    state.saw(page.latest_ledger, page.oldest_ledger);
                    return Ok(page.not_before(from.position()));
                }
                Err(failure) => {
                    let is_smaller = self.state().page_size.learn(&failure, query, from, tip);
                    // Who did not answer at all has had its time.
                    let has_answered = !is_timeout(&failure);
                    if !(is_smaller && has_answered && tries < MOST_TRIES) {
                        return Err(failure);
                    }
                }
            }
        }
    }

    /// Returns a page of whole ledgers, as many as this endpoint can give at once.
    pub(super) async fn ledger_page(&self, from: LedgerSequence) -> Result<LedgerPage, SourceError> {
        let page = self.ledger_limit.page(&self.rpc, from).await?;
        self.state().saw(page.latest_ledger, None);
        Ok(page)
    }

    pub(super) async fn tip(&self) -> Result<Tip, SourceError> {
        let tip = self.rpc.tip().await?;
        self.state().saw(tip.sequence, Some(tip.oldest));
        Ok(tip)
    }

    pub(super) async fn ledger_entries(&self, keys: &[String]) -> Result<LedgerEntries, SourceError> {
        let found = self.rpc.ledger_entries(keys).await?;
        self.state().saw(found.latest_ledger, None);
        Ok(found)
    }

    pub(super) fn health(&self, now: Instant) -> EndpointHealth {
        let milliseconds = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let state = self.state();
        let wait = state.breaker.wait(now);
        let is = match (&state.unusable, wait) {
            (Some(_), _) => EndpointState::Unusable,
            (None, Some(_)) => EndpointState::Waiting,
            (None, None) => EndpointState::Ready,
        };
        EndpointHealth {
            host: self.host.clone(),
            state: is,
            retry_in_ms: wait.map(milliseconds),
            latency_ms: state.latency.map(milliseconds),
            requests: state.requests,
            failures: state.failures,
            failures_in_a_row: state.failures_in_a_row,
            last_failure: state.last_failure,
            latest_ledger: state.highest,
            oldest_ledger: state.oldest,
            passphrase: state.passphrase.clone(),
            version: state.version.clone(),
            page_limit: state.page_size.limit(),
            window_ledgers: state.page_size.window_ledgers(),
        }
    }
}

impl State {
    fn becomes_new(&mut self) {
        self.checked = Checked::Nothing;
        self.shown = Shown::Nothing;
        if matches!(self.unusable, Some(SourceError::OtherChain { .. })) {
            self.unusable = None;
            self.breaker.succeed();
        }
    }

    fn answered(&mut self, took: Duration) {
        self.breaker.succeed();
        self.failures_in_a_row = 0;
        self.latency = Some(self.latency.map_or(took, |before| (before * 7 + took) / 8));
    }

    fn shut(&mut self, now: Instant, asked: Option<Duration>) {
        if self.unusable.is_some() {
            self.breaker.shut(now, LOOK_AGAIN_AFTER);
        } else {
            self.breaker.fail(now, asked);
        }
    }

    /// After a failure another server may answer at the same place.
    fn failed(&mut self, reason: &'static str) {
        self.checked = Checked::Nothing;
        self.failures += 1;
        self.failures_in_a_row += 1;
        self.last_failure = Some(reason);
    }

    /// Keeps what a reply says of the node's ledgers. A node without the anchor's ledger may have started over.
    fn saw(&mut self, latest: LedgerSequence, oldest: Option<LedgerSequence>) {
        self.tip = Some((latest, Instant::now()));
        self.highest = self.highest.max(Some(latest));
        self.oldest = oldest.or(self.oldest);
        let known = self.anchor.as_ref().map(|anchor| anchor.sequence).max(self.closed.map(|(ledger, _)| ledger));
        if known.is_some_and(|known| latest < known) {
            self.checked = Checked::Nothing;
        }
    }
}

const fn is_timeout(failure: &SourceError) -> bool {
    matches!(failure, SourceError::Transient { reason: TransientReason::Timeout, .. })
}
