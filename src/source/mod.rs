//! Where facts come from outside: Stellar RPC. The only home of `reqwest`.
//!
//! Every failure is sorted here, once, into what a caller can do about it. A pool of endpoints (`pool.rs`) turns to the
//! next one at once; waiting and asking again is the caller's.

mod args;
mod breaker;
mod endpoint;
mod error;
mod events;
mod facts;
mod health;
mod page_size;
mod pool;
mod rpc;
mod verdict;
mod wire;

pub use args::SourceArgs;
pub use error::{SourceError, TransientReason};
pub use events::{EventPage, EventsFrom};
pub use facts::{Anchor, FoundEntry, LedgerEntries, Tip};
pub use health::{EndpointHealth, EndpointState};
pub use pool::EndpointPool;
pub use rpc::StellarRpc;
