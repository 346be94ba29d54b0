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

    /// Returns how many raw events of a contract there are after a position, for a progress bar.
    pub async fn count_raw_events(&self, contract_id: &ContractId, after: EventId) -> Result<u64, StoreError> {
        let count = sqlx::query_scalar!(
            r#"select (select count(*) from stream_events where contract_id = $1 and (toid, event_index) > ($2, $3))
                    + (select count(*) from quarantine where contract_id = $1 and (toid, event_index) > ($2, $3))
                   as "count!""#,
            contract_id.as_str(),
            after.toid(),
            i64::from(after.index()),
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// Puts the tables that were built, each contract up to a position, in the place of those that are read, if there
    /// are no events after it yet and no other contract; false if there are, or if a reader kept a table too long. Tells
    /// readers that everything was revised.
    pub async fn swap_reindex(&self, built: &[(ContractId, EventId)]) -> Result<bool, StoreError> {
        let mut transaction = self.pool.begin().await?;
        execute(&mut transaction, format!("set local lock_timeout = {}", LOCK_TIMEOUT.as_millis())).await?;
        let live = current_schema(&mut transaction).await?;
        let cursors =
            sqlx::query_scalar!("select contract_id from cursors for update").fetch_all(&mut *transaction).await?;
        if cursors.len() != built.len() {
            return Ok(false);
        }
        for (contract_id, up_to) in built {
            if !event_rows::raw_events_after(&mut *transaction, contract_id, *up_to, 1).await?.is_empty()
                || !self.quarantined_after(contract_id, *up_to, 1).await?.is_empty()
            {
                return Ok(false);
            }
        }
        match exchange(&mut transaction, &live).await {
            Ok(()) => {}
            Err(failure) if failure.is_lock_timeout() => return Ok(false),
            Err(failure) => return Err(failure),
        }
        for (contract_id, up_to) in built {
            super::repair::record_revision(&mut transaction, contract_id, (EventId::ZERO, *up_to)).await?;
        }
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
