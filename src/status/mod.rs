//! How the index is doing: how far it is, how fresh, and why it is not to be relied on. It reads the store and judges;
//! how that is shown is for its users to say.

mod facts;
mod reasons;

pub use facts::{ContractFacts, Hole, LATEST_UPGRADES, furthest_behind, worst_report};
pub use reasons::reasons;
