//! Changes of entries in a contract's storage, as a whole ledger tells them.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{Baseline, ContractId, EventId, LedgerSequence, StreamId};

/// What happened to an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum EntryChangeKind {
    /// It is new.
    Created,
    /// It was overwritten.
    Updated,
    /// It was deleted.
    Removed,
    /// It came back from the archive.
    Restored,
    /// Its lifetime was over, and the network took it away: a persistent entry was archived, a temporary one is gone.
    Evicted,
    /// Its lifetime was extended. The entry itself did not change.
    Extended,
}

/// What becomes of an entry whose lifetime is over. An entry of each kind may lie under the same key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum EntryDurability {
    /// It is deleted.
    Temporary,
    /// It is archived and can be restored.
    Persistent,
}

/// An entry as the chain stores it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEntry {
    /// A `LedgerEntryData` in base64 XDR, as `getLedgerEntries` returns it.
    pub xdr: String,
    /// The ledger that last changed the entry.
    pub last_modified_ledger: LedgerSequence,
}

/// A change of one contract's entry, key and entry still XDR.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawEntryChange {
    /// The change holds after this position: the end of its transaction, or of its ledger for what the network does
    /// after all transactions.
    pub position: EventId,
    /// When its ledger closed.
    pub ledger_closed_at: DateTime<Utc>,
    /// The hash of its transaction, 64 hex digits; `None` for an eviction, which no transaction causes.
    pub tx_hash: Option<String>,
    /// What happened.
    pub kind: EntryChangeKind,
    /// The contract whose entry it is.
    pub contract_id: ContractId,
    /// Whether it is the temporary or the persistent entry under the key.
    pub durability: EntryDurability,
    /// The key, an `ScVal` in base64 XDR.
    pub key: String,
    /// The entry after the change, if it was created, updated or restored.
    pub entry: Option<StoredEntry>,
    /// The last ledger of the entry's lifetime (`liveUntilLedgerSeq`), if the transaction set it. If not, the lifetime
    /// of an entry that was there is what it was.
    pub live_until_ledger: Option<LedgerSequence>,
}

impl RawEntryChange {
    /// Returns the ledger that made the change.
    #[must_use]
    pub fn ledger(&self) -> LedgerSequence {
        self.position.ledger()
    }
}

/// What a transaction left of a stream's entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamEntryChange {
    /// A place of its own, behind every event of its transaction. It is no event's id.
    pub id: EventId,
    /// The contract that keeps the stream.
    pub contract_id: ContractId,
    /// The stream.
    pub stream_id: StreamId,
    /// What there is after the transaction.
    pub left: EntryLeft,
}

/// What there is of an entry after a transaction changed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntryLeft {
    /// The entry.
    Stored(Box<Baseline>),
    /// Nothing: the contract deleted it.
    Removed,
}

/// The lowest index of an entry's place. Events after their transaction, which share its TOID, count from 0.
const FIRST_INDEX: u32 = 1 << 31;

impl StreamEntryChange {
    /// Returns the place of what the transaction that ends at `position` left of a stream's entry: the same wherever it
    /// is read, and different from those of other streams.
    #[must_use]
    pub fn id_at(position: EventId, contract_id: &ContractId, stream_id: StreamId) -> EventId {
        let [first, second, third, fourth, ..] = contract_id.to_bytes();
        let of_contract = u32::from_be_bytes([first, second, third, fourth]);
        let [.., fifth, sixth, seventh, eighth] = stream_id.0.to_be_bytes();
        let of_stream = u32::from_be_bytes([fifth, sixth, seventh, eighth]);
        let index = i64::from((of_contract ^ of_stream) | FIRST_INDEX);
        EventId::from_parts(position.end_of_transaction().toid(), index).unwrap_or(position)
    }

    /// Returns the position after which the change holds: the end of its transaction.
    #[must_use]
    pub const fn position(&self) -> EventId {
        self.id.end_of_transaction()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entrys_place_lies_behind_the_events_of_its_transaction_and_before_the_next_one() {
        let ledger = LedgerSequence(7);
        let position = EventId::of(ledger, 3, 0, 0).unwrap().end_of_transaction();
        let contract_id = ContractId::from_bytes([0xff; 32]);
        let ids: Vec<_> =
            (1..=4).map(|stream| StreamEntryChange::id_at(position, &contract_id, StreamId(stream))).collect();
        for id in &ids {
            assert!(*id > EventId::of(ledger, 3, 4095, 1 << 20).unwrap(), "after the transaction's own events");
            assert!(*id <= position && *id < EventId::of(ledger, 4, 0, 0).unwrap());
            assert_eq!(id.end_of_transaction(), position);
            assert_eq!(ids.iter().filter(|other| *other == id).count(), 1);
        }
    }
}
