//! A contract's entries in the live state of the ledger, and how a transaction changes them.

use super::storage::{Entry, EntryKey};
use flowfi_domain::{ContractId, LedgerSequence};

/// An entry in the live state.
#[derive(Clone, Debug)]
pub(super) struct LiveEntry {
    pub(super) entry: Entry,
    pub(super) lifetime: Lifetime,
}

/// When an entry was written, and how long it lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lifetime {
    /// The ledger that last wrote the entry.
    pub(super) last_modified: LedgerSequence,
    /// The last ledger that the entry is live in.
    pub(super) live_until: LedgerSequence,
    /// The ledger that last changed how long it lives.
    pub(super) extended: LedgerSequence,
}

/// What a transaction did to one entry.
#[derive(Debug)]
pub(super) struct EntryChange {
    pub(super) contract_id: ContractId,
    pub(super) key: EntryKey,
    pub(super) before: Option<LiveEntry>,
    pub(super) after: Option<LiveEntry>,
    /// Whether the entry itself was written, and not only its time to live.
    pub(super) is_written: bool,
    /// Whether the entry was archived before.
    pub(super) is_restored: bool,
}

/// An entry that left the live state at the end of a ledger.
#[derive(Debug)]
pub(super) struct Eviction {
    pub(super) contract_id: ContractId,
    pub(super) key: EntryKey,
}
