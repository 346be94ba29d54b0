//! The ledgers that the server admits to having in one reply.

use std::sync::Arc;

use stellar_xdr::LedgerHeader;

use crate::{
    chain::{Chain, Ledger},
    faults::InjectedFaults,
    hash::Hash,
    header,
    network::Network,
};
use flowfi_domain::LedgerSequence;

/// The oldest and the newest ledger of a reply.
pub(crate) struct View {
    pub(crate) oldest: Arc<Ledger>,
    pub(crate) latest: Arc<Ledger>,
}

impl View {
    /// Returns the ledgers that the network has, as far as the faults let them be seen.
    pub(crate) fn of(network: &Network, injected: &InjectedFaults) -> Self {
        let (tip, floor) = (network.latest().sequence, network.oldest().sequence);
        let latest = LedgerSequence(tip.0.saturating_sub(injected.ledgers_behind)).max(floor);
        let kept = injected
            .retention_ledgers
            .map_or(floor, |kept| LedgerSequence(tip.0.saturating_sub(kept).saturating_add(1)));
        let oldest = kept.max(floor).min(latest);
        let held = |sequence| Arc::clone(network.chain.ledger(sequence).unwrap_or_else(|| network.latest()));
        Self { oldest: held(oldest), latest: held(latest) }
    }

    /// Returns whether a ledger is among them.
    pub(crate) fn contains(&self, sequence: LedgerSequence) -> bool {
        (self.oldest.sequence..=self.latest.sequence).contains(&sequence)
    }
}

/// The previous hash that the oldest ledger of another chain would have.
const OTHER_PAST: Hash = [0xEE; 32];

/// Returns the headers of held ledgers from `first` to `last` as the server tells them. On another chain every ledger
/// has another hash, and names the other hash of the one before: those are worked out from the oldest ledger on.
pub(crate) fn seen_headers(
    chain: &Chain,
    first: LedgerSequence,
    last: LedgerSequence,
    injected: &InjectedFaults,
) -> Vec<LedgerHeader> {
    if !injected.other_chain {
        return chain.range(first, last).map(|ledger| ledger.header()).collect();
    }
    let mut previous = OTHER_PAST;
    let mut headers = Vec::new();
    for ledger in chain.ledgers().take_while(|ledger| ledger.sequence <= last) {
        let header = ledger.header_after(previous);
        previous = header::hash_of(&header);
        if ledger.sequence >= first {
            headers.push(header);
        }
    }
    headers
}
