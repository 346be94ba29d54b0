//! Tells readers that more than new events happened: late rows, records that changed without an event, or the start of
//! another epoch. Revision and epoch are also part of the tag of a record that was shown.

use std::{collections::BTreeSet, sync::Arc};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, types::Json};

use super::{
    Store, StoreError,
    columns::{epoch, event_id, parse},
    stream_rows,
};
use crate::domain::{Address, ChangedStreams, ContractId, Epoch, EventId, Revision, StreamId, StreamKey, StreamRecord};

/// Only this many revisions are kept; older ones are joined into one.
const KEPT: i64 = 1_000;
/// A reader that has missed changes of more streams than this is told of ranges alone.
const MOST_STREAMS: i64 = 1_024;

/// What a revision is about.
#[derive(Clone, Debug)]
pub(super) struct Revised {
    /// The first and the last event.
    pub(super) range: (EventId, EventId),
    /// The streams, if nothing but their records changed.
    pub(super) changed: Option<ChangedStreams>,
}

impl Revised {
    /// Returns a revision of events that came late.
    pub(super) const fn late(range: (EventId, EventId)) -> Self {
        Self { range, changed: None }
    }
}

/// A stream in the column `changed`.
#[derive(Debug, Serialize, Deserialize)]
struct ChangedColumn {
    stream_id: String,
    parties: BTreeSet<String>,
}

/// Returns the parties of a stream's records before and after a change.
pub(super) fn parties_of<'a>(records: impl IntoIterator<Item = &'a StreamRecord>) -> BTreeSet<Address> {
    records.into_iter().flat_map(StreamRecord::parties).cloned().collect()
}

/// Raises the revision in the transaction that writes the revised rows, so that readers and the writer learn of both
/// together. Returns the number of the revision.
///
/// The network's row is locked until the end of the transaction, so that numbers become visible in order: a reader that
/// has seen one never finds a lower one later.
pub(super) async fn record(
    connection: &mut PgConnection,
    contract_id: &ContractId,
    revised: &Revised,
) -> Result<i64, StoreError> {
    let number = tell(connection, contract_id, revised).await?;
    sqlx::query!("update cursors set revision = revision + 1 where contract_id = $1", contract_id.as_str())
        .execute(connection)
        .await?;
    Ok(number)
}

/// Does the same for readers alone: what the writer has prepared stays good.
pub(super) async fn tell(
    connection: &mut PgConnection,
    contract_id: &ContractId,
    revised: &Revised,
) -> Result<i64, StoreError> {
    let Revised { range: (first, last), changed } = revised;
    let changed = changed.as_ref().filter(|streams| streams.len() <= Revision::MOST_CHANGED).map(column_of);
    sqlx::query!("select from network for update").fetch_optional(&mut *connection).await?;
    let number = sqlx::query_scalar!(
        "insert into revisions (contract_id, from_toid, from_event_index, to_toid, to_event_index, changed)
         values ($1, $2, $3, $4, $5, $6) returning revision",
        contract_id.as_str(),
        first.toid(),
        i64::from(first.index()),
        last.toid(),
        i64::from(last.index()),
        changed as _,
    )
    .fetch_one(&mut *connection)
    .await?;
    join_those_up_to(connection, number - KEPT).await?;
    Ok(number)
}

fn column_of(streams: &ChangedStreams) -> Json<Vec<ChangedColumn>> {
    let column = |((_, stream_id), parties): (&StreamKey, &BTreeSet<Address>)| ChangedColumn {
        stream_id: stream_id.to_string(),
        parties: parties.iter().map(ToString::to_string).collect(),
    };
    Json(streams.iter().map(column).collect())
}

fn streams_of(contract_id: &ContractId, column: Vec<ChangedColumn>) -> Result<ChangedStreams, StoreError> {
    let stream = |ChangedColumn { stream_id, parties }: ChangedColumn| {
        let parties = parties.iter().map(|party| parse("changed", party)).collect::<Result<_, _>>()?;
        Ok(((contract_id.clone(), parse("changed", &stream_id)?), parties))
    };
    column.into_iter().map(stream).collect()
}

