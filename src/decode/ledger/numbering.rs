//! The ids of a ledger's events, as Stellar RPC gives them since protocol 23.
//!
//! | event | transaction | operation | index counts within |
//! |---|---|---|---|
//! | of an operation | from 1, as applied | from 0 | the operation |
//! | of a transaction, before all of them | 0 | 0 | the ledger |
//! | of a transaction, after it | from 1, as applied | 4095 | the transaction |
//! | of a transaction, after all of them | 1048575 | 0 | the ledger |

use stellar_xdr::{ContractEvent, LedgerCloseMeta, TransactionEventStage};

use super::{
    LedgerFault,
    transaction::{Transaction, transactions},
};
use crate::domain::{EventId, LedgerSequence};

const BEFORE_ALL_TRANSACTIONS: u32 = 0;
const AFTER_ALL_TRANSACTIONS: u32 = (1 << 20) - 1;
const AFTER_TRANSACTION: u32 = (1 << 12) - 1;
/// Event ids hold a ledger's number in 31 bits.
const MAX_LEDGER: u32 = (1 << 31) - 1;

/// An event with its id and its transaction.
pub(super) struct Numbered<'a> {
    pub(super) id: EventId,
    pub(super) tx_hash: &'a stellar_xdr::Hash,
    pub(super) successful: bool,
    pub(super) event: &'a ContractEvent,
}

/// Checks that every event of the ledger can have an id, and one of its own.
pub(super) fn check_room(meta: &LedgerCloseMeta, sequence: LedgerSequence) -> Result<(), LedgerFault> {
    let fits = |count: usize, bound: u32| u32::try_from(count).is_ok_and(|count| count < bound);
    let transactions = transactions(meta);
    let has_room = sequence.0 <= MAX_LEDGER
        && fits(transactions.len(), AFTER_ALL_TRANSACTIONS)
        && transactions.iter().all(|transaction| fits(transaction.operation_events().len(), AFTER_TRANSACTION));
    if has_room { Ok(()) } else { Err(LedgerFault::NoRoom { sequence }) }
}

/// Returns the events of a ledger that has room for them, in the order of their ids. Every event counts, whatever
/// its type.
pub(super) fn numbered(meta: &LedgerCloseMeta, sequence: LedgerSequence) -> Vec<Numbered<'_>> {
    let mut numbers = Numbers { sequence, before_all: 0, after_all: 0, numbered: Vec::new() };
    for (transaction, number) in transactions(meta).iter().zip(1..) {
        numbers.number_operations(transaction, number);
        numbers.number_own(transaction, number);
    }
    numbers.numbered.sort_by_key(|numbered| numbered.id);
    numbers.numbered
}

struct Numbers<'a> {
    sequence: LedgerSequence,
    before_all: u32,
    after_all: u32,
    numbered: Vec<Numbered<'a>>,
}

impl<'a> Numbers<'a> {
    fn number_operations(&mut self, transaction: &Transaction<'a>, number: u32) {
        for (events, operation) in transaction.operation_events().into_iter().zip(0..) {
            for (event, index) in events.iter().zip(0..) {
                self.push(transaction, event, (number, operation, index));
            }
        }
    }

    fn number_own(&mut self, transaction: &Transaction<'a>, number: u32) {
        let mut after_this = 0;
        for event in transaction.own_events() {
            let (number, operation, counter) = match event.stage {
                TransactionEventStage::BeforeAllTxs => (BEFORE_ALL_TRANSACTIONS, 0, &mut self.before_all),
                TransactionEventStage::AfterTx => (number, AFTER_TRANSACTION, &mut after_this),
                TransactionEventStage::AfterAllTxs => (AFTER_ALL_TRANSACTIONS, 0, &mut self.after_all),
            };
            let index = *counter;
            *counter += 1;
            self.push(transaction, &event.event, (number, operation, index));
        }
    }

    fn push(&mut self, transaction: &Transaction<'a>, event: &'a ContractEvent, place: (u32, u32, u32)) {
        let (number, operation, index) = place;
        let id = EventId::of(self.sequence, number, operation, index).expect("the ledger was checked to have room");
        let (tx_hash, successful) = (transaction.hash, transaction.successful);
        self.numbered.push(Numbered { id, tx_hash, successful, event });
    }
}
