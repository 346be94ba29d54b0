//! Connections to the database. Nothing waits for them without a limit.
//!
//! A connection can fall silent: a firewall forgets it, or the host behind it is dead. A client that waits for an
//! answer then waits forever, and so does the pool, which checks each returned connection. So every statement has a
//! deadline, those with a long one are watched, and a connection is closed instead of being returned if its last answer
//! is still due, or if its failure would repeat. Closing it also ends a transaction that lost its owner.

use std::{fmt, io, sync::Arc, time::Duration};

use futures_util::{
    StreamExt, TryStreamExt,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use sqlx::{
    Connection, Database, Describe, Either, Execute, Executor, PgConnection, PgPool, Postgres, SqlStr,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio::{sync::Semaphore, time::timeout};

use super::{
    StoreError,
    borrowed::{Borrowed, ReadOnlyAnswers},
    patience::{NoAnswer, Patience},
};

const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// A connection that was used this recently is not checked again: that would cost a round trip per query.
const TRUSTED_FOR: Duration = Duration::from_secs(1);
/// Short enough that a few silent connections are found within one wait for a connection.
const PING_TIMEOUT: Duration = Duration::from_millis(500);
/// No statement of the daemon takes this long. Commands that read whole tables have their own deadline.
const STATEMENT_TIMEOUT: Duration = Duration::from_mins(1);

/// The settings of our sessions. The server must notice by itself that a process or host is gone, otherwise it would
/// keep a dead writer's lock for hours: it uses keepalive, and checks the connection while a statement runs. They are
/// set after connecting, because poolers refuse unknown settings at the start; settings that a server version lacks are
/// left out.
const SETTINGS: [(&str, &str); 5] = [
    ("client_connection_check_interval", "2s"),
    ("tcp_keepalives_count", "4"),
    ("tcp_keepalives_idle", "20"),
    ("tcp_keepalives_interval", "5"),
    ("tcp_user_timeout", "40000"),
];

/// While a process is frozen, the indexer waits for what its transaction holds.
const BEGIN: &str = "begin; set local lock_timeout = '10s'; set local idle_in_transaction_session_timeout = '15s'";
/// A snapshot keeps nothing from the indexer.
const BEGIN_SNAPSHOT: &str = "begin isolation level repeatable read read only;
    set local idle_in_transaction_session_timeout = '30s'";

/// Connections to one database, shared. Cheap to clone.
#[derive(Clone)]
pub(super) struct Connections {
    pool: PgPool,
    deadline: Duration,
    /// The schema of the tables, if it is not the database's default for us.
    schema: Option<&'static str>,
    read_only: ReadOnlyAnswers,
    /// Held by whoever is finding out why there is no connection.
    asks_why: Arc<Semaphore>,
}

impl fmt::Debug for Connections {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Connections").field("deadline", &self.deadline).finish_non_exhaustive()
    }
}

impl Connections {
    /// Opens the first of at most `max_connections` connections; the others are opened when needed.
    pub(super) async fn open(options: PgConnectOptions, max_connections: u32) -> Result<Self, sqlx::Error> {
        Self::open_in(None, options, max_connections).await
    }

    /// Opens connections to another schema of the same database, with the same deadline.
    pub(super) async fn in_schema(&self, schema: &'static str, max_connections: u32) -> Result<Self, sqlx::Error> {
        Ok(Self::open_in(Some(schema), self.options(), max_connections).await?.with_deadline(self.deadline))
    }

    async fn open_in(
        schema: Option<&'static str>,
        options: PgConnectOptions,
        max_connections: u32,
    ) -> Result<Self, sqlx::Error> {
        let read_only = ReadOnlyAnswers::default();
        let answers = read_only.clone();
        let pool = PgPoolOptions::new()
            .max_connections(max_connections)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .after_connect(move |connection, _| Box::pin(set_up(connection, schema)))
            .test_before_acquire(false)
            .before_acquire(move |connection, meta| {
                let may_write = !answers.came_in_the_last(meta.age);
                Box::pin(async move {
                    if !may_write {
                        return Ok(false);
                    }
                    if meta.idle_for >= TRUSTED_FOR {
                        timeout(PING_TIMEOUT, connection.ping())
                            .await
                            .map_err(|_| NoAnswer::TooLate(PING_TIMEOUT))??;
                    }
                    Ok(true)
                })
            })
            .connect_with(options)
            .await?;
        Ok(Self { schema, read_only, ..Self::on(pool) })
    }

    pub(super) fn on(pool: PgPool) -> Self {
        let (read_only, asks_why) = (ReadOnlyAnswers::default(), Arc::new(Semaphore::new(1)));
        Self { pool, deadline: STATEMENT_TIMEOUT, schema: None, read_only, asks_why }
    }

    /// Returns the same connections with another deadline for every statement.
    pub(super) fn with_deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    pub(super) fn options(&self) -> PgConnectOptions {
        (*self.pool.connect_options()).clone()
    }

    pub(super) const fn deadline(&self) -> Duration {
        self.deadline
    }

    pub(super) async fn close(&self) {
        self.pool.close().await;
    }

    /// Opens a connection outside the pool.
    pub(super) async fn connect_apart(&self) -> Result<PgConnection, sqlx::Error> {
        let connecting = async {
            let mut connection = PgConnection::connect_with(&self.options()).await?;
            set_up(&mut connection, self.schema).await?;
            Ok(connection)
        };
        timeout(CONNECT_TIMEOUT, connecting).await.unwrap_or_else(|_| Err(NoAnswer::TooLate(CONNECT_TIMEOUT).into()))
    }

    async fn borrow(&self) -> Result<(Borrowed, Patience), sqlx::Error> {
        let mut connection = match self.pool.acquire().await {
            Ok(connection) => Borrowed::new(connection, self.read_only.clone()),
            Err(failure) => return Err(self.explained(failure).await),
        };
        let patience = self.patience_with(&mut connection, self.deadline).await?;
        Ok((connection, patience))
    }

    /// Returns the patience with a connection of this database whose answers have a deadline.
    pub(super) async fn patience_with(
        &self,
        connection: &mut PgConnection,
        deadline: Duration,
    ) -> Result<Patience, sqlx::Error> {
        Patience::with(connection, &self.pool.connect_options(), deadline).await
    }

    /// Returns why the pool had no connection: what the server says when it refuses another one. Only one caller asks
    /// at a time, because nobody has planned for more connections than that.
    pub(super) async fn explained(&self, failure: sqlx::Error) -> sqlx::Error {
        let sqlx::Error::PoolTimedOut = failure else { return failure };
        let none_free = sqlx::Error::Io(io::Error::new(
            io::ErrorKind::TimedOut,
            format!("no connection to it was free, or could be opened, within {} s", ACQUIRE_TIMEOUT.as_secs()),
        ));
        let Ok(_turn) = self.asks_why.try_acquire() else { return none_free };
        self.connect_apart().await.err().unwrap_or(none_free)
    }

    /// Runs some work on one connection, within the deadline of a statement.
    pub(super) async fn run<T>(
        &self,
        work: impl AsyncFnOnce(&mut PgConnection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let (mut connection, patience) = self.borrow().await?;
        let done = patience.wait(work(&mut connection)).await;
        connection.give_back_after_work(&done);
        done
    }

    /// Begins a transaction. If it is dropped before the commit, closing its connection rolls it back. It neither waits
    /// long for a lock nor keeps one while its process is frozen, because others would be blocked.
    pub(super) async fn begin(&self) -> Result<Transaction, sqlx::Error> {
        self.begin_with(BEGIN).await
    }

    /// Begins a read-only transaction that sees the database as of one moment.
    pub(super) async fn begin_snapshot(&self) -> Result<Transaction, sqlx::Error> {
        self.begin_with(BEGIN_SNAPSHOT).await
    }

    async fn begin_with(&self, statements: &'static str) -> Result<Transaction, sqlx::Error> {
        let (mut connection, patience) = self.borrow().await?;
        patience.wait(connection.execute(statements)).await?;
        Ok(Transaction { connection, patience })
    }
}

impl<'p> Executor<'p> for &'p Connections {
    type Database = Postgres;

    fn fetch_many<'e, 'q: 'e, E>(
        self,
        query: E,
    ) -> BoxStream<'e, Result<Either<<Postgres as Database>::QueryResult, <Postgres as Database>::Row>, sqlx::Error>>
    where
        'p: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let all = async move {
            let (mut connection, patience) = self.borrow().await?;
            let all = patience.wait(connection.fetch_many(query).try_collect::<Vec<_>>()).await;
            connection.give_back_after(&all);
            Ok::<_, sqlx::Error>(stream::iter(all?.into_iter().map(Ok)))
        };
        stream::once(all).try_flatten().boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(
        self,
        query: E,
    ) -> BoxFuture<'e, Result<Option<<Postgres as Database>::Row>, sqlx::Error>>
    where
        'p: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        Box::pin(async move {
            let (mut connection, patience) = self.borrow().await?;
            let row = patience.wait(connection.fetch_optional(query)).await;
            connection.give_back_after(&row);
            row
        })
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [<Postgres as Database>::TypeInfo],
    ) -> BoxFuture<'e, Result<<Postgres as Database>::Statement, sqlx::Error>>
    where
        'p: 'e,
    {
        Box::pin(async move {
            let (mut connection, patience) = self.borrow().await?;
            let statement = patience.wait(connection.prepare_with(sql, parameters)).await;
            connection.give_back_after(&statement);
            statement
        })
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<Postgres>, sqlx::Error>>
    where
        'p: 'e,
    {
        Box::pin(async move {
            let (mut connection, patience) = self.borrow().await?;
            let described = patience.wait(connection.describe(sql)).await;
            connection.give_back_after(&described);
            described
        })
    }
}

