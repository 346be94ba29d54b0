//! Ledger headers: what a ledger's hash is the hash of, and what ties it to the ledger before.

use stellar_xdr::{
    GeneralizedTransactionSet, Hash as XdrHash, InvokeHostFunctionResult, LedgerCloseValueSignature, LedgerHeader,
    OperationResult, OperationResultTr, StellarValue, StellarValueExt, StellarValueSignedMsValue, TimePoint,
    TimePointMs, TransactionResult, TransactionResultPair, TransactionResultResult, TransactionResultSet,
    TransactionSetV1,
};

use super::{
    encode,
    hash::{Hash, sha256},
    transaction::Transaction,
};
use flowfi_domain::{LedgerSequence, UnixTime};

/// The protocol of every ledger.
pub(super) const PROTOCOL_VERSION: u32 = 30;
/// What a transaction is charged before it is applied, in stroops.
pub(super) const FEE_CHARGED: i64 = 20_000;
/// What a transaction gets back after all were applied, in stroops.
pub(super) const FEE_REFUNDED: i64 = 4_500;

/// Returns the header of a ledger. Close times are whole seconds, said in milliseconds too, as since protocol 30.
pub(super) fn header_of(
    sequence: LedgerSequence,
    closed_at: UnixTime,
    previous_hash: Hash,
    transactions: &[Transaction],
) -> LedgerHeader {
    let close_time_ms = TimePointMs(closed_at.0.saturating_mul(1_000));
    let signed = StellarValueSignedMsValue { close_time_ms, lc_value_signature: LedgerCloseValueSignature::default() };
    LedgerHeader {
        ledger_version: PROTOCOL_VERSION,
        previous_ledger_hash: XdrHash(previous_hash),
        scp_value: StellarValue {
            tx_set_hash: XdrHash(sha256(&encode::to_xdr(&transaction_set(previous_hash)))),
            close_time: TimePoint(closed_at.0),
            ext: StellarValueExt::SignedMs(signed),
            ..StellarValue::default()
        },
        tx_set_result_hash: XdrHash(sha256(&encode::to_xdr(&result_set(transactions)))),
        ledger_seq: sequence.0,
        base_fee: 100,
        base_reserve: 5_000_000,
        max_tx_set_size: 1_000,
        ..LedgerHeader::default()
    }
}

/// Returns the hash of a ledger: that of its header.
pub(super) fn hash_of(header: &LedgerHeader) -> Hash {
    sha256(&encode::to_xdr(header))
}

/// Returns the set of transactions that a ledger says it was made of: an empty one, since there are no envelopes here.
pub(super) fn transaction_set(previous_hash: Hash) -> GeneralizedTransactionSet {
    let previous_ledger_hash = XdrHash(previous_hash);
    GeneralizedTransactionSet::V1(TransactionSetV1 { previous_ledger_hash, ..TransactionSetV1::default() })
}

/// Returns a transaction's hash with its outcome. The outcome of a call would be a hash of its own; here it is the
/// transaction's.
pub(super) fn result_pair(transaction: &Transaction) -> TransactionResultPair {
    let hash = XdrHash(transaction.hash);
    let call = if transaction.successful {
        InvokeHostFunctionResult::Success(hash.clone())
    } else {
        InvokeHostFunctionResult::Trapped
    };
    let operation = OperationResult::OpInner(OperationResultTr::InvokeHostFunction(call));
    let operations = [operation].try_into().expect("a list holds one operation");
    let result = if transaction.successful {
        TransactionResultResult::TxSuccess(operations)
    } else {
        TransactionResultResult::TxFailed(operations)
    };
    let fee_charged = FEE_CHARGED - FEE_REFUNDED;
    TransactionResultPair {
        transaction_hash: hash,
        result: TransactionResult { fee_charged, result, ..Default::default() },
    }
}

fn result_set(transactions: &[Transaction]) -> TransactionResultSet {
    let pairs: Vec<_> = transactions.iter().map(result_pair).collect();
    TransactionResultSet { results: pairs.try_into().expect("a list holds up to 2^32 results") }
}
