//! The shapes of Stellar RPC's replies. Fields that some server versions leave out are optional here.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    EndpointShape, EventPage, FoundEntry, IdForm, Interface, LedgerEntries, SourceError, Tip,
    close_times::{closed_at, unix_time},
};
use crate::domain::{ContractId, CoverageSource, EventId, EventKind, LedgerSequence, RawContractEvent};

#[derive(Deserialize)]
pub(super) struct Reply<T> {
    pub(super) result: Option<T>,
    pub(super) error: Option<RpcError>,
}

#[derive(Debug, Deserialize)]
pub(super) struct RpcError {
    pub(super) code: i64,
    #[serde(default)]
    pub(super) message: String,
}

#[derive(Deserialize)]
pub(super) struct Network {
    pub(super) passphrase: String,
}

#[derive(Deserialize)]
pub(super) struct Version {
    pub(super) version: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Health {
    oldest_ledger: LedgerSequence,
    latest_ledger: LedgerSequence,
    #[serde(default, deserialize_with = "unix_time")]
    latest_ledger_close_time: Option<DateTime<Utc>>,
}

impl From<Health> for Tip {
    fn from(health: Health) -> Self {
        Self {
            sequence: health.latest_ledger,
            closed_at: health.latest_ledger_close_time,
            oldest: health.oldest_ledger,
        }
    }
}

#[derive(Deserialize)]
pub(super) struct LedgersReply {
    ledgers: Vec<LedgerSummary>,
}

/// A ledger from `getLedgers` without its transactions.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LedgerSummary {
    sequence: LedgerSequence,
    pub(super) hash: String,
    /// A `LedgerHeaderHistoryEntry` in base64.
    pub(super) header_xdr: Option<String>,
}

