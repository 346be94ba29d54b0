//! The `deleted_entries` table: entries that the contract deleted, known from the chain without an event that says so. Like
//! baselines they set records that are folded again.

use sqlx::PgConnection;

use super::{
    StoreError,
    columns::{columns_of, event_id, parse},
};
use crate::domain::{ContractId, EventId, StreamId};

/// A stream, and a position that its entry was gone at.
pub(super) type Deletion = (StreamId, EventId);

/// Returns the deletions of these streams, in the order of the chain.
pub(super) async fn load(
    connection: &mut PgConnection,
    contract_id: &ContractId,
    streams: &[StreamId],
) -> Result<Vec<Deletion>, StoreError> {
    let streams: Vec<String> = streams.iter().map(ToString::to_string).collect();
    let rows = sqlx::query!(
        "select stream_id, toid, event_index from deleted_entries
         where contract_id = $1 and stream_id = any($2::text[]) order by toid, event_index",
        contract_id.as_str(),
        &streams,
    )
    .fetch_all(connection)
    .await?;
    let deletions = rows.into_iter();
    deletions.map(|row| Ok((parse("stream_id", &row.stream_id)?, event_id(row.toid, row.event_index)?))).collect()
}

/// Writes deletions under a revision's number; one that is stored keeps its own.
pub(super) async fn insert(
    connection: &mut PgConnection,
    contract_id: &ContractId,
    deletions: &[Deletion],
    revision: i64,
) -> Result<(), StoreError> {
    if deletions.is_empty() {
        return Ok(());
    }
    let streams: Vec<String> = deletions.iter().map(|(stream_id, _)| stream_id.to_string()).collect();
    let positions: Vec<EventId> = deletions.iter().map(|(_, position)| *position).collect();
    let (toids, indexes) = columns_of(&positions);
    sqlx::query!(
        "insert into deleted_entries (contract_id, stream_id, toid, event_index, revision)
         select $1, stream_id, toid, event_index, $5
         from unnest($2::text[], $3::bigint[], $4::bigint[]) as new (stream_id, toid, event_index)
         on conflict do nothing",
        contract_id.as_str(),
        &streams,
        &toids,
        &indexes,
        revision,
    )
    .execute(connection)
    .await?;
    Ok(())
}
