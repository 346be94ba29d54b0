//! The transactions of a ledger one by one, as Horizon gives them, to one contract's events.

use base64::{Engine, prelude::BASE64_STANDARD};
use chrono::{DateTime, Utc};
use stellar_xdr::{Hash, ReadXdr, TransactionMeta};

use super::{
    LIMITS, LedgerFault,
    events::{Wanted, raw_events},
    numbering::{Numbers, check_room_of_one},
    reader::on_a_large_stack,
    transaction::Transaction,
};
use crate::domain::{ContractId, LedgerSequence, RawContractEvent};

/// A transaction as it was applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppliedTransaction {
    /// Its place in the ledger, counted from 1.
    pub number: u32,
    /// Its hash, 64 hex digits.
    pub hash: String,
    /// Whether it succeeded.
    pub successful: bool,
    /// Its `TransactionMeta` in base64.
    pub meta: String,
}

/// Returns one contract's events in a ledger whose transactions are these: all of them, failed ones too, in the order
/// they were applied.
///
/// # Errors
/// A [`LedgerFault`].
pub fn events_of_transactions(
    sequence: LedgerSequence,
    closed_at: DateTime<Utc>,
    transactions: &[AppliedTransaction],
    contract_id: &ContractId,
) -> Result<Vec<RawContractEvent>, LedgerFault> {
    let read = || {
        let wanted = Wanted::new(std::slice::from_ref(contract_id));
        let mut numbers = Numbers::new(sequence);
        let mut events = Vec::new();
        for AppliedTransaction { number, hash, successful, meta } in transactions {
            let hash: Hash = hash.parse()?;
            let broken = |_| LedgerFault::Xdr { reason: "not base64".to_owned() };
            let meta = TransactionMeta::from_xdr(BASE64_STANDARD.decode(meta).map_err(broken)?, LIMITS)?;
            let transaction = Transaction { hash: &hash, successful: *successful, meta: &meta };
            check_room_of_one(&transaction, *number, sequence)?;
            events.extend(raw_events(numbers.of_transaction(&transaction, *number), closed_at, &wanted));
        }
        events.sort_by_key(|event| event.id);
        Ok(events)
    };
    on_a_large_stack(read).map_err(LedgerFault::NoThread)?
}
