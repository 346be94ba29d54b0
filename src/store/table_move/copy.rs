//! Copies the rows of the old tables in batches, in the order of their keys. How far a table is, is written with each
//! batch.

use std::time::Duration;

use sqlx::{PgConnection, Row};
use tokio::time::Instant;

use super::{
    COPY_KEY, MOVE, StoreError, TABLES, in_one_transaction,
    table::{KeyColumn, Table},
};

/// While a batch is copied, changes of the old tables wait for it.
const A_BATCH_TAKES: Duration = Duration::from_millis(100);
const FEWEST_ROWS: u64 = 250;
const MOST_ROWS: u64 = 20_000;

/// Returns the statement that records which tables are moved, and that nothing of them is copied.
pub(super) fn table_of_progress(live: &str) -> String {
    let names = TABLES.map(|name| format!("('{name}')")).join(", ");
    format!(
        "create table {MOVE}.table_move (
             name text primary key, old oid not null, last_key text[], rows bigint not null default 0,
             done boolean not null default false
         );
         insert into {MOVE}.table_move (name, old)
         select name, to_regclass(format('%I.%I', '{live}', name)) from (values {names}) as wanted (name)"
    )
}

/// Returns whether a move has begun, and the old tables are still those that it copies. A reindex and a reset of the
/// network replace them.
pub(super) async fn is_under_way(connection: &mut PgConnection, live: &str) -> Result<bool, StoreError> {
    let there = sqlx::query_scalar!(r#"select to_regclass($1) is not null as "there!""#, format!("{MOVE}.table_move"));
    if !there.fetch_one(&mut *connection).await? {
        return Ok(false);
    }
    let is_same = format!(
        "select coalesce(bool_and(old = coalesce(to_regclass(format('%I.%I', $1, name))::oid, 0)), false)
         from {MOVE}.table_move"
    );
    Ok(sqlx::query_scalar(sqlx::AssertSqlSafe(is_same)).bind(live).fetch_one(connection).await?)
}

/// Returns about how many rows the old tables have.
pub(super) async fn rows_in_all(connection: &mut PgConnection, tables: &[Table]) -> Result<i64, StoreError> {
    let names: Vec<String> = tables.iter().map(|table| table.old.clone()).collect();
    let rows = sqlx::query_scalar!(
        r#"select coalesce(sum(greatest(reltuples, 0)), 0)::bigint as "rows!"
           from unnest($1::text[]) as wanted (name) join pg_class on pg_class.oid = to_regclass(name)"#,
        &names,
    );
    Ok(rows.fetch_one(connection).await?)
}

/// Returns how many rows were copied.
pub(super) async fn rows_moved(connection: &mut PgConnection) -> Result<i64, StoreError> {
    let moved = format!("select coalesce(sum(rows), 0)::bigint from {MOVE}.table_move");
    Ok(sqlx::query_scalar(sqlx::AssertSqlSafe(moved)).fetch_one(connection).await?)
}

/// How far a table is.
#[derive(Debug)]
pub(super) struct Progress {
    /// The key of the last row that was copied, as texts.
    last_key: Option<Vec<String>>,
    is_done: bool,
    /// How many rows the next batch has.
    batch: u64,
}

impl Progress {
    /// Returns how far a table is by now.
    pub(super) async fn of(connection: &mut PgConnection, table: &Table) -> Result<Self, StoreError> {
        let statement = format!("select last_key, done from {MOVE}.table_move where name = $1");
        let row = sqlx::query(sqlx::AssertSqlSafe(statement)).bind(table.name).fetch_one(connection).await?;
        Ok(Self { last_key: row.try_get(0)?, is_done: row.try_get(1)?, batch: FEWEST_ROWS })
    }

    pub(super) const fn is_done(&self) -> bool {
        self.is_done
    }

    /// Copies the next rows. Those that a trigger has copied already are newer than what is read here, and stay.
    pub(super) async fn go_on(&mut self, connection: &mut PgConnection, table: &Table) -> Result<(), StoreError> {
        let begun = Instant::now();
        let rows = in_one_transaction(connection, self.batch_of(table)).await?;
        let last = rows.last().ok_or_else(|| StoreError::Corrupt("a batch says nothing of itself".to_owned()))?;
        (self.last_key, self.is_done) = (last.try_get(0)?, last.try_get(1)?);
        let took = begun.elapsed();
        self.batch = if took > A_BATCH_TAKES { self.batch / 2 } else { self.batch + self.batch / 2 };
        self.batch = self.batch.clamp(FEWEST_ROWS, MOST_ROWS);
        Ok(())
    }

    fn batch_of(&self, table: &Table) -> String {
        let key = table.key();
        let after = self.last_key.as_ref().map_or_else(String::new, |last| {
            let typed =
                |(text, column): (&String, &KeyColumn)| format!("'{}'::{}", text.replace('\'', "''"), column.old_type);
            let last: Vec<String> = last.iter().zip(&table.key).map(typed).collect();
            format!("where ({key}) > ({})", last.join(", "))
        });
        let key_as_texts: Vec<String> = table.key.iter().map(|column| format!("{}::text", column.name)).collect();
        // The lock is taken by a statement of its own, so that the next one sees what was committed before.
        format!(
            "select pg_advisory_xact_lock({COPY_KEY});
             with batch as materialized (
                 select *, row_number() over (order by {key}) as row_in_batch from {old} {after}
                 order by {key} limit {limit}
             ), copied as (
                 insert into {new} ({columns}) overriding system value select {values} from batch
                 on conflict do nothing
             )
             update {MOVE}.table_move set
                 last_key = coalesce(
                     (select array[{key_as_texts}] from batch order by row_in_batch desc limit 1), last_key
                 ),
                 rows = rows + (select count(*) from batch),
                 done = (select count(*) from batch) < {limit}
             where name = '{name}' returning last_key, done",
            old = table.old,
            new = table.new,
            name = table.name,
            columns = table.names(),
            values = table.values(),
            key_as_texts = key_as_texts.join(", "),
            limit = self.batch,
        )
    }
}
