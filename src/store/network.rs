//! The network in a schema, its epoch, and what is kept of earlier epochs.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use tracing::warn;

use super::{
    Store, StoreError, archived_epochs,
    attachments::{Attachments, OnFailure},
    columns::{column_of, epoch, ledger},
    listen,
    schemas::{REINDEX, current_schema, execute, move_table},
};
use crate::domain::{Epoch, LedgerSequence};

/// The tables that belong to one chain; a reset of the network puts them aside together. `desired_state` belongs to none:
/// who paused the indexer finds it paused.
const TABLES_OF_AN_EPOCH: [&str; 19] = [
    "_sqlx_migrations",
    "accepted_gaps",
    "baselines",
    "contract_upgrades",
    "contract_versions",
    "corrections",
    "coverage",
    "cursors",
    "deleted_entries",
    "indexer_reports",
    "network",
    "quarantine",
    "record_checks",
    "reindex_build",
    "revisions",
    "stream_events",
    "streams",
    "unexplained_changes",
    "withdrawn_ledgers",
];

/// An archive that would wait longer is retried.
const LOCK_TIMEOUT: Duration = Duration::from_secs(2);
const ATTEMPTS_TO_ARCHIVE: u32 = 3;
/// The schema in which the tables of the next epoch are created.
const NEXT: &str = "flowfi_next";

/// A ledger with its hash, which identifies a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownLedger {
    /// The ledger's number.
    pub sequence: LedgerSequence,
    /// The hash of its header, 64 hex digits.
    pub hash: String,
}

/// The network in a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkRow {
    /// Its passphrase.
    pub passphrase: String,
    /// How many times it has started over.
    pub epoch: Epoch,
    /// A ledger of it, once one was recorded.
    pub known: Option<KnownLedger>,
    /// A ledger of it with its close time, once one was recorded.
    pub seen: Option<(LedgerSequence, DateTime<Utc>)>,
    /// When the last ledger of the previous epoch closed: every ledger of this one closed later.
    pub began_after: Option<DateTime<Utc>>,
}

impl Store {
    /// Returns the network in this schema; `None` before an indexer claimed the schema.
    pub async fn network(&self) -> Result<Option<NetworkRow>, StoreError> {
        let row = sqlx::query!(
            "select passphrase, epoch, known_ledger, known_ledger_hash, began_after, seen_ledger, seen_ledger_closed_at
             from network"
        )
        .fetch_optional(&self.pool)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let known = match (row.known_ledger, row.known_ledger_hash) {
            (Some(sequence), Some(hash)) => Some(KnownLedger { sequence: ledger(sequence)?, hash }),
            _ => None,
        };
        let began_after = row.began_after;
        let seen = row.seen_ledger.map(ledger).transpose()?.zip(row.seen_ledger_closed_at);
        Ok(Some(NetworkRow { passphrase: row.passphrase, epoch: epoch(row.epoch)?, known, seen, began_after }))
    }

    /// Returns the network's epoch.
    pub async fn epoch(&self) -> Result<Epoch, StoreError> {
        Ok(self.network().await?.map(|network| network.epoch).unwrap_or_default())
    }

