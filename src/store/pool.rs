//! The pool of connections, the migrations, and how far the index is.

use std::{io, time::Duration};

use chrono::{DateTime, Utc};
use sqlx::{
    Connection, PgPool, Postgres, Transaction,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use tokio::time::timeout;
use tracing::warn;

use super::StoreError;
use crate::domain::{ContractId, EventId, LedgerSequence};

const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
const CLOSE_DEADLINE: Duration = Duration::from_secs(5);
/// A connection that was used so lately is not asked whether it is still there: that would be a round trip a query.
const TRUSTED_FOR: Duration = Duration::from_secs(1);

/// The database. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    pub(super) pool: PgPool,
}

/// How far the index is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Everything up to here is stored.
    pub position: EventId,
    /// The first ledger that was asked for.
    pub from_ledger: LedgerSequence,
    /// The newest ledger stored whole.
    pub last_whole_ledger: LedgerSequence,
    /// When it closed, or the newest close time known up to it; none before the first is known.
    pub last_whole_ledger_closed_at: Option<DateTime<Utc>>,
}

struct ProgressRow {
    toid: i64,
    event_index: i64,
    from_ledger: i64,
    last_whole_ledger: i64,
    last_whole_ledger_closed_at: Option<DateTime<Utc>>,
}

impl TryFrom<ProgressRow> for Progress {
    type Error = StoreError;

    fn try_from(row: ProgressRow) -> Result<Self, StoreError> {
        Ok(Self {
            position: event_id(row.toid, row.event_index)?,
            from_ledger: ledger(row.from_ledger)?,
            last_whole_ledger: ledger(row.last_whole_ledger)?,
            last_whole_ledger_closed_at: row.last_whole_ledger_closed_at,
        })
    }
}

impl Store {
    /// Connects to the database of `url`; the pool opens connections as they are needed.
    ///
    /// # Errors
    /// [`StoreError::BadUrl`] if the URL is none, [`StoreError::Unavailable`] if the server does not answer.
    pub async fn connect(url: &str, max_connections: u32) -> Result<Self, StoreError> {
        let options = options_of(url)?;
        let pool = PgPoolOptions::new()
            .max_connections(max_connections)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .test_before_acquire(false)
            .before_acquire(|connection, meta| {
                Box::pin(async move {
                    if meta.idle_for >= TRUSTED_FOR {
                        connection.ping().await?;
                    }
                    Ok(true)
                })
            })
            .connect_with(options)
            .await?;
        Ok(Self { pool })
    }

    /// Checks the form of a URL without connecting.
    ///
    /// # Errors
    /// [`StoreError::BadUrl`].
    pub fn check_url(url: &str) -> Result<(), StoreError> {
        options_of(url).map(|_| ())
    }

    /// Returns a store on a pool that is there already.
    #[must_use]
    pub const fn on(pool: PgPool) -> Self {
        Self { pool }
    }

