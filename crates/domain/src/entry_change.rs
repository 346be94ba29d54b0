//! A change of an entry in a contract's storage, as a whole ledger tells it.

use serde::Serialize;

use super::{ContractId, EventId, LedgerSequence};

/// What happened to an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum EntryChangeKind {
    /// It is new.
    Created,
    /// It was overwritten.
    Updated,
    /// It was deleted.
    Removed,
    /// It came back from the archive.
    Restored,
    /// Its lifetime was over, and the network took it away: a persistent entry was archived, a temporary one is gone.
    Evicted,
    /// Its lifetime was extended. The entry itself did not change.
    Extended,
}

/// What becomes of an entry whose lifetime is over. An entry of each kind may lie under the same key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum EntryDurability {
    /// It is deleted.
    Temporary,
    /// It is archived and can be restored.
    Persistent,
}

/// An entry as the chain stores it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEntry {
    /// A `LedgerEntryData` in base64 XDR, as `getLedgerEntries` returns it.
    pub xdr: String,
    /// The ledger that last changed the entry.
    pub last_modified_ledger: LedgerSequence,
}

/// A change of one contract's entry, key and entry still XDR.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawEntryChange {
    /// The change holds after this position: the end of its transaction, or of its ledger for what the network does
    /// after all transactions.
    pub position: EventId,
    /// The hash of its transaction, 64 hex digits; `None` for an eviction, which no transaction causes.
    pub tx_hash: Option<String>,
    /// What happened.
    pub kind: EntryChangeKind,
    /// The contract whose entry it is.
    pub contract_id: ContractId,
    /// Whether it is the temporary or the persistent entry under the key.
    pub durability: EntryDurability,
    /// The key, an `ScVal` in base64 XDR.
    pub key: String,
    /// The entry after the change, if it was created, updated or restored.
    pub entry: Option<StoredEntry>,
    /// The last ledger of the entry's lifetime (`liveUntilLedgerSeq`), if the transaction set it. If not, the lifetime
    /// of an entry that was there is what it was.
    pub live_until_ledger: Option<LedgerSequence>,
}

impl RawEntryChange {
    /// Returns the ledger that made the change.
    #[must_use]
    pub fn ledger(&self) -> LedgerSequence {
        self.position.ledger()
    }
}
