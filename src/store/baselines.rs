//! The `baselines` table: what the chain itself stores of streams.

use sqlx::PgConnection;

use super::{
    StoreError,
    columns::{event_id, ledger, parse},
};
use crate::domain::{ContractId, RawBaseline, StreamId};

struct BaselineRow {
    stream_id: String,
    toid: i64,
    event_index: i64,
    entry: String,
    last_modified_ledger: i64,
    live_until_ledger: Option<i64>,
}

impl TryFrom<BaselineRow> for RawBaseline {
    type Error = StoreError;

    fn try_from(row: BaselineRow) -> Result<Self, StoreError> {
        Ok(Self {
            stream_id: parse("stream_id", &row.stream_id)?,
            position: event_id(row.toid, row.event_index)?,
            entry_xdr: row.entry,
            last_modified_ledger: ledger(row.last_modified_ledger)?,
            live_until_ledger: row.live_until_ledger.map(ledger).transpose()?,
        })
    }
}

/// Returns the baselines of these streams; those that have none are left out.
pub(super) async fn load(
    connection: &mut PgConnection,
    contract_id: &ContractId,
    streams: &[StreamId],
) -> Result<Vec<RawBaseline>, StoreError> {
    let streams: Vec<String> = streams.iter().map(ToString::to_string).collect();
    let rows = sqlx::query_as!(
        BaselineRow,
        r#"select stream_id::text as "stream_id!", toid, event_index, entry, last_modified_ledger, live_until_ledger
           from baselines where contract_id = $1 and stream_id = any($2::text[]::numeric[])
           order by stream_id, toid, event_index"#,
        contract_id.as_str(),
        &streams,
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(RawBaseline::try_from).collect()
}

/// Writes baselines under a revision's number; one that is stored as it is keeps its own.
pub(super) async fn upsert<'a>(
    connection: &mut PgConnection,
    contract_id: &ContractId,
    baselines: impl Iterator<Item = &'a RawBaseline>,
    revision: i64,
) -> Result<(), StoreError> {
    for baseline in baselines {
        sqlx::query!(
            "insert into baselines (contract_id, stream_id, toid, event_index, entry, last_modified_ledger,
                 live_until_ledger, revision)
             values ($1, $2::text::numeric, $3, $4, $5, $6, $7, $8)
             on conflict (contract_id, stream_id, toid, event_index) do update set
                 entry = excluded.entry, last_modified_ledger = excluded.last_modified_ledger,
                 live_until_ledger = excluded.live_until_ledger, revision = excluded.revision
             where (baselines.entry, baselines.last_modified_ledger, baselines.live_until_ledger)
                   is distinct from (excluded.entry, excluded.last_modified_ledger, excluded.live_until_ledger)",
            contract_id.as_str(),
            baseline.stream_id.to_string(),
            baseline.position.toid(),
            i64::from(baseline.position.index()),
            baseline.entry_xdr,
            i64::from(baseline.last_modified_ledger.0),
            baseline.live_until_ledger.map(|ledger| i64::from(ledger.0)),
            revision,
        )
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}
