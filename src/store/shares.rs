//! What one holder may have only so many of: tickets, API keys. A count is exact only if no other transaction adds to it
//! between the count and the row that it admits.

use sqlx::PgConnection;

use super::StoreError;

/// How many a holder may have at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share<'a> {
    /// Whose share it is.
    pub holder: &'a str,
    /// The most of them.
    pub most: u32,
}

impl Share<'_> {
    /// Waits until no other transaction adds to this share of a table. A single statement could not: it counts what was
    /// there when it began, and not what was added while it waited.
    pub(super) async fn hold(self, connection: &mut PgConnection, table: &str) -> Result<(), StoreError> {
        sqlx::query!("select pg_advisory_xact_lock(hashtext($1), hashtext($2))", table, self.holder)
            .execute(connection)
            .await?;
        Ok(())
    }
}
