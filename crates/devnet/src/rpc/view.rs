//! The ledgers that the server admits to having in one reply.

use std::sync::Arc;

use stellar_xdr::LedgerHeader;

use crate::{
    chain::{Chain, Ledger},
    faults::Met,
    hash::Hash,
    header,
    network::Network,
};
use flowfi_domain::LedgerSequence;

/// The oldest and the newest ledger of a reply.
pub(super) struct View {
    pub(super) oldest: Arc<Ledger>,
    pub(super) latest: Arc<Ledger>,
}

impl View {
    /// Returns the ledgers of the network, as far as the faults allow.
    pub(super) fn of(network: &Network, met: &Met) -> Self {
        let (tip, floor) = (network.latest().sequence, network.oldest().sequence);
        let latest = LedgerSequence(tip.0.saturating_sub(met.ledgers_behind)).max(floor);
        let kept =
            met.retention_ledgers.map_or(floor, |kept| LedgerSequence(tip.0.saturating_sub(kept).saturating_add(1)));
        let oldest = kept.max(floor).min(latest);
        let held = |sequence| Arc::clone(network.chain.ledger(sequence).unwrap_or_else(|| network.latest()));
        Self { oldest: held(oldest), latest: held(latest) }
    }

    /// Returns whether a ledger is in the range.
    pub(super) fn contains(&self, sequence: LedgerSequence) -> bool {
        (self.oldest.sequence..=self.latest.sequence).contains(&sequence)
    }
}

/// The previous hash that the oldest ledger of another chain would have.
const OTHER_PAST: Hash = [0xEE; 32];

/// Returns the headers of stored ledgers from `first` to `last`, as the server reports them. On another chain every
/// ledger has another hash, including the previous hash that it names; those are computed from the oldest ledger on.
pub(super) fn seen_headers(chain: &Chain, first: LedgerSequence, last: LedgerSequence, met: &Met) -> Vec<LedgerHeader> {
    if !met.other_chain {
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
