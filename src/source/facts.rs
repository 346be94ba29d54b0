//! Facts about the chain other than events: the newest ledger, stored entries, and the ledger that identifies a chain.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use crate::domain::LedgerSequence;

/// The newest ledger of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tip {
    /// Its number.
    pub sequence: LedgerSequence,
    /// When it closed, if the source says so.
    pub closed_at: Option<DateTime<Utc>>,
    /// The oldest ledger that the source still has.
    pub oldest: LedgerSequence,
}

/// Ledger entries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LedgerEntries {
    /// The entries that exist, by their requested keys (base64 XDR).
    pub entries: HashMap<String, FoundEntry>,
    /// The ledger after which they have these values.
    pub latest_ledger: LedgerSequence,
}

/// One ledger entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundEntry {
    /// Its data, a `LedgerEntryData` in base64 XDR.
    pub xdr: String,
    /// The ledger that last changed it.
    pub last_modified_ledger: LedgerSequence,
    /// The last ledger in which it lives; `None` for an entry that never expires.
    pub live_until_ledger: Option<LedgerSequence>,
}

/// A ledger of our chain, which tells it apart from another chain with the same passphrase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// Its number.
    pub sequence: LedgerSequence,
    /// Its hash in hex.
    pub hash: String,
}

/// What is known about the indexed chain. A network that started over contradicts it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownChain {
    /// A ledger with its hash.
    pub anchor: Option<Anchor>,
    /// A ledger with its close time.
    pub closed: Option<KnownClose>,
}

/// A ledger of the chain, with its close time.
pub type KnownClose = (LedgerSequence, DateTime<Utc>);
