//! What sources say of the chain besides events: its newest ledger, stored entries, and the ledger that names a chain.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use crate::domain::LedgerSequence;

/// The newest ledger of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tip {
    /// Its number.
    pub sequence: LedgerSequence,
    /// When it closed, if the source says.
    pub closed_at: Option<DateTime<Utc>>,
    /// The oldest ledger that the source still has.
    pub oldest: LedgerSequence,
}

/// Entries of the ledger.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LedgerEntries {
    /// The entries that exist, by the key they were asked for with (base64 XDR).
    pub entries: HashMap<String, FoundEntry>,
    /// The ledger after which they are so.
    pub latest_ledger: LedgerSequence,
}

/// One entry of the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundEntry {
    /// Its data, a `LedgerEntryData` in base64 XDR.
    pub xdr: String,
    /// The ledger that last changed it.
    pub last_modified_ledger: LedgerSequence,
    /// The last ledger it lives in, for entries that do not live for ever.
    pub live_until_ledger: Option<LedgerSequence>,
}

/// A ledger of our chain by which another chain of the same name is told apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// Its number.
    pub sequence: LedgerSequence,
    /// Its hash in hex.
    pub hash: String,
}

/// What is known of the chain that is indexed: what a network that started over contradicts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownChain {
    /// A ledger and its hash.
    pub anchor: Option<Anchor>,
    /// A ledger and when it closed.
    pub closed: Option<KnownClose>,
}

/// A ledger of the chain and when it closed.
pub type KnownClose = (LedgerSequence, DateTime<Utc>);
