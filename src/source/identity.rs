//! Checks that an endpoint serves our network and our chain, and how sure of that we must be before we trust it.

use std::sync::Arc;

use tokio::time::{Instant, timeout};
use tracing::{info, warn};

use super::{
    Anchor, KnownChain, KnownClose, LedgerMark, SourceError,
    endpoint::{Endpoint, SLOW_AFTER},
    horizon::Introduction,
    state::{AnchorEvidence, Checked},
};
use crate::domain::LedgerSequence;

/// The proof that an endpoint must give that it serves our chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// An endpoint that lacks the identifying ledger is asked only if no other endpoint may have that ledger.
    WhereThereIs,
    /// An endpoint that lacks the identifying ledger is never asked.
    Always,
}

impl Proof {
    /// Checks that an endpoint serves our chain. `all` are the endpoints of the pool; one of them may have better
    /// proof.
    pub(super) async fn make_sure_of(self, endpoint: &Endpoint, all: &[Arc<Endpoint>]) -> Result<(), SourceError> {
        endpoint.identify().await?;
        if !endpoint.shows_only_others() {
            return Ok(());
        }
        for other in all.iter().filter(|other| other.may_be_asked_for_the_anchor(Instant::now())) {
            // An endpoint that does not answer now may answer later.
            let _ = timeout(SLOW_AFTER, other.identify()).await;
        }
        if self == Self::Always || all.iter().any(|other| other.may_show_the_anchor()) {
            return Err(SourceError::unknown_chain("it does not have the ledger that identifies the chain"));
        }
        Ok(())
    }
}

/// What an endpoint says of a ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HashByAnchor {
    /// The ledger's hash in hex; `None` if the endpoint does not have the ledger.
    pub(super) hash: Option<String>,
    /// Whether the endpoint has the anchor as we know it.
    pub(super) is_proven: bool,
}

impl Endpoint {
    /// Checks that the endpoint serves our network and our chain, unless it was checked before.
    pub(super) async fn identify(&self) -> Result<(), SourceError> {
        let (checked, anchor, closed) = {
            let state = self.state();
            (state.checked, state.anchor.clone(), state.closed)
        };
        let needed = if anchor.is_some() || closed.is_some() { Checked::Chain } else { Checked::Passphrase };
        if checked >= needed {
            return Ok(());
        }
        let shown = match self.compare(anchor.as_deref(), closed).await {
            Ok(shown) => shown,
            Err(failure) => return Err(self.refused(failure, anchor.as_deref())),
        };
        let mut state = self.state();
        if state.anchor != anchor {
            return Ok(());
        }
        state.checked = needed;
        state.shown = shown;
        if state.unusable.take_if(|why| why.is_of_another_chain()).is_some() {
            info!("the {} {} can be used again", self.node.kind(), self.host);
        }
        Ok(())
    }

    /// Records a failure to identify the endpoint, and returns it.
    fn refused(&self, failure: SourceError, anchor: Option<&Anchor>) -> SourceError {
        // Only what it serves makes it unusable: a refusal may come from a proxy and pass in a moment. And what holds
        // for another anchor says nothing about this one.
        if failure.is_of_another_chain() && self.state().anchor.as_deref() == anchor {
            self.refuse(&failure);
        }
        failure
    }

    /// Returns whether the endpoint may still have the ledger that identifies the chain: it has shown the ledger or has
    /// not been asked yet, and it has not been away for long.
    pub(super) fn may_show_the_anchor(&self) -> bool {
        let state = self.state();
        let may = state.unusable.is_none() && matches!(state.shown, AnchorEvidence::Nothing | AnchorEvidence::Anchor);
        drop(state);
        may && !self.is_long_gone()
    }

    /// Returns whether the endpoint has not been asked for the anchor yet and can be asked now.
    pub(super) fn may_be_asked_for_the_anchor(&self, now: Instant) -> bool {
        let is_new = self.state().shown == AnchorEvidence::Nothing;
        is_new && self.reason_to_wait(now).is_none()
    }

    pub(super) fn shows_only_others(&self) -> bool {
        self.state().shown == AnchorEvidence::Others
    }

    async fn compare(
        &self,
        anchor: Option<&Anchor>,
        closed: Option<KnownClose>,
    ) -> Result<AnchorEvidence, SourceError> {
        let Introduction { passphrase: found, version } = self.node.introduction().await?;
        {
            let mut state = self.state();
            state.passphrase = Some(found.clone());
            state.runs(version);
        }
        if *found != *self.network_passphrase {
            return Err(SourceError::OtherNetwork { found, wanted: self.network_passphrase.to_string() });
        }
        self.refuse_another_chain(anchor, closed).await
    }

