//! Rows of `stream_events` as committed events, in chain order.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::types::Json;

use super::{
    Store, StoreError,
    columns::{column_of, epoch, event_id, parse},
};
use crate::domain::{Address, CommittedEvent, ContractId, EventId, StoredEventType, StreamId, Visibility};

/// A range in chain order: after one position, up to and including another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventRange {
    /// Exclusive.
    pub after: EventId,
    /// Inclusive.
    pub up_to: EventId,
}

/// One row, as the database returns it and as a wake-up carries it.
#[derive(Debug, sqlx::FromRow, Serialize, Deserialize)]
pub(super) struct EventRow {
    pub(super) toid: i64,
    pub(super) event_index: i64,
    pub(super) epoch: i32,
    pub(super) contract_id: String,
    pub(super) ledger_closed_at: DateTime<Utc>,
    pub(super) tx_hash: String,
    pub(super) r#type: String,
    pub(super) stream_id: Option<String>,
    pub(super) sender: Option<String>,
    pub(super) recipient: Option<String>,
    pub(super) former_recipient: Option<String>,
    pub(super) token: Option<String>,
    pub(super) amount: Option<String>,
    pub(super) body: Json<serde_json::Map<String, serde_json::Value>>,
}

impl TryFrom<EventRow> for CommittedEvent {
    type Error = StoreError;

    fn try_from(row: EventRow) -> Result<Self, StoreError> {
        let id = event_id(row.toid, row.event_index)?;
        let address = |column, text: Option<String>| text.map(|text| parse(column, &text)).transpose();
        Ok(Self {
            id,
            epoch: epoch(row.epoch)?,
            contract_id: parse("contract_id", &row.contract_id)?,
            ledger: id.ledger(),
            ledger_closed_at: row.ledger_closed_at,
            tx_hash: row.tx_hash,
            event_type: StoredEventType::of(&row.r#type),
            stream_id: row.stream_id.map(|text| parse("stream_id", &text)).transpose()?,
            sender: address("sender", row.sender)?,
            recipient: address("recipient", row.recipient)?,
            former_recipient: address("former_recipient", row.former_recipient)?,
            token: address("token", row.token)?,
            amount: row.amount.map(|text| parse("amount", &text)).transpose()?,
            body: row.body.0,
        })
    }
}

impl TryFrom<CommittedEvent> for EventRow {
    type Error = StoreError;

    fn try_from(event: CommittedEvent) -> Result<Self, StoreError> {
        let address = |party: Option<Address>| party.map(|party| party.to_string());
        Ok(Self {
            toid: event.id.toid(),
            event_index: i64::from(event.id.index()),
            epoch: column_of(event.epoch)?,
            contract_id: event.contract_id.to_string(),
            ledger_closed_at: event.ledger_closed_at,
            tx_hash: event.tx_hash,
            r#type: event.event_type.as_str().to_owned(),
            stream_id: event.stream_id.map(|stream_id| stream_id.to_string()),
            sender: address(event.sender),
            recipient: address(event.recipient),
            former_recipient: address(event.former_recipient),
            token: address(event.token),
            amount: event.amount.map(|amount| amount.to_string()),
            body: Json(event.body),
        })
    }
}

impl Store {
    /// Returns the first `limit` events of all contracts after a position, in chain order, without late ones: what a
    /// subscriber gets live must not depend on how far a gateway is.
    pub async fn events_after(&self, after: EventId, limit: u32) -> Result<Vec<CommittedEvent>, StoreError> {
        let rows = sqlx::query_as!(
            EventRow,
            r#"select toid, event_index, (select epoch from network) as "epoch!", contract_id, ledger_closed_at, tx_hash, type,
                      stream_id, sender,
                      recipient, former_recipient, token, amount::text, body as "body: Json<serde_json::Map<String, serde_json::Value>>"
               from stream_events where toid >= $1 and (toid, event_index) > ($1, $2) and not came_late
               order by toid, event_index limit $3"#,
            after.toid(),
            i64::from(after.index()),
            i64::from(limit),
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(CommittedEvent::try_from).collect()
    }

    /// Returns at most `limit` of a stream's newest events that somebody may see, newest first.
    pub async fn latest_events(
        &self,
        contract_id: &ContractId,
        stream_id: StreamId,
        visibility: &Visibility,
        limit: u32,
    ) -> Result<Vec<CommittedEvent>, StoreError> {
        let party = match visibility {
            Visibility::Everything => None,
            Visibility::Party(party) => Some(party.as_str()),
            Visibility::Nothing => return Ok(Vec::new()),
        };
        let rows = sqlx::query_as!(
            EventRow,
            r#"select toid, event_index, (select epoch from network) as "epoch!", contract_id, ledger_closed_at, tx_hash,
                      type, stream_id, sender, recipient, former_recipient, token, amount::text,
                      body as "body: Json<serde_json::Map<String, serde_json::Value>>"
               from stream_events
               where stream_id = $2 and contract_id = $1
                   and ($4::text is null or $4 in (sender, recipient, former_recipient))
               order by toid desc, event_index desc limit $3"#,
            contract_id.as_str(),
            stream_id.to_string(),
            i64::from(limit),
            party,
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(CommittedEvent::try_from).collect()
    }

    /// Returns the id of the newest event.
    pub async fn newest_event(&self) -> Result<Option<EventId>, StoreError> {
        let row =
            sqlx::query!("select toid, event_index from stream_events order by toid desc, event_index desc limit 1")
                .fetch_optional(&self.pool)
                .await?;
        row.map(|row| event_id(row.toid, row.event_index)).transpose()
    }

    /// Returns the ids of a contract's first `limit` events in a range, in chain order: event rows, quarantined events
    /// and upgrades.
    pub async fn ids_of_everything(
        &self,
        contract_id: &ContractId,
        range: EventRange,
        limit: u32,
    ) -> Result<Vec<EventId>, StoreError> {
        let rows = sqlx::query!(
            r#"select toid as "toid!", event_index as "event_index!"
               from (
                   select contract_id, toid, event_index from stream_events
                   union all
                   select contract_id, toid, event_index from quarantine
                   union all
                   select contract_id, toid, event_index from contract_upgrades
               ) as events
               where contract_id = $1 and toid between $2 and $4
                 and (toid, event_index) > ($2, $3) and (toid, event_index) <= ($4, $5)
               order by toid, event_index limit $6"#,
            contract_id.as_str(),
            range.after.toid(),
            i64::from(range.after.index()),
            range.up_to.toid(),
            i64::from(range.up_to.index()),
            i64::from(limit),
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(|row| event_id(row.toid, row.event_index)).collect()
    }

    /// Returns the id of the oldest event.
    pub async fn oldest_event(&self) -> Result<Option<EventId>, StoreError> {
        let row = sqlx::query!("select toid, event_index from stream_events order by toid, event_index limit 1")
            .fetch_optional(&self.pool)
            .await?;
        row.map(|row| event_id(row.toid, row.event_index)).transpose()
    }
}
