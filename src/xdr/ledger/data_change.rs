//! One change of a contract's entry, or of an entry's lifetime.

use stellar_xdr::{LedgerEntry, LedgerEntryChange, LedgerEntryData, LedgerKey};

use super::data_key::DataKey;
use crate::domain::EntryChangeKind;

/// A change of a contract's entry, where it was read.
pub(super) struct DataChange<'a> {
    pub(super) kind: EntryChangeKind,
    pub(super) key: DataKey<'a>,
    /// The entry after the change; `None` if it is gone.
    pub(super) entry: Option<&'a LedgerEntry>,
}

impl<'a> DataChange<'a> {
    /// Returns `None` for changes of entries that are no contract's, and for what stood before a change.
    pub(super) fn of(change: &'a LedgerEntryChange) -> Option<Self> {
        let (kind, entry) = match change {
            LedgerEntryChange::Created(entry) => (EntryChangeKind::Created, entry),
            LedgerEntryChange::Updated(entry) => (EntryChangeKind::Updated, entry),
            LedgerEntryChange::Restored(entry) => (EntryChangeKind::Restored, entry),
            LedgerEntryChange::Removed(key) => {
                return Some(Self { kind: EntryChangeKind::Removed, key: DataKey::of_ledger_key(key)?, entry: None });
            }
            LedgerEntryChange::State(_) => return None,
        };
        let LedgerEntryData::ContractData(data) = &entry.data else { return None };
        Some(Self { kind, key: DataKey::of_entry(data)?, entry: Some(entry) })
    }

    /// Returns `None` for keys of entries that are no contract's.
    pub(super) fn of_eviction(key: &'a LedgerKey) -> Option<Self> {
        Some(Self { kind: EntryChangeKind::Evicted, key: DataKey::of_ledger_key(key)?, entry: None })
    }
}

/// An entry's lifetime, as a change sets it.
pub(super) struct Lifetime<'a> {
    /// The hash of the entry's key.
    pub(super) hash: &'a [u8; 32],
    /// Its last ledger.
    pub(super) until: u32,
    /// Whether it continues an earlier lifetime: the entry was neither created nor restored.
    pub(super) goes_on: bool,
}

impl<'a> Lifetime<'a> {
    /// Returns `None` for changes of other entries, for removals, and for what stood before a change.
    pub(super) fn of(change: &'a LedgerEntryChange) -> Option<Self> {
        let (entry, goes_on) = match change {
            LedgerEntryChange::Created(entry) | LedgerEntryChange::Restored(entry) => (entry, false),
            LedgerEntryChange::Updated(entry) => (entry, true),
            LedgerEntryChange::Removed(_) | LedgerEntryChange::State(_) => return None,
        };
        let LedgerEntryData::Ttl(ttl) = &entry.data else { return None };
        Some(Self { hash: &ttl.key_hash.0, until: ttl.live_until_ledger_seq, goes_on })
    }
}
