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

pub(super) const BEFORE_ALL_TRANSACTIONS: u32 = 0;
pub(super) const AFTER_ALL_TRANSACTIONS: u32 = (1 << 20) - 1;
const AFTER_TRANSACTION: u32 = (1 << 12) - 1;

/// An event with its id and its transaction.
pub(super) struct Numbered<'a> {
    pub(super) id: EventId,
    pub(super) tx_hash: &'a stellar_xdr::Hash,
    pub(super) successful: bool,
    pub(super) event: &'a ContractEvent,
}

/// Checks that every event of the ledger can have an id, and one of its own.
pub(super) fn check_room(meta: &LedgerCloseMeta, sequence: LedgerSequence) -> Result<(), LedgerFault> {
    transactions(meta)
        .iter()
        .zip(1..)
        .try_for_each(|(transaction, number)| check_room_of_one(transaction, number, sequence))
}

/// Checks that every event of the transaction with this number in its ledger can have an id, and one of its own.
pub(super) fn check_room_of_one(
    transaction: &Transaction<'_>,
    number: u32,
    sequence: LedgerSequence,
) -> Result<(), LedgerFault> {
    let operations = u32::try_from(transaction.operation_events().len());
    let has_room = number < AFTER_ALL_TRANSACTIONS && operations.is_ok_and(|count| count < AFTER_TRANSACTION);
    if has_room { Ok(()) } else { Err(LedgerFault::NoRoom { sequence }) }
}

/// Returns the position after every event of the transaction with this number in its ledger, before any of the next.
pub(super) fn end_of_transaction(sequence: LedgerSequence, number: u32) -> EventId {
    EventId::of(sequence, number, 0, 0).expect("it was checked to have room").end_of_transaction()
}

/// Returns the events of a ledger that has room for them, in the order of their ids. Every event counts, whatever
/// its type.
pub(super) fn numbered(meta: &LedgerCloseMeta, sequence: LedgerSequence) -> Vec<Numbered<'_>> {
    let mut numbers = Numbers::new(sequence);
    let transactions = transactions(meta);
    let numbered =
        transactions.iter().zip(1..).flat_map(|(transaction, number)| numbers.of_transaction(transaction, number));
    let mut numbered: Vec<_> = numbered.collect();
    numbered.sort_by_key(|numbered| numbered.id);
    numbered
}

/// What counts through a ledger, transaction by transaction.
pub(super) struct Numbers {
    sequence: LedgerSequence,
    before_all: u32,
    after_all: u32,
}

impl Numbers {
    pub(super) const fn new(sequence: LedgerSequence) -> Self {
        Self { sequence, before_all: 0, after_all: 0 }
    }

    /// Returns the events of the next transaction, which has this number and was checked to have room.
    pub(super) fn of_transaction<'a>(&mut self, transaction: &Transaction<'a>, number: u32) -> Vec<Numbered<'a>> {
        let mut numbered = Vec::new();
        let mut push = |event, (number, operation, index)| {
            let id = EventId::of(self.sequence, number, operation, index).expect("it was checked to have room");
            let (tx_hash, successful) = (transaction.hash, transaction.successful);
            numbered.push(Numbered { id, tx_hash, successful, event });
        };
        for (events, operation) in transaction.operation_events().into_iter().zip(0..) {
            for (event, index) in events.iter().zip(0..) {
                push(event, (number, operation, index));
            }
        }
        let mut after_this = 0;
        for event in transaction.own_events() {
            let (number, operation, counter) = match event.stage {
                TransactionEventStage::BeforeAllTxs => (BEFORE_ALL_TRANSACTIONS, 0, &mut self.before_all),
                TransactionEventStage::AfterTx => (number, AFTER_TRANSACTION, &mut after_this),
                TransactionEventStage::AfterAllTxs => (AFTER_ALL_TRANSACTIONS, 0, &mut self.after_all),
            };
            push(&event.event, (number, operation, *counter));
            *counter += 1;
        }
        numbered
    }
}
