//! At most one reindex at a time.

use sqlx::PgConnection;

use super::{Store, StoreError, lock_holder::LockHolder, schemas::REINDEX, writer};

/// The lock key that is held while a build is opened or dropped: "flowfire" in ASCII.
const OPENING_KEY: i64 = 0x666c_6f77_6669_7265;

/// Keeps everybody else from opening or dropping a build until the transaction ends.
///
/// # Errors
/// [`StoreError::AnotherReindex`] if somebody else is building, or opens or drops a build.
pub(super) async fn keep_others_from_building(connection: &mut PgConnection) -> Result<(), StoreError> {
    loop {
        let locked = sqlx::query_scalar!(r#"select pg_try_advisory_xact_lock($1) as "locked!""#, OPENING_KEY);
        if locked.fetch_one(&mut *connection).await? {
            break;
        }
        refuse_while_held(connection, OPENING_KEY).await?;
    }
    expect_no_build(connection).await
}

async fn expect_no_build(connection: &mut PgConnection) -> Result<(), StoreError> {
    let key = writer::lock_key(connection, REINDEX).await?;
    refuse_while_held(connection, key).await
}

async fn refuse_while_held(connection: &mut PgConnection, key: i64) -> Result<(), StoreError> {
    let holder = LockHolder::of(connection, key).await?.map(Box::new);
    holder.map_or(Ok(()), |holder| Err(StoreError::AnotherReindex { holder }))
}

impl Store {
    /// Checks that no reindex is running.
    ///
    /// # Errors
    /// [`StoreError::AnotherReindex`] if one is.
    pub async fn expect_no_reindex(&self) -> Result<(), StoreError> {
        self.pool.run(expect_no_build).await
    }
}
