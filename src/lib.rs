//! flowfi-indexer: follows Soroban payment-stream contracts, keeps their streams in PostgreSQL, and tells subscribers
//! what happened over server-sent events.
//!
//! The path of one contract event, and the files to read in this order:
//!
//! 1. [`source`] asks Stellar RPC for a page of raw events: `source/pool.rs` picks an endpoint, `source/endpoint.rs` says
//!    whether it may be asked, `source/identity.rs` whether it serves our chain,
//!    `source/requests.rs` asks it, `source/rpc.rs` speaks to it. Whole ledgers come from a lake, a Horizon or
//!    `getLedgers` (`source/ledgers.rs`), and pages can be made of them (`source/whole_pages.rs`). What stands at an
//!    endpoint is in `source/node.rs`, the shape of its answers in `source/shape.rs`.
//! 2. [`ingest`] decides when to ask and what a failure means: `ingest/run.rs` is the indexer's life, `ingest/follower.rs`
//!    follows the source, `ingest/hole.rs` fills holes, `ingest/reset.rs` begins anew after a reset of the network. A
//!    contract that is added to others joins them once its past is written (`ingest/join.rs`). Beside that, records are
//!    compared with the chain's entries and corrected: those that changed at once, all others slowly
//!    (`ingest/record_checks.rs`).
//! 3. [`xdr`] turns XDR into a [`domain::StreamEvent`]: `xdr/event.rs`, by the table in `xdr/table.rs`; and an entry of a
//!    whole ledger (`xdr/ledger/contract_entries.rs`) into what the contract stores of a stream (`xdr/entry.rs`).
//! 4. [`ingest`] makes batches: `ingest/incoming.rs` is an event after decoding, `ingest/batcher.rs` cuts whole
//!    transactions into batches, `ingest/committer.rs` hands them to the store.
//! 5. [`store`] writes a batch: `store/prepare.rs` reads what it needs and folds records (`store/fold.rs`); an entry of a
//!    whole ledger is compared with its record (`store/judgments.rs`). `store/commit.rs` commits event rows
//!    (`store/event_columns.rs`), stream records (`store/stream_rows.rs`), quarantine, coverage and cursor together, as
//!    the one `store/writer.rs`. Late rows fold their streams again (`store/repair.rs`).
//! 6. [`feed`] reads what was committed (`feed/tailer.rs`, `feed/look.rs`, by `store/event_rows.rs`), finds the subscribers
//!    concerned (`feed/hub.rs`), and leads each from its last id (`feed/opening.rs`) into live (`feed/subscription.rs`). Redis
//!    may carry it from the indexer (`feed/relay.rs`) to the gateways (`feed/follow_redis.rs`).
//! 7. [`http`] writes it as server-sent events (`http/sse/`, `http/subscribe.rs`) and answers queries; [`auth`] says who
//!    may read what (`auth/access.rs`), and [`status`] whether the index is to be relied on (`status/reasons.rs`).
//!
//! [`domain`] is the ground under all of it: the stream record and its fold are in `crates/domain/src/stream_record.rs`,
//! what a record means at a moment in `crates/domain/src/accrual.rs`. `crates/devnet` is a local Stellar network to try it
//! on, [`postgres`] a private database server for it. [`app`] puts the parts together, [`lifecycle`] starts and stops them.
//! `tests/it/architecture.rs` holds which module and which file may import which.

#[cfg(feature = "devnet")]
pub use flowfi_devnet as devnet;
pub use flowfi_domain as domain;

pub mod app;
pub mod auth;
mod backoff;
pub mod config;
mod duration;
pub mod feed;
pub mod http;
pub mod ingest;
pub mod lifecycle;
pub mod postgres;
pub mod source;
pub mod status;
pub mod store;
pub mod telemetry;
pub mod xdr;
