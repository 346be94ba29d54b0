//! What a transaction did to the contracts' entries, as ledger metadata tells it: the state before an update or a
//! removal, then the update or removal, and the same for the time that the entry lives.

use stellar_xdr::{
    ContractDataDurability, ContractDataEntry, ExtensionPoint, Hash as XdrHash, LedgerEntry, LedgerEntryChange,
    LedgerEntryChanges, LedgerEntryData, LedgerKey, LedgerKeyTtl, TtlEntry,
};

use super::{
    encode,
    hash::sha256,
    live_entry::{EntryChange, Eviction, LiveEntry},
    storage::EntryKey,
    stored,
};
use flowfi_domain::ContractId;

/// Returns the changes of one operation.
pub(super) fn changes(changes: &[EntryChange]) -> LedgerEntryChanges {
    let all: Vec<_> = changes.iter().flat_map(changes_of).collect();
    LedgerEntryChanges(all.try_into().expect("a list holds up to 2^32 changes"))
}

/// Returns the keys of what left the live state: of each entry, and of its time to live.
pub(super) fn evicted_keys(evictions: &[Eviction]) -> Vec<LedgerKey> {
    let keys = evictions.iter().map(|Eviction { contract_id, key }| stored::ledger_key(contract_id, *key));
    keys.flat_map(|key| [ttl_key(&key), key]).collect()
}

/// Returns a stored entry as `getLedgerEntries` and the metadata have it.
pub(super) fn entry_data(contract_id: &ContractId, key: EntryKey, live: &LiveEntry) -> LedgerEntryData {
    LedgerEntryData::ContractData(ContractDataEntry {
        ext: ExtensionPoint::V0,
        contract: encode::sc_address(&contract_id.clone().into()).expect("a contract has an address"),
        key: stored::data_key(key),
        durability: ContractDataDurability::Persistent,
        val: stored::encode_entry(&live.entry),
    })
}

fn changes_of(change: &EntryChange) -> Vec<LedgerEntryChange> {
    let key = stored::ledger_key(&change.contract_id, change.key);
    let entry = |live: &LiveEntry| LedgerEntry {
        last_modified_ledger_seq: live.lifetime.last_modified.0,
        data: entry_data(&change.contract_id, change.key, live),
        ..LedgerEntry::default()
    };
    let ttl = |live: &LiveEntry| ttl_entry(&key, live);
    match (&change.before, &change.after) {
        (None, None) => Vec::new(),
        (None, Some(after)) => vec![LedgerEntryChange::Created(entry(after)), LedgerEntryChange::Created(ttl(after))],
        (Some(before), Some(after)) if change.is_restored => {
            let mut changes = vec![LedgerEntryChange::Restored(entry(before)), LedgerEntryChange::Restored(ttl(after))];
            changes.extend(change.is_written.then(|| LedgerEntryChange::Updated(entry(after))));
            changes
        }
        (Some(before), Some(after)) => {
            let mut changes = Vec::new();
            if change.is_written {
                changes.extend([LedgerEntryChange::State(entry(before)), LedgerEntryChange::Updated(entry(after))]);
            }
            if before.lifetime.live_until != after.lifetime.live_until {
                changes.extend([LedgerEntryChange::State(ttl(before)), LedgerEntryChange::Updated(ttl(after))]);
            }
            changes
        }
        (Some(before), None) => {
            let told = if change.is_restored { LedgerEntryChange::Restored } else { LedgerEntryChange::State };
            vec![
                told(entry(before)),
                LedgerEntryChange::Removed(key.clone()),
                told(ttl(before)),
                LedgerEntryChange::Removed(ttl_key(&key)),
            ]
        }
    }
}

fn ttl_entry(key: &LedgerKey, live: &LiveEntry) -> LedgerEntry {
    let live_until_ledger_seq = live.lifetime.live_until.0;
    LedgerEntry {
        last_modified_ledger_seq: live.lifetime.extended.0,
        data: LedgerEntryData::Ttl(TtlEntry { key_hash: key_hash(key), live_until_ledger_seq }),
        ..LedgerEntry::default()
    }
}

fn ttl_key(key: &LedgerKey) -> LedgerKey {
    LedgerKey::Ttl(LedgerKeyTtl { key_hash: key_hash(key) })
}

fn key_hash(key: &LedgerKey) -> XdrHash {
    XdrHash(sha256(&encode::to_xdr(key)))
}
