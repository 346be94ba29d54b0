//! What is known about an endpoint, kept under its lock.

use std::{sync::Arc, time::Duration};

use rand::rngs::StdRng;
use tokio::time::Instant;

use super::{
    Anchor, EndpointHealth, EndpointShape, EndpointState, KnownClose, SourceError, TransientReason, breaker::Breaker,
    page_size::PageSize,
};
use crate::domain::LedgerSequence;

/// An endpoint of another chain stays so until somebody changes it. It may be the only endpoint there is, so the change
/// must be noticed soon.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(30);

/// How much of the endpoint's identity has been checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Checked {
    Nothing,
    Passphrase,
    Chain,
}

/// Whether an endpoint has the ledger that identifies the chain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum AnchorEvidence {
    /// It has not been asked yet.
    #[default]
    Nothing,
    /// It has the ledger.
    Anchor,
    /// It only has later ledgers, or only earlier ones: it may be on any chain.
    Others,
    /// It gives no hashes.
    Unknown,
}

/// What is known about an endpoint.
#[derive(Debug)]
pub(super) struct State {
    pub(super) breaker: Breaker,
    pub(super) checked: Checked,
    pub(super) anchor: Option<Arc<Anchor>>,
    pub(super) shown: AnchorEvidence,
    pub(super) closed: Option<KnownClose>,
    /// Why the endpoint must not be used, while the breaker is shut for that reason.
    pub(super) unusable: Option<SourceError>,
    pub(super) page_size: PageSize,
    /// The newest ledger as last reported, and when.
    pub(super) tip: Option<(LedgerSequence, Instant)>,
    pub(super) oldest: Option<LedgerSequence>,
    pub(super) latency: Option<Duration>,
    pub(super) requests: u64,
    pub(super) failures: u64,
    pub(super) failures_in_a_row: u64,
    pub(super) last_failure: Option<&'static str>,
    /// The last transient failure, for callers that have to wait.
    pub(super) passing: Option<(TransientReason, String)>,
    pub(super) passphrase: Option<String>,
    pub(super) version: Option<String>,
    pub(super) shape: Option<EndpointShape>,
    /// Whether it was asked for its shape.
    pub(super) is_probed: bool,
}

impl State {
    /// Returns the state of an endpoint that has not been asked yet.
    pub(super) fn new(rng: StdRng) -> Self {
        Self {
            breaker: Breaker::new(rng),
            checked: Checked::Nothing,
            anchor: None,
            shown: AnchorEvidence::Nothing,
            closed: None,
            unusable: None,
            page_size: PageSize::default(),
            tip: None,
            oldest: None,
            latency: None,
            requests: 0,
            failures: 0,
            failures_in_a_row: 0,
            last_failure: None,
            passing: None,
            passphrase: None,
            version: None,
            shape: None,
            is_probed: false,
        }
    }

    pub(super) fn becomes_new(&mut self) {
        self.checked = Checked::Nothing;
        self.shown = AnchorEvidence::Nothing;
        if matches!(self.unusable, Some(SourceError::OtherChain { .. })) {
            self.unusable = None;
            self.breaker.succeed();
        }
    }

    /// Keeps what an answer shows of the endpoint's shape.
    pub(super) fn showed(&mut self, shape: EndpointShape) {
        self.shape = Some(shape.or(self.shape));
    }

    /// Keeps which version answers now. Another one than before may have another shape.
    pub(super) fn runs(&mut self, version: Option<String>) {
        if version.is_some() && version != self.version {
            (self.shape, self.is_probed) = (None, false);
            self.version = version;
        }
    }

    /// Returns whether the shape is to be asked for: no answer has shown it by itself.
    pub(super) fn has_hidden_its_shape(&self) -> bool {
        !self.is_probed && self.shape.is_none_or(|shape| shape.ids.is_none())
    }

    /// Leaves the endpoint alone until it is time to look again.
    pub(super) fn becomes_unusable(&mut self, why: &SourceError, now: Instant) {
        self.breaker.shut(now, LOOK_AGAIN_AFTER);
        self.unusable = Some(why.clone());
    }

    pub(super) fn answered(&mut self, took: Duration) {
        self.breaker.succeed();
        self.unusable = None;
        self.failures_in_a_row = 0;
        self.latency = Some(self.latency.map_or(took, |before| (before * 7 + took) / 8));
    }

    pub(super) fn shut(&mut self, now: Instant, asked: Option<Duration>) {
        if self.unusable.is_some() {
            self.breaker.shut(now, LOOK_AGAIN_AFTER);
        } else {
            self.breaker.fail(now, asked);
        }
    }

    /// Records a failure. After it, another server may answer at the same URL.
    pub(super) fn failed(&mut self, reason: &'static str) {
        self.checked = Checked::Nothing;
        self.failures += 1;
        self.failures_in_a_row += 1;
        self.last_failure = Some(reason);
    }

    /// Records which ledgers a reply reports. A node without the anchor's ledger may have started over.
    pub(super) fn saw(&mut self, latest: LedgerSequence, oldest: Option<LedgerSequence>) {
        self.tip = Some((latest, Instant::now()));
        self.oldest = oldest.or(self.oldest);
        let known = self.anchor.as_ref().map(|anchor| anchor.sequence).max(self.closed.map(|(ledger, _)| ledger));
        if known.is_some_and(|known| latest < known) {
            self.checked = Checked::Nothing;
        }
    }

    /// Returns the health of the endpoint at `host`.
    pub(super) fn health(&self, host: String, now: Instant) -> EndpointHealth {
        let milliseconds = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let wait = self.breaker.wait(now);
        let is = match (&self.unusable, wait) {
            (Some(_), _) => EndpointState::Unusable,
            (None, Some(_)) => EndpointState::Waiting,
            (None, None) => EndpointState::Ready,
        };
        EndpointHealth {
            host,
            state: is,
            retry_in_ms: wait.map(milliseconds),
            latency_ms: self.latency.map(milliseconds),
            requests: self.requests,
            failures: self.failures,
            failures_in_a_row: self.failures_in_a_row,
            last_failure: self.last_failure,
            latest_ledger: self.tip.map(|(latest, _)| latest),
            oldest_ledger: self.oldest,
            passphrase: self.passphrase.clone(),
            version: self.version.clone(),
            shape: self.shape,
            page_limit: self.page_size.limit(),
            window_ledgers: self.page_size.window_ledgers(),
            entries: None,
        }
    }
}
