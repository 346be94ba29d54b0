//! The ledgers that the server owns up to in one reply.

use std::sync::Arc;

use super::super::{chain::Ledger, faults::Met, network::Network};
use crate::domain::LedgerSequence;

/// The oldest and the newest ledger of a reply.
pub(super) struct View {
    pub(super) oldest: Arc<Ledger>,
    pub(super) latest: Arc<Ledger>,
}

impl View {
    /// Returns the ledgers that the network has, as far as the faults let them be seen.
    pub(super) fn of(network: &Network, met: &Met) -> Self {
        let (tip, floor) = (network.latest().sequence, network.oldest().sequence);
        let latest = LedgerSequence(tip.0.saturating_sub(met.ledgers_behind)).max(floor);
        let kept =
            met.retention_ledgers.map_or(floor, |kept| LedgerSequence(tip.0.saturating_sub(kept).saturating_add(1)));
        let oldest = kept.max(floor).min(latest);
        let held = |sequence| Arc::clone(network.chain.ledger(sequence).unwrap_or_else(|| network.latest()));
        Self { oldest: held(oldest), latest: held(latest) }
    }

    /// Returns whether a ledger is among them.
    pub(super) fn contains(&self, sequence: LedgerSequence) -> bool {
        (self.oldest.sequence..=self.latest.sequence).contains(&sequence)
    }
}
