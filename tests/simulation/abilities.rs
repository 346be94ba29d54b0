//! What can happen in a world besides what happens in every one.

use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};

/// Tells the draw of the abilities from all that is drawn of the same seed later.
const SALT: u64 = 0x5EED_AB1E;

/// What can happen in a world besides what happens in every one. A quarter of the seeds has nothing of it.
#[derive(Clone, Debug)]
pub struct Abilities {
    /// The network starts over.
    pub resets: bool,
    /// Somebody runs maintenance commands, and breaks them off.
    pub maintenance: bool,
    /// An endpoint that is of another chain for a while, and another one that answers 404 meanwhile.
    pub stray: Option<Stray>,
    /// Connections fall silent, processes freeze, and the database is read-only for a moment.
    pub stalls: bool,
}

#[derive(Clone, Copy, Debug)]
pub struct Stray {
    pub endpoint: &'static str,
    pub flaky: &'static str,
}

impl Abilities {
    /// Draws them by themselves, so that a seed without any has the same history as ever.
    pub fn of(seed: u64, endpoints: &[&'static str]) -> Self {
        let mut rng = StdRng::seed_from_u64(seed ^ SALT);
        let (resets, maintenance) = (rng.random_ratio(1, 3), rng.random_ratio(1, 2));
        let two: Vec<&'static str> = endpoints.choose_multiple(&mut rng, 2).copied().collect();
        let stray = rng.random_ratio(1, 4).then_some(two).and_then(|two| match *two {
            [endpoint, flaky] => Some(Stray { endpoint, flaky }),
            _ => None,
        });
        let stalls = rng.random_ratio(1, 6);
        Self { resets, maintenance, stray, stalls }
    }

    pub const fn is_empty(&self) -> bool {
        !self.resets && !self.maintenance && self.stray.is_none() && !self.stalls
    }

    /// Whether an indexer is told to archive what a reset left.
    pub const fn archives(&self) -> bool {
        self.resets || self.stray.is_some()
    }
}
