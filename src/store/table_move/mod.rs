//! Moves the tables of an index to their new layout, while others read and write the old ones.
//!
//! The new tables are built in a schema of their own. From the moment that triggers copy every change of the old tables,
//! their rows are copied in batches; then the tables are swapped in one short transaction. No lock is waited for or held
//! for as long as a second. Everything that is known of the move is in the database, so a process that is killed is
//! continued by the next one, and one that was frozen for too long goes on itself.

mod copy;
mod mirror;
mod swap;
mod table;
mod views;

use std::time::Duration;

use sqlx::PgConnection;
use tokio::time::{Instant, sleep};
use tracing::{info, warn};

use self::{copy::Progress, table::Table};
use super::{
    Store, StoreError, attachments, connections, partitions,
    patience::Patience,
    query_indexes,
    schemas::{current_schema, execute},
};

/// The migration that this move takes the place of. It does the same for tables without rows.
pub(super) const MIGRATION: i64 = 17;
/// The schema that the new tables are built in.
const MOVE: &str = "flowfi_move";
/// The tables with a new layout.
const TABLES: [&str; 6] = ["baselines", "corrections", "quarantine", "record_checks", "stream_events", "streams"];
/// The lock of whoever moves: "flowmove" in ASCII.
const MOVER_KEY: i64 = 0x666c_6f77_6d6f_7665;
/// The lock that keeps batches and changes apart: changes share it, a batch has it alone. "flowcopy" in ASCII.
const COPY_KEY: i64 = 0x666c_6f77_636f_7079;
/// A mover that is frozen must not keep others from their work.
const MOVING: [(&str, &str); 3] =
    [("lock_timeout", "400ms"), ("idle_in_transaction_session_timeout", "1s"), ("statement_timeout", "10min")];
const BETWEEN_ATTEMPTS: Duration = Duration::from_secs(1);
const BETWEEN_REPORTS: Duration = Duration::from_secs(5);
/// A step that takes longer is given up.
const A_STEP_TAKES: Duration = Duration::from_mins(10);

impl Store {
    /// Moves the tables of an index that has every migration before [`MIGRATION`]. If another process moves them, waits
    /// until they are moved.
    ///
    /// # Errors
    /// [`StoreError::StaysBehind`] if others added something to the tables that cannot be moved to new ones.
    pub(super) async fn move_tables(&self) -> Result<(), StoreError> {
        loop {
            match self.move_in_one_session().await {
                Err(failure) if failure.is_session_lost() => {
                    warn!("the move of the tables lost its session, and goes on in another: {failure}");
                    sleep(BETWEEN_ATTEMPTS).await;
                }
                ended => return ended,
            }
        }
    }

    async fn move_in_one_session(&self) -> Result<(), StoreError> {
        let mut connection = self.pool.connect_apart().await?;
        connections::set(&mut connection, MOVING).await?;
        let patience = self.pool.patience_with(&mut connection, A_STEP_TAKES).await?;
        while !patience.wait(is_only_mover(&mut connection)).await? {
            sleep(BETWEEN_ATTEMPTS).await;
        }
        // Another process may have moved them meanwhile.
        if patience.wait(is_moved(&mut connection)).await? {
            return Ok(());
        }
        self.move_with(&mut connection, &patience).await
    }

    async fn move_with(&self, connection: &mut PgConnection, patience: &Patience) -> Result<(), StoreError> {
        let live = patience.wait(current_schema(connection)).await?;
        patience.wait(attachments::refuse_what_stays(connection, &live, &TABLES)).await?;
        while !self.move_once(connection, patience, &live).await? {
            warn!("the tables were replaced while they were moved; the move begins anew");
        }
        Ok(())
    }

    /// Returns false if the tables were replaced meanwhile.
    async fn move_once(
        &self,
        connection: &mut PgConnection,
        patience: &Patience,
        live: &str,
    ) -> Result<bool, StoreError> {
        if !patience.wait(copy::is_under_way(connection, live)).await? {
            self.begin(connection, patience, live).await?;
        }
        let tables = patience.wait(Table::all(connection, live)).await?;
        copy_all(connection, patience, &tables).await?;
        for table in TABLES {
            again_while_locked(patience, async || execute(connection, format!("analyze {MOVE}.{table}")).await).await?;
        }
        let swapped = again_while_locked(patience, async || swap::swap(connection, live).await).await?;
        if let Some(took) = swapped {
            info!("the tables have their new layout; the swap held them for {} ms", took.as_millis());
        }
        Ok(swapped.is_some())
    }

