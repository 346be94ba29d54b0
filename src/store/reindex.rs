//! Records built anew beside those that are read: a second schema with the same tables, and the swap of the two.
//!
//! Readers see the old tables until the swap and the new ones after it; nobody waits longer than for the swap itself.

use std::time::Duration;

use sqlx::PgConnection;

use super::{
    Store, StoreError, event_rows, listen,
    network::{current_schema, execute},
};
use crate::domain::{ContractId, EventId, RawContractEvent};

/// Where records are built.
const SCHEMA: &str = "flowfi_reindex";
/// What a swap exchanges: what is derived from raw events.
const DERIVED: [&str; 3] = ["quarantine", "stream_events", "streams"];
/// A reader that keeps a table for longer makes the swap try again, so that others do not queue behind it.
const LOCK_TIMEOUT: Duration = Duration::from_secs(2);

impl Store {
    /// Opens the schema in which records are built anew, and makes it if there is none: one that an interrupted run
    /// left is gone on with.
    pub async fn open_reindex(&self) -> Result<Self, StoreError> {
        self.open_schema(SCHEMA).await
    }

    /// Removes what an interrupted run left.
    pub async fn drop_reindex(&self) -> Result<(), StoreError> {
        self.drop_schema(SCHEMA).await
    }

    /// Returns the first `limit` events after a position as they came, those that are kept raw included, in the order
    /// of the chain.
    pub async fn raw_events_after(
        &self,
        contract_id: &ContractId,
        after: EventId,
        limit: u32,
    ) -> Result<Vec<RawContractEvent>, StoreError> {
        let mut events = event_rows::raw_events_after(&self.pool, contract_id, after, limit).await?;
        let kept = self.quarantined_after(contract_id, after, limit).await?;
        events.extend(kept.into_iter().map(|event| event.raw));
        events.sort_by_key(|event| event.id);
        events.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(events)
    }

    /// Returns how many raw events there are after a position, for a progress bar.
    pub async fn count_raw_events(&self, after: EventId) -> Result<u64, StoreError> {
        let count = sqlx::query_scalar!(
            r#"select (select count(*) from stream_events where (toid, event_index) > ($1, $2))
                    + (select count(*) from quarantine where (toid, event_index) > ($1, $2)) as "count!""#,
            after.toid(),
            i64::from(after.index()),
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// Puts the tables that were built up to `built` in the place of those that are read, if there are no events after
    /// it yet; false if there are, or if a reader kept a table too long. Tells readers that everything was revised.
    pub async fn swap_reindex(&self, contract_id: &ContractId, built: EventId) -> Result<bool, StoreError> {
        let mut transaction = self.pool.begin().await?;
        execute(&mut transaction, format!("set local lock_timeout = {}", LOCK_TIMEOUT.as_millis())).await?;
        let live = current_schema(&mut transaction).await?;
        sqlx::query!("select toid from cursors where contract_id = $1 for update", contract_id.as_str())
            .fetch_optional(&mut *transaction)
            .await?;
        if !event_rows::raw_events_after(&mut *transaction, contract_id, built, 1).await?.is_empty()
            || !self.quarantined_after(contract_id, built, 1).await?.is_empty()
        {
            return Ok(false);
        }
        match exchange(&mut transaction, &live).await {
            Ok(()) => {}
            Err(failure) if failure.is_lock_timeout() => return Ok(false),
            Err(failure) => return Err(failure),
        }
        super::repair::record_revision(&mut transaction, contract_id, (EventId::ZERO, built)).await?;
        listen::notify(&mut transaction, listen::COMMITTED).await?;
        transaction.commit().await?;
        Ok(true)
    }
}

async fn exchange(connection: &mut PgConnection, live: &str) -> Result<(), StoreError> {
    for table in DERIVED {
        execute(connection, format!("drop table \"{live}\".{table}")).await?;
        execute(connection, format!("alter table {SCHEMA}.{table} set schema \"{live}\"")).await?;
    }
    // Upgrades keep no raw event; those that were found among the events kept raw are added.
    let add = format!(
        "insert into \"{live}\".contract_upgrades select * from {SCHEMA}.contract_upgrades on conflict do nothing"
    );
    execute(connection, add).await?;
    execute(connection, format!("drop schema {SCHEMA} cascade")).await
}
