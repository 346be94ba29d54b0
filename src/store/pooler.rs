//! Checks that a connection has a session of its own. Behind a pooler that assigns a free session to each transaction
//! or statement, the writer's lock, `LISTEN`, settings and prepared statements are lost between two statements.

use std::time::Duration;

use sqlx::{Connection, Executor, PgConnection, Row, error::DatabaseError, postgres::PgConnectOptions};
use tokio::time::timeout;
use tracing::warn;

use super::{StoreError, connections::CONNECT_TIMEOUT, patience::NoAnswer};

/// A pooler without two free sessions makes us wait; then nothing can be determined.
const DEADLINE: Duration = Duration::from_secs(2);

/// What two connections reveal about poolers in between.
enum Pooling {
    /// Each connection has its own session.
    None,
    /// The connections share sessions.
    SharedSessions,
    /// The second connection was not established in time.
    OneSession,
}

/// Refuses a pooler in transaction or statement mode, as far as it can be detected, and warns about one that has only a
/// single session.
///
/// # Errors
/// [`StoreError::TransactionPooler`]; otherwise the failure to connect.
pub(super) async fn refuse_transaction_mode(options: &PgConnectOptions) -> Result<(), StoreError> {
    let connecting = timeout(CONNECT_TIMEOUT, PgConnection::connect_with(options));
    let mut first = connecting.await.unwrap_or_else(|_| Err(NoAnswer::TooLate(CONNECT_TIMEOUT).into()))?;
    let between = match timeout(CONNECT_TIMEOUT, detect_pooling(&mut first, options)).await {
        Ok(Err(failure)) if refuses_transactions(&failure) => Pooling::SharedSessions,
        Ok(told) => told?,
        // A line this slow reveals nothing.
        Err(_) => Pooling::None,
    };
    match between {
        Pooling::None => Ok(()),
        Pooling::SharedSessions => Err(StoreError::TransactionPooler),
        Pooling::OneSession => {
            warn!(
                "a second connection to the database did not answer within {} s: a pooler in between must provide a \
                 session for every connection",
                DEADLINE.as_secs()
            );
            Ok(())
        }
    }
}

/// Looks for a pooler. One that reuses the last returned session is found by a statement on each of two connections.
/// One that uses a different session each time is found by transactions: two connections hold a session each, return
/// them in one order, and ask again in both orders.
async fn detect_pooling(first: &mut PgConnection, options: &PgConnectOptions) -> Result<Pooling, sqlx::Error> {
    let Ok(second) = timeout(DEADLINE, PgConnection::connect_with(options)).await else {
        return Ok(Pooling::OneSession);
    };
    // The role may be limited to one connection.
    let Ok(mut second) = second else { return Ok(Pooling::None) };
    if session(first).await? == session(&mut second).await? {
        return Ok(Pooling::SharedSessions);
    }
    let mut sessions = Vec::new();
    for first_asks_first in [true, false] {
        sessions.push(hold_both(first, &mut second, true).await?);
        sessions.push(hold_both(first, &mut second, first_asks_first).await?);
    }
    second.close().await?;
    let is_nobody = sessions.windows(2).all(|pair| pair[0] == pair[1]);
    Ok(if is_nobody { Pooling::None } else { Pooling::SharedSessions })
}

/// In statement mode PgBouncer reports a transaction as a protocol violation.
fn refuses_transactions(failure: &sqlx::Error) -> bool {
    const PROTOCOL_VIOLATION: &str = "08P01";
    failure.as_database_error().and_then(DatabaseError::code).is_some_and(|code| code == PROTOCOL_VIOLATION)
}

/// Returns the sessions of two transactions that are open at the same time.
async fn hold_both(
    first: &mut PgConnection,
    second: &mut PgConnection,
    first_asks_first: bool,
) -> Result<(i32, i32), sqlx::Error> {
    let sessions = if first_asks_first {
        (begin(first).await?, begin(second).await?)
    } else {
        let second = begin(second).await?;
        (begin(first).await?, second)
    };
    first.execute("commit").await?;
    second.execute("commit").await?;
    Ok(sessions)
}

async fn begin(connection: &mut PgConnection) -> Result<i32, sqlx::Error> {
    connection.execute("begin").await?;
    session(connection).await
}

/// Returns the session of a statement. Nothing is prepared, because that would remain in a session of others.
async fn session(connection: &mut PgConnection) -> Result<i32, sqlx::Error> {
    sqlx::raw_sql("select pg_backend_pid()").fetch_one(connection).await?.try_get(0)
}
