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
        let store = self.in_schema(schema).await?;
        store.migrate_to(None, self.pool.deadline(), &|_| {}).await?;
        Ok(store)
    }

    /// Opens a schema of this database that exists.
    pub(super) async fn in_schema(&self, schema: &'static str) -> Result<Self, StoreError> {
        let pool = self.pool.in_schema(schema, CONNECTIONS_OF_ANOTHER_SCHEMA).await?;
        Ok(Self { pool, ..self.clone() })
    }

    pub(super) async fn has_schema(&self, schema: &str) -> Result<bool, StoreError> {
        let found =
            sqlx::query_scalar!(r#"select exists (select from pg_namespace where nspname = $1) as "exists!""#, schema);
        Ok(found.fetch_one(&self.pool).await?)
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

/// Moves a table to another schema, with its partitions, which do not follow it by themselves.
pub(super) async fn move_table(
    connection: &mut PgConnection,
    table: &str,
    from: &str,
    to: &str,
) -> Result<(), StoreError> {
    let partitions = sqlx::query_scalar!(
        r#"select format('%I', child.relname) as "name!"
           from pg_inherits join pg_class as child on child.oid = inhrelid
           where inhparent = to_regclass(format('%I.%I', $1::text, $2::text)) order by 1"#,
        from,
        table,
    )
    .fetch_all(&mut *connection)
    .await?;
    for table in std::iter::once(table).chain(partitions.iter().map(String::as_str)) {
        execute(connection, format!("alter table \"{from}\".{table} set schema \"{to}\"")).await?;
    }
    Ok(())
}