    /// Creates the new tables, empty but with all of their indexes, and lets triggers copy every change of the old ones.
    async fn begin(&self, connection: &mut PgConnection, patience: &Patience, live: &str) -> Result<(), StoreError> {
        let drop = format!("drop schema if exists {MOVE} cascade");
        again_while_locked(patience, async || execute(connection, drop.clone()).await).await?;
        patience.wait(execute(connection, format!("create schema {MOVE}"))).await?;
        let built = self.in_schema(MOVE).await?;
        built.migrate_to(Some(MIGRATION), self.pool.deadline(), &|_| {}).await?;
        if patience.wait(query_indexes::are_there(connection)).await? {
            built.pool.run(async |connection: &mut PgConnection| query_indexes::create(connection).await).await?;
        }
        built.close().await;
        patience.wait(attachments::refuse_what_is_added(connection, live, MOVE, &TABLES)).await?;
        patience.wait(attachments::add_indexes(connection, live, MOVE, &TABLES)).await?;
        let numbers = partitions::numbers_of_table(format!("\"{live}\".stream_events"));
        let add = partitions::addition(format!("'{MOVE}.stream_events'::regclass"), numbers);
        patience.wait(execute(connection, format!("do $do$ {add} $do$"))).await?;
        let tables = patience.wait(Table::all(connection, live)).await?;
        again_while_locked(patience, async || mirror::begin(connection, live, &tables).await).await
    }
}

async fn is_moved(connection: &mut PgConnection) -> Result<bool, StoreError> {
    let is_moved = "select exists (select from _sqlx_migrations where version = $1 and success)";
    Ok(sqlx::query_scalar(is_moved).bind(MIGRATION).fetch_one(connection).await?)
}

/// Takes the mover's lock for the session, if nobody has it.
async fn is_only_mover(connection: &mut PgConnection) -> Result<bool, StoreError> {
    let locked = sqlx::query_scalar!(r#"select pg_try_advisory_lock($1) as "locked!""#, MOVER_KEY);
    Ok(locked.fetch_one(connection).await?)
}

async fn copy_all(connection: &mut PgConnection, patience: &Patience, tables: &[Table]) -> Result<(), StoreError> {
    let about = patience.wait(copy::rows_in_all(connection, tables)).await?;
    let mut reported = Instant::now();
    info!("moving the tables to a new layout, about {about} rows; the old ones are read and written meanwhile");
    for table in tables {
        let mut progress = patience.wait(Progress::of(connection, table)).await?;
        while !progress.is_done() {
            again_while_locked(patience, async || progress.go_on(connection, table).await).await?;
            if reported.elapsed() >= BETWEEN_REPORTS {
                reported = Instant::now();
                let moved = patience.wait(copy::rows_moved(connection)).await?;
                info!(moved, about, "moved {moved} of about {about} rows to the new layout");
            }
        }
    }
    Ok(())
}

/// Tries again for as long as others hold what is needed. What failed has changed nothing.
async fn again_while_locked<T>(
    patience: &Patience,
    mut attempt: impl AsyncFnMut() -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let mut is_logged = false;
    loop {
        match patience.wait(attempt()).await {
            Err(failure) if failure.is_lock_timeout() => {
                if !is_logged {
                    warn!("the move of the tables waits for a lock that another session holds: {failure}");
                }
                is_logged = true;
                sleep(BETWEEN_ATTEMPTS).await;
            }
            ended => return ended,
        }
    }
}

/// Runs statements in one transaction and one round trip: a process that is frozen holds nothing.
async fn in_one_transaction(
    connection: &mut PgConnection,
    statements: String,
) -> Result<Vec<sqlx::postgres::PgRow>, StoreError> {
    let all = sqlx::AssertSqlSafe(format!("begin; {statements}; commit"));
    let ended = sqlx::raw_sql(all).fetch_all(&mut *connection).await;
    if ended.is_err() {
        sqlx::raw_sql("rollback").execute(connection).await?;
    }
    Ok(ended?)
}
