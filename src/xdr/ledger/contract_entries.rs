//! The changes of some contracts' entries and of their lifetimes, gathered transaction by transaction.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, Utc};
use stellar_xdr::{GeneralizedTransactionSet, Hash, LedgerEntryChange, LedgerKey};

use super::{
    Ledger, LedgerHeader, base64_of,
    data_change::{DataChange, Lifetime},
    evicted::evicted_keys,
    footprints::NamedKeys,
    numbering::end_of_transaction,
    steps::Step,
    transaction::{Transaction, transaction_set, transactions},
    wanted::Wanted,
};
use crate::domain::{ContractId, EntryChangeKind, EventId, LedgerSequence, RawEntryChange, StoredEntry};

/// Gathers the changes of some contracts' entries in one ledger.
pub(super) struct ContractEntries<'a> {
    sequence: LedgerSequence,
    closed_at: DateTime<Utc>,
    wanted: &'a Wanted<'a>,
    named: NamedKeys<'a>,
    changes: Vec<RawEntryChange>,
    /// The last ledger of each entry whose lifetime was set so far, by the hash of the entry's key.
    lifetimes: HashMap<[u8; 32], u32>,
}

impl Ledger {
    /// Returns the changes of these contracts' entries in the order they were made, evictions last. A longer lifetime is
    /// a change too.
    #[must_use]
    pub fn contract_entry_changes(&self, contract_ids: &[ContractId]) -> Vec<RawEntryChange> {
        let wanted = Wanted::new(contract_ids);
        let mut entries = ContractEntries::new(&self.header, transaction_set(&self.meta), &wanted);
        for (transaction, number) in transactions(&self.meta).iter().zip(1..) {
            entries.take_transaction(transaction, number);
        }
        entries.finish(evicted_keys(&self.meta))
    }
}

impl<'a> ContractEntries<'a> {
    /// The footprints of the ledger's transactions tell which entry a lifetime belongs to. Without them, a longer
    /// lifetime is seen only in a transaction that changes the entry too.
    pub(super) fn new(
        header: &LedgerHeader,
        transactions: Option<&'a GeneralizedTransactionSet>,
        wanted: &'a Wanted<'a>,
    ) -> Self {
        Self {
            sequence: header.sequence,
            closed_at: header.closed_at,
            wanted,
            named: NamedKeys::of(transactions, wanted),
            changes: Vec::new(),
            lifetimes: HashMap::new(),
        }
    }

    /// Returns where the last lifetime of the contracts' entries may stand in XDR that begins with a whole word.
    pub(super) fn last_ttl(&self, xdr: &[u8]) -> Option<usize> {
        self.named.last_ttl(xdr)
    }

    /// Takes the changes of the next transaction, which has this number.
    pub(super) fn take_transaction(&mut self, transaction: &Transaction<'_>, number: u32) {
        for steps in transaction.steps(number).chunk_by(|left, right| left.number == right.number) {
            self.take_steps(steps, transaction.hash);
        }
    }

    /// Returns the changes of the transactions in the order they were made, and then the evictions.
    pub(super) fn finish(mut self, evicted: &[LedgerKey]) -> Vec<RawEntryChange> {
        self.changes.sort_by_key(|change| change.position);
        let position = EventId::end_of_ledger(self.sequence);
        for change in evicted.iter().filter_map(DataChange::of_eviction) {
            if let Some(contract_id) = self.wanted.contract_of(change.key.contract) {
                self.changes.push(self.raw(position, None, contract_id, &change));
            }
        }
        self.changes
    }

    /// Takes what one transaction changed in these steps, which have one position.
    fn take_steps(&mut self, steps: &[Step<'_>], tx_hash: &Hash) {
        let Some(number) = steps.first().map(|step| step.number) else { return };
        let position = end_of_transaction(self.sequence, number);
        let in_order = || steps.iter().flat_map(|step| step.changes);
        let of_wanted = |change: DataChange<'_>| {
            let contract_id = self.wanted.contract_of(change.key.contract)?;
            Some((change.key.hash(), self.raw(position, Some(tx_hash), contract_id, &change)))
        };
        let mut changes: Vec<_> = in_order().filter_map(DataChange::of).filter_map(of_wanted).collect();
        if changes.is_empty() && self.named.is_empty() {
            return;
        }
        let hashes: HashSet<_> = changes.iter().map(|(hash, _)| *hash).collect();
        let lifetimes = self.take_lifetimes(in_order(), &hashes);
        for (hash, change) in changes.iter_mut().filter(|(_, change)| change.entry.is_some()) {
            change.live_until_ledger = lifetimes.get(hash).copied();
        }
        self.changes.extend(changes.into_iter().map(|(_, change)| change));
        for (hash, until) in lifetimes.into_iter().filter(|(hash, _)| !hashes.contains(hash)) {
            if let Some((contract_id, key)) = self.named.get(&hash) {
                let change = DataChange { kind: EntryChangeKind::Extended, key, entry: None };
                let change = self.raw(position, Some(tx_hash), contract_id, &change);
                self.changes.push(RawEntryChange { live_until_ledger: Some(until), ..change });
            }
        }
    }

    /// Takes the lifetimes that a transaction set for entries that it changed (by the hashes of their keys) or that a
    /// footprint names, and returns them by the hashes of the entries' keys. Where several transactions extend one
    /// lifetime, none needs to see what the others did, and the longest counts (CAP-63).
    fn take_lifetimes<'c>(
        &mut self,
        changes: impl Iterator<Item = &'c LedgerEntryChange>,
        hashes: &HashSet<[u8; 32]>,
    ) -> BTreeMap<[u8; 32], LedgerSequence> {
        let mut set = BTreeMap::new();
        for Lifetime { hash, until, goes_on } in changes.filter_map(Lifetime::of) {
            if !self.named.contains(hash) && !hashes.contains(hash) {
                continue;
            }
            let before = self.lifetimes.get(hash).copied().filter(|_| goes_on);
            let until = before.map_or(until, |before| before.max(until));
            self.lifetimes.insert(*hash, until);
            set.insert(*hash, ledger(until));
        }
        set
    }

    fn raw(
        &self,
        position: EventId,
        tx_hash: Option<&Hash>,
        contract_id: &ContractId,
        change: &DataChange<'_>,
    ) -> RawEntryChange {
        RawEntryChange {
            position,
            ledger_closed_at: self.closed_at,
            tx_hash: tx_hash.map(Hash::to_string),
            kind: change.kind,
            contract_id: contract_id.clone(),
            durability: change.key.durability(),
            key: base64_of(change.key.key),
            entry: change.entry.map(|entry| StoredEntry {
                xdr: base64_of(&entry.data),
                last_modified_ledger: ledger(entry.last_modified_ledger_seq),
            }),
            live_until_ledger: None,
        }
    }
}

/// Takes a number beyond that of any ledger for that of the last one.
fn ledger(number: u32) -> LedgerSequence {
    LedgerSequence::try_from(number).unwrap_or(LedgerSequence::LAST)
}
