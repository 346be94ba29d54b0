//! flowfi-indexer: follows Soroban payment-stream contracts, keeps their streams in PostgreSQL, and tells subscribers
//! what happened over server-sent events.
//!
//! The way of one contract event, and the files to read in this order:
//!
//! 1. [`source`] asks the first of several Stellar RPC endpoints that answers for a page of raw events
//!    (`source/pool.rs`, `source/rpc.rs`); whole ledgers come from a lake or `getLedgers` (`source/ledgers.rs`).
//! 2. [`ingest`] decides when to ask and what a failure means (`ingest/follower.rs`), and fills holes
//!    (`ingest/hole.rs`). A contract that is added to others joins them once its past is written (`ingest/join.rs`).
//!    Beside that, records are slowly checked against the chain (`ingest/record_checks.rs`).
//! 3. [`decode`] turns XDR into a [`domain::StreamEvent`] by a table (`decode/table.rs`, `decode/event.rs`).
//! 4. [`ingest`] cuts whole transactions into batches (`ingest/batcher.rs`).
//! 5. [`store`] commits a batch: event rows, stream records, quarantine, coverage and cursor together
//!    (`store/commit.rs`); late rows fold their streams again (`store/repair.rs`).
//! 6. [`feed`] reads what was committed (`feed/tailer.rs`), finds who is concerned (`feed/hub.rs`), and leads each
//!    subscriber from its last id into live (`feed/subscription.rs`).
//! 7. [`http`] writes it as server-sent events (`http/sse/`, `http/subscribe.rs`) and answers queries; [`auth`] says who may read
//!    what (`auth/access.rs`).
//!
//! [`domain`] is the ground under all of it: the stream record and its fold are in `crates/domain/src/stream_record.rs`,
//! what a record means at a moment in `crates/domain/src/accrual.rs`. `crates/devnet` is a local Stellar network to try it
//! on, [`app`] puts the parts together, [`lifecycle`] starts and stops them. `tests/it/architecture.rs` holds who may import
//! whom.

#[cfg(feature = "devnet")]
pub use flowfi_devnet as devnet;
pub use flowfi_domain as domain;

pub mod app;
pub mod auth;
pub mod config;
pub mod decode;
pub mod feed;
pub mod http;
pub mod ingest;
pub mod lifecycle;
pub mod postgres;
pub mod source;
pub mod store;
pub mod telemetry;
