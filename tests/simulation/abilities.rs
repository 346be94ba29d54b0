//! The things that can happen in some worlds, in addition to those that happen in every one.

use flowfi_indexer::devnet::ContractCode;
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};

/// Separates the draw of the abilities from everything that is drawn from the same seed later.
const SALT: u64 = 0x5EED_AB1E;

/// The things that can happen in some worlds. A quarter of the seeds has none of them.
#[derive(Clone, Debug)]
pub struct Abilities {
    /// The network starts over.
    pub resets: bool,
    /// Somebody runs maintenance commands, and aborts them.
    pub maintenance: bool,
    /// An endpoint that belongs to another chain for a while, and another one that answers 404 meanwhile.
    pub stray: Option<Stray>,
    /// Connections fall silent, processes freeze, and the database is read-only for a moment.
    pub stalls: bool,
    /// The contract's second version is called too, and records are compared with the chain's entries. The contract starts
    /// with this code; the first one is replaced by the second at some point.
    pub second_version: Option<ContractCode>,
}

#[derive(Clone, Copy, Debug)]
pub struct Stray {
    pub endpoint: &'static str,
    pub flaky: &'static str,
}

impl Abilities {
    /// Draws the abilities from a separate generator, so that a seed without abilities keeps its history.
    pub fn of(seed: u64, endpoints: &[&'static str]) -> Self {
        let mut rng = StdRng::seed_from_u64(seed ^ SALT);
        let (resets, maintenance) = (rng.random_ratio(1, 3), rng.random_ratio(1, 2));
        let two: Vec<&'static str> = endpoints.choose_multiple(&mut rng, 2).copied().collect();
        let stray = rng.random_ratio(1, 4).then_some(two).and_then(|two| match *two {
            [endpoint, flaky] => Some(Stray { endpoint, flaky }),
            _ => None,
        });
        let stalls = rng.random_ratio(1, 6);
        let code = if rng.random() { ContractCode::A } else { ContractCode::B };
        let second_version = rng.random_ratio(1, 5).then_some(code);
        Self { resets, maintenance, stray, stalls, second_version }
    }

    /// Returns whether no step is special to this world.
    pub const fn is_empty(&self) -> bool {
        !self.resets && !self.maintenance && self.stray.is_none() && !self.stalls
    }

    /// Returns whether an indexer archives the index after a reset.
    pub const fn archives(&self) -> bool {
        self.resets || self.stray.is_some()
    }
}
