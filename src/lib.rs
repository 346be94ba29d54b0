//! flowfi-indexer: follows a Soroban payment-stream contract, keeps its streams in `PostgreSQL`, and tells
//! subscribers what happened over server-sent events.

pub mod decode;
pub mod devnet;
pub mod domain;
