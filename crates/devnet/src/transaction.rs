//! The transactions of a ledger, with their events and the entries that they changed. Each event is held as the text
//! that a page of events is put together from.

use sha2::{Digest, Sha256};

use super::{encode::RawEvent, event::EventKind, hash::Hash, live_entry::EntryChange};
use flowfi_domain::{ContractId, LedgerSequence};

/// A transaction of a ledger; the first is number 1.
#[derive(Debug)]
pub(super) struct Transaction {
    pub(super) hash: Hash,
    pub(super) successful: bool,
    pub(super) events: Box<[Event]>,
    /// What it did to the entries of the stream contracts.
    pub(super) changes: Box<[EntryChange]>,
}

/// A transaction that waits for its ledger, and so for its hash.
#[derive(Debug)]
pub(super) struct Applied {
    pub(super) successful: bool,
    pub(super) events: Vec<Event>,
    pub(super) changes: Vec<EntryChange>,
}

/// An event of a transaction's only operation.
#[derive(Clone, Debug)]
pub(super) struct Event {
    pub(super) kind: EventKind,
    pub(super) contract_id: ContractId,
    /// The members `topic` and `value` as they stand in a reply.
    pub(super) body: Box<str>,
}

impl Event {
    /// Returns the event with its part of a reply written out. If it has no topics, the member is left out, as on the real
    /// server.
    pub(super) fn new(kind: EventKind, contract_id: ContractId, raw: &RawEvent) -> Self {
        let value = format!("\"value\":\"{}\"", raw.value);
        let body =
            if raw.topics.is_empty() { value } else { format!("\"topic\":[\"{}\"],{value}", raw.topics.join("\",\"")) };
        Self { kind, contract_id, body: body.into_boxed_str() }
    }

    /// Returns the topics, each in base64.
    pub(super) fn topics(&self) -> impl Iterator<Item = &str> {
        let list = self.body.strip_prefix("\"topic\":[\"").and_then(|rest| rest.split_once("\"],"));
        list.into_iter().flat_map(|(topics, _)| topics.split("\",\""))
    }

    /// Returns the value in base64.
    pub(super) fn value(&self) -> &str {
        let value = self.body.rsplit_once("\"value\":\"").and_then(|(_, rest)| rest.strip_suffix('"'));
        value.expect("every body is written with its value last")
    }
}

/// Returns the hash of a transaction: of its place in the chain and of its events.
pub(super) fn transaction_hash(previous: &Hash, sequence: LedgerSequence, number: u32, events: &[Event]) -> Hash {
    let mut hasher =
        Sha256::new().chain_update(previous).chain_update(sequence.0.to_be_bytes()).chain_update(number.to_be_bytes());
    for event in events {
        hasher.update(event.body.as_bytes());
    }
    hasher.finalize().into()
}
