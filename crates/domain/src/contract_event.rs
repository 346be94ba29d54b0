//! A contract event on its way: raw from a source, decoded, set aside, and committed.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{
    Address, Amount, ContractId, Epoch, EventId, FeedId, LedgerSequence, StoredEventType, StreamEvent, StreamId,
    UnixTime,
};

/// The kinds of events that `getEvents` knows, and what is kept beside events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum EventKind {
    /// A contract emitted it, or the network in the name of an asset's contract.
    Contract,
    /// The network emitted it about a contract.
    System,
    /// No event: an entry in the contract's storage that did not decode, kept with the events that did not.
    Entry,
}

impl EventKind {
    /// Returns the word that Stellar RPC has for it, or the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Contract => "contract",
            Self::System => "system",
            Self::Entry => "entry",
        }
    }

    /// Returns the kind that Stellar RPC calls by this word; `None` for diagnostics, which are no part of what the
    /// network agrees on, and for words of later versions.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        match word {
            "contract" => Some(Self::Contract),
            "system" => Some(Self::System),
            _ => None,
        }
    }

    /// Returns the kind that the database calls by this word; `None` for words of later versions.
    #[must_use]
    pub fn of_stored_word(word: &str) -> Option<Self> {
        if word == Self::Entry.as_str() { Some(Self::Entry) } else { Self::of_word(word) }
    }
}

/// A contract event as a source gave it, topics and value still XDR in base64.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawContractEvent {
    /// The event's place on the chain.
    pub id: EventId,
    /// Who speaks: the contract, or the network about it.
    pub kind: EventKind,
    /// The contract that emitted it, or that it is about.
    pub contract_id: ContractId,
    /// When its ledger closed.
    pub ledger_closed_at: DateTime<Utc>,
    /// The hash of its transaction, 64 hex digits.
    pub tx_hash: String,
    /// False only where the source says that the call did not succeed: such an event changes no state.
    pub in_successful_call: bool,
    /// The topics, each an `ScVal` in base64.
    pub topics: Vec<String>,
    /// The value, an `ScVal` in base64.
    pub value: String,
}

impl RawContractEvent {
    /// Returns the time of the event's ledger as the contract saw it.
    #[must_use]
    pub fn ledger_time(&self) -> UnixTime {
        UnixTime::of_close(self.ledger_closed_at)
    }
}

/// A contract event that decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContractEvent {
    /// The event as it came.
    pub raw: RawContractEvent,
    /// What it says.
    pub event: StreamEvent,
}

/// The contract's code was replaced, in place and under the same id. The network says so, not the contract.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ContractUpgrade {
    /// The SHA-256 of the code before, 64 hex digits.
    pub old: String,
    /// The SHA-256 of the code from the next transaction on, 64 hex digits.
    pub new: String,
}

/// An upgrade of the contract with its place on the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContractUpgradeEvent {
    /// The event as it came.
    pub raw: RawContractEvent,
    /// What it says.
    pub upgrade: ContractUpgrade,
}

/// Why an event is kept aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuarantineKind {
    /// Its name is not in our table: a later version of the contract speaks.
    Unknown,
    /// Its name is in our table but it did not decode.
    Refused,
}

impl QuarantineKind {
    /// Returns the word stored in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Refused => "refused",
        }
    }

    /// Returns the kind of a word: what a newer version calls otherwise is unknown here.
    #[must_use]
    pub fn from_word(word: &str) -> Self {
        if word == Self::Refused.as_str() { Self::Refused } else { Self::Unknown }
    }
}

/// An event kept raw, with the reason, to be decoded again after an upgrade.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuarantinedEvent {
    /// The event as it came.
    pub raw: RawContractEvent,
    /// Unknown or refused.
    pub kind: QuarantineKind,
    /// The event's name, where its first topic held one.
    pub name: Option<String>,
    /// The stream it speaks of, where its second topic held one.
    pub stream_id: Option<StreamId>,
    /// What was wrong, in words.
    pub reason: String,
}

/// An event as the database holds it, parties and amount filled in: what subscribers and queries are given.
#[derive(Clone, Debug, PartialEq)]
pub struct CommittedEvent {
    /// The event's place on the chain.
    pub id: EventId,
    /// Which start of the network that chain is.
    pub epoch: Epoch,
    /// The contract that emitted it.
    pub contract_id: ContractId,
    /// The ledger it was emitted in.
    pub ledger: LedgerSequence,
    /// When that ledger closed.
    pub ledger_closed_at: DateTime<Utc>,
    /// The hash of its transaction, 64 hex digits.
    pub tx_hash: String,
    /// What happened.
    pub event_type: StoredEventType,
    /// The stream it happened to; none for events of the protocol itself.
    pub stream_id: Option<StreamId>,
    /// The stream's sender, from the event or else from the stream's record.
    pub sender: Option<Address>,
    /// The stream's recipient, from the event or else from the stream's record.
    pub recipient: Option<Address>,
    /// Who was the recipient until this event: it is about both.
    pub former_recipient: Option<Address>,
    /// The stream's token, from the event or else from the stream's record.
    pub token: Option<Address>,
    /// The amount that this event is about: see [`StreamEvent::amount`].
    pub amount: Option<Amount>,
    /// Every decoded field, as [`StreamEvent`] serializes.
    pub body: serde_json::Map<String, serde_json::Value>,
}

impl CommittedEvent {
    /// Returns everybody whom the event is about.
    pub fn parties(&self) -> impl Iterator<Item = &Address> + Clone {
        [&self.sender, &self.recipient, &self.former_recipient].into_iter().flatten()
    }

    /// Returns the event's id as the wire has it.
    #[must_use]
    pub const fn feed_id(&self) -> FeedId {
        FeedId { event: self.id, epoch: self.epoch }
    }
}
