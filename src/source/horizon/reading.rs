//! The transactions of some ledgers in a row, as far as they are read.

use super::{
    RECORDS_A_PAGE,
    wire::{Place, TransactionRecord},
};
use crate::{
    domain::LedgerSequence,
    source::SourceError,
    xdr::{LedgerHeader, LedgerParts, TransactionParts},
};

/// A ledger as the list of ledgers has it.
#[derive(Clone, Debug)]
pub(super) struct Listed {
    pub(super) header: LedgerHeader,
    pub(super) header_xdr: String,
    /// How many transactions it has, if the list says so.
    pub(super) transaction_count: Option<usize>,
}

/// Ledgers in a row and what is read of their transactions.
#[derive(Debug)]
pub(super) struct Reading {
    ledgers: Vec<(Listed, Vec<TransactionParts>)>,
    /// Where the reading is.
    pub(super) after: Place,
    /// Whether nothing of these ledgers follows.
    is_through: bool,
}

impl Reading {
    /// Begins to read ledgers, of which there is one at least.
    pub(super) fn of(ledgers: Vec<Listed>) -> Self {
        let first = ledgers.first().map_or(LedgerSequence(0), |listed| listed.header.sequence);
        let ledgers = ledgers.into_iter().map(|listed| (listed, Vec::new())).collect();
        Self { ledgers, after: Place::before(first), is_through: false }
    }

    /// Returns how many records to ask for next, `None` once there is nothing left to ask for.
    pub(super) fn wanted(&self) -> Option<usize> {
        let missing = |(listed, read): &(Listed, Vec<TransactionParts>)| {
            listed.transaction_count.map(|count| count.saturating_sub(read.len()))
        };
        let left: Option<usize> = self.ledgers.iter().map(missing).sum();
        let wanted = left.unwrap_or(RECORDS_A_PAGE).min(RECORDS_A_PAGE);
        (wanted > 0 && !self.is_through).then_some(wanted)
    }

    /// Takes a page of at most `asked` records, which come after those that were taken.
    ///
    /// # Errors
    /// [`SourceError::UnknownForm`]; a bad reply if they are out of order; those of `parts_of`.
    pub(super) fn take(
        &mut self,
        records: Vec<TransactionRecord>,
        asked: usize,
        parts_of: impl Fn(TransactionRecord) -> Result<TransactionParts, SourceError>,
    ) -> Result<(), SourceError> {
        let is_last_page = records.len() < asked;
        for record in records {
            let place = record.place()?;
            if place <= self.after {
                return Err(SourceError::bad_reply("a list of transactions does not go on after its cursor"));
            }
            let Some(of_ledger) = self.ledgers.iter_mut().find(|(listed, _)| listed.header.sequence == place.ledger)
            else {
                self.is_through = true;
                return Ok(());
            };
            of_ledger.1.push(parts_of(record)?);
            self.after = place;
        }
        self.is_through = is_last_page;
        Ok(())
    }

    /// Returns the ledgers of which everything is read, with their hashes, in order.
    pub(super) fn into_whole(self) -> Vec<(LedgerHeader, LedgerParts)> {
        let is_through = self.wanted().is_none();
        let reached = self.after.ledger;
        let is_whole = |(listed, _): &(Listed, _)| is_through || listed.header.sequence < reached;
        let whole = self.ledgers.into_iter().take_while(is_whole);
        whole
            .map(|(listed, transactions)| (listed.header, LedgerParts { header: listed.header_xdr, transactions }))
            .collect()
    }

    /// Returns whether everything of at least one ledger is read.
    pub(super) fn has_a_whole_ledger(&self) -> bool {
        self.ledgers.first().is_some_and(|(listed, _)| listed.header.sequence < self.after.ledger)
    }
}
