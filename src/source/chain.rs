//! Finds out which chain the endpoints of a pool serve, and whether it is ours.

use std::{sync::Arc, time::Duration};

use super::{
    Anchor, EndpointPool, KnownChain, Proof, SourceError, Tip, TransientReason,
    endpoint::{Endpoint, SLOW_AFTER},
};
use crate::{domain::LedgerSequence, xdr::LedgerHeader};

/// How long to wait for the remaining endpoints when all of them should be heard.
const PATIENCE: Duration = Duration::from_secs(5);

impl EndpointPool {
    /// Returns the newest ledger that every endpoint has, with its close time if an endpoint gives it, and whether
    /// every endpoint answered. If the endpoints have no ledger in common, returns the newest one of the preferred
    /// endpoint. If no endpoint gives hashes, there is no anchor.
    ///
    /// # Errors
    /// A classified [`SourceError`] if no endpoint answers, or if the endpoints disagree on the hash.
    pub async fn common_ledger(&self) -> Result<(KnownChain, bool), SourceError> {
        let tip = |endpoint: Arc<Endpoint>| async move { Ok((endpoint.tip().await?, endpoint)) };
        let mut tips = self.ask_all(PATIENCE, tip).await?;
        let place = |wanted: &Arc<Endpoint>| self.endpoints.iter().position(|endpoint| Arc::ptr_eq(endpoint, wanted));
        tips.sort_by_key(|(_, endpoint)| place(endpoint));
        let all_were_heard = tips.len() == self.endpoints.len();
        let lowest = tips.iter().map(|(tip, _)| *tip).min_by_key(|tip| tip.sequence).expect("there is an answer");
        let sequence = lowest.sequence;
        let hash = |endpoint: Arc<Endpoint>| async move { endpoint.node.ledger_hash(sequence).await };
        let hashes = self.ask_all(PATIENCE, hash).await?;
        let all_have_it = hashes.iter().all(Option::is_some);
        if let Some(hash) = the_same(sequence, hashes.into_iter().flatten())?
            && all_have_it
        {
            return Ok((known_by(lowest, Some(hash)), all_were_heard));
        }
        for (tip, endpoint) in &tips {
            if let Some(hash) = endpoint.node.ledger_hash(tip.sequence).await? {
                return Ok((known_by(*tip, Some(hash)), all_were_heard));
            }
        }
        Ok((known_by(tips[0].0, None), all_were_heard))
    }

    /// Returns the header of a ledger of our chain, proven as `proof` demands; `None` if the answering endpoint does
    /// not have the ledger or gives no headers.
    ///
    /// # Errors
    /// A classified [`SourceError`]; a disagreement if no endpoint can be told apart from one of another chain.
    pub async fn header_of(&self, sequence: LedgerSequence, proof: Proof) -> Result<Option<LedgerHeader>, SourceError> {
        let header = |endpoint: Arc<Endpoint>| async move { endpoint.node.ledger_header(sequence).await };
        self.ask(Some(sequence), proof, header).await
    }

    /// Returns the hash of a ledger of our chain in hex; `None` if no answering endpoint has it. Each endpoint is also
    /// asked for the anchor again, so that one that has changed chains since it was identified does not count. If there
    /// is no anchor yet, or it is older than everything that the endpoints keep, they must all agree.
    ///
    /// # Errors
    /// A classified [`SourceError`] if no endpoint answers, or if it is unknown which chain is ours: two endpoints have
    /// different hashes, or no endpoint has the anchor and one does not answer.
    pub async fn ledger_hash(&self, sequence: LedgerSequence) -> Result<Option<String>, SourceError> {
        let hash = |endpoint: Arc<Endpoint>| async move { endpoint.hash_by_the_anchor(sequence).await };
        let answers = self.ask_all(SLOW_AFTER, hash).await?;
        let is_proven = answers.iter().any(|answer| answer.is_proven);
        let long_gone = self.endpoints.iter().filter(|endpoint| endpoint.is_long_gone()).count();
        if !is_proven && answers.len() + long_gone < self.endpoints.len() {
            let detail = "no endpoint has the ledger that identifies the chain, and not all of them answer";
            return Err(SourceError::unknown_chain(detail));
        }
        the_same(sequence, answers.into_iter().filter_map(|answer| answer.hash))
    }

    /// Asks every endpoint, even one that is being left alone, whether it serves another chain than the indexed one.
    /// Returns the host of the first endpoint that serves the indexed chain; `None` if all of them serve another one.
    ///
    /// # Errors
    /// The classified [`SourceError`] of an endpoint that cannot say, with its host.
    pub async fn who_serves(&self, chain: &KnownChain) -> Result<Option<&str>, SourceError> {
        for endpoint in self.endpoints.iter() {
            let is_another = endpoint.is_on_another_chain(chain).await;
            if !is_another.map_err(|failure| failure.about(&endpoint.host))? {
                return Ok(Some(&endpoint.host));
            }
        }
        Ok(None)
    }
}

fn known_by(tip: Tip, hash: Option<String>) -> KnownChain {
    KnownChain {
        anchor: hash.map(|hash| Anchor { sequence: tip.sequence, hash }),
        closed: tip.closed_at.map(|closed_at| (tip.sequence, closed_at)),
    }
}

/// Returns a ledger's hash if all agree on it.
fn the_same(sequence: LedgerSequence, mut hashes: impl Iterator<Item = String>) -> Result<Option<String>, SourceError> {
    let Some(first) = hashes.next() else { return Ok(None) };
    if hashes.any(|other| !other.eq_ignore_ascii_case(&first)) {
        let detail = format!("the endpoints serve different chains: they have different hashes of ledger {sequence}");
        return Err(SourceError::transient(TransientReason::Disagreement, detail));
    }
    Ok(Some(first))
}
