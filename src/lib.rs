//! flowfi-indexer: follows a Soroban payment-stream contract, keeps its streams in `PostgreSQL`, and tells
//! subscribers what happened over server-sent events.

pub mod decode;
pub mod devnet;
pub mod domain;
pub mod feed;
pub mod http;
pub mod ingest;
pub mod lifecycle;
pub mod source;
pub mod store;
pub mod telemetry;