/// Extends the oldest kept revision to cover all earlier ones, and removes those. A reader that has seen none of them
/// is told of the same range; a reader that has seen some, of a wider one. What changed is then told as a range too.
async fn join_those_up_to(connection: &mut PgConnection, number: i64) -> Result<(), StoreError> {
    sqlx::query!(
        "with old as (
             delete from revisions where revision <= $1
             returning array[from_toid, from_event_index] as first, array[to_toid, to_event_index] as last
         ),
         joined as (select min(first) as first, max(last) as last from old having count(*) > 0)
         update revisions set
             from_toid = (least(array[from_toid, from_event_index], joined.first))[1],
             from_event_index = (least(array[from_toid, from_event_index], joined.first))[2],
             to_toid = (greatest(array[to_toid, to_event_index], joined.last))[1],
             to_event_index = (greatest(array[to_toid, to_event_index], joined.last))[2],
             changed = null
         from joined
         where revision = (select min(revision) from revisions where revision > $1)",
        number,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The state of the table apart from its events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FeedState {
    /// The epoch of the network.
    pub epoch: Epoch,
    /// The number of the last revision; 0 before the first.
    pub revision: i64,
    /// The newest position of any contract: rows up to here that are stored later come late.
    pub position: EventId,
}

/// A stream's record, and how far the index was just before the record was read.
#[derive(Clone, Debug)]
pub struct RecordInTime {
    /// The epoch of the network.
    pub epoch: Epoch,
    /// The number of the last revision; 0 before the first.
    pub revision: i64,
    /// When the last whole ledger closed, for the contract that is furthest ahead; `None` before that is known.
    pub closed_at: Option<DateTime<Utc>>,
    /// The record, if there is one.
    pub record: Option<StreamRecord>,
}

impl Store {
    /// Returns the record of one stream with everything needed to show it, in two round trips. If the record is newer
    /// than the time, it has less to claim at that time, never more.
    pub async fn record_in_time(
        &self,
        contract_id: &ContractId,
        stream_id: StreamId,
    ) -> Result<RecordInTime, StoreError> {
        let stream = [(contract_id.clone(), stream_id)];
        let read = async |connection: &mut PgConnection| {
            let row = sqlx::query!(
                r#"select coalesce((select epoch from network), 0) as "epoch!",
                      coalesce((select max(revision) from revisions), 0) as "revision!",
                      (select max(last_whole_ledger_closed_at) from cursors) as closed_at"#
            )
            .fetch_one(&mut *connection)
            .await?;
            let record = stream_rows::load(connection, &stream).await?.pop();
            Ok(RecordInTime { epoch: epoch(row.epoch)?, revision: row.revision, closed_at: row.closed_at, record })
        };
        self.pool.run(read).await
    }

    /// Returns the epoch, the last revision and the newest position.
    pub async fn feed_state(&self) -> Result<FeedState, StoreError> {
        let row = sqlx::query!(
            r#"select coalesce((select epoch from network), 0) as "epoch!",
                      coalesce((select max(revision) from revisions), 0) as "revision!",
                      newest.toid as "toid?", newest.event_index as "event_index?"
               from (select) as always
               left join (
                   select toid, event_index from cursors order by toid desc, event_index desc limit 1
               ) as newest on true"#
        )
        .fetch_one(&self.pool)
        .await?;
        let position = row.toid.zip(row.event_index).map(|(toid, index)| event_id(toid, index)).transpose()?;
        Ok(FeedState { epoch: epoch(row.epoch)?, revision: row.revision, position: position.unwrap_or(EventId::ZERO) })
    }

    /// Returns the revisions after the one with that number, in order. If they name very many changed streams, each is its
    /// range alone.
    pub async fn revisions_after(&self, number: i64) -> Result<Vec<Revision>, StoreError> {
        let rows = sqlx::query!(
            r#"select revision, contract_id, from_toid, from_event_index, to_toid, to_event_index,
                      case when sum(jsonb_array_length(changed)) over () <= $2 then changed end
                          as "changed: Json<Vec<ChangedColumn>>"
               from revisions where revision > $1 order by revision"#,
            number,
            MOST_STREAMS,
        )
        .fetch_all(&self.pool)
        .await?;
        let revisions = rows.into_iter().map(|row| {
            let contract_id = parse("contract_id", &row.contract_id)?;
            let changed = row.changed.map(|Json(column)| streams_of(&contract_id, column)).transpose()?;
            Ok(Revision {
                number: row.revision,
                from: event_id(row.from_toid, row.from_event_index)?,
                to: event_id(row.to_toid, row.to_event_index)?,
                changed: changed.map(Arc::new),
            })
        });
        revisions.collect()
    }
}
