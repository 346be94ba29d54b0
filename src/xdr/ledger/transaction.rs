//! One shape for the transactions of every version of ledger and transaction metadata.

use stellar_xdr::{
    ContractEvent, GeneralizedTransactionSet, Hash, LedgerCloseMeta, LedgerEntryChange, TransactionEvent,
    TransactionMeta, TransactionResult, TransactionResultMeta, TransactionResultMetaV1, TransactionResultPair,
    TransactionResultResult,
};

/// A transaction as it was applied.
pub(super) struct Transaction<'a> {
    pub(super) hash: &'a Hash,
    pub(super) successful: bool,
    pub(super) meta: &'a TransactionMeta,
    /// The changes that charged its fee.
    pub(super) fee_changes: &'a [LedgerEntryChange],
    /// The changes that refunded a part of the fee.
    pub(super) refund_changes: &'a [LedgerEntryChange],
}

/// Returns the ledger's transactions in the order they were applied. A fee-bump transaction has its outer hash.
pub(super) fn transactions(meta: &LedgerCloseMeta) -> Vec<Transaction<'_>> {
    match meta {
        LedgerCloseMeta::V0(meta) => meta.tx_processing.iter().map(Transaction::of_result).collect(),
        LedgerCloseMeta::V1(meta) => meta.tx_processing.iter().map(Transaction::of_result).collect(),
        LedgerCloseMeta::V2(meta) => meta.tx_processing.iter().map(Transaction::of_result_v1).collect(),
    }
}

/// Returns the transactions as the validators agreed on them, or `None` if the ledger is older than contracts.
pub(super) const fn transaction_set(meta: &LedgerCloseMeta) -> Option<&GeneralizedTransactionSet> {
    match meta {
        LedgerCloseMeta::V0(_) => None,
        LedgerCloseMeta::V1(meta) => Some(&meta.tx_set),
        LedgerCloseMeta::V2(meta) => Some(&meta.tx_set),
    }
}

impl<'a> Transaction<'a> {
    /// Makes a transaction without the changes of its fee.
    pub(super) fn new(result: &'a TransactionResultPair, meta: &'a TransactionMeta) -> Self {
        let successful = is_success(&result.result);
        Self { hash: &result.transaction_hash, successful, meta, fee_changes: &[], refund_changes: &[] }
    }

    pub(super) fn of_result(of: &'a TransactionResultMeta) -> Self {
        Self { fee_changes: &of.fee_processing.0, ..Self::new(&of.result, &of.tx_apply_processing) }
    }

    pub(super) fn of_result_v1(of: &'a TransactionResultMetaV1) -> Self {
        let (fee_changes, refund_changes) = (&of.fee_processing.0, &of.post_tx_apply_fee_processing.0);
        Self { fee_changes, refund_changes, ..Self::new(&of.result, &of.tx_apply_processing) }
    }

    /// Returns the events of each operation. What operations of a failed transaction did was undone, so they have
    /// none.
    pub(super) fn operation_events(&self) -> Vec<&'a [ContractEvent]> {
        if self.successful { operation_events(self.meta) } else { Vec::new() }
    }

    /// Returns the events of the transaction as a whole: its fee and the refund. A failed one has them too.
    pub(super) fn own_events(&self) -> &'a [TransactionEvent] {
        match self.meta {
            TransactionMeta::V4(meta) => &meta.events,
            TransactionMeta::V0(_) | TransactionMeta::V1(_) | TransactionMeta::V2(_) | TransactionMeta::V3(_) => &[],
        }
    }
}

/// Returns whether the transaction, or the one inside a fee bump, did what it was to do.
pub(super) const fn is_success(result: &TransactionResult) -> bool {
    matches!(result.result, TransactionResultResult::TxSuccess(_) | TransactionResultResult::TxFeeBumpInnerSuccess(_))
}

/// A contract call is the only operation of its transaction, so the events of V3 are those of operation 0.
pub(super) fn operation_events(meta: &TransactionMeta) -> Vec<&[ContractEvent]> {
    match meta {
        TransactionMeta::V0(_) | TransactionMeta::V1(_) | TransactionMeta::V2(_) => Vec::new(),
        TransactionMeta::V3(meta) => meta.soroban_meta.iter().map(|soroban| soroban.events.as_slice()).collect(),
        TransactionMeta::V4(meta) => meta.operations.iter().map(|operation| operation.events.as_slice()).collect(),
    }
}
