//! One shape for the transactions of every version of ledger and transaction metadata.

use stellar_xdr::{
    ContractEvent, Hash, LedgerCloseMeta, TransactionEvent, TransactionMeta, TransactionResult, TransactionResultPair,
    TransactionResultResult,
};

/// A transaction as it was applied.
pub(super) struct Transaction<'a> {
    pub(super) hash: &'a Hash,
    pub(super) successful: bool,
    pub(super) meta: &'a TransactionMeta,
}

/// Returns the ledger's transactions in the order they were applied. A fee-bump transaction has its outer hash.
pub(super) fn transactions(meta: &LedgerCloseMeta) -> Vec<Transaction<'_>> {
    match meta {
        LedgerCloseMeta::V0(meta) => {
            meta.tx_processing.iter().map(|tx| Transaction::new(&tx.result, &tx.tx_apply_processing)).collect()
        }
        LedgerCloseMeta::V1(meta) => {
            meta.tx_processing.iter().map(|tx| Transaction::new(&tx.result, &tx.tx_apply_processing)).collect()
        }
        LedgerCloseMeta::V2(meta) => {
            meta.tx_processing.iter().map(|tx| Transaction::new(&tx.result, &tx.tx_apply_processing)).collect()
        }
    }
}

impl<'a> Transaction<'a> {
    pub(super) fn new(result: &'a TransactionResultPair, meta: &'a TransactionMeta) -> Self {
        Self { hash: &result.transaction_hash, successful: is_success(&result.result), meta }
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
