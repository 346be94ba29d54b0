//! Every change of contracts' entries in a ledger, ready to be printed.

use serde::Serialize;
use stellar_xdr::LedgerEntryData;

use super::{
    Ledger, base64_of, data_change::DataChange, evicted::evicted_keys, numbering::end_of_transaction,
    transaction::transactions,
};
use crate::domain::{ContractId, EntryChangeKind, EntryDurability, LedgerSequence};

/// A change of a contract's entry with its place in the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EntryChange {
    /// The ledger.
    pub ledger: LedgerSequence,
    /// What made the change; `None` for an eviction, which no transaction causes.
    #[serde(flatten)]
    pub cause: Option<ChangeCause>,
    /// What happened.
    pub change: EntryChangeKind,
    /// The contract whose entry it is.
    pub contract_id: ContractId,
    /// Whether it is the temporary or the persistent entry under the key.
    pub durability: EntryDurability,
    /// The key, an `ScVal` in base64.
    pub key: String,
    /// What the transaction left under the key; `None` for an eviction.
    #[serde(flatten)]
    pub left: Option<LeftValue>,
}

/// The transaction that made a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ChangeCause {
    /// Its place in the ledger, counted from 1.
    pub tx: u32,
    /// The operation, counted from 0; `None` if the change belongs to the transaction as a whole.
    pub op: Option<u32>,
    /// Its hash, 64 hex digits.
    pub tx_hash: String,
}

/// What a transaction left under a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LeftValue {
    /// The entry's value, an `ScVal` in base64; `None` if the entry was removed.
    pub value: Option<String>,
}

impl Ledger {
    /// Returns every change of contracts' entries in the order they were made, evictions last.
    #[must_use]
    pub fn entry_changes(&self) -> Vec<EntryChange> {
        let sequence = self.header.sequence;
        let mut changes = Vec::new();
        for (transaction, tx) in transactions(&self.meta).iter().zip(1..) {
            for step in transaction.steps(tx) {
                let position = end_of_transaction(sequence, step.number);
                for change in step.changes.iter().filter_map(DataChange::of) {
                    let cause = ChangeCause { tx, op: step.operation, tx_hash: transaction.hash.to_string() };
                    changes.push((position, line(sequence, Some(cause), &change)));
                }
            }
        }
        changes.sort_by_key(|(position, _)| *position);
        let evicted = evicted_keys(&self.meta).iter().filter_map(DataChange::of_eviction);
        changes.into_iter().map(|(_, line)| line).chain(evicted.map(|change| line(sequence, None, &change))).collect()
    }
}

fn line(ledger: LedgerSequence, cause: Option<ChangeCause>, change: &DataChange<'_>) -> EntryChange {
    let value = change.entry.and_then(|entry| match &entry.data {
        LedgerEntryData::ContractData(data) => Some(base64_of(&data.val)),
        _ => None,
    });
    EntryChange {
        ledger,
        left: cause.is_some().then_some(LeftValue { value }),
        cause,
        change: change.kind,
        contract_id: ContractId::from_bytes(*change.key.contract),
        durability: change.key.durability(),
        key: base64_of(change.key.key),
    }
}
