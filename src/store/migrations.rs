//! Updates the schema, and checks that it is up to date.

use std::{pin::pin, time::Duration};

use futures_util::TryFutureExt;
use sqlx::{Connection, error::DatabaseError};
use tokio::time::{Instant, sleep};
use tracing::{debug, warn};

use super::{Store, StoreError, connections, table_move};

/// A migration may read a whole table.
const MIGRATION_DEADLINE: Duration = Duration::from_hours(1);
/// Readers queue behind a migration that waits for a table, so each wait is short and is repeated. A frozen process
/// must not keep others from migrating.
const MIGRATING: [(&str, &str); 3] =
    [("lock_timeout", "2s"), ("idle_in_transaction_session_timeout", "15s"), ("idle_session_timeout", "30s")];
const BETWEEN_ATTEMPTS: Duration = Duration::from_secs(1);
/// Longer than one wait for a lock: an attempt that is still under way after this time has its first lock.
const HAS_ITS_LOCK_AFTER: Duration = Duration::from_secs(3);

/// What a migration is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MigrationPhase {
    /// It changes the schema.
    Running,
    /// It waits for a lock: another session migrates, or holds a table that is to be changed.
    WaitingForLock,
    /// It moves large tables to a new layout, or waits for another process that does.
    MovingTables,
}

impl Store {
    /// Updates the schema. Safe to run from several processes at once. If another session is migrating, or holds a
    /// table that must be changed, it retries for up to an hour. Each attempt waits for at most two seconds, so that
    /// readers do not queue behind it.
    ///
    /// # Errors
    /// [`StoreError::Migration`] if it cannot be done, [`StoreError::MigrationBlocked`] if it did not get its locks.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        self.migrate_and_tell(|_| {}).await
    }

    /// Does the same as [`Store::migrate`], and tells each change of what the migration is doing.
    ///
    /// # Errors
    /// Those of [`Store::migrate`].
    pub async fn migrate_and_tell(&self, tell: impl Fn(MigrationPhase)) -> Result<(), StoreError> {
        if self.has_exactly_this_schema().await? {
            return Ok(());
        }
        tell(MigrationPhase::Running);
        if self.has_tables_to_move().await? {
            self.migrate_to(Some(table_move::MIGRATION - 1), MIGRATION_DEADLINE, &tell).await?;
            tell(MigrationPhase::MovingTables);
            self.move_tables().await?;
            tell(MigrationPhase::Running);
        }
        self.migrate_to(None, MIGRATION_DEADLINE, &tell).await
    }

    /// Runs the migrations up to one of them, or all. Each of them has the deadline for itself: a slow database that makes
    /// progress is not interrupted, and begins nothing again.
    pub(super) async fn migrate_to(
        &self,
        last: Option<i64>,
        deadline: Duration,
        tell: &impl Fn(MigrationPhase),
    ) -> Result<(), StoreError> {
        let give_up = Instant::now() + deadline;
        let mut is_blocked = false;
        loop {
            match told_of(Box::pin(self.migrate_once(last, deadline)), tell).await {
                Err(failure) if failure.is_lock_timeout() => log_that_it_waits(&failure, is_blocked),
                migrated => return migrated,
            }
            if Instant::now() >= give_up {
                return Err(StoreError::MigrationBlocked(deadline));
            }
            is_blocked = true;
            tell(MigrationPhase::WaitingForLock);
            sleep(BETWEEN_ATTEMPTS).await;
        }
    }

    async fn migrate_once(&self, last: Option<i64>, deadline: Duration) -> Result<(), StoreError> {
        let mut connection = self.pool.connect_apart().await?;
        connections::set(&mut connection, MIGRATING).await?;
        let patience = self.pool.patience_with(&mut connection, deadline).await?;
        let migrations = sqlx::migrate!();
        let versions = migrations.iter().map(|migration| migration.version);
        for version in versions.filter(|version| last.is_none_or(|last| *version <= last)) {
            let run = migrations.run_direct(Some(version), &mut connection, false);
            patience.wait(run.map_err(StoreError::from)).await?;
        }
        Ok(connection.close().await?)
    }

    /// Returns whether there is an index from before the tables had their layout.
    async fn has_tables_to_move(&self) -> Result<bool, StoreError> {
        let applied = self.applied().await?;
        Ok(!applied.is_empty() && !applied.contains(&table_move::MIGRATION))
    }

    /// Returns the migrations that were applied; none in an empty database.
    async fn applied(&self) -> Result<Vec<i64>, StoreError> {
        let applied = "select version from _sqlx_migrations where success";
        match sqlx::query_scalar(applied).fetch_all(&self.pool).await {
            Err(failure) if is_undefined_table(&failure) => Ok(Vec::new()),
            applied => Ok(applied?),
        }
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
    /// [`StoreError::SchemaBehind`]; [`StoreError::TablesNotMoved`] if an indexer has only to move the tables.
    pub async fn expect_schema(&self) -> Result<(), StoreError> {
        let applied = self.applied().await?;
        match sqlx::migrate!().iter().find(|wanted| !applied.contains(&wanted.version)) {
            None => Ok(()),
            Some(lacking) if lacking.version == table_move::MIGRATION => Err(StoreError::TablesNotMoved),
            Some(lacking) => Err(StoreError::SchemaBehind { lacking: lacking.version }),
        }
    }
}

/// Waits for an attempt. One that takes long has its lock, even if those before it waited in vain.
async fn told_of<T>(attempt: impl Future<Output = T>, tell: &impl Fn(MigrationPhase)) -> T {
    let mut attempt = pin!(attempt);
    tokio::select! {
        ended = &mut attempt => ended,
        () = sleep(HAS_ITS_LOCK_AFTER) => {
            tell(MigrationPhase::Running);
            attempt.await
        }
    }
}

fn log_that_it_waits(failure: &StoreError, was_said: bool) {
    if was_said {
        debug!("the migration still waits for a lock: {failure}");
    } else {
        warn!("the migration waits for a lock: another session migrates, or holds a table that is to be changed");
    }
}

fn is_undefined_table(failure: &sqlx::Error) -> bool {
    const UNDEFINED_TABLE: &str = "42P01";
    failure.as_database_error().and_then(DatabaseError::code).is_some_and(|code| code == UNDEFINED_TABLE)
}
