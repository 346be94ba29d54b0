//! Where facts come from outside: Stellar RPC, the ledger data lake, and Horizon. The only home of `reqwest`.
//!
//! Every failure is classified here, once, by what a caller can do about it. A pool of endpoints (`pool.rs`) moves on
//! to the next endpoint at once. Only single reads of whole ledgers are retried here, a few times; all other waiting
//! and retrying is up to the caller.

mod args;
mod breaker;
mod chain;
mod close_times;
mod endpoint;
mod entries;
mod error;
mod events;
mod facts;
mod get_ledgers;
mod health;
mod horizon;
mod identity;
mod key_set;
mod lake;
mod ledgers;
mod node;
mod packed;
mod page_size;
mod pages;
mod pool;
mod requests;
mod retry;
mod rpc;
mod shape;
mod state;
mod verdict;
mod whole_pages;
mod wire;

pub use args::{HorizonArgs, SourceArgs};
pub use error::{LedgerMark, SourceError, TransientReason};
pub use events::{EventPage, EventsFrom};
pub use facts::{Anchor, FoundEntry, KnownChain, KnownClose, LedgerEntries, Tip};
pub use get_ledgers::LedgerPage;
pub use health::{EndpointHealth, EndpointState, EntriesHealth};
pub use horizon::{EventDifference, Horizon};
pub use identity::Proof;
pub use key_set::KeySetAddress;
pub use lake::Lake;
pub use ledgers::{LedgerEvents, WholeLedgers};
pub use packed::PackedLedger;
pub use pool::{EndpointPool, SecondOpinion, SecondOpinions};
pub use rpc::StellarRpc;
pub use shape::{EndpointShape, IdForm, Interface};