impl LedgersReply {
    pub(super) fn of(self, sequence: LedgerSequence) -> Option<LedgerSummary> {
        self.ledgers.into_iter().find(|ledger| ledger.sequence == sequence)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Entries {
    /// Some servers send null instead of an empty list.
    entries: Option<Vec<Entry>>,
    latest_ledger: LedgerSequence,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    key: String,
    xdr: String,
    last_modified_ledger_seq: LedgerSequence,
    live_until_ledger_seq: Option<LedgerSequence>,
}

impl From<Entries> for LedgerEntries {
    fn from(reply: Entries) -> Self {
        let found = |entry: Entry| FoundEntry {
            xdr: entry.xdr,
            last_modified_ledger: entry.last_modified_ledger_seq,
            live_until_ledger: entry.live_until_ledger_seq,
        };
        let entries = reply.entries.unwrap_or_default().into_iter();
        Self {
            entries: entries.map(|entry| (entry.key.clone(), found(entry))).collect(),
            latest_ledger: reply.latest_ledger,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the names of the reply")]
pub(super) struct Events<'a> {
    #[serde(borrow)]
    events: Vec<Event<'a>>,
    #[serde(borrow)]
    cursor: Option<&'a RawValue>,
    latest_ledger: LedgerSequence,
    #[serde(default, deserialize_with = "unix_time")]
    latest_ledger_close_time: Option<DateTime<Utc>>,
    oldest_ledger: Option<LedgerSequence>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the names of the reply")]
pub(super) struct Ledgers<'a> {
    #[serde(borrow)]
    pub(super) ledgers: Vec<WholeLedger<'a>>,
    pub(super) latest_ledger: LedgerSequence,
    #[serde(default, deserialize_with = "unix_time")]
    pub(super) latest_ledger_close_time: Option<DateTime<Utc>>,
    pub(super) oldest_ledger: LedgerSequence,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WholeLedger<'a> {
    pub(super) hash: String,
    pub(super) sequence: LedgerSequence,
    #[serde(borrow)]
    pub(super) metadata_xdr: Cow<'a, str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event<'a> {
    #[serde(borrow)]
    id: &'a RawValue,
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    contract_id: Cow<'a, str>,
    #[serde(deserialize_with = "closed_at")]
    ledger_closed_at: DateTime<Utc>,
    tx_hash: String,
    in_successful_contract_call: Option<bool>,
    #[serde(default)]
    topic: Vec<String>,
    value: String,
}

impl Events<'_> {
    /// Turns the reply into a page. Events of other contracts or kinds than the requested ones are left out, because
    /// some server versions combine filters wrongly. Servers before 23 number events differently and are refused: their
    /// replies lack the oldest ledger.
    pub(super) fn into_page(self, contract_ids: &[ContractId], limit: u32) -> Result<EventPage, SourceError> {
        let (cursor, oldest_ledger) = self.bounds()?;
        if cursor.ledger() > self.latest_ledger.next() {
            let latest = self.latest_ledger;
            return Err(SourceError::bad_reply(format!("the cursor {cursor} lies beyond the newest ledger, {latest}")));
        }
        // If a server returns fewer events than requested, only a cursor inside a ledger shows it.
        let is_full = self.events.len() >= usize::try_from(limit).unwrap_or(usize::MAX)
            || (!self.events.is_empty() && !cursor.is_end_of_ledger());
        let mut events = Vec::with_capacity(self.events.len());
        for event in self.events {
            let contract_id = contract_ids.iter().find(|contract_id| event.contract_id == contract_id.as_str());
            if let (Some(kind), Some(contract_id)) = (EventKind::of_word(&event.kind), contract_id) {
                events.push(event.into_raw(kind, contract_id)?);
            }
        }
        Ok(EventPage {
            events,
            entries: Vec::new(),
            cursor,
            is_full,
            latest_ledger: self.latest_ledger,
            latest_ledger_closed_at: self.latest_ledger_close_time,
            oldest_ledger: Some(oldest_ledger),
            source: CoverageSource::Rpc,
        })
    }
}

impl Events<'_> {
    /// Returns what the reply shows of the server's shape.
    ///
    /// # Errors
    /// [`SourceError::UnknownForm`]; [`SourceError::Permanent`] for servers before 23.
    pub(super) fn shape(&self) -> Result<EndpointShape, SourceError> {
        self.bounds()?;
        let first = self.events.first();
        first.map(|event| event_id("event id", event.id)).transpose()?;
        Ok(EndpointShape {
            interface: Interface::StellarRpc,
            ids: first.map(|_| IdForm::ToidAndIndex),
            cursors: Some(IdForm::ToidAndIndex),
            reports_success: first.map(|event| event.in_successful_contract_call.is_some()),
        })
    }

    /// Returns where the page ends, and the oldest ledger of the server.
    fn bounds(&self) -> Result<(EventId, LedgerSequence), SourceError> {
        let (Some(cursor), Some(oldest_ledger)) = (self.cursor, self.oldest_ledger) else {
            let detail = "the reply has no cursor or no oldestLedger: Stellar RPC 23 or later is needed".into();
            return Err(SourceError::Permanent { detail });
        };
        Ok((event_id("cursor", cursor)?, oldest_ledger))
    }
}

/// Reads what should be the id of an event or a cursor.
fn event_id(what: &str, raw: &RawValue) -> Result<EventId, SourceError> {
    serde_json::from_str(raw.get()).map_err(|_| SourceError::unknown_form(what, raw.get()))
}

impl Event<'_> {
    /// Checks the fields that will be stored as text: a hash must be hex, topics and value must be base64. A node that
    /// sends anything else is not believed.
    fn into_raw(self, kind: EventKind, contract_id: &ContractId) -> Result<RawContractEvent, SourceError> {
        let id = event_id("event id", self.id)?;
        let hash_is_fine = self.tx_hash.len() == 64 && self.tx_hash.bytes().all(|byte| byte.is_ascii_hexdigit());
        let base64_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
        let xdr_is_fine = self.topic.iter().chain([&self.value]).all(|text| text.bytes().all(base64_letter));
        if !hash_is_fine || !xdr_is_fine {
            return Err(SourceError::bad_reply(format!("event {id} holds a broken hash or broken base64")));
        }
        Ok(RawContractEvent {
            id,
            kind,
            contract_id: contract_id.clone(),
            ledger_closed_at: self.ledger_closed_at,
            tx_hash: self.tx_hash,
            in_successful_call: self.in_successful_contract_call.unwrap_or(true),
            topics: self.topic,
            value: self.value,
        })
    }
}
