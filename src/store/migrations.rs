//! Updates the schema, and checks that it is up to date.

use std::time::Duration;

use sqlx::{Connection, error::DatabaseError};
use tokio::time::{Instant, sleep, timeout};
use tracing::info;

use super::{Store, StoreError, connections};

/// A migration may read a whole table.
const MIGRATION_DEADLINE: Duration = Duration::from_hours(1);
/// Readers queue behind a migration that waits for a table, so each wait is short and is repeated. A frozen process
/// must not keep others from migrating.
const MIGRATING: [(&str, &str); 3] =
    [("lock_timeout", "2s"), ("idle_in_transaction_session_timeout", "30s"), ("idle_session_timeout", "30s")];
const BETWEEN_ATTEMPTS: Duration = Duration::from_secs(1);

impl Store {
    /// Updates the schema. Safe to run from several processes at once. If another session is migrating, or holds a
    /// table that must be changed, it retries for up to an hour. Each attempt waits for at most two seconds, so that
    /// readers do not queue behind it.
    ///
    /// # Errors
    /// [`StoreError::Migration`] if the update is impossible.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        self.migrate_within(MIGRATION_DEADLINE).await
    }

    /// The same for almost empty tables, within a deadline.
    pub(super) async fn migrate_within(&self, deadline: Duration) -> Result<(), StoreError> {
        if self.has_exactly_this_schema().await? {
            return Ok(());
        }
        let give_up = Instant::now() + deadline;
        loop {
            match timeout(deadline, self.migrate_once()).await.unwrap_or(Err(StoreError::TimedOut(deadline))) {
                Err(failure) if failure.is_lock_timeout() && Instant::now() < give_up => {
                    info!("another session is migrating the database or holds a table to be changed; trying again");
                    sleep(BETWEEN_ATTEMPTS).await;
                }
                migrated => return migrated,
            }
        }
    }

    async fn migrate_once(&self) -> Result<(), StoreError> {
        let mut connection = self.pool.connect_apart().await?;
        connections::set(&mut connection, MIGRATING).await?;
        sqlx::migrate!().run_direct(None, &mut connection, false).await?;
        Ok(connection.close().await?)
    }

    async fn has_exactly_this_schema(&self) -> Result<bool, StoreError> {
        let applied = "select version, checksum from _sqlx_migrations where success order by version";
        let applied: Vec<(i64, Vec<u8>)> = match sqlx::query_as(applied).fetch_all(&self.pool).await {
            Err(failure) if is_undefined_table(&failure) => Vec::new(),
            applied => applied?,
        };
        let wanted = sqlx::migrate!();
        let wanted = wanted.iter().map(|wanted| (wanted.version, wanted.checksum.to_vec()));
        Ok(wanted.eq(applied))
    }

    /// Checks that the schema has everything that this version reads, without changing it: a reader may have no other
    /// privilege, or may be connected to a replica.
    ///
    /// # Errors
    /// [`StoreError::SchemaBehind`].
    pub async fn expect_schema(&self) -> Result<(), StoreError> {
        let applied = "select version from _sqlx_migrations where success";
        let applied: Vec<i64> = match sqlx::query_scalar(applied).fetch_all(&self.pool).await {
            Err(failure) if is_undefined_table(&failure) => Vec::new(),
            applied => applied?,
        };
        match sqlx::migrate!().iter().find(|wanted| !applied.contains(&wanted.version)) {
            None => Ok(()),
            Some(lacking) => Err(StoreError::SchemaBehind { lacking: lacking.version }),
        }
    }
}

fn is_undefined_table(failure: &sqlx::Error) -> bool {
    const UNDEFINED_TABLE: &str = "42P01";
    failure.as_database_error().and_then(DatabaseError::code).is_some_and(|code| code == UNDEFINED_TABLE)
}
