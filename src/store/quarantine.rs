//! The `quarantine` table: events, and entries of streams, that are kept undecoded, with the reason.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::{
    Store, StoreError,
    columns::{columns_of, event_id, parse},
};
use crate::domain::{
    ContractId, EventId, EventKind, QuarantineKind, QuarantinedEvent, RawContractEvent, StreamId, StreamKey,
};

/// The number of quarantined events, by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QuarantineCount {
    /// Events with unknown names.
    pub unknown: u64,
    /// Events that did not decode.
    pub refused: u64,
}

/// A stream that something we keep raw speaks of.
#[derive(Clone, Debug)]
pub(super) struct SpokenOf {
    pub(super) stream: StreamKey,
    /// Where that is kept.
    pub(super) id: EventId,
    /// Why it cannot be read, if it is the stream's own entry.
    pub(super) unreadable: Option<String>,
}

impl SpokenOf {
    /// Returns the stream that a quarantined event, or entry, speaks of.
    pub(super) fn by(event: &QuarantinedEvent) -> Option<Self> {
        let stream = (event.raw.contract_id.clone(), event.stream_id?);
        let unreadable = (event.raw.kind == EventKind::Entry).then(|| event.reason.clone());
        Some(Self { stream, id: event.raw.id, unreadable })
    }
}

/// Inserts events into the quarantine; existing ones stay unchanged. Returns how many were new.
pub(super) async fn insert(connection: &mut PgConnection, events: &[QuarantinedEvent]) -> Result<usize, StoreError> {
    fn column<T>(events: &[QuarantinedEvent], of: impl Fn(&QuarantinedEvent) -> T) -> Vec<T> {
        events.iter().map(of).collect()
    }
    fn raw_column<T>(events: &[QuarantinedEvent], of: impl Fn(&RawContractEvent) -> T) -> Vec<T> {
        events.iter().map(|event| of(&event.raw)).collect()
    }
    let done = sqlx::query_file!(
        "src/store/insert_quarantine.sql",
        &raw_column(events, |raw| raw.id.toid()),
        &raw_column(events, |raw| i64::from(raw.id.index())),
        &raw_column(events, |raw| raw.contract_id.to_string()),
        &raw_column(events, |raw| raw.ledger_closed_at),
        &raw_column(events, |raw| raw.tx_hash.clone()),
        &column(events, |event| event.kind.as_str().to_owned()),
        &column(events, |event| event.name.clone()) as _,
        &column(events, |event| event.stream_id.map(|stream_id| stream_id.to_string())) as _,
        &column(events, |event| event.reason.clone()),
        &raw_column(events, |raw| raw.kind.as_str().to_owned()),
        &raw_column(events, |raw| raw.in_successful_call),
        &raw_column(events, |raw| raw.topics.join(",")),
        &raw_column(events, |raw| raw.value.clone()),
    )
    .execute(connection)
    .await?;
    Ok(usize::try_from(done.rows_affected()).unwrap_or(usize::MAX))
}

