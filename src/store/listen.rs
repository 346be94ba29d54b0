//! `LISTEN` and `NOTIFY`: the hint that something was committed. The table is the truth; a hint that is lost costs time.

use sqlx::{PgConnection, postgres::PgListener};

use super::{Store, StoreError};

const CHANNEL: &str = "flowfi_committed";

/// Wakes readers once the transaction commits. One notification a batch: `NOTIFY` takes a global lock at commit.
pub(super) async fn notify(connection: &mut PgConnection) -> Result<(), StoreError> {
    sqlx::query!("select pg_notify($1, '')", CHANNEL).execute(connection).await?;
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
    /// Opens a connection that hears of commits from now on.
    pub async fn listen(&self) -> Result<CommitListener, StoreError> {
        let mut listener = PgListener::connect_with(&self.pool).await?;
        listener.listen(CHANNEL).await?;
        Ok(CommitListener(listener))
    }
}
