//! The events of a ledger: all of them as `getEvents` would list them, or those of some contracts.

use chrono::{DateTime, Utc};
use serde::{Serialize, Serializer};
use stellar_xdr::{ContractEvent, ContractEventBody, ContractEventType, ContractEventV0};

use super::{
    Ledger, base64_of,
    numbering::{Numbered, numbered},
    wanted::Wanted,
};
use crate::domain::{ContractId, EventId, EventKind, RawContractEvent};

/// An event as `getEvents` would list it, and so it serializes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LedgerEvent {
    /// The event's place on the chain.
    pub id: EventId,
    /// The hash of its transaction, 64 hex digits.
    pub tx_hash: String,
    /// Whether that transaction succeeded. A failed one has paid its fee.
    pub successful: bool,
    /// Who speaks.
    #[serde(rename = "type")]
    pub kind: EventKind,
    /// The contract it is about; written as an empty text where there is none.
    #[serde(serialize_with = "text_or_empty")]
    pub contract_id: Option<ContractId>,
    /// The topics, each an `ScVal` in base64.
    pub topic: Vec<String>,
    /// The value, an `ScVal` in base64.
    pub value: String,
}

/// Returns `None` for diagnostics, which are no part of what the network agrees on.
fn kind_of(event: &ContractEvent) -> Option<EventKind> {
    match event.type_ {
        ContractEventType::Contract => Some(EventKind::Contract),
        ContractEventType::System => Some(EventKind::System),
        ContractEventType::Diagnostic => None,
    }
}

impl Ledger {
    /// Returns all events of the ledger in the order of `getEvents`.
    #[must_use]
    pub fn events(&self) -> Vec<LedgerEvent> {
        self.numbered().iter().filter_map(ledger_event).collect()
    }

    /// Returns the events that these contracts emitted and those that the network emitted about them, in the order of
    /// `getEvents`, ready to be decoded.
    #[must_use]
    pub fn contract_events(&self, contract_ids: &[ContractId]) -> Vec<RawContractEvent> {
        raw_events(self.numbered(), self.header.closed_at, &Wanted::new(contract_ids))
    }

    fn numbered(&self) -> Vec<Numbered<'_>> {
        numbered(&self.meta, self.header.sequence)
    }
}

/// Returns those of the events that the wanted contracts or, about them, the network emitted.
pub(super) fn raw_events(
    numbered: Vec<Numbered<'_>>,
    ledger_closed_at: DateTime<Utc>,
    wanted: &Wanted<'_>,
) -> Vec<RawContractEvent> {
    let raw = |numbered: Numbered<'_>| {
        let contract_id = wanted.contract_of(&numbered.event.contract_id.as_ref()?.0.0)?;
        let body = body_of(numbered.event);
        Some(RawContractEvent {
            id: numbered.id,
            kind: kind_of(numbered.event)?,
            contract_id: contract_id.clone(),
            ledger_closed_at,
            tx_hash: numbered.tx_hash.to_string(),
            in_successful_call: numbered.successful,
            topics: body.topics.iter().map(base64_of).collect(),
            value: base64_of(&body.data),
        })
    };
    numbered.into_iter().filter_map(raw).collect()
}

fn ledger_event(numbered: &Numbered<'_>) -> Option<LedgerEvent> {
    let kind = kind_of(numbered.event)?;
    let body = body_of(numbered.event);
    Some(LedgerEvent {
        id: numbered.id,
        tx_hash: numbered.tx_hash.to_string(),
        successful: numbered.successful,
        kind,
        contract_id: numbered.event.contract_id.as_ref().map(|id| ContractId::from_bytes(id.0.0)),
        topic: body.topics.iter().map(base64_of).collect(),
        value: base64_of(&body.data),
    })
}

fn body_of(event: &ContractEvent) -> &ContractEventV0 {
    let ContractEventBody::V0(body) = &event.body;
    body
}

#[expect(clippy::ref_option, reason = "serde hands the field by reference")]
fn text_or_empty<S: Serializer>(contract_id: &Option<ContractId>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(contract_id.as_ref().map_or("", ContractId::as_str))
}
