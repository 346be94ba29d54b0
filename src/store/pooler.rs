//! Whether a connection is a session of the server. Behind a pooler that gives each transaction or statement whichever
//! session is free, the writer's lock, `LISTEN`, settings and prepared statements are lost between two statements.

use std::time::Duration;

use sqlx::{Connection, Executor, PgConnection, Row, error::DatabaseError, postgres::PgConnectOptions};
use tokio::time::timeout;
use tracing::warn;

use super::{
    StoreError,
    connections::{CONNECT_TIMEOUT, too_late},
};

/// A pooler without two sessions to spare lets wait; then nothing can be told.
const DEADLINE: Duration = Duration::from_secs(2);

/// What two connections show of who is between here and the server.
enum Between {
    /// Each of them is a session of its own.
    Nobody,
    /// They share sessions.
    SharedSessions,
    /// The second one did not come about in time.
    OneSession,
}

/// Refuses a pooler in transaction or statement mode, as far as it can be told, and warns of one that has a single
/// session to give.
///
/// # Errors
/// [`StoreError::TransactionPooler`]; else what keeps from connecting.
pub(super) async fn refuse_transaction_mode(options: &PgConnectOptions) -> Result<(), StoreError> {
    let connecting = timeout(CONNECT_TIMEOUT, PgConnection::connect_with(options));
    let mut first = connecting.await.unwrap_or_else(|_| Err(too_late(CONNECT_TIMEOUT)))?;
    let between = match timeout(CONNECT_TIMEOUT, look_between(&mut first, options)).await {
        Ok(Err(failure)) if refuses_transactions(&failure) => Between::SharedSessions,
        Ok(told) => told?,
        // A line that is so slow shows nothing.
        Err(_) => Between::Nobody,
    };
    match between {
        Between::Nobody => Ok(()),
        Between::SharedSessions => Err(StoreError::TransactionPooler),
        Between::OneSession => {
            warn!(
                "a second connection to the database did not answer within {} s: a pooler in between needs a session for \
                 every connection",
                DEADLINE.as_secs()
            );
            Ok(())
        }
    }
}

/// A pooler that hands out the session which was given back last is found by two statements, one a connection; one that
/// hands out another each time by transactions: two connections hold a session each, give them back in one order and ask
/// again in both orders.
async fn look_between(first: &mut PgConnection, options: &PgConnectOptions) -> Result<Between, sqlx::Error> {
    let Ok(second) = timeout(DEADLINE, PgConnection::connect_with(options)).await else {
        return Ok(Between::OneSession);
    };
    // A role may be allowed one connection.
    let Ok(mut second) = second else { return Ok(Between::Nobody) };
    if session(first).await? == session(&mut second).await? {
        return Ok(Between::SharedSessions);
    }
    let mut sessions = Vec::new();
    for first_asks_first in [true, false] {
        sessions.push(hold_both(first, &mut second, true).await?);
        sessions.push(hold_both(first, &mut second, first_asks_first).await?);
    }
    second.close().await?;
    let is_nobody = sessions.windows(2).all(|pair| pair[0] == pair[1]);
    Ok(if is_nobody { Between::Nobody } else { Between::SharedSessions })
}

/// PgBouncer's word for a transaction in statement mode is a protocol violation.
fn refuses_transactions(failure: &sqlx::Error) -> bool {
    const PROTOCOL_VIOLATION: &str = "08P01";
    failure.as_database_error().and_then(DatabaseError::code).is_some_and(|code| code == PROTOCOL_VIOLATION)
}

/// Returns which sessions two transactions have that are open at once.
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

/// Returns the session that a statement has. Nothing is prepared: that would be left behind in a session of others.
async fn session(connection: &mut PgConnection) -> Result<i32, sqlx::Error> {
    sqlx::raw_sql("select pg_backend_pid()").fetch_one(connection).await?.try_get(0)
}
