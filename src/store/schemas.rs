//! The schemas of the database other than the live one, and statements without parameters.

use sqlx::PgConnection;

use super::{Store, StoreError};

/// The schema for rebuilding records.
pub(super) const REINDEX: &str = "flowfi_reindex";
const CONNECTIONS_OF_ANOTHER_SCHEMA: u32 = 4;

impl Store {
    /// Opens another schema of this database. It is created and updated if necessary.
    pub(super) async fn open_schema(&self, schema: &'static str) -> Result<Self, StoreError> {
        let create = format!("create schema if not exists {schema}");
        self.pool.run(async |connection: &mut PgConnection| execute(connection, create).await).await?;
        let store = Self { pool: self.pool.in_schema(schema, CONNECTIONS_OF_ANOTHER_SCHEMA).await? };
        store.migrate_within(self.pool.deadline(), |_| {}).await?;
        Ok(store)
    }

    /// Removes a schema with everything in it, if it exists.
    pub(super) async fn drop_schema(&self, schema: &str) -> Result<(), StoreError> {
        let drop = format!("drop schema if exists {schema} cascade");
        self.pool.run(async |connection: &mut PgConnection| execute(connection, drop).await).await
    }
}

/// Returns the name of the live schema, unquoted.
pub(super) async fn current_schema(connection: &mut PgConnection) -> Result<String, StoreError> {
    Ok(sqlx::query_scalar!(r#"select current_schema()::text as "schema!""#).fetch_one(connection).await?)
}

/// Executes a statement about tables. Such statements take no parameters; the names in them are our own.
pub(super) async fn execute(connection: &mut PgConnection, statement: String) -> Result<(), StoreError> {
    sqlx::query(sqlx::AssertSqlSafe(statement)).execute(connection).await?;
    Ok(())
}
