//! What the writer records of the chain that it indexes. All of it goes through the writer's own connection: another one
//! may lead to a server that is read-only, and outlive the writer's lock.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::{
    StoreError,
    columns::column_of,
    network::{KnownLedger, claim},
    session::BesideSession,
    writer::{DEADLINE, Writer},
};
use crate::domain::{Epoch, LedgerSequence};

impl Writer {
    /// As [`Store::claim`](super::Store::claim).
    ///
    /// # Errors
    /// Those of [`Store::claim`](super::Store::claim).
    pub async fn claim(&self, passphrase: &str) -> Result<(), StoreError> {
        let claim = async |connection: &mut PgConnection| claim(connection, passphrase).await;
        self.session.within(DEADLINE, claim).await
    }

    /// Returns a handle to record ledgers with while the writer is at work.
    #[must_use]
    pub fn chain_notes(&self) -> ChainNotes {
        ChainNotes(self.session.beside())
    }
}

/// Records ledgers by which the chain is recognized. Does nothing while somebody else holds the row of the network, because
/// commits wait for the writer's connection; the next note comes soon. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ChainNotes(BesideSession);

impl ChainNotes {
    /// Records the hash of a ledger of an epoch, to identify the chain. Does nothing if the epoch has changed, because
    /// the hash of an old chain must not stand for a new one. Does nothing either if a later ledger was recorded: an
    /// indexer that was killed may have recorded more than it committed.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] if the writer is gone.
    pub async fn note_ledger(&self, epoch: Epoch, known: &KnownLedger) -> Result<(), StoreError> {
        let note = async |connection: &mut PgConnection| {
            sqlx::query!(
                "update network set known_ledger = $2, known_ledger_hash = $3
                 from (select ctid as place from network for update skip locked) as free
                 where ctid = place and epoch = $1 and (known_ledger is null or known_ledger < $2)",
                column_of(epoch)?,
                i64::from(known.sequence.0),
                known.hash,
            )
            .execute(connection)
            .await?;
            Ok(())
        };
        self.0.within(DEADLINE, note).await
    }

    /// Records a ledger of an epoch with its close time. Does nothing if the epoch has changed, or a later one was
    /// recorded.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] if the writer is gone.
    pub async fn note_close(
        &self,
        epoch: Epoch,
        sequence: LedgerSequence,
        closed_at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let note = async |connection: &mut PgConnection| {
            sqlx::query!(
                "update network set seen_ledger = $2, seen_ledger_closed_at = $3
                 from (select ctid as place from network for update skip locked) as free
                 where ctid = place and epoch = $1 and (seen_ledger is null or seen_ledger < $2)",
                column_of(epoch)?,
                i64::from(sequence.0),
                closed_at,
            )
            .execute(connection)
            .await?;
            Ok(())
        };
        self.0.within(DEADLINE, note).await
    }
}
