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
        r#"select stream_id, toid, event_index, entry, last_modified_ledger, live_until_ledger
           from baselines where contract_id = $1 and stream_id = any($2::text[])
           order by stream_id, toid, event_index"#,
        contract_id.as_str(),
        &streams,
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(RawBaseline::try_from).collect()
}

/// Writes baselines under a revision's number; one that is stored as it is keeps its own. No two of them may be of one
/// stream at one position.
pub(super) async fn upsert<'a>(
    connection: &mut PgConnection,
    contract_id: &ContractId,
    baselines: impl Iterator<Item = &'a RawBaseline>,
    revision: i64,
) -> Result<(), StoreError> {
    fn column<T>(baselines: &[&RawBaseline], of: impl Fn(&RawBaseline) -> T) -> Vec<T> {
        baselines.iter().map(|baseline| of(baseline)).collect()
    }
    let baselines: Vec<&RawBaseline> = baselines.collect();
    if baselines.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "insert into baselines (contract_id, stream_id, toid, event_index, entry, last_modified_ledger,
             live_until_ledger, revision)
         select $1, stream_id, toid, event_index, entry, last_modified_ledger, live_until_ledger, $8
         from unnest($2::text[], $3::bigint[], $4::bigint[], $5::text[], $6::bigint[], $7::bigint[])
             as new (stream_id, toid, event_index, entry, last_modified_ledger, live_until_ledger)
         on conflict (contract_id, stream_id, toid, event_index) do update set
             entry = excluded.entry, last_modified_ledger = excluded.last_modified_ledger,
             live_until_ledger = excluded.live_until_ledger, revision = excluded.revision
         where (baselines.entry, baselines.last_modified_ledger, baselines.live_until_ledger)
               is distinct from (excluded.entry, excluded.last_modified_ledger, excluded.live_until_ledger)",
        contract_id.as_str(),
        &column(&baselines, |baseline| baseline.stream_id.to_string()),
        &column(&baselines, |baseline| baseline.position.toid()),
        &column(&baselines, |baseline| i64::from(baseline.position.index())),
        &column(&baselines, |baseline| baseline.entry_xdr.clone()),
        &column(&baselines, |baseline| i64::from(baseline.last_modified_ledger.0)),
        &column(&baselines, |baseline| baseline.live_until_ledger.map(|ledger| i64::from(ledger.0))) as _,
        revision,
    )
    .execute(connection)
    .await?;
    Ok(())
}