    /// Begins a transaction.
    ///
    /// It begins in a task of its own, so that a caller that is dropped meanwhile leaves a transaction that is rolled
    /// back. `sqlx` 0.9.0 itself would hand the connection to the next user inside a transaction that nobody ends.
    pub(super) async fn begin(&self) -> Result<Transaction<'static, Postgres>, StoreError> {
        let pool = self.pool.clone();
        #[expect(clippy::disallowed_methods, reason = "ends by itself, and is what is to be called instead")]
        let begun = tokio::spawn(async move { pool.begin().await }).await;
        Ok(begun.map_err(|ended| sqlx::Error::Io(io::Error::other(ended)))??)
    }

    /// Brings the schema up to date. Safe to run from several processes at once.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        Ok(sqlx::migrate!().run(&self.pool).await?)
    }

    /// Closes every connection, waiting a while for those in use: a database that does not answer must not keep the
    /// process from ending.
    pub async fn close(&self) {
        if timeout(CLOSE_DEADLINE, self.pool.close()).await.is_err() {
            warn!("the database's connections did not close in time");
        }
    }

    /// Returns how far the contract's index is, `None` before it began.
    pub async fn progress(&self, contract_id: &ContractId) -> Result<Option<Progress>, StoreError> {
        let row = sqlx::query_as!(
            ProgressRow,
            "select toid, event_index, from_ledger, last_whole_ledger, last_whole_ledger_closed_at
             from cursors where contract_id = $1",
            contract_id.as_str(),
        )
        .fetch_optional(&self.pool)
        .await?;
        row.map(Progress::try_from).transpose()
    }

    /// Returns how far the index of all contracts together is, which is what the feed has: up to the newest position,
    /// from the oldest first ledger. Contracts that are no longer followed count, and so do those that are still
    /// catching up: their rows up to there come late. `None` before any contract's index began.
    pub async fn feed_progress(&self) -> Result<Option<Progress>, StoreError> {
        let row = sqlx::query_as!(
            ProgressRow,
            r#"select toid, event_index, last_whole_ledger, (select min(from_ledger) from cursors) as "from_ledger!",
                      (select max(last_whole_ledger_closed_at) from cursors) as last_whole_ledger_closed_at
               from cursors order by toid desc, event_index desc limit 1"#
        )
        .fetch_optional(&self.pool)
        .await?;
        row.map(Progress::try_from).transpose()
    }

    /// Returns the contracts whose index has begun.
    pub async fn contracts(&self) -> Result<Vec<ContractId>, StoreError> {
        let rows =
            sqlx::query_scalar!("select contract_id from cursors order by contract_id").fetch_all(&self.pool).await?;
        rows.iter().map(|text| parse("contract_id", text)).collect()
    }

    /// Claims the database for the network of this passphrase, or checks that it is its.
    ///
    /// # Errors
    /// [`StoreError::OtherNetwork`] if the database holds another one.
    pub async fn claim(&self, passphrase: &str) -> Result<(), StoreError> {
        sqlx::query!("insert into network (passphrase) values ($1) on conflict do nothing", passphrase)
            .execute(&self.pool)
            .await?;
        let found = sqlx::query_scalar!("select passphrase from network").fetch_one(&self.pool).await?;
        if found == passphrase {
            Ok(())
        } else {
            Err(StoreError::OtherNetwork { found, wanted: passphrase.to_owned() })
        }
    }
}

/// Connections whose other end is gone without a word are noticed by the kernel, here and in the server: else the
/// server would keep a dead writer's lock for hours. A unix socket needs and ignores it.
const KEEPALIVE: [(&str, &str); 4] = [
    ("tcp_keepalives_idle", "20"),
    ("tcp_keepalives_interval", "5"),
    ("tcp_keepalives_count", "4"),
    ("tcp_user_timeout", "40000"),
];

fn options_of(url: &str) -> Result<PgConnectOptions, StoreError> {
    let options: Result<PgConnectOptions, sqlx::Error> = url.parse();
    let options = options.map_err(|error| StoreError::BadUrl(error.to_string()))?;
    Ok(options.application_name("flowfi-indexer").options(KEEPALIVE))
}

/// Returns the event id that two columns hold.
pub(super) fn event_id(toid: i64, index: i64) -> Result<EventId, StoreError> {
    EventId::from_parts(toid, index).ok_or_else(|| StoreError::Corrupt(format!("event id {toid}, {index}")))
}

/// Returns the ledger that a column holds.
pub(super) fn ledger(sequence: i64) -> Result<LedgerSequence, StoreError> {
    u32::try_from(sequence).map(LedgerSequence).map_err(|_| StoreError::Corrupt(format!("ledger {sequence}")))
}

/// Returns the domain value that a column's text stands for.
pub(super) fn parse<T: std::str::FromStr>(column: &str, text: &str) -> Result<T, StoreError> {
    text.parse().map_err(|_| StoreError::Corrupt(format!("{column} {text:?}")))
}
