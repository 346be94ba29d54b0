//! The `desired_state` table: whether operators want the indexer to pause.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::{
    Store, StoreError,
    listen::{self, Listener},
};

/// What operators want the indexer to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DesiredState {
    /// Whether it is to pause.
    pub paused: bool,
    /// Since when this has been so, by the database's clock.
    pub since: DateTime<Utc>,
    /// The operator who set it.
    pub by: String,
}

impl Store {
    /// Returns what operators want; `None` if it was never set, in which case the indexer runs.
    pub async fn desired_state(&self) -> Result<Option<DesiredState>, StoreError> {
        read(&self.pool).await
    }

    /// Sets whether the indexer is to pause, and notifies it. If the state does not change, its time and operator stay
    /// the same. Returns the resulting state.
    pub async fn set_desired_state(&self, paused: bool, by: &str) -> Result<DesiredState, StoreError> {
        let set = async |connection: &mut PgConnection| {
            sqlx::query!(
                "insert into desired_state as current (paused, changed_by) values ($1, $2)
                 on conflict (only_row) do update set
                     paused = excluded.paused, changed_at = excluded.changed_at, changed_by = excluded.changed_by
                 where current.paused <> excluded.paused",
                paused,
                by,
            )
            .execute(&mut *connection)
            .await?;
            let state = read(&mut *connection).await?;
            listen::notify(connection, listen::DESIRED_STATE).await?;
            state.ok_or_else(|| StoreError::Corrupt("no desired state".to_owned()))
        };
        let mut transaction = self.pool.begin().await?;
        let state = transaction.within(set).await?;
        transaction.commit().await?;
        Ok(state)
    }

    /// Opens a connection that is notified from now on when the desired state changes.
    pub async fn listen_for_desired_state(&self) -> Result<Listener, StoreError> {
        Listener::open(&self.pool, listen::DESIRED_STATE).await
    }
}

async fn read<'c>(executor: impl sqlx::PgExecutor<'c>) -> Result<Option<DesiredState>, StoreError> {
    let row = sqlx::query_as!(DesiredState, "select paused, changed_at as since, changed_by as by from desired_state");
    Ok(row.fetch_optional(executor).await?)
}
