//! An event, or a change of a stream's entry, after decoding, on its way into a batch.

use crate::{
    domain::{
        Baseline, ContractEvent, ContractUpgradeEvent, EntryChangeKind, EntryDurability, EntryLeft, EventId, EventKind,
        HarmlessFields, QuarantineKind, QuarantinedEvent, RawBaseline, RawContractEvent, RawEntryChange, StoredEntry,
        StreamEntryChange, StreamId,
    },
    source::EventPage,
    xdr::{Decoded, decode_event, decode_stream_key, decode_stream_ledger_entry},
};

/// The name under which a stream's entry is quarantined.
const ENTRY: &str = "stream entry";

/// A raw event, or a raw change of an entry, after decoding.
#[derive(Clone, Debug)]
pub enum Incoming {
    /// It decoded.
    Event(ContractEvent),
    /// The contract's code was replaced.
    Upgrade(ContractUpgradeEvent),
    /// A stream's entry was changed.
    Entry(StreamEntryChange),
    /// It must be kept undecoded.
    Quarantined(QuarantinedEvent),
}

impl Incoming {
    /// Decodes one raw event, or an entry that was kept as one. Never fails: what does not decode is quarantined, with
    /// the reason.
    #[must_use]
    pub fn decode(raw: RawContractEvent, harmless: &HarmlessFields) -> Self {
        if raw.kind == EventKind::Entry {
            return Self::of_kept_entry(raw, harmless);
        }
        let (kind, name, stream_id, reason) = match decode_event(&raw) {
            Decoded::Event(event) => return Self::Event(ContractEvent { raw, event }),
            Decoded::Upgrade(upgrade) => return Self::Upgrade(ContractUpgradeEvent { raw, upgrade }),
            Decoded::Unknown { name, stream_id } => {
                (QuarantineKind::Unknown, name, stream_id, "this version does not know the event's name".to_owned())
            }
            Decoded::Refused { name, stream_id, refusal } => {
                (QuarantineKind::Refused, name, stream_id, refusal.to_string())
            }
        };
        Self::Quarantined(QuarantinedEvent { raw, kind, name, stream_id, reason })
    }

    /// Decodes a change of an entry. Returns `None` for entries that are not a stream's record, and for what leaves a
    /// record as it is: an extended lifetime, and an eviction, after which the entry lies in the archive.
    #[must_use]
    pub fn of_change(change: RawEntryChange, harmless: &HarmlessFields) -> Option<Self> {
        if change.durability != EntryDurability::Persistent {
            return None;
        }
        let stream_id = decode_stream_key(&change.key)?;
        let id = StreamEntryChange::id_at(change.position, &change.contract_id, stream_id);
        let left = match (change.kind, change.entry) {
            (EntryChangeKind::Evicted | EntryChangeKind::Extended, _) => return None,
            (EntryChangeKind::Removed, _) | (_, None) => EntryLeft::Removed,
            (_, Some(stored)) => {
                let entry = match decode_stream_ledger_entry(&stored.xdr, harmless) {
                    Ok(entry) => entry,
                    Err(refusal) => {
                        let change = RawEntryChange { entry: Some(stored), ..change };
                        return Some(Self::Quarantined(kept_raw(change, stream_id, refusal.to_string())));
                    }
                };
                let raw = RawBaseline {
                    stream_id,
                    position: change.position,
                    entry_xdr: stored.xdr,
                    last_modified_ledger: stored.last_modified_ledger,
                    live_until_ledger: change.live_until_ledger,
                };
                EntryLeft::Stored(Box::new(Baseline { raw, entry }))
            }
        };
        Some(Self::Entry(StreamEntryChange { id, contract_id: change.contract_id, stream_id, left }))
    }

