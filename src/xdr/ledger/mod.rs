//! Whole ledgers: `LedgerCloseMeta` in any of its wrappings to the ledger's header facts and its events, numbered as
//! Stellar RPC numbers them, and to the changes of contracts' entries.
//!
//! A ledger is looked at where it was read, on a thread with a large stack, and never leaves it: what is nested deep
//! enough to need that stack needs it again to be encoded and to be dropped.

mod contract_entries;
mod data_change;
mod data_key;
mod entry_changes;
mod error;
mod events;
mod evicted;
mod footprints;
mod form;
mod header;
mod numbering;
mod parts;
mod reader;
mod scan;
mod scanners;
mod steps;
mod transaction;
mod unpack;
mod wanted;

#[cfg(test)]
mod tests;

use base64::{Engine, prelude::BASE64_STANDARD};
use stellar_xdr::{LedgerCloseMeta, Limits, WriteXdr};

pub use entry_changes::{ChangeCause, EntryChange, LeftValue};
pub use error::{LedgerFault, LedgerInputError};
pub use events::LedgerEvent;
pub use header::{BrokenChain, LedgerHeader};
pub use parts::{LedgerParts, TransactionParts};
pub use reader::read_ledgers;
pub use scan::{LedgerContents, LedgerScan, scan_ledger};
pub use scanners::LedgerScanners;

/// Deep enough for the delegated authorizations of protocol 27, which other readers allow as deep.
const MAX_DEPTH: u32 = 1_500;
const MEBIBYTE: usize = 1 << 20;
/// How many mebibytes of XDR one ledger may have. Real ones have a few.
const MAX_LEDGER_MIB: usize = 256;

/// What the XDR of one ledger may cost.
const LIMITS: Limits = Limits { depth: MAX_DEPTH, len: MAX_LEDGER_MIB * MEBIBYTE };

/// A closed ledger with everything that happened in it.
#[derive(Debug)]
pub struct Ledger {
    header: LedgerHeader,
    meta: LedgerCloseMeta,
}

impl Ledger {
    /// Takes the ledger if its numbers have room in event ids and its close time in a calendar.
    fn new(meta: LedgerCloseMeta) -> Result<Self, LedgerFault> {
        let header = LedgerHeader::of(&meta)?;
        numbering::check_room(&meta, header.sequence)?;
        Ok(Self { header, meta })
    }

    /// Returns which ledger it is.
    #[must_use]
    pub fn header(&self) -> &LedgerHeader {
        &self.header
    }
}

/// Returns the XDR, in base64, of what was read from a ledger.
fn base64_of(read: &impl WriteXdr) -> String {
    BASE64_STANDARD.encode(read.to_xdr(LIMITS).expect("what was read within the limits is within them"))
}
