//! Whether an endpoint serves our network and our chain.

use std::time::Duration;

use tokio::time::{Instant, timeout};
use tracing::{info, warn};

use super::{Anchor, KnownChain, KnownClose, SourceError, endpoint::Endpoint};
use crate::domain::LedgerSequence;

/// An endpoint of another chain stays one until somebody changes something.
pub(super) const LOOK_AGAIN_AFTER: Duration = Duration::from_mins(5);
/// The version is nice to know and not waited for.
const VERSION_DEADLINE: Duration = Duration::from_secs(1);

/// How far it is known that the endpoint serves our chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Checked {
    Nothing,
    Passphrase,
    Chain,
}

/// What an endpoint says of a ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HashByAnchor {
    /// The ledger's hash in hex, none if the endpoint does not have it.
    pub(super) hash: Option<String>,
    /// Whether it has the anchor as we know it.
    pub(super) is_proven: bool,
}

impl Endpoint {
    /// Makes sure that the endpoint serves our network and our chain, if that is not known since it was last new.
    pub(super) async fn identify(&self) -> Result<(), SourceError> {
        let (checked, anchor, closed) = {
            let state = self.state();
            (state.checked, state.anchor.clone(), state.closed)
        };
        let needed = if anchor.is_some() || closed.is_some() { Checked::Chain } else { Checked::Passphrase };
        if checked >= needed {
            return Ok(());
        }
        if let Err(failure) = self.compare(anchor.as_deref(), closed).await {
            // Only what it serves makes it unusable: a refusal may be a proxy's that is gone in a moment. And what was
            // said about another anchor says nothing about this one.
            let is_another = matches!(failure, SourceError::OtherNetwork { .. } | SourceError::OtherChain { .. });
            if is_another && self.state().anchor == anchor {
                self.refuse(&failure);
            }
            return Err(failure);
        }
        let mut state = self.state();
        if state.anchor != anchor {
            return Ok(());
        }
        state.checked = needed;
        if state.unusable.take().is_some() {
            info!("the RPC endpoint {} can be used again", self.host);
        }
        Ok(())
    }

    async fn compare(&self, anchor: Option<&Anchor>, closed: Option<KnownClose>) -> Result<(), SourceError> {
        let (found, version) = tokio::join!(self.rpc.passphrase(), timeout(VERSION_DEADLINE, self.rpc.version()));
        let found = found?;
        {
            let mut state = self.state();
            state.passphrase = Some(found.clone());
            state.version = version.ok().and_then(Result::ok).or_else(|| state.version.take());
        }
        if *found != *self.network_passphrase {
            return Err(SourceError::OtherNetwork { found, wanted: self.network_passphrase.to_string() });
        }
        self.refuse_another_chain(anchor, closed).await
    }

    /// Compares the anchor, and where the endpoint does not have it, its tip: a chain that started over is shorter and
    /// younger. A node that is behind is shorter and older.
    ///
    /// # Errors
    /// [`SourceError::OtherChain`].
    async fn refuse_another_chain(
        &self,
        anchor: Option<&Anchor>,
        closed: Option<KnownClose>,
    ) -> Result<(), SourceError> {
        if let Some(anchor) = anchor
            && self.has(anchor).await?
        {
            return Ok(());
        }
        let Some((ledger, closed_at)) = closed else { return Ok(()) };
        let tip = self.rpc.tip().await?;
        match tip.closed_at {
            Some(tip_closed_at) if tip.sequence <= ledger && tip_closed_at > closed_at => {
                Err(SourceError::OtherChain {
                    ledger: tip.sequence,
                    expected: format!("closed by {closed_at}"),
                    found: format!("closed at {tip_closed_at}"),
                })
            }
            _ => Ok(()),
        }
    }

    /// Returns the hash of a ledger, with whether the endpoint has the anchor as we know it. The anchor is asked for last,
    /// so that a hash from another chain is never followed by a right one of the anchor.
    pub(super) async fn hash_by_the_anchor(&self, sequence: LedgerSequence) -> Result<HashByAnchor, SourceError> {
        let hash = self.rpc.ledger_hash(sequence).await?;
        let anchor = self.state().anchor.clone();
        let is_proven = match anchor {
            None => false,
            Some(anchor) => self.has(&anchor).await?,
        };
        Ok(HashByAnchor { hash, is_proven })
    }

    /// Returns whether the endpoint has the anchor's ledger, false if it is not kept or not there yet.
    ///
    /// # Errors
    /// [`SourceError::OtherChain`] if it has another one of that number.
    async fn has(&self, anchor: &Anchor) -> Result<bool, SourceError> {
        match self.rpc.ledger_hash(anchor.sequence).await? {
            Some(found) if !found.eq_ignore_ascii_case(&anchor.hash) => {
                Err(SourceError::OtherChain { ledger: anchor.sequence, expected: anchor.hash.clone(), found })
            }
            found => Ok(found.is_some()),
        }
    }

    fn refuse(&self, failure: &SourceError) {
        warn!("the RPC endpoint {} cannot be used: {failure}", self.host);
        let mut state = self.state();
        state.breaker.shut(Instant::now(), LOOK_AGAIN_AFTER);
        state.unusable = Some(failure.clone());
    }

    /// Asks, whatever is known of the endpoint, whether it serves another chain than the one that is indexed: another
    /// hash of a ledger, or a tip that is not after a ledger and closed later than that.
    pub(super) async fn is_on_another_chain(&self, chain: &KnownChain) -> Result<bool, SourceError> {
        let found = self.rpc.passphrase().await?;
        if *found != *self.network_passphrase {
            return Err(SourceError::OtherNetwork { found, wanted: self.network_passphrase.to_string() });
        }
        match self.refuse_another_chain(chain.anchor.as_ref(), chain.closed).await {
            Ok(()) => Ok(false),
            Err(SourceError::OtherChain { .. }) => Ok(true),
            Err(failure) => Err(failure),
        }
    }
}
