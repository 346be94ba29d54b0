//! What a build takes over from the live tables besides raw events.

use super::{Store, StoreError, columns::parse, schemas::REINDEX};
use crate::domain::{ContractId, StreamId};

impl Store {
    /// Copies those baselines and deletions of a contract to the build that it lacks or that differ. Returns their streams.
    pub async fn copy_baselines_to_build(&self, contract_id: &ContractId) -> Result<Vec<StreamId>, StoreError> {
        let columns =
            "contract_id, stream_id, toid, event_index, entry, last_modified_ledger, live_until_ledger, revision";
        let statement = format!(
            "insert into {REINDEX}.baselines as built ({columns})
             select {columns} from baselines where contract_id = $1
             on conflict (contract_id, stream_id, toid, event_index) do update set
                 entry = excluded.entry, last_modified_ledger = excluded.last_modified_ledger,
                 live_until_ledger = excluded.live_until_ledger, revision = excluded.revision
             where built.revision <> excluded.revision
             returning stream_id"
        );
        let deletions = format!(
            "insert into {REINDEX}.deleted_entries
             select * from deleted_entries where contract_id = $1 on conflict do nothing returning stream_id"
        );
        let mut streams = Vec::new();
        for copy in [statement, deletions] {
            let copied = sqlx::query_scalar::<_, String>(sqlx::AssertSqlSafe(copy)).bind(contract_id.as_str());
            streams.extend(copied.fetch_all(&self.pool).await?);
        }
        streams.iter().map(|text| parse("stream_id", text)).collect()
    }

    /// Copies to the build how long the entries of streams live: the chain says so only when it is asked.
    pub async fn copy_lifetimes_to_build(&self) -> Result<(), StoreError> {
        let copy = format!(
            "update {REINDEX}.streams as built set live_until_ledger = stored.live_until_ledger
             from streams as stored
             where (built.contract_id, built.stream_id) = (stored.contract_id, stored.stream_id)
               and built.live_until_ledger is distinct from stored.live_until_ledger"
        );
        sqlx::query(sqlx::AssertSqlSafe(copy)).execute(&self.pool).await?;
        Ok(())
    }

    /// Marks events in the build as late if they came late in the live tables, or are missing there: they were not sent
    /// live, and must not be.
    pub async fn copy_late_marks_to_build(&self) -> Result<(), StoreError> {
        let mark = format!(
            "update {REINDEX}.stream_events as built set came_late = true
             where not came_late and not exists (
                 select from stream_events as stored
                 where not stored.came_late and stored.toid = built.toid and stored.event_index = built.event_index
             )"
        );
        sqlx::query(sqlx::AssertSqlSafe(mark)).execute(&self.pool).await?;
        Ok(())
    }
}
