//! `LISTEN` and `NOTIFY`: the hint that something was committed. The table is the truth; a hint that is lost costs time.

use sqlx::{PgConnection, postgres::PgListener};

use super::{Store, StoreError};

const COMMITTED: &str = "flowfi_committed";
const REVOKED: &str = "flowfi_revoked";

/// Wakes readers once the transaction commits. One notification a batch: `NOTIFY` takes a global lock at commit.
pub(super) async fn notify(connection: &mut PgConnection) -> Result<(), StoreError> {
    notify_on(connection, COMMITTED).await
}

/// Wakes who watches for tokens that were taken back.
pub(super) async fn notify_of_revocations(connection: &mut PgConnection) -> Result<(), StoreError> {
    notify_on(connection, REVOKED).await
}

async fn notify_on(connection: &mut PgConnection, channel: &str) -> Result<(), StoreError> {
    sqlx::query!("select pg_notify($1, '')", channel).execute(connection).await?;
    Ok(())
}

/// A connection of its own that hears of commits.
#[derive(Debug)]
pub struct CommitListener(PgListener);

impl CommitListener {
    /// Waits until something may have been committed: a notification came, or the connection was lost and made anew
    /// (what came in between was not heard).
    ///
    /// # Errors
    /// The connection is gone and cannot be made anew; make another listener.
    pub async fn heard(&mut self) -> Result<(), StoreError> {
        self.0.try_recv().await?;
        Ok(())
    }
}

impl Store {
    /// Opens a connection that hears of commits of events from now on.
    pub async fn listen(&self) -> Result<CommitListener, StoreError> {
        self.listen_on(COMMITTED).await
    }

    /// Opens a connection that hears of revocations from now on.
    pub async fn listen_for_revocations(&self) -> Result<CommitListener, StoreError> {
        self.listen_on(REVOKED).await
    }

    async fn listen_on(&self, channel: &str) -> Result<CommitListener, StoreError> {
        let mut listener = PgListener::connect_with(&self.pool).await?;
        listener.listen(channel).await?;
        Ok(CommitListener(listener))
    }
}
