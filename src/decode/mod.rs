//! XDR to domain: the contract's events by a table, and its storage. The only home of `stellar-xdr` beside the
//! devnet.
//!
//! Nothing here stops on what it reads: bytes that do not decode are a [`Refusal`] with its reason.

mod assemble;
mod entry;
mod event;
mod refusal;
mod table;
mod value;

pub use entry::{StreamEntry, decode_stream_entry};
pub use event::{Decoded, decode_event};
pub use refusal::Refusal;
