//! The chain: closed ledgers with their times, hashes and transactions, up to a bound.

use std::{collections::VecDeque, sync::Arc};

use sha2::{Digest, Sha256};
use stellar_xdr::LedgerHeader;

use super::{
    hash::Hash,
    header,
    live_entry::Eviction,
    transaction::{Applied, Transaction, transaction_hash},
};
use flowfi_domain::{EventId, LedgerSequence, UnixTime};

/// The first ledger that a network closes after its genesis.
pub(super) const FIRST_LEDGER: LedgerSequence = LedgerSequence(2);

/// A closed ledger.
#[derive(Debug)]
pub(super) struct Ledger {
    pub(super) sequence: LedgerSequence,
    pub(super) closed_at: UnixTime,
    previous_hash: Hash,
    /// The hash of its header.
    pub(super) hash: Hash,
    pub(super) transactions: Box<[Transaction]>,
    /// The entries that left the live state at its end.
    pub(super) evictions: Box<[Eviction]>,
}

impl Ledger {
    /// Returns the header that the ledger's hash is the hash of.
    pub(super) fn header(&self) -> LedgerHeader {
        self.header_after(self.previous_hash)
    }

    /// Returns the header that the ledger would have after a ledger of this hash.
    pub(super) fn header_after(&self, previous_hash: Hash) -> LedgerHeader {
        header::header_of(self.sequence, self.closed_at, previous_hash, &self.transactions)
    }

    /// Returns the transactions with their numbers.
    pub(super) fn numbered(&self) -> impl Iterator<Item = (u32, &Transaction)> {
        (1..).zip(self.transactions.iter())
    }
}

/// The ledgers of one network since its last start, the oldest ones dropped where there is a bound.
#[derive(Debug)]
pub(super) struct Chain {
    genesis_hash: Hash,
    retention_ledgers: usize,
    ledgers: VecDeque<Arc<Ledger>>,
}

impl Chain {
    /// Returns a chain without ledgers. `start` tells one start of the network from another.
    pub(super) fn new(passphrase: &str, start: UnixTime, retention_ledgers: u32) -> Self {
        let genesis = Sha256::new().chain_update(passphrase).chain_update(start.0.to_be_bytes());
        let retention_ledgers = usize::try_from(retention_ledgers).unwrap_or(usize::MAX).max(1);
        Self { genesis_hash: genesis.finalize().into(), retention_ledgers, ledgers: VecDeque::new() }
    }

    /// Returns the newest ledger.
    pub(super) fn latest(&self) -> Option<&Arc<Ledger>> {
        self.ledgers.back()
    }

    /// Returns the oldest ledger still held.
    pub(super) fn oldest(&self) -> Option<&Arc<Ledger>> {
        self.ledgers.front()
    }

    /// Returns the ledger of this number, if it is held.
    pub(super) fn ledger(&self, sequence: LedgerSequence) -> Option<&Arc<Ledger>> {
        self.ledgers.get(self.place_of(sequence)?)
    }

    /// Returns the ledgers from `first` to `last` that are held.
    pub(super) fn range(&self, first: LedgerSequence, last: LedgerSequence) -> impl Iterator<Item = &Arc<Ledger>> {
        (first.0..=last.0).filter_map(|number| self.ledger(LedgerSequence(number)))
    }

    /// Returns every ledger still held, oldest first.
    pub(super) fn ledgers(&self) -> impl Iterator<Item = &Arc<Ledger>> {
        self.ledgers.iter()
    }

    /// Returns the ledgers with events from `from` on, before `to_exclusive`.
    pub(super) fn with_events(&self, from: LedgerSequence, to_exclusive: LedgerSequence) -> Vec<Arc<Ledger>> {
        let rest = self.ledgers.iter().skip(self.place_of(from).unwrap_or(0));
        let window = rest.take_while(|ledger| ledger.sequence < to_exclusive);
        window.filter(|ledger| !ledger.transactions.is_empty()).map(Arc::clone).collect()
    }

    /// Returns the number of the next ledger.
    pub(super) fn next_sequence(&self) -> LedgerSequence {
        self.latest().map_or(FIRST_LEDGER, |ledger| ledger.sequence.next())
    }

    /// Adds the next ledger.
    pub(super) fn push(&mut self, closed_at: UnixTime, applied: Vec<Applied>, evictions: Vec<Eviction>) -> Arc<Ledger> {
        let sequence = self.next_sequence();
        let previous_hash = self.latest().map_or(self.genesis_hash, |ledger| ledger.hash);
        let mut transactions = Vec::with_capacity(applied.len());
        for (number, Applied { successful, events, changes }) in (1_u32..).zip(applied) {
            let hash = transaction_hash(&previous_hash, sequence, number, &events);
            transactions.push(Transaction { hash, successful, events: events.into(), changes: changes.into() });
        }
        let hash = header::hash_of(&header::header_of(sequence, closed_at, previous_hash, &transactions));
        let (transactions, evictions) = (transactions.into(), evictions.into());
        let ledger = Arc::new(Ledger { sequence, closed_at, previous_hash, hash, transactions, evictions });
        self.ledgers.push_back(Arc::clone(&ledger));
        self.drop_old();
        ledger
    }

    /// Keeps this many ledgers from now on; those before are dropped for good.
    pub(super) fn keep(&mut self, retention_ledgers: u32) {
        self.retention_ledgers = usize::try_from(retention_ledgers).unwrap_or(usize::MAX).max(1);
        self.drop_old();
    }

    fn drop_old(&mut self) {
        while self.ledgers.len() > self.retention_ledgers {
            self.ledgers.pop_front();
        }
    }

    fn place_of(&self, sequence: LedgerSequence) -> Option<usize> {
        usize::try_from(sequence.0.checked_sub(self.oldest()?.sequence.0)?).ok()
    }
}

/// Returns the id of an event by its place; `None` beyond what an id has room for.
pub(super) fn event_id(ledger: &Ledger, transaction: u32, index: u32) -> Option<EventId> {
    EventId::of(ledger.sequence, transaction, 0, index)
}