/// A transaction. If it is dropped before the commit, closing its connection rolls it back.
#[derive(Debug)]
pub(super) struct Transaction {
    connection: Borrowed,
    patience: Patience,
}

impl Transaction {
    /// Runs some work in the transaction, within the deadline of a statement.
    pub(super) async fn within<T>(
        &mut self,
        work: impl AsyncFnOnce(&mut PgConnection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let done = self.patience.wait(work(&mut self.connection)).await;
        self.connection.heard(&done);
        done
    }

    /// Returns the connection, to read any number of rows, with the patience for each row.
    pub(super) fn row_by_row(&mut self) -> (&mut PgConnection, &Patience) {
        (&mut self.connection, &self.patience)
    }

    pub(super) async fn commit(mut self) -> Result<(), sqlx::Error> {
        self.patience.wait(self.connection.execute("commit")).await?;
        self.connection.give_back();
        Ok(())
    }
}

async fn set_up(connection: &mut PgConnection, schema: Option<&str>) -> Result<(), sqlx::Error> {
    let search_path = schema.map(|schema| ("search_path", schema));
    set(connection, SETTINGS.into_iter().chain(search_path)).await
}

/// Sets those of these settings that the server knows, for the session.
pub(super) async fn set<'a>(
    connection: &mut PgConnection,
    settings: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<(), sqlx::Error> {
    let (names, values): (Vec<&str>, Vec<&str>) = settings.into_iter().unzip();
    let set = "select set_config(name, value, false)
               from unnest($1::text[], $2::text[]) as wanted (name, value) join pg_settings using (name)";
    sqlx::query(set).bind(names).bind(values).execute(connection).await?;
    Ok(())
}
