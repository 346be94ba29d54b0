//! The `stream_events` and `quarantine` tables: events in many at a time, and out in the order of the chain.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, types::Json};

use super::{
    Store, StoreError,
    network::epoch,
    pool::{event_id, parse},
};
use crate::domain::{
    Address, Amount, CommittedEvent, ContractEvent, ContractId, EventId, EventKind, RawContractEvent, StoredEventType,
    StreamId, StreamRecord,
};

/// A part of the chain's order: after one position, up to and including another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventRange {
    /// Not included.
    pub after: EventId,
    /// Included.
    pub up_to: EventId,
}

/// One row as it leaves the database.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct EventRow {
    pub(super) toid: i64,
    pub(super) event_index: i64,
    epoch: i32,
    contract_id: String,
    ledger_closed_at: DateTime<Utc>,
    tx_hash: String,
    r#type: String,
    stream_id: Option<String>,
    sender: Option<String>,
    recipient: Option<String>,
    token: Option<String>,
    amount: Option<String>,
    body: Json<serde_json::Map<String, serde_json::Value>>,
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
            token: address("token", row.token)?,
            amount: row.amount.map(|text| parse("amount", &text)).transpose()?,
            body: row.body.0,
        })
    }
}

impl Store {
    /// Returns the first `limit` events after a position, of every contract, in the order of the chain, without those
    /// that came late: what a subscriber is sent live must not depend on how far a gateway is.
    pub async fn events_after(&self, after: EventId, limit: u32) -> Result<Vec<CommittedEvent>, StoreError> {
        let rows = sqlx::query_as!(
            EventRow,
            r#"select toid, event_index, (select epoch from network) as "epoch!", contract_id, ledger_closed_at, tx_hash, type,
                      stream_id::text, sender,
                      recipient, token, amount::text, body as "body: Json<serde_json::Map<String, serde_json::Value>>"
               from stream_events where (toid, event_index) > ($1, $2) and not came_late
               order by toid, event_index limit $3"#,
            after.toid(),
            i64::from(after.index()),
            i64::from(limit),
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(CommittedEvent::try_from).collect()
    }

    /// Returns the newest events of a stream, at most `limit`, the newest first.
    pub async fn latest_events(
        &self,
        contract_id: &ContractId,
        stream_id: StreamId,
        limit: u32,
    ) -> Result<Vec<CommittedEvent>, StoreError> {
        let rows = sqlx::query_as!(
            EventRow,
            r#"select toid, event_index, (select epoch from network) as "epoch!", contract_id, ledger_closed_at, tx_hash,
                      type, stream_id::text, sender, recipient, token, amount::text,
                      body as "body: Json<serde_json::Map<String, serde_json::Value>>"
               from stream_events where stream_events.stream_id = $2::text::numeric and contract_id = $1
               order by toid desc, event_index desc limit $3"#,
            contract_id.as_str(),
            stream_id.to_string(),
            i64::from(limit),
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(CommittedEvent::try_from).collect()
    }

    /// Returns the id of the newest event there is.
    pub async fn newest_event(&self) -> Result<Option<EventId>, StoreError> {
        let row =
            sqlx::query!("select toid, event_index from stream_events order by toid desc, event_index desc limit 1")
                .fetch_optional(&self.pool)
                .await?;
        row.map(|row| event_id(row.toid, row.event_index)).transpose()
    }

    /// Returns the ids of the first `limit` events of a contract in a range, in the order of the chain: event rows,
    /// quarantined events and upgrades.
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
               where contract_id = $1 and (toid, event_index) > ($2, $3) and (toid, event_index) <= ($4, $5)
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

    /// Returns the id of the oldest event there is.
    pub async fn oldest_event(&self) -> Result<Option<EventId>, StoreError> {
        let row = sqlx::query!("select toid, event_index from stream_events order by toid, event_index limit 1")
            .fetch_optional(&self.pool)
            .await?;
        row.map(|row| event_id(row.toid, row.event_index)).transpose()
    }
}

/// Returns which events of a range are stored already; none, unless a source repeats itself.
pub(super) async fn stored_ids(
    connection: &mut PgConnection,
    first: EventId,
    last: EventId,
) -> Result<HashSet<EventId>, StoreError> {
    let rows = sqlx::query!(
        "select toid, event_index from stream_events
         where (toid, event_index) >= ($1, $2) and (toid, event_index) <= ($3, $4)",
        first.toid(),
        i64::from(first.index()),
        last.toid(),
        i64::from(last.index()),
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(|row| event_id(row.toid, row.event_index)).collect()
}

/// Returns which of these events are stored already.
pub(super) async fn stored_among(
    connection: &mut PgConnection,
    ids: &[EventId],
) -> Result<HashSet<EventId>, StoreError> {
    let (toids, indexes) = columns_of(ids);
    let rows = sqlx::query!(
        "select toid, event_index from stream_events
         where (toid, event_index) in (select * from unnest($1::bigint[], $2::bigint[]))",
        &toids,
        &indexes,
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(|row| event_id(row.toid, row.event_index)).collect()
}

/// Returns the first `limit` stored events after a position as they came, in the order of the chain.
pub(super) async fn raw_events_after(
    executor: impl sqlx::PgExecutor<'_>,
    contract_id: &ContractId,
    after: EventId,
    limit: u32,
) -> Result<Vec<RawContractEvent>, StoreError> {
    let rows = sqlx::query_as!(
        RawEventRow,
        "select toid, event_index, contract_id, ledger_closed_at, tx_hash, topics, value from stream_events
         where contract_id = $1 and (toid, event_index) > ($2, $3) order by toid, event_index limit $4",
        contract_id.as_str(),
        after.toid(),
        i64::from(after.index()),
        i64::from(limit),
    )
    .fetch_all(executor)
    .await?;
    rows.into_iter().map(RawContractEvent::try_from).collect()
}

/// An event as it came. Every row of `stream_events` is the contract's own, from a call that succeeded.
struct RawEventRow {
    toid: i64,
    event_index: i64,
    contract_id: String,
    ledger_closed_at: DateTime<Utc>,
    tx_hash: String,
    topics: Vec<String>,
    value: String,
}

impl TryFrom<RawEventRow> for RawContractEvent {
    type Error = StoreError;

    fn try_from(row: RawEventRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: event_id(row.toid, row.event_index)?,
            kind: EventKind::Contract,
            contract_id: parse("contract_id", &row.contract_id)?,
            ledger_closed_at: row.ledger_closed_at,
            tx_hash: row.tx_hash,
            in_successful_call: true,
            topics: row.topics,
            value: row.value,
        })
    }
}

pub(super) fn columns_of(ids: &[EventId]) -> (Vec<i64>, Vec<i64>) {
    ids.iter().map(|id| (id.toid(), i64::from(id.index()))).unzip()
}

const ROWS_IN_A_PIECE: usize = 10_000;

/// What rows take from their stream's record where the event lacks it, as columns.
#[derive(Debug, Default)]
pub(super) struct PartyColumns {
    toid: Vec<i64>,
    event_index: Vec<i64>,
    sender: Vec<Option<String>>,
    recipient: Vec<Option<String>>,
    token: Vec<Option<String>>,
    amount: Vec<Option<String>>,
}

impl PartyColumns {
    /// Adds an event with its sender, recipient and token.
    pub(super) fn push(&mut self, id: EventId, parties: [Option<&Address>; 3], amount: Option<Amount>) {
        let [sender, recipient, token] = parties.map(|party| party.map(ToString::to_string));
        self.toid.push(id.toid());
        self.event_index.push(i64::from(id.index()));
        self.sender.push(sender);
        self.recipient.push(recipient);
        self.token.push(token);
        self.amount.push(amount.map(|amount| amount.to_string()));
    }

    /// Returns the same in pieces that one statement writes in a moment.
    pub(super) fn in_pieces(&self) -> impl Iterator<Item = Self> {
        let starts = (0..self.toid.len()).step_by(ROWS_IN_A_PIECE);
        starts.map(|start| {
            let piece = start..self.toid.len().min(start + ROWS_IN_A_PIECE);
            Self {
                toid: self.toid[piece.clone()].to_vec(),
                event_index: self.event_index[piece.clone()].to_vec(),
                sender: self.sender[piece.clone()].to_vec(),
                recipient: self.recipient[piece.clone()].to_vec(),
                token: self.token[piece.clone()].to_vec(),
                amount: self.amount[piece].to_vec(),
            }
        })
    }

    /// Writes them over those of the rows that are there. What is known is never overwritten by null. Returns the rows
    /// that were changed.
    pub(super) async fn update(&self, connection: &mut PgConnection) -> Result<Vec<EventId>, StoreError> {
        let rows = sqlx::query!(
            "update stream_events as stored
             set sender = coalesce(new.sender, stored.sender), recipient = coalesce(new.recipient, stored.recipient),
                 token = coalesce(new.token, stored.token), amount = coalesce(new.amount::numeric, stored.amount)
             from unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[])
                 as new (toid, event_index, sender, recipient, token, amount)
             where stored.toid = new.toid and stored.event_index = new.event_index
               and (stored.sender, stored.recipient, stored.token, stored.amount) is distinct from (
                   coalesce(new.sender, stored.sender), coalesce(new.recipient, stored.recipient),
                   coalesce(new.token, stored.token), coalesce(new.amount::numeric, stored.amount)
               )
             returning stored.toid, stored.event_index",
            &self.toid,
            &self.event_index,
            &self.sender as _,
            &self.recipient as _,
            &self.token as _,
            &self.amount as _,
        )
        .fetch_all(connection)
        .await?;
        rows.into_iter().map(|row| event_id(row.toid, row.event_index)).collect()
    }
}

/// Events as columns, ready for one statement.
#[derive(Debug, Default)]
pub(super) struct EventColumns {
    parties: PartyColumns,
    contract_id: Vec<String>,
    ledger_closed_at: Vec<DateTime<Utc>>,
    tx_hash: Vec<String>,
    r#type: Vec<String>,
    stream_id: Vec<Option<String>>,
    body: Vec<String>,
    topics: Vec<String>,
    value: Vec<String>,
}

impl EventColumns {
    /// Adds an event, its parties from itself or else from its stream's record.
    pub(super) fn push(&mut self, event: &ContractEvent, amount: Option<Amount>, record: Option<&StreamRecord>) {
        let ContractEvent { raw, event } = event;
        let sender = event.sender().or(record.map(|record| &record.sender));
        let recipient = event.recipient().or(record.map(|record| &record.recipient));
        let token = event.token().or(record.map(|record| &record.token));
        self.parties.push(raw.id, [sender, recipient, token], amount);
        self.contract_id.push(raw.contract_id.to_string());
        self.ledger_closed_at.push(raw.ledger_closed_at);
        self.tx_hash.push(raw.tx_hash.clone());
        self.r#type.push(event.event_type().as_str().to_owned());
        self.stream_id.push(event.stream_id().map(|stream_id| stream_id.to_string()));
        self.body.push(serde_json::to_string(event).expect("an event is a struct of texts and numbers"));
        self.topics.push(raw.topics.join(","));
        self.value.push(raw.value.clone());
    }

    pub(super) fn len(&self) -> usize {
        self.body.len()
    }

    /// Inserts the events; those that are there stay as they are. `came_late` marks rows behind the feed's position,
    /// which are not sent live. Returns how many were new.
    pub(super) async fn insert(&self, connection: &mut PgConnection, came_late: bool) -> Result<usize, StoreError> {
        let PartyColumns { toid, event_index, sender, recipient, token, amount } = &self.parties;
        let done = sqlx::query_file!(
            "src/store/insert_events.sql",
            toid,
            event_index,
            &self.contract_id,
            &self.ledger_closed_at,
            &self.tx_hash,
            &self.r#type,
            &self.stream_id as _,
            sender as _,
            recipient as _,
            token as _,
            amount as _,
            &self.body,
            &self.topics,
            &self.value,
            came_late,
        )
        .execute(connection)
        .await?;
        Ok(usize::try_from(done.rows_affected()).unwrap_or(usize::MAX))
    }
}
