//! Where facts come from outside: Stellar RPC, the ledger data lake, and Horizon as a cross-check. The only home of `reqwest`.
//!
//! Every failure is sorted here, once, into what a caller can do about it. Only single reads of whole ledgers are
//! retried here, a few times; everything else is retried by the caller.

mod args;
mod error;
mod events;
mod get_ledgers;
mod horizon;
mod lake;
mod ledgers;
mod retry;
mod rpc;
mod wire;

pub use args::SourceArgs;
pub use error::{SourceError, TransientReason};
pub use events::{ChainSource, EventPage, EventsFrom};
pub use get_ledgers::{LedgerPage, PackedLedger};
pub use horizon::{EventDifference, Horizon};
pub use lake::Lake;
pub use ledgers::{LedgerEvents, WholeLedgers};
pub use rpc::StellarRpc;
