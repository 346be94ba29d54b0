//! What a transaction did to the entries of the ledger, step by step.

use stellar_xdr::{LedgerEntryChange, TransactionMeta};

use super::{
    numbering::{AFTER_ALL_TRANSACTIONS, BEFORE_ALL_TRANSACTIONS},
    transaction::Transaction,
};

/// Changes that were made together.
pub(super) struct Step<'a> {
    /// The number that an event of this step would have as its transaction's: see `numbering.rs`.
    pub(super) number: u32,
    /// The operation that made them, counted from 0.
    pub(super) operation: Option<u32>,
    pub(super) changes: &'a [LedgerEntryChange],
}

impl<'a> Transaction<'a> {
    /// Returns what the transaction with this number did. All fees are charged before the first transaction is applied,
    /// and refunds are paid after the last. What the operations of a failed transaction did was undone.
    pub(super) fn steps(&self, number: u32) -> Vec<Step<'a>> {
        let step = |number, changes| Step { number, operation: None, changes };
        let mut steps = vec![step(BEFORE_ALL_TRANSACTIONS, self.fee_changes), step(number, before(self.meta))];
        let operations = if self.successful { operations(self.meta) } else { Vec::new() };
        let of_operations = operations.into_iter().zip(0..);
        steps.extend(
            of_operations.map(|(changes, operation)| Step { operation: Some(operation), ..step(number, changes) }),
        );
        steps.push(step(number, after(self.meta)));
        steps.push(step(AFTER_ALL_TRANSACTIONS, self.refund_changes));
        steps
    }
}

fn before(meta: &TransactionMeta) -> &[LedgerEntryChange] {
    match meta {
        TransactionMeta::V0(_) => &[],
        TransactionMeta::V1(meta) => &meta.tx_changes.0,
        TransactionMeta::V2(meta) => &meta.tx_changes_before.0,
        TransactionMeta::V3(meta) => &meta.tx_changes_before.0,
        TransactionMeta::V4(meta) => &meta.tx_changes_before.0,
    }
}

fn operations(meta: &TransactionMeta) -> Vec<&[LedgerEntryChange]> {
    let operations = match meta {
        TransactionMeta::V0(operations) => operations,
        TransactionMeta::V1(meta) => &meta.operations,
        TransactionMeta::V2(meta) => &meta.operations,
        TransactionMeta::V3(meta) => &meta.operations,
        TransactionMeta::V4(meta) => return meta.operations.iter().map(|one| one.changes.0.as_slice()).collect(),
    };
    operations.iter().map(|one| one.changes.0.as_slice()).collect()
}

fn after(meta: &TransactionMeta) -> &[LedgerEntryChange] {
    match meta {
        TransactionMeta::V0(_) | TransactionMeta::V1(_) => &[],
        TransactionMeta::V2(meta) => &meta.tx_changes_after.0,
        TransactionMeta::V3(meta) => &meta.tx_changes_after.0,
        TransactionMeta::V4(meta) => &meta.tx_changes_after.0,
    }
}