    /// Forgets the recorded close time of an epoch.
    async fn forget_close(&self, epoch: Epoch) -> Result<(), StoreError> {
        sqlx::query!(
            "update network set seen_ledger = null, seen_ledger_closed_at = null where epoch = $1",
            column_of(epoch)?,
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Archives everything of an epoch in its own schema, and begins the next epoch with empty tables, in one
    /// transaction. An unfinished reindex of it is dropped. Returns the schema's name; `None` if there is nothing to
    /// archive, because no contract is indexed and no ledger was recorded. Only for the holder of the writer's lock.
    ///
    /// # Errors
    /// [`StoreError::OtherEpoch`] if the database has another epoch by now.
    pub async fn archive_epoch(&self, epoch: Epoch) -> Result<Option<String>, StoreError> {
        for _ in 1..ATTEMPTS_TO_ARCHIVE {
            match self.archive_undisturbed(epoch).await {
                Err(failure @ (StoreError::Migration(_) | StoreError::Refused(_)))
                    if !self.has_schema(NEXT).await? =>
                {
                    warn!("the tables of the next epoch are gone, and are created again: {failure}");
                }
                archived => return archived,
            }
        }
        self.archive_undisturbed(epoch).await
    }

    /// Archives an epoch, unless the schema of the next one is dropped meanwhile: the server may still be carrying out a
    /// statement of an indexer that was killed.
    async fn archive_undisturbed(&self, epoch: Epoch) -> Result<Option<String>, StoreError> {
        let network = self.network().await?;
        let network = network.ok_or_else(|| StoreError::Corrupt("there is no network to archive".to_owned()))?;
        if network.known.is_none() && self.contracts().await?.is_empty() {
            // Nothing of a chain is stored, so this can serve for the next one.
            self.forget_close(epoch).await?;
            return Ok(None);
        }
        self.drop_schema(NEXT).await?;
        let next = self.open_schema(NEXT).await?;
        let ended = sqlx::query_scalar!("select max(last_whole_ledger_closed_at) from cursors").fetch_one(&self.pool);
        let seen = network.seen.map(|(_, closed_at)| closed_at);
        let began_after = ended.await?.max(network.began_after).max(seen);
        let claim = async |connection: &mut PgConnection| {
            claim_epoch(connection, &network.passphrase, Epoch(epoch.0 + 1), began_after).await
        };
        next.pool.run(claim).await?;
        next.close().await;
        let schema = archived_epochs::schema_of(epoch);
        let begin = async |connection: &mut PgConnection| {
            // While this waits for current readers, new readers queue behind it.
            execute(connection, format!("set local lock_timeout = {}", LOCK_TIMEOUT.as_millis())).await?;
            // The cursors come first, so that a repair that holds its cursor ends before the other tables are
            // requested.
            execute(connection, "lock table cursors in access exclusive mode".to_owned()).await?;
            check_epoch(connection, epoch).await?;
            let live = current_schema(connection).await?;
            execute(connection, format!("drop schema if exists {REINDEX} cascade")).await?;
            execute(connection, format!("create schema {schema}")).await?;
            let attachments = Attachments::of(connection, &live, NEXT, &TABLES_OF_AN_EPOCH).await?;
            Ok((live, attachments))
        };
        // Each step has the deadline for itself: a slow database that makes progress is not interrupted.
        let mut transaction = self.pool.begin().await?;
        let (live, attachments) = transaction.within(begin).await?;
        for table in TABLES_OF_AN_EPOCH {
            let exchange = async |connection: &mut PgConnection| {
                move_table(connection, table, &live, &schema).await?;
                move_table(connection, table, NEXT, &live).await
            };
            transaction.within(exchange).await?;
        }
        let end = async |connection: &mut PgConnection| {
            attachments.give(connection, OnFailure::GoOn).await?;
            listen::notify(connection, listen::COMMITTED).await
        };
        transaction.within(end).await?;
        transaction.commit().await?;
        self.drop_schema(NEXT).await?;
        Ok(Some(schema))
    }

    /// Claims the database for the network with this passphrase, or checks that it belongs to it. Its epochs come after
    /// those of archives that a dropped index has left in the database. Views, temporary tables, and tables of others
    /// with a name of ours are no index.
    ///
    /// # Errors
    /// [`StoreError::OtherNetwork`] if the database holds another network, [`StoreError::AnotherIndex`] if another
    /// schema holds an index.
    pub async fn claim(&self, passphrase: &str) -> Result<(), StoreError> {
        self.pool.run(async |connection: &mut PgConnection| claim(connection, passphrase).await).await
    }
}

/// Does what [`Store::claim`] says.
pub(super) async fn claim(connection: &mut PgConnection, passphrase: &str) -> Result<(), StoreError> {
    let another = sqlx::query_scalar!(
        r#"select nspname::text as "schema!" from pg_class as events
           join pg_namespace on pg_namespace.oid = relnamespace
           where relname = 'stream_events' and relkind in ('r', 'p') and relpersistence <> 't'
             and events.oid <> to_regclass('stream_events')
             and nspname !~ '^flowfi_(epoch_[0-9]+|move|next|reindex|replaced)$'
             and exists (select from pg_class as cursors where cursors.relnamespace = events.relnamespace
                             and cursors.relname = 'cursors' and cursors.relkind in ('r', 'p'))
           limit 1"#
    )
    .fetch_optional(&mut *connection)
    .await?;
    if let Some(schema) = another {
        return Err(StoreError::AnotherIndex { schema });
    }
    let epoch = archived_epochs::next_after_archives(connection).await?;
    claim_epoch(connection, passphrase, epoch, None).await?;
    let found = sqlx::query_scalar!("select passphrase from network").fetch_one(connection).await?;
    if found == passphrase { Ok(()) } else { Err(StoreError::OtherNetwork { found, wanted: passphrase.to_owned() }) }
}

/// Claims an empty schema for an epoch.
pub(super) async fn claim_epoch(
    connection: &mut PgConnection,
    passphrase: &str,
    epoch: Epoch,
    began_after: Option<DateTime<Utc>>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into network (passphrase, epoch, began_after) values ($1, $2, $3) on conflict do nothing",
        passphrase,
        column_of(epoch)?,
        began_after,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Refuses to continue if the database has another epoch than the given one.
pub(super) async fn check_epoch(connection: &mut PgConnection, read_in: Epoch) -> Result<(), StoreError> {
    let found = sqlx::query_scalar!("select epoch from network").fetch_optional(connection).await?;
    let now = found.map(epoch).transpose()?.unwrap_or_default();
    if now == read_in { Ok(()) } else { Err(StoreError::OtherEpoch { read_in, now }) }
}
