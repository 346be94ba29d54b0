//! One endpoint of the pool: whether it may be asked, and what an answer changes. `requests.rs` sends the requests,
//! `identity.rs` checks that it serves our chain, `state.rs` holds what we know about it.

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use rand::rngs::StdRng;
use tokio::time::Instant;
use tracing::warn;

use super::{
    Anchor, EndpointHealth, KnownClose, SourceError, TransientReason, get_ledgers::PageLimit, node::Node, state::State,
};
use crate::domain::LedgerSequence;

/// A ledger closes every five seconds, so an observed tip is outdated after that.
const TIP_IS_TRUE_FOR: Duration = Duration::from_secs(5);
/// With the breaker's waits, this many failures in a row take about half a minute.
const LONG_GONE_AFTER: u64 = 8;

/// If an endpoint has not answered by now, the next one is asked as well: switching must not take more than 2 s.
pub(super) const SLOW_AFTER: Duration = Duration::from_millis(1_500);

#[derive(Debug)]
pub(super) struct Endpoint {
    pub(super) node: Node,
    pub(super) host: String,
    pub(super) network_passphrase: Arc<str>,
    pub(super) ledger_limit: PageLimit,
    state: Mutex<State>,
}

/// Permission to send one request. Dropping it ends the probe, if it is one.
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
    pub(super) fn new(node: Node, network_passphrase: Arc<str>, rng: StdRng) -> Self {
        let state = Mutex::new(State::new(rng));
        Self { host: node.host(), node, network_passphrase, ledger_limit: PageLimit::new(), state }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no thread panics while it holds an endpoint")
    }

    /// Returns the endpoint's host, with its port if the URL names one.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// Sets the ledger that identifies the chain. If it changes, the endpoint counts as new: everything known about it
    /// was about another chain.
    pub(super) fn set_anchor(&self, anchor: Option<Arc<Anchor>>) {
        let mut state = self.state();
        if state.anchor != anchor {
            state.anchor = anchor;
            state.becomes_new();
        }
    }

    /// Sets a ledger of the chain, with its close time. A later ledger of the same chain changes nothing about the
    /// endpoint.
    pub(super) fn set_close(&self, closed: Option<KnownClose>) {
        let mut state = self.state();
        if state.closed.is_some() != closed.is_some() {
            state.becomes_new();
        }
        state.closed = closed;
    }

    /// Returns why the endpoint may not be asked now; `None` if it may.
    pub(super) fn reason_to_wait(&self, now: Instant) -> Option<SourceError> {
        let state = self.state();
        let wait = state.breaker.wait(now)?;
        Some(state.unusable.clone().unwrap_or_else(|| self.waiting(&state, wait)))
    }

    /// While an endpoint is left alone, its last failure is still the reason.
    fn waiting(&self, state: &State, wait: Duration) -> SourceError {
        let failed = || (TransientReason::Network, "it failed".to_owned());
        let (reason, detail) = state.passing.clone().unwrap_or_else(failed);
        SourceError::Transient { reason, retry_after: Some(wait), detail: format!("{}: {detail}", self.host) }
    }

    /// Returns whether the endpoint has failed for so long that nobody waits for it if the others know what they lack.
    pub(super) fn is_long_gone(&self) -> bool {
        self.state().failures_in_a_row >= LONG_GONE_AFTER
    }

    /// Returns permission to send one request, or why not now.
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

    /// Records the outcome of a request that was sent at `sent`. A failure is returned with the time until the endpoint
    /// may be asked again.
    pub(super) fn settle<T>(&self, outcome: Result<T, SourceError>, sent: Instant) -> Result<T, SourceError> {
        let now = Instant::now();
        let mut state = self.state();
        state.requests += 1;
        match &outcome {
            Ok(_) => state.answered(now.duration_since(sent)),
            // The endpoint is healthy; it only lacks the ledger.
            Err(SourceError::NodeBehind { latest, .. }) => {
                state.answered(now.duration_since(sent));
                state.saw(*latest, None);
            }
            Err(SourceError::BehindRetention { oldest, .. }) => {
                state.answered(now.duration_since(sent));
                state.oldest = Some(*oldest);
            }
            // The endpoint may be right about one contract, and answers for all others.
            Err(SourceError::Transient { reason: reason @ TransientReason::NoContract, .. }) => {
                state.answered(now.duration_since(sent));
                state.last_failure = Some(reason.as_str());
            }
            Err(SourceError::Transient { reason, retry_after, detail }) => {
                let checked = state.checked;
                state.failed(reason.as_str());
                if *reason == TransientReason::RateLimited {
                    // It answers, and says that it was asked too often: asking it who it is would make that worse.
                    state.checked = checked;
                }
                state.passing = Some((*reason, detail.clone()));
                state.shut(now, *retry_after);
            }
            Err(SourceError::Permanent { .. }) => state.failed("refused"),
            Err(failure @ (SourceError::NoTransactionMeta { .. } | SourceError::UnknownForm { .. })) => {
                let is_unknown = matches!(failure, SourceError::UnknownForm { .. });
                state.failed(if is_unknown { "unknown form" } else { "no metadata" });
                state.becomes_unusable(failure, now);
                warn!("the {} {} cannot be used: {failure}", self.node.kind(), self.host);
            }
            Err(SourceError::LedgerMissing { .. }) => {}
            Err(SourceError::OtherNetwork { .. } | SourceError::OtherChain { .. }) => state.failed("another chain"),
        }
        let wait = state.breaker.wait(now);
        outcome.map_err(|failure| self.named(failure, wait))
    }

    /// Adds the endpoint's host, and the time until it may be asked again, to a failure.
    fn named(&self, failure: SourceError, retry_after: Option<Duration>) -> SourceError {
        let detailed = |detail: String| format!("{}: {detail}", self.host);
        match failure {
            SourceError::Transient { reason, detail, .. } => {
                SourceError::Transient { reason, retry_after, detail: detailed(detail) }
            }
            SourceError::Permanent { detail } => SourceError::Permanent { detail: detailed(detail) },
            SourceError::UnknownForm { detail } => SourceError::UnknownForm { detail: detailed(detail) },
            other => other,
        }
    }

    /// Records a request that was too slow while other endpoints answered, and returns it as a failure.
    pub(super) fn give_up(&self, sent: Instant) -> SourceError {
        let slow = SourceError::transient(TransientReason::Timeout, "no answer while another endpoint answered");
        self.settle::<()>(Err(slow), sent).expect_err("settling keeps a failure a failure")
    }

    /// Returns the endpoint's health.
    pub(super) fn health(&self, now: Instant) -> EndpointHealth {
        self.state().health(self.host.clone(), now)
    }
}
