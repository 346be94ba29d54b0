//! An endpoint that belongs to another chain for a while, beside one with failures that do not go away by themselves.

use flowfi_indexer::devnet::Fault;
use rand::Rng;

use crate::world::World;

impl World<'_> {
    /// Moves the stray endpoint to another chain or back, or makes the other endpoint refuse. Only after a ledger that
    /// identifies the chain is known.
    pub async fn let_it_stray(&mut self) {
        let Some(stray) = self.abilities.stray else { return };
        let network = self.control().network().await.unwrap();
        if network.is_none_or(|network| network.known.is_none()) || !self.is_settled().await {
            return;
        }
        match self.rng.random_range(0..4) {
            0 => {
                self.chain.devnet.clear_faults_at(stray.endpoint);
                self.epochs.has_caught_up(stray.endpoint);
                self.stray_is_back();
                self.tell(format!("{} is back on the chain", stray.endpoint));
            }
            1 if !self.is_astray => {
                self.is_astray = true;
                self.chain.devnet.inject_at(stray.endpoint, Fault::OtherChain, None).unwrap();
                self.tell(format!("{} is on another chain", stray.endpoint));
            }
            _ => {
                let times = self.rng.random_range(1..4);
                let not_found = Fault::Status { status: 404, retry_after_seconds: None };
                self.chain.devnet.inject_at(stray.flaky, not_found, Some(times)).unwrap();
                self.tell(format!("{} answers 404, times {times}", stray.flaky));
            }
        }
    }

    pub const fn stray_is_back(&mut self) {
        self.is_astray = false;
    }
}
