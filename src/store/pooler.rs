//! Whether a connection is a session of the server. Behind a pooler that gives each transaction whichever session is free,
//! the writer's lock, `LISTEN`, settings and prepared statements are lost between two statements.

use std::time::Duration;

use sqlx::{Connection, Executor, PgConnection, Row, postgres::PgConnectOptions};
use tokio::time::timeout;

use super::StoreError;

/// A pooler without two sessions to spare lets wait; then nothing can be told.
const DEADLINE: Duration = Duration::from_secs(2);

/// Refuses a pooler in transaction mode, as far as it can be told: two connections hold a session each, give them back
/// in one order and ask again in both orders, so that a pooler which hands out the session that was given back last is
/// found as well as one which hands out the first.
///
/// # Errors
/// [`StoreError::TransactionPooler`]; else what keeps from connecting.
pub(super) async fn refuse_transaction_mode(options: &PgConnectOptions) -> Result<(), StoreError> {
    let told = timeout(DEADLINE, async {
        let mut first = PgConnection::connect_with(options).await?;
        // Where there is room for one only, nothing can be told.
        let Ok(mut second) = PgConnection::connect_with(options).await else { return Ok(true) };
        let mut sessions = Vec::new();
        for first_asks_first in [true, false] {
            sessions.push(hold_both(&mut first, &mut second, true).await?);
            sessions.push(hold_both(&mut first, &mut second, first_asks_first).await?);
        }
        let (first, second) = (first.close(), second.close());
        tokio::try_join!(first, second)?;
        Ok::<_, sqlx::Error>(sessions.windows(2).all(|pair| pair[0] == pair[1]))
    });
    match told.await {
        Ok(Ok(false)) => Err(StoreError::TransactionPooler),
        Ok(Err(failure)) => Err(failure.into()),
        Ok(Ok(true)) | Err(_) => Ok(()),
    }
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

/// Begins a transaction and returns the session it is in. Nothing is prepared: that would be left behind in a session of
/// others.
async fn begin(connection: &mut PgConnection) -> Result<i32, sqlx::Error> {
    connection.execute("begin").await?;
    sqlx::raw_sql("select pg_backend_pid()").fetch_one(connection).await?.try_get(0)
}