    /// Decodes an entry again that did not decode before.
    fn of_kept_entry(raw: RawContractEvent, harmless: &HarmlessFields) -> Self {
        let change = RawEntryChange {
            position: raw.id.end_of_transaction(),
            ledger_closed_at: raw.ledger_closed_at,
            tx_hash: Some(raw.tx_hash.clone()),
            kind: EntryChangeKind::Updated,
            contract_id: raw.contract_id.clone(),
            durability: EntryDurability::Persistent,
            key: raw.topics.first().cloned().unwrap_or_default(),
            entry: Some(StoredEntry { xdr: raw.value.clone(), last_modified_ledger: raw.id.ledger() }),
            live_until_ledger: None,
        };
        Self::of_change(change, harmless).unwrap_or_else(|| {
            let (kind, reason) = (QuarantineKind::Refused, "the key is not a stream's".to_owned());
            Self::Quarantined(QuarantinedEvent { raw, kind, name: Some(ENTRY.to_owned()), stream_id: None, reason })
        })
    }

    /// Returns its place on the chain.
    pub(super) const fn id(&self) -> EventId {
        match self {
            Self::Event(event) => event.raw.id,
            Self::Upgrade(event) => event.raw.id,
            Self::Entry(change) => change.id,
            Self::Quarantined(event) => event.raw.id,
        }
    }

    /// Returns the event as it came; `None` for an entry that decoded.
    pub(super) const fn raw(&self) -> Option<&RawContractEvent> {
        match self {
            Self::Event(event) => Some(&event.raw),
            Self::Upgrade(event) => Some(&event.raw),
            Self::Quarantined(event) => Some(&event.raw),
            Self::Entry(_) => None,
        }
    }
}

/// Returns an entry that does not decode as it is kept, at a place of its own.
pub(super) fn kept_raw(change: RawEntryChange, stream_id: StreamId, reason: String) -> QuarantinedEvent {
    let raw = RawContractEvent {
        id: StreamEntryChange::id_at(change.position, &change.contract_id, stream_id),
        kind: EventKind::Entry,
        contract_id: change.contract_id,
        ledger_closed_at: change.ledger_closed_at,
        tx_hash: change.tx_hash.unwrap_or_default(),
        in_successful_call: true,
        topics: vec![change.key],
        value: change.entry.map(|stored| stored.xdr).unwrap_or_default(),
    };
    let (kind, name) = (QuarantineKind::Refused, Some(ENTRY.to_owned()));
    QuarantinedEvent { raw, kind, name, stream_id: Some(stream_id), reason }
}

/// Decodes what a page holds. Several changes of an entry in one transaction are one: the last.
pub(super) fn decode_all(
    events: Vec<RawContractEvent>,
    entries: Vec<RawEntryChange>,
    harmless: &HarmlessFields,
) -> Vec<Incoming> {
    let mut incoming: Vec<Incoming> = events.into_iter().map(|raw| Incoming::decode(raw, harmless)).collect();
    let first_entry = incoming.len();
    for change in entries.into_iter().filter_map(|change| Incoming::of_change(change, harmless)) {
        let of_entries = incoming[first_entry..].iter_mut().rev();
        let mut of_transaction = of_entries.take_while(|earlier| earlier.id().same_transaction(change.id()));
        match of_transaction.find(|earlier| earlier.id() == change.id()) {
            Some(earlier) => *earlier = change,
            None => incoming.push(change),
        }
    }
    incoming
}

/// Takes what a page holds and decodes it on another thread: ten thousand events take tens of milliseconds, which is
/// too long for the runtime.
pub(super) async fn decode_page(page: &mut EventPage, harmless: &HarmlessFields) -> Vec<Incoming> {
    let (events, entries) = (std::mem::take(&mut page.events), std::mem::take(&mut page.entries));
    if events.is_empty() && entries.is_empty() {
        return Vec::new();
    }
    let harmless = harmless.clone();
    let decoded = tokio::task::spawn_blocking(move || decode_all(events, entries, &harmless));
    decoded.await.expect("decoding never panics and is not cancelled")
}