/// Deletes the events with these ids from the quarantine, and the quarantined events of these streams that also have a
/// row in `stream_events`. Returns their ids.
pub(super) async fn release(
    connection: &mut PgConnection,
    contract_id: &ContractId,
    ids: &[EventId],
    streams: &[StreamId],
) -> Result<Vec<EventId>, StoreError> {
    let (toids, indexes) = columns_of(ids);
    let streams: Vec<String> = streams.iter().map(ToString::to_string).collect();
    let rows = sqlx::query!(
        "delete from quarantine
         where (toid, event_index) in (
             select * from unnest($1::bigint[], $2::bigint[])
             union all
             select toid, event_index from quarantine as kept
             where contract_id = $3 and stream_id = any($4::text[])
               and exists (select from stream_events where (toid, event_index) = (kept.toid, kept.event_index))
         )
         returning toid, event_index",
        &toids,
        &indexes,
        contract_id.as_str(),
        &streams,
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(|row| event_id(row.toid, row.event_index)).collect()
}

/// Returns those of these streams that something in quarantine speaks of, each with the last such thing.
pub(super) async fn last_that_speaks_of(
    connection: &mut PgConnection,
    contract_id: &ContractId,
    streams: &[StreamId],
) -> Result<Vec<SpokenOf>, StoreError> {
    let streams: Vec<String> = streams.iter().map(ToString::to_string).collect();
    let rows = sqlx::query!(
        r#"select distinct on (stream_id) stream_id as "stream_id!", toid, event_index, event_kind, reason
           from quarantine
           where contract_id = $1 and stream_id = any($2::text[])
           order by stream_id, toid desc, event_index desc"#,
        contract_id.as_str(),
        &streams,
    )
    .fetch_all(connection)
    .await?;
    let last = rows.into_iter().map(|row| {
        Ok(SpokenOf {
            stream: (contract_id.clone(), parse("stream_id", &row.stream_id)?),
            id: event_id(row.toid, row.event_index)?,
            unreadable: (row.event_kind == EventKind::Entry.as_str()).then_some(row.reason),
        })
    });
    last.collect()
}

/// Returns whether there is a quarantined event after a position.
pub(super) async fn is_any_after(
    connection: &mut PgConnection,
    contract_id: &ContractId,
    after: EventId,
) -> Result<bool, StoreError> {
    let is_any = sqlx::query_scalar!(
        r#"select exists (
               select from quarantine where contract_id = $1 and (toid, event_index) > ($2, $3)
           ) as "is_any!""#,
        contract_id.as_str(),
        after.toid(),
        i64::from(after.index()),
    );
    Ok(is_any.fetch_one(connection).await?)
}

struct QuarantineRow {
    toid: i64,
    event_index: i64,
    contract_id: String,
    ledger_closed_at: DateTime<Utc>,
    tx_hash: String,
    event_kind: String,
    kind: String,
    name: Option<String>,
    stream_id: Option<String>,
    reason: String,
    in_successful_call: bool,
    topics: Vec<String>,
    value: String,
}

pub(super) fn kind_of(word: &str) -> Result<EventKind, StoreError> {
    EventKind::of_stored_word(word).ok_or_else(|| StoreError::Corrupt(format!("event kind {word:?}")))
}

impl TryFrom<QuarantineRow> for QuarantinedEvent {
    type Error = StoreError;

    fn try_from(row: QuarantineRow) -> Result<Self, StoreError> {
        Ok(Self {
            raw: RawContractEvent {
                id: event_id(row.toid, row.event_index)?,
                kind: kind_of(&row.event_kind)?,
                contract_id: parse("contract_id", &row.contract_id)?,
                ledger_closed_at: row.ledger_closed_at,
                tx_hash: row.tx_hash,
                in_successful_call: row.in_successful_call,
                topics: row.topics,
                value: row.value,
            },
            kind: QuarantineKind::from_word(&row.kind),
            name: row.name,
            stream_id: row.stream_id.map(|text| parse("stream_id", &text)).transpose()?,
            reason: row.reason,
        })
    }
}

impl Store {
    /// Returns the first `limit` quarantined events after a position, in chain order, except those of a kind that only
    /// a newer version knows.
    pub async fn quarantined_after(
        &self,
        contract_id: &ContractId,
        after: EventId,
        limit: u32,
    ) -> Result<Vec<QuarantinedEvent>, StoreError> {
        let rows = sqlx::query_as!(
            QuarantineRow,
            "select toid, event_index, contract_id, ledger_closed_at, tx_hash, event_kind, kind, name, stream_id,
                    reason, in_successful_call, topics, value
             from quarantine
             where contract_id = $1 and (toid, event_index) > ($2, $3) and event_kind in ('contract', 'system', 'entry')
             order by toid, event_index limit $4",
            contract_id.as_str(),
            after.toid(),
            i64::from(after.index()),
            i64::from(limit),
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(QuarantinedEvent::try_from).collect()
    }

    /// Returns the number of quarantined events.
    pub async fn quarantine_count(&self, contract_id: &ContractId) -> Result<QuarantineCount, StoreError> {
        let row = sqlx::query!(
            r#"select count(*) filter (where kind = 'unknown') as "unknown!",
                      count(*) filter (where kind = 'refused') as "refused!"
               from quarantine where contract_id = $1"#,
            contract_id.as_str(),
        )
        .fetch_one(&self.pool)
        .await?;
        let count = |rows: i64| u64::try_from(rows).unwrap_or(0);
        Ok(QuarantineCount { unknown: count(row.unknown), refused: count(row.refused) })
    }
}
