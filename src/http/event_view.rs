//! The JSON object that clients get for an event, shared by REST and SSE.

use chrono::SecondsFormat;
use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::Value;

use crate::domain::{CommittedEvent, UnixTime};

/// An event in camelCase JSON: the fields that every event has, then the event's own. Ids and amounts are strings; Unix
/// times are numbers (null beyond the year 9999).
#[derive(Clone, Copy, Debug)]
pub struct EventView<'a>(pub &'a CommittedEvent);

impl Serialize for EventView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        self.serialize_into(&mut map)?;
        map.end()
    }
}

impl EventView<'_> {
    /// Writes the fields into an object to which the caller may add more.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize_into<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        let event = self.0;
        map.serialize_entry("id", &event.feed_id())?;
        map.serialize_entry("type", &event.event_type)?;
        map.serialize_entry("streamId", &event.stream_id)?;
        map.serialize_entry("contractId", &event.contract_id)?;
        map.serialize_entry("sender", &event.sender)?;
        map.serialize_entry("recipient", &event.recipient)?;
        map.serialize_entry("tokenAddress", &event.token)?;
        map.serialize_entry("amount", &event.amount)?;
        map.serialize_entry("ledger", &event.ledger)?;
        map.serialize_entry("ledgerClosedAt", &event.ledger_closed_at.to_rfc3339_opts(SecondsFormat::AutoSi, true))?;
        map.serialize_entry("timestamp", &UnixTime::of_close(event.ledger_closed_at))?;
        map.serialize_entry("transactionHash", &event.tx_hash)?;
        for (key, value) in event.body.iter().filter(|(key, _)| !is_common(key)) {
            map.serialize_entry(key, dated(value))?;
        }
        Ok(())
    }
}

/// Returns whether every event has this field. An event's own field of that name has the same value.
fn is_common(key: &str) -> bool {
    matches!(key, "streamId" | "sender" | "recipient" | "tokenAddress" | "amount" | "timestamp")
}

/// An event's own fields in camelCase JSON; times beyond the year 9999 are null.
#[derive(Clone, Copy, Debug)]
pub struct BodyView<'a>(pub &'a CommittedEvent);

impl Serialize for BodyView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.body.iter().map(|(key, value)| (key, dated(value))))
    }
}

/// Replaces times beyond the year 9999 by null. The numbers in an event's own fields are Unix times and basis points.
fn dated(value: &Value) -> &Value {
    match value.as_u64() {
        Some(number) if number > UnixTime::LAST_DATE.0 => &Value::Null,
        _ => value,
    }
}
