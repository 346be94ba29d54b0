//! Epochs that were archived when the network started over: each has its own schema, which is kept until it is dropped.

use sqlx::PgConnection;

use super::{
    Store, StoreError,
    columns::{epoch, ledger},
};
use crate::domain::{Epoch, LedgerSequence};

const PREFIX: &str = "flowfi_epoch_";

/// Returns the schema that an epoch is archived in.
pub(super) fn schema_of(epoch: Epoch) -> String {
    format!("{PREFIX}{}", epoch.0)
}

/// An archived epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchivedEpoch {
    /// Its number.
    pub epoch: Epoch,
    /// The schema that holds it.
    pub schema: String,
    /// The last ledger that was indexed whole for any contract; `None` if there was none.
    pub last_whole_ledger: Option<LedgerSequence>,
    /// The size of its tables and indexes in bytes.
    pub bytes: u64,
}

impl Store {
    /// Returns the archived epochs, oldest first.
    pub async fn archived_epochs(&self) -> Result<Vec<ArchivedEpoch>, StoreError> {
        let schemas = sqlx::query!(
            r#"select substr(nspname, length($1) + 1)::integer as "epoch!", nspname::text as "schema!",
                      coalesce((
                          select sum(pg_total_relation_size(pg_class.oid)) from pg_class
                          where relnamespace = pg_namespace.oid and relkind = 'r'
                      ), 0)::bigint as "bytes!"
               from pg_namespace
               where starts_with(nspname, $1) and substr(nspname, length($1) + 1) ~ '^[0-9]{1,9}$'
                 and exists (select from pg_class where relnamespace = pg_namespace.oid and relname = 'cursors')
               order by 1"#,
            PREFIX,
        )
        .fetch_all(&self.pool)
        .await?;
        let mut epochs = Vec::new();
        for row in schemas {
            // The name is one of ours: the prefix followed by digits.
            let newest = format!("select max(last_whole_ledger) from {}.cursors", row.schema);
            let newest: Option<i64> = sqlx::query_scalar(sqlx::AssertSqlSafe(newest)).fetch_one(&self.pool).await?;
            epochs.push(ArchivedEpoch {
                epoch: epoch(row.epoch)?,
                schema: row.schema,
                last_whole_ledger: newest.map(ledger).transpose()?,
                bytes: u64::try_from(row.bytes).unwrap_or(0),
            });
        }
        Ok(epochs)
    }

    /// Drops an archived epoch for good. Returns whether there was one with that number.
    pub async fn drop_archived_epoch(&self, epoch: Epoch) -> Result<bool, StoreError> {
        let archived = self.archived_epochs().await?;
        let Some(found) = archived.into_iter().find(|archived| archived.epoch == epoch) else { return Ok(false) };
        self.drop_schema(&found.schema).await?;
        Ok(true)
    }
}

/// Returns an epoch later than every archived one, and later than the one that was live after the last archive.
pub(super) async fn next_after_archives(connection: &mut PgConnection) -> Result<Epoch, StoreError> {
    let next = sqlx::query_scalar!(
        r#"select coalesce(max(substr(nspname, length($1) + 1)::integer) + 2, 0) as "next!" from pg_namespace
           where starts_with(nspname, $1) and substr(nspname, length($1) + 1) ~ '^[0-9]{1,9}$'"#,
        PREFIX,
    )
    .fetch_one(connection)
    .await?;
    epoch(next)
}
