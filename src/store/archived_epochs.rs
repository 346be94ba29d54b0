//! Epochs that were put aside when the network started over: each is a schema of its own, kept until it is dropped.

use super::{
    Store, StoreError,
    columns::{epoch, ledger},
};
use crate::domain::{Epoch, LedgerSequence};

const PREFIX: &str = "flowfi_epoch_";

/// Returns the schema that an epoch is put aside in.
pub(super) fn schema_of(epoch: Epoch) -> String {
    format!("{PREFIX}{}", epoch.0)
}

/// An epoch that was put aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchivedEpoch {
    /// Its number.
    pub epoch: Epoch,
    /// The schema that holds it.
    pub schema: String,
    /// The last ledger that was indexed whole, of any contract; `None` if none was.
    pub last_whole_ledger: Option<LedgerSequence>,
    /// How many bytes its tables and indexes take.
    pub bytes: u64,
}

impl Store {
    /// Returns the epochs that were put aside, the oldest first.
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
            // The name is one of ours: digits follow the prefix.
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

    /// Returns an epoch after all that have a schema of an archive's name, and after the one that was live with them.
    pub(super) async fn after_the_archived(&self) -> Result<Epoch, StoreError> {
        let next = sqlx::query_scalar!(
            r#"select coalesce(max(substr(nspname, length($1) + 1)::integer) + 2, 0) as "next!" from pg_namespace
               where starts_with(nspname, $1) and substr(nspname, length($1) + 1) ~ '^[0-9]{1,9}$'"#,
            PREFIX,
        )
        .fetch_one(&self.pool)
        .await?;
        epoch(next)
    }

    /// Drops an epoch that was put aside, for good. Returns whether there was one of that number.
    pub async fn drop_archived_epoch(&self, epoch: Epoch) -> Result<bool, StoreError> {
        let archived = self.archived_epochs().await?;
        let Some(found) = archived.into_iter().find(|archived| archived.epoch == epoch) else { return Ok(false) };
        self.drop_schema(&found.schema).await?;
        Ok(true)
    }
}
