//! The `streams` table: stream records in and out, many at a time.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, types::Json};

use super::{
    Store, StoreError,
    columns::{event_id, ledger, parse},
};
use crate::domain::{
    ChainStatus, ContractId, DisputeStatus, Schedule, StreamId, StreamKey, StreamRecord, UnixTime, UnknownSchedule,
};

/// One row as text and flags, the way it leaves the database.
#[derive(Debug, sqlx::FromRow)]
#[expect(clippy::struct_excessive_bools, reason = "the columns of the table")]
pub(super) struct StreamRow {
    contract_id: String,
    stream_id: String,
    sender: String,
    recipient: String,
    token: String,
    rate_per_second: String,
    deposited: String,
    withdrawn: String,
    start_time: String,
    last_update_time: String,
    is_active: bool,
    paused: bool,
    paused_at: Option<String>,
    status: String,
    total_paused_seconds: String,
    unverified: bool,
    impossible_order: bool,
    schedule: Option<Json<serde_json::Value>>,
    cliff_time: Option<String>,
    arbiter: Option<String>,
    dispute_status: String,
    is_allowance_based: bool,
    closed: bool,
    awaits_entry: bool,
    checked_at_ledger: Option<i64>,
    created_toid: i64,
    created_event_index: i64,
    last_toid: i64,
    last_event_index: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl TryFrom<StreamRow> for StreamRecord {
    type Error = StoreError;

    fn try_from(row: StreamRow) -> Result<Self, StoreError> {
        let time = |column, text: &str| parse(column, text).map(UnixTime);
        let dispute_status = DisputeStatus::from_word(&row.dispute_status).unwrap_or(DisputeStatus::Unknown);
        let status = ChainStatus::from_word(&row.status);
        // Words of a newer version may mean anything for what can be claimed.
        let is_newer = status.is_none() || dispute_status == DisputeStatus::Unknown;
        Ok(Self {
            contract_id: parse("contract_id", &row.contract_id)?,
            stream_id: parse("stream_id", &row.stream_id)?,
            sender: parse("sender", &row.sender)?,
            recipient: parse("recipient", &row.recipient)?,
            token: parse("token", &row.token)?,
            rate_per_second: parse("rate_per_second", &row.rate_per_second)?,
            deposited: parse("deposited", &row.deposited)?,
            withdrawn: parse("withdrawn", &row.withdrawn)?,
            start_time: time("start_time", &row.start_time)?,
            last_update_time: time("last_update_time", &row.last_update_time)?,
            is_active: row.is_active,
            paused: row.paused,
            paused_at: row.paused_at.map(|text| time("paused_at", &text)).transpose()?,
            status: status.unwrap_or(match (row.is_active, row.paused) {
                (false, _) => ChainStatus::Cancelled,
                (true, true) => ChainStatus::Paused,
                (true, false) => ChainStatus::Active,
            }),
            total_paused_seconds: parse("total_paused_seconds", &row.total_paused_seconds)?,
            unverified: row.unverified,
            impossible_order: row.impossible_order,
            schedule: match row.schedule {
                _ if is_newer => Schedule::Unknown { reason: UnknownSchedule::Newer },
                Some(schedule) => schedule_of(schedule.0),
                None => Schedule::Linear,
            },
            cliff_time: row.cliff_time.map(|text| time("cliff_time", &text)).transpose()?,
            arbiter: row.arbiter.map(|text| parse("arbiter", &text)).transpose()?,
            dispute_status,
            is_allowance_based: row.is_allowance_based,
            closed: row.closed,
            awaits_entry: row.awaits_entry,
            checked_at_ledger: row.checked_at_ledger.map(ledger).transpose()?,
            created_event: event_id(row.created_toid, row.created_event_index)?,
            last_event: event_id(row.last_toid, row.last_event_index)?,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

/// A schedule that a newer version stored is one that this version does not know.
fn schedule_of(stored: serde_json::Value) -> Schedule {
    serde_json::from_value(stored).unwrap_or(Schedule::Unknown { reason: UnknownSchedule::Newer })
}

/// Reads the records of these streams; those that are not there are left out. The lateral join looks each of them up in
/// the primary key; with `= any(…)` the planner reads every stream of a contract whose statistics are not fresh.
pub(super) async fn load(
    connection: &mut PgConnection,
    streams: &[StreamKey],
) -> Result<Vec<StreamRecord>, StoreError> {
    let (contracts, stream_ids): (Vec<String>, Vec<String>) =
        streams.iter().map(|(contract_id, stream_id)| (contract_id.to_string(), stream_id.to_string())).unzip();
    let rows = sqlx::query_as!(
        StreamRow,
        r#"select contract_id, stream_id, sender, recipient, token,
                  rate_per_second::text as "rate_per_second!", deposited::text as "deposited!",
                  withdrawn::text as "withdrawn!", start_time::text as "start_time!",
                  last_update_time::text as "last_update_time!", is_active, paused, paused_at::text, status,
                  total_paused_seconds::text as "total_paused_seconds!", unverified, impossible_order,
                  schedule as "schedule: Json<serde_json::Value>", cliff_time::text, arbiter, dispute_status,
                  is_allowance_based, closed, awaits_entry, checked_at_ledger,
                  created_toid, created_event_index, last_toid, last_event_index, created_at, updated_at
           from unnest($1::text[], $2::text[]) as wanted (contract, stream)
           cross join lateral (
               select * from streams where contract_id = wanted.contract and stream_id = wanted.stream limit 1
           ) as found"#,
        &contracts,
        &stream_ids,
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(StreamRecord::try_from).collect()
}

/// Locks the records of these streams, once nobody else is writing them.
pub(super) async fn lock(
    connection: &mut PgConnection,
    contract_id: &ContractId,
    stream_ids: &[StreamId],
) -> Result<(), StoreError> {
    let stream_ids: Vec<String> = stream_ids.iter().map(ToString::to_string).collect();
    sqlx::query!(
        "select from streams where contract_id = $1 and stream_id = any($2::text[]) for update",
        contract_id.as_str(),
        &stream_ids,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Returns these streams of a contract.
pub(super) fn keys_of(contract_id: &ContractId, stream_ids: &[StreamId]) -> Vec<StreamKey> {
    stream_ids.iter().map(|stream_id| (contract_id.clone(), *stream_id)).collect()
}

impl Store {
    /// Returns the record of one stream.
    pub async fn stream(
        &self,
        contract_id: &ContractId,
        stream_id: StreamId,
    ) -> Result<Option<StreamRecord>, StoreError> {
        Ok(self.streams(contract_id, &[stream_id]).await?.pop())
    }
}

impl Store {
    /// Returns the records of these streams of any contracts; those that are not there are left out.
    pub async fn records_of(&self, streams: &[StreamKey]) -> Result<Vec<StreamRecord>, StoreError> {
        self.pool.run(async |connection: &mut PgConnection| load(connection, streams).await).await
    }

    /// Returns the records of these streams; those that are not there are left out.
    pub async fn streams(
        &self,
        contract_id: &ContractId,
        stream_ids: &[StreamId],
    ) -> Result<Vec<StreamRecord>, StoreError> {
        self.records_of(&keys_of(contract_id, stream_ids)).await
    }

    /// Returns the first `limit` ids above `above` of streams that there are records of, in order.
    pub async fn stream_ids_above(
        &self,
        contract_id: &ContractId,
        above: StreamId,
        limit: u32,
    ) -> Result<Vec<StreamId>, StoreError> {
        let stream_ids = sqlx::query_scalar!(
            "select stream_id from streams
             where contract_id = $1 and (length(stream_id), stream_id) > (length($2::text), $2)
             order by length(stream_id), stream_id limit $3",
            contract_id.as_str(),
            above.to_string(),
            i64::from(limit),
        )
        .fetch_all(&self.pool)
        .await?;
        stream_ids.iter().map(|text| parse("stream_id", text)).collect()
    }

    /// Returns how many records of a contract's streams there are.
    pub async fn record_count(&self, contract_id: &ContractId) -> Result<u64, StoreError> {
        let count = sqlx::query_scalar!(
            r#"select count(*) as "count!" from streams where contract_id = $1"#,
            contract_id.as_str()
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// Returns the highest id of a stream that there is a record of, `None` without any.
    pub async fn highest_stream_id(&self, contract_id: &ContractId) -> Result<Option<StreamId>, StoreError> {
        let highest = sqlx::query_scalar!(
            "select stream_id from streams where contract_id = $1
             order by length(stream_id) desc, stream_id desc limit 1",
            contract_id.as_str()
        )
        .fetch_optional(&self.pool)
        .await?;
        highest.map(|text| parse("stream_id", &text)).transpose()
    }
}

/// Records as columns, ready for one statement.
#[derive(Debug, Default)]
pub(super) struct StreamColumns {
    contract_id: Vec<String>,
    stream_id: Vec<String>,
    sender: Vec<String>,
    recipient: Vec<String>,
    token: Vec<String>,
    rate_per_second: Vec<String>,
    deposited: Vec<String>,
    withdrawn: Vec<String>,
    start_time: Vec<String>,
    last_update_time: Vec<String>,
    end_time: Vec<Option<String>>,
    is_active: Vec<bool>,
    paused: Vec<bool>,
    paused_at: Vec<Option<String>>,
    status: Vec<String>,
    total_paused_seconds: Vec<String>,
    unverified: Vec<bool>,
    impossible_order: Vec<bool>,
    schedule: Vec<Option<String>>,
    cliff_time: Vec<Option<String>>,
    arbiter: Vec<Option<String>>,
    dispute_status: Vec<String>,
    is_allowance_based: Vec<bool>,
    closed: Vec<bool>,
    awaits_entry: Vec<bool>,
    checked_at_ledger: Vec<Option<i64>>,
    created_toid: Vec<i64>,
    created_event_index: Vec<i64>,
    last_toid: Vec<i64>,
    last_event_index: Vec<i64>,
    created_at: Vec<DateTime<Utc>>,
    updated_at: Vec<DateTime<Utc>>,
}

impl StreamColumns {
    pub(super) fn of(records: &HashMap<StreamKey, StreamRecord>, streams: BTreeSet<StreamKey>) -> Self {
        let mut columns = Self::default();
        for stream in streams {
            columns.push(&records[&stream]);
        }
        columns
    }

    pub(super) fn len(&self) -> usize {
        self.stream_id.len()
    }

    fn push(&mut self, record: &StreamRecord) {
        self.contract_id.push(record.contract_id.to_string());
        self.stream_id.push(record.stream_id.to_string());
        self.sender.push(record.sender.to_string());
        self.recipient.push(record.recipient.to_string());
        self.token.push(record.token.to_string());
        self.rate_per_second.push(record.rate_per_second.to_string());
        self.deposited.push(record.deposited.to_string());
        self.withdrawn.push(record.withdrawn.to_string());
        self.start_time.push(record.start_time.to_string());
        self.last_update_time.push(record.last_update_time.to_string());
        self.end_time.push(record.end_time().map(|end_time| end_time.to_string()));
        self.is_active.push(record.is_active);
        self.paused.push(record.paused);
        self.paused_at.push(record.paused_at.map(|paused_at| paused_at.to_string()));
        self.status.push(record.status.as_str().to_owned());
        self.total_paused_seconds.push(record.total_paused_seconds.to_string());
        self.unverified.push(record.unverified);
        self.impossible_order.push(record.impossible_order);
        self.schedule.push(text_of(&record.schedule));
        self.cliff_time.push(record.cliff_time.map(|cliff_time| cliff_time.to_string()));
        self.arbiter.push(record.arbiter.as_ref().map(ToString::to_string));
        self.dispute_status.push(record.dispute_status.as_str().to_owned());
        self.is_allowance_based.push(record.is_allowance_based);
        self.closed.push(record.closed);
        self.awaits_entry.push(record.awaits_entry);
        self.checked_at_ledger.push(record.checked_at_ledger.map(|ledger| i64::from(ledger.0)));
        self.created_toid.push(record.created_event.toid());
        self.created_event_index.push(i64::from(record.created_event.index()));
        self.last_toid.push(record.last_event.toid());
        self.last_event_index.push(i64::from(record.last_event.index()));
        self.created_at.push(record.created_at);
        self.updated_at.push(record.updated_at);
    }

    /// Writes every record, over the one that is there.
    pub(super) async fn upsert(&self, connection: &mut PgConnection) -> Result<(), StoreError> {
        sqlx::query_file!(
            "src/store/upsert_streams.sql",
            &self.contract_id,
            &self.stream_id,
            &self.sender,
            &self.recipient,
            &self.token,
            &self.rate_per_second,
            &self.deposited,
            &self.withdrawn,
            &self.start_time,
            &self.last_update_time,
            &self.end_time as _,
            &self.is_active,
            &self.paused,
            &self.paused_at as _,
            &self.status,
            &self.total_paused_seconds,
            &self.unverified,
            &self.impossible_order,
            &self.created_toid,
            &self.created_event_index,
            &self.last_toid,
            &self.last_event_index,
            &self.created_at,
            &self.updated_at,
            &self.schedule as _,
            &self.cliff_time as _,
            &self.arbiter as _,
            &self.dispute_status,
            &self.is_allowance_based,
            &self.closed,
            &self.awaits_entry,
            &self.checked_at_ledger as _,
        )
        .execute(connection)
        .await?;
        Ok(())
    }
}

/// Most schedules are linear, and take no room.
fn text_of(schedule: &Schedule) -> Option<String> {
    if *schedule == Schedule::Linear {
        return None;
    }
    Some(serde_json::to_string(schedule).expect("a schedule is made of texts and numbers"))
}