    /// Compares the anchor or, if the endpoint does not have it, its tip: a chain that started over is shorter and
    /// younger. A node that is behind is shorter and older.
    ///
    /// # Errors
    /// [`SourceError::OtherChain`].
    async fn refuse_another_chain(
        &self,
        anchor: Option<&Anchor>,
        closed: Option<KnownClose>,
    ) -> Result<AnchorEvidence, SourceError> {
        match anchor {
            Some(anchor) if self.has(anchor).await? => return Ok(AnchorEvidence::Anchor),
            None if closed.is_none() => return Ok(AnchorEvidence::Unknown),
            _ => {}
        }
        let tip = self.node.tip().await?;
        if let (Some((ledger, closed_at)), Some(tip_closed_at)) = (closed, tip.closed_at)
            && tip.sequence <= ledger
            && tip_closed_at > closed_at
        {
            return Err(SourceError::OtherChain {
                ledger: tip.sequence,
                expected: LedgerMark::ClosedBy(closed_at),
                found: LedgerMark::ClosedAt(tip_closed_at),
            });
        }
        let has_others = anchor.is_some_and(|anchor| !(tip.oldest..=tip.sequence).contains(&anchor.sequence));
        Ok(if has_others { AnchorEvidence::Others } else { AnchorEvidence::Unknown })
    }

    /// Returns the hash of a ledger, and whether the endpoint has the anchor as we know it. The anchor is requested
    /// last, so that a hash from another chain is never followed by the right hash of the anchor.
    pub(super) async fn hash_by_the_anchor(&self, sequence: LedgerSequence) -> Result<HashByAnchor, SourceError> {
        let hash = self.node.ledger_hash(sequence).await?;
        let anchor = self.state().anchor.clone();
        let is_proven = match anchor {
            None => false,
            Some(anchor) => self.has(&anchor).await?,
        };
        Ok(HashByAnchor { hash, is_proven })
    }

    /// Returns whether the endpoint has the anchor's ledger; false if it is no longer or not yet there.
    ///
    /// # Errors
    /// [`SourceError::OtherChain`] if the endpoint has a different ledger with that number.
    async fn has(&self, anchor: &Anchor) -> Result<bool, SourceError> {
        match self.node.ledger_hash(anchor.sequence).await? {
            Some(found) if !found.eq_ignore_ascii_case(&anchor.hash) => {
                let (expected, found) = (LedgerMark::Hash(anchor.hash.clone()), LedgerMark::Hash(found));
                Err(SourceError::OtherChain { ledger: anchor.sequence, expected, found })
            }
            found => Ok(found.is_some()),
        }
    }

    fn refuse(&self, failure: &SourceError) {
        warn!("the {} {} cannot be used: {failure}", self.node.kind(), self.host);
        self.state().becomes_unusable(failure, Instant::now());
    }

    /// Asks the endpoint, whatever is known about it, whether it serves another chain than the indexed one: one with
    /// another hash for a ledger, or one whose tip is not after a ledger but closed later than that ledger.
    pub(super) async fn is_on_another_chain(&self, chain: &KnownChain) -> Result<bool, SourceError> {
        let found = self.node.introduction().await?.passphrase;
        if *found != *self.network_passphrase {
            return Err(SourceError::OtherNetwork { found, wanted: self.network_passphrase.to_string() });
        }
        match self.refuse_another_chain(chain.anchor.as_ref(), chain.closed).await {
            Ok(_) => Ok(false),
            Err(SourceError::OtherChain { .. }) => Ok(true),
            Err(failure) => Err(failure),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rand::{SeedableRng, rngs::StdRng};

    use super::*;
    use crate::source::{StellarRpc, TransientReason, node::Node};

    fn endpoint() -> Endpoint {
        let rpc = StellarRpc::new("http://127.0.0.1:1").unwrap();
        Endpoint::new(Node::Rpc(rpc), "ours".into(), StdRng::seed_from_u64(1))
    }

    fn other_network() -> SourceError {
        SourceError::OtherNetwork { found: "theirs".to_owned(), wanted: "ours".to_owned() }
    }

    /// Whether it is left alone for 30 s from the time before to the time after something, and for no longer.
    fn is_left_alone_for_half_a_minute(endpoint: &Endpoint, (before, after): (Instant, Instant)) -> bool {
        let (almost, half_a_minute) = (Duration::from_millis(29_999), Duration::from_secs(30));
        endpoint.reason_to_wait(before + almost).is_some() && endpoint.reason_to_wait(after + half_a_minute).is_none()
    }

    #[test]
    fn an_endpoint_on_another_chain_is_looked_at_again_after_half_a_minute() {
        let endpoint = endpoint();
        let before = Instant::now();
        endpoint.refused(other_network(), None);
        assert!(is_left_alone_for_half_a_minute(&endpoint, (before, Instant::now())));
    }

    #[test]
    fn an_endpoint_on_another_chain_that_then_fails_is_looked_at_again_after_half_a_minute() {
        let endpoint = endpoint();
        endpoint.refused(other_network(), None);
        let before = Instant::now();
        let failed = SourceError::transient(TransientReason::Network, "no answer");
        endpoint.settle::<()>(Err(failed), before).unwrap_err();
        assert!(is_left_alone_for_half_a_minute(&endpoint, (before, Instant::now())));
    }
}
