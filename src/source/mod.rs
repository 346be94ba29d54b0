//! Where facts come from outside: Stellar RPC. The only home of `reqwest`.
//!
//! Every failure is sorted here, once, into what a caller can do about it; nothing is retried here.

mod args;
mod error;
mod events;
mod rpc;
mod wire;

pub use args::SourceArgs;
pub use error::{SourceError, TransientReason};
pub use events::{ChainSource, EventPage, EventsFrom};
pub use rpc::StellarRpc;
