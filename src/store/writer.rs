//! The one writer of a database: who holds the advisory lock, on the very connection it writes through, so that
//! losing the one is losing the other. Commits are fenced by the cursor besides.

use sqlx::{Connection, PgConnection};

use super::{Store, StoreError, pool};
use crate::domain::{ContractId, EventId, LedgerSequence};

/// The key of the advisory lock: "flowfi" in ASCII, joined with the schema, since each is written by itself.
const LOCK_KEY: i64 = 0x666c_6f77_6669;

impl Store {
    /// Returns whether a process holds the writer's lock.
    pub async fn has_writer(&self) -> Result<bool, StoreError> {
        let held = sqlx::query_scalar!(
            r#"select exists (
                   select from pg_locks
                   where locktype = 'advisory' and granted and objsubid = 1
                     and database = (select oid from pg_database where datname = current_database())
                     and (classid::bigint << 32) | objid::bigint = $1::bigint # hashtext(current_schema())
               ) as "held!""#,
            LOCK_KEY,
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(held)
    }
}

/// Holds the writer's lock until dropped.
#[derive(Debug)]
pub struct Writer {
    pub(super) connection: PgConnection,
    pub(super) contract_id: ContractId,
    pub(super) position: Option<EventId>,
    /// How many repairs there were when the position was read.
    pub(super) revision: i64,
}

impl Writer {
    /// Takes the writer's lock and reads the contract's cursor. `None` if another process holds the lock.
    pub async fn try_acquire(store: &Store, contract_id: ContractId) -> Result<Option<Self>, StoreError> {
        let options = store.pool.connect_options();
        let mut connection = PgConnection::connect_with(&options).await?;
        let locked = sqlx::query_scalar!(
            r#"select pg_try_advisory_lock($1::bigint # hashtext(current_schema())) as "locked!""#,
            LOCK_KEY
        )
        .fetch_one(&mut connection)
        .await?;
        if !locked {
            return Ok(None);
        }
        let mut writer = Self { connection, contract_id, position: None, revision: 0 };
        writer.refresh().await?;
        Ok(Some(writer))
    }

    /// Reads the cursor again, after late rows were written. The lock is kept.
    pub async fn refresh(&mut self) -> Result<(), StoreError> {
        let row = sqlx::query!(
            "select toid, event_index, revision from cursors where contract_id = $1",
            self.contract_id.as_str()
        )
        .fetch_optional(&mut self.connection)
        .await?;
        if let Some(row) = row {
            self.position = Some(pool::event_id(row.toid, row.event_index)?);
            self.revision = row.revision;
        }
        Ok(())
    }

    /// Returns the contract that is written.
    #[must_use]
    pub const fn contract_id(&self) -> &ContractId {
        &self.contract_id
    }

    /// Returns how far the contract is stored, `None` before its first ledger was chosen.
    #[must_use]
    pub const fn position(&self) -> Option<EventId> {
        self.position
    }

    /// Chooses the first ledger to index. Only for a contract that has no cursor yet.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] if there is a cursor after all.
    pub async fn start_at(&mut self, ledger: LedgerSequence) -> Result<EventId, StoreError> {
        let before = EventId::end_of_ledger(ledger.previous());
        let inserted = sqlx::query!(
            "insert into cursors
                 (contract_id, toid, event_index, from_ledger, last_whole_ledger)
             values ($1, $2, $3, $4, $5) on conflict do nothing",
            self.contract_id.as_str(),
            before.toid(),
            i64::from(before.index()),
            i64::from(ledger.0),
            i64::from(ledger.previous().0),
        )
        .execute(&mut self.connection)
        .await?;
        if inserted.rows_affected() != 1 {
            return Err(StoreError::Fenced);
        }
        self.position = Some(before);
        self.revision = 0;
        Ok(before)
    }

    /// Gives the lock back and closes the connection in good order.
    pub async fn release(self) -> Result<(), StoreError> {
        Ok(self.connection.close().await?)
    }
}
