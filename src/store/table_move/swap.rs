//! The swap of the old tables and the new ones, in one short transaction.

use std::time::Duration;

use sqlx::{Connection, PgConnection};
use tokio::time::Instant;

use super::{MIGRATION, MOVE, StoreError, TABLES, copy, views::Views};
use crate::store::{
    attachments::{Attachments, OnFailure},
    listen,
    schemas::{REINDEX, execute, move_table},
};

/// Where the old tables are until the end of the swap.
const REPLACED: &str = "flowfi_replaced";

/// Swaps the tables, and records the migration. Returns for how long it held the tables, or `None` if the old ones are
/// no longer those that were copied.
///
/// # Errors
/// A lock timeout, if somebody held a table for too long.
pub(super) async fn swap(connection: &mut PgConnection, live: &str) -> Result<Option<Duration>, StoreError> {
    let mut transaction = connection.begin().await?;
    let attachments = Attachments::of(&mut transaction, live, MOVE, &TABLES).await?;
    let views = Views::of(&mut transaction, live).await?;
    let begun = Instant::now();
    lock(&mut transaction, live).await?;
    if !copy::is_under_way(&mut transaction, live).await? {
        return Ok(None);
    }
    let numbers = format!(
        "select setval(pg_get_serial_sequence('{MOVE}.corrections', 'number'), last_value, is_called)
         from {}",
        sequence_of(&mut transaction, live).await?
    );
    execute(&mut transaction, numbers).await?;
    views.drop(&mut transaction).await?;
    execute(&mut transaction, format!("create schema {REPLACED}")).await?;
    for table in TABLES {
        move_table(&mut transaction, table, live, REPLACED).await?;
        move_table(&mut transaction, table, MOVE, live).await?;
    }
    views.create(&mut transaction).await?;
    attachments.give(&mut transaction, OnFailure::GiveUp).await?;
    let moved = format!(
        "insert into \"{live}\"._sqlx_migrations select * from {MOVE}._sqlx_migrations where version = {MIGRATION}"
    );
    execute(&mut transaction, moved).await?;
    // A build of the old version has the old layout.
    execute(&mut transaction, format!("delete from \"{live}\".reindex_build")).await?;
    for schema in [REPLACED, REINDEX, MOVE] {
        execute(&mut transaction, format!("drop schema if exists {schema} cascade")).await?;
    }
    listen::notify(&mut transaction, listen::COMMITTED).await?;
    let held = begun.elapsed();
    transaction.commit().await?;
    Ok(Some(held))
}

/// Locks everything that is swapped, or gives up before others have waited for long. The cursors come first, so that
/// commits and repairs end before their tables are requested.
async fn lock(connection: &mut PgConnection, live: &str) -> Result<(), StoreError> {
    execute(connection, format!("lock table \"{live}\".cursors in exclusive mode")).await?;
    let tables = TABLES.map(|table| format!("\"{live}\".{table}")).join(", ");
    // The time that one table may be waited for is that of all of them together.
    execute(connection, "set local lock_timeout = '100ms'".to_owned()).await?;
    execute(connection, format!("lock table {tables} in access exclusive mode")).await
}

async fn sequence_of(connection: &mut PgConnection, live: &str) -> Result<String, StoreError> {
    let name = sqlx::query_scalar!(
        r#"select pg_get_serial_sequence($1, 'number') as "name!""#,
        format!("\"{live}\".corrections")
    );
    Ok(name.fetch_one(connection).await?)
}
