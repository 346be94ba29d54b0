//! Events as columns, so that one statement writes many of them into `stream_events`; and which of them are stored already.

use std::collections::HashSet;

use chrono::{DateTime, SubsecRound, Utc};
use sqlx::{PgConnection, types::Json};

use super::{
    StoreError,
    columns::{columns_of, event_id},
    event_rows::EventRow,
    partitions,
};
use crate::domain::{Address, Amount, ContractEvent, EventId};

/// Returns which events of a range are stored already; none, unless a source repeats itself.
pub(super) async fn stored_ids(
    connection: &mut PgConnection,
    first: EventId,
    last: EventId,
) -> Result<HashSet<EventId>, StoreError> {
    let rows = sqlx::query!(
        "select toid, event_index from stream_events
         where toid between $1 and $3
           and (toid, event_index) >= ($1, $2) and (toid, event_index) <= ($3, $4)",
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

const ROWS_IN_A_PIECE: usize = 10_000;

/// What a row takes from its stream's record if the event lacks it, as columns.
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

    /// Returns the same columns in pieces that one statement writes quickly.
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

    /// Writes them over those of the stored rows. A known value is never overwritten by null. Returns the rows that
    /// changed.
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
    former_recipient: Vec<Option<String>>,
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
    /// Adds an event with sender, recipient and token, from itself or else those of its stream.
    pub(super) fn push(&mut self, event: &ContractEvent, amount: Option<Amount>, of_stream: [Option<&Address>; 3]) {
        let ContractEvent { raw, event } = event;
        let [sender, recipient, token] = of_stream;
        let of_event = [event.sender().or(sender), event.recipient().or(recipient), event.token().or(token)];
        self.parties.push(raw.id, of_event, amount);
        self.former_recipient.push(event.former_recipient().map(ToString::to_string));
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

    /// Returns the events as rows, as the table will have them.
    pub(super) fn rows(&self, epoch: i32) -> Result<Vec<EventRow>, StoreError> {
        (0..self.len()).map(|at| self.row(at, epoch)).collect()
    }

    fn row(&self, at: usize, epoch: i32) -> Result<EventRow, StoreError> {
        let PartyColumns { toid, event_index, sender, recipient, token, amount } = &self.parties;
        let body = serde_json::from_str(&self.body[at]).map_err(|failure| StoreError::Corrupt(failure.to_string()))?;
        Ok(EventRow {
            toid: toid[at],
            event_index: event_index[at],
            epoch,
            contract_id: self.contract_id[at].clone(),
            // The table counts in microseconds.
            ledger_closed_at: self.ledger_closed_at[at].trunc_subsecs(6),
            tx_hash: self.tx_hash[at].clone(),
            r#type: self.r#type[at].clone(),
            stream_id: self.stream_id[at].clone(),
            sender: sender[at].clone(),
            recipient: recipient[at].clone(),
            former_recipient: self.former_recipient[at].clone(),
            token: token[at].clone(),
            amount: amount[at].clone(),
            body: Json(body),
        })
    }

    /// Inserts the events; those that are there stay as they are. `came_late` marks rows behind the feed's position,
    /// which are not sent live. Returns how many were new.
    pub(super) async fn insert(&self, connection: &mut PgConnection, came_late: bool) -> Result<usize, StoreError> {
        let PartyColumns { toid, event_index, sender, recipient, token, amount } = &self.parties;
        partitions::add_for(connection, toid).await?;
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
            &self.former_recipient as _,
        )
        .execute(connection)
        .await?;
        Ok(usize::try_from(done.rows_affected()).unwrap_or(usize::MAX))
    }
}
