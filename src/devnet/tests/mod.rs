//! The contract against what the real one did in the Soroban host, and the network as its users meet it.

mod fixtures;
