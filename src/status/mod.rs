//! The condition of the index: how far it is, how fresh it is, and why it cannot be relied on. This module reads the
//! store and judges; its users decide how to show it.

mod facts;
mod reasons;
mod tip;

pub use facts::{ContractFacts, Hole, LATEST_UPGRADES, furthest_behind, worst_report};
pub use reasons::reasons;
