//! The pool of connections, the migrations, and how far the index is.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::{Connection, PgPool, error::DatabaseError, postgres::PgConnectOptions};
use tokio::time::{Instant, sleep, timeout};
use tracing::{info, warn};

use super::{
    StoreError,
    connections::{self, Connections},
    pooler,
};
use crate::domain::{ContractId, EventId, LedgerSequence};

const CLOSE_DEADLINE: Duration = Duration::from_secs(5);
/// A migration may go through a whole table.
const MIGRATION_DEADLINE: Duration = Duration::from_hours(1);
/// Readers queue behind a migration that waits for a table, so it waits for a moment, again and again. A process that is
/// frozen is not to keep others from migrating.
const MIGRATING: [(&str, &str); 3] =
    [("lock_timeout", "2s"), ("idle_in_transaction_session_timeout", "30s"), ("idle_session_timeout", "30s")];
const BETWEEN_ATTEMPTS: Duration = Duration::from_secs(1);

/// The database. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    pub(super) pool: Connections,
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
    /// Connects to the database of `url`; connections are opened as they are needed. What takes longer than the
    /// deadline fails with [`StoreError::Unavailable`] or [`StoreError::TimedOut`], and its connection is closed.
    ///
    /// # Errors
    /// [`StoreError::BadUrl`] if the URL is none, [`StoreError::Unavailable`] if the server does not answer,
    /// [`StoreError::TransactionPooler`] if it gives no connection a session of its own.
    pub async fn connect(url: &str, max_connections: u32, deadline: Duration) -> Result<Self, StoreError> {
        let options = options_of(url)?;
        pooler::refuse_transaction_mode(&options).await?;
        let pool = Connections::open(options, max_connections).await?.with_deadline(deadline);
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
    pub fn on(pool: PgPool) -> Self {
        Self { pool: Connections::on(pool) }
    }

    /// Brings the schema up to date. Safe to run from several processes at once. If another session migrates, or holds a
    /// table that is to be changed, it tries again for up to an hour. Each attempt waits for two seconds at most, so that
    /// readers do not queue behind it.
    ///
    /// # Errors
    /// [`StoreError::Migration`] if it cannot be done.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        self.migrate_within(MIGRATION_DEADLINE).await
    }

    /// The same, of tables in which there is little.
    pub(super) async fn migrate_within(&self, deadline: Duration) -> Result<(), StoreError> {
        if self.has_exactly_this_schema().await? {
            return Ok(());
        }
        let give_up = Instant::now() + deadline;
        loop {
            match timeout(deadline, self.migrate_once()).await.unwrap_or(Err(StoreError::TimedOut(deadline))) {
                Err(failure) if failure.is_lock_timeout() && Instant::now() < give_up => {
                    info!("another session migrates the database or holds a table that is to be changed; trying again");
                    sleep(BETWEEN_ATTEMPTS).await;
                }
                migrated => return migrated,
            }
        }
    }

    async fn migrate_once(&self) -> Result<(), StoreError> {
        let mut connection = self.pool.connect_apart().await?;
        connections::set(&mut connection, MIGRATING).await?;
        sqlx::migrate!().run_direct(None, &mut connection, false).await?;
        Ok(connection.close().await?)
    }

    async fn has_exactly_this_schema(&self) -> Result<bool, StoreError> {
        let applied = "select version, checksum from _sqlx_migrations where success order by version";
        let applied: Vec<(i64, Vec<u8>)> = match sqlx::query_as(applied).fetch_all(&self.pool).await {
            Err(failure) if is_undefined_table(&failure) => Vec::new(),
            applied => applied?,
        };
        let wanted = sqlx::migrate!();
        let wanted = wanted.iter().map(|wanted| (wanted.version, wanted.checksum.to_vec()));
        Ok(wanted.eq(applied))
    }

    /// Makes sure that the schema has everything that this version reads, without changing it: what only reads may be
    /// allowed nothing else, or be connected to a server that follows another one.
    ///
    /// # Errors
    /// [`StoreError::SchemaBehind`].
    pub async fn expect_schema(&self) -> Result<(), StoreError> {
        let applied = "select version from _sqlx_migrations where success";
        let applied: Vec<i64> = match sqlx::query_scalar(applied).fetch_all(&self.pool).await {
            Err(failure) if is_undefined_table(&failure) => Vec::new(),
            applied => applied?,
        };
        match sqlx::migrate!().iter().find(|wanted| !applied.contains(&wanted.version)) {
            None => Ok(()),
            Some(lacking) => Err(StoreError::SchemaBehind { lacking: lacking.version }),
        }
    }

    /// Warns where the role, or the server, allows fewer connections than are wanted.
    pub async fn warn_of_too_few_connections(&self, wanted: u32) -> Result<(), StoreError> {
        let allowed = sqlx::query!(
            r#"select rolname as "role!", rolconnlimit as "of_role!", datconnlimit as "of_database!",
                      current_setting('max_connections')::int
                          - current_setting('superuser_reserved_connections')::int as "of_server!"
               from pg_roles, pg_database where rolname = current_user and datname = current_database()"#
        )
        .fetch_one(&self.pool)
        .await?;
        let limits = [
            (allowed.of_role, format!("the role {:?}", allowed.role)),
            (allowed.of_database, "this database".to_owned()),
            (allowed.of_server, "this server".to_owned()),
        ];
        for (allowed, whom) in limits {
            // Without a limit it is -1.
            let Some(allowed) = u32::try_from(allowed).ok().filter(|allowed| *allowed < wanted) else { continue };
            warn!(
                wanted,
                allowed,
                "up to {wanted} connections to the database are wanted, and {whom} is allowed {allowed}: raise that limit, \
                 or lower --database-connections"
            );
        }
        Ok(())
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

    /// Claims the database for the network of this passphrase, or checks that it is its. Its epochs come after
    /// those whose archives an index that was dropped has left in the database.
    ///
    /// # Errors
    /// [`StoreError::OtherNetwork`] if the database holds another one, [`StoreError::AnotherIndex`] if it does in another
    /// schema.
    pub async fn claim(&self, passphrase: &str) -> Result<(), StoreError> {
        let another = sqlx::query_scalar!(
            r#"select pg_namespace.nspname::text as "schema!" from pg_class
               join pg_namespace on pg_namespace.oid = relnamespace
               where relname = 'stream_events' and pg_class.oid <> to_regclass('stream_events')
                 and nspname !~ '^flowfi_(epoch_[0-9]+|next|reindex|replaced)$' limit 1"#
        )
        .fetch_optional(&self.pool)
        .await?;
        if let Some(schema) = another {
            return Err(StoreError::AnotherIndex { schema });
        }
        let epoch = self.after_the_archived().await?;
        self.claim_epoch(passphrase, epoch, None).await?;
        let found = sqlx::query_scalar!("select passphrase from network").fetch_one(&self.pool).await?;
        if found == passphrase {
            Ok(())
        } else {
            Err(StoreError::OtherNetwork { found, wanted: passphrase.to_owned() })
        }
    }
}

/// The parameters that a URL may have, in all of their spellings.
const URL_PARAMETERS: [&str; 17] = [
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "statement-cache-capacity",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
];

/// The driver writes parameters that it does not know to the log, with their values, which may be a part of a password.
fn has_known_parameters(url: &str) -> bool {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let is_known = |name: &str| URL_PARAMETERS.contains(&name) || name == "options" || name.starts_with("options[");
    form_urlencoded::parse(query.as_bytes()).all(|(name, _)| is_known(&name))
}

fn options_of(url: &str) -> Result<PgConnectOptions, StoreError> {
    if !has_known_parameters(url) {
        return Err(StoreError::BadUrl);
    }
    let options: Result<PgConnectOptions, sqlx::Error> = url.parse();
    // What the parser says may repeat a part of the password.
    let options = options.map_err(|_| StoreError::BadUrl)?;
    // Poolers refuse what they do not know at the start, and nothing here reads a float as text.
    Ok(options.application_name("flowfi-indexer").extra_float_digits(None))
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

fn is_undefined_table(failure: &sqlx::Error) -> bool {
    const UNDEFINED_TABLE: &str = "42P01";
    failure.as_database_error().and_then(DatabaseError::code).is_some_and(|code| code == UNDEFINED_TABLE)
}
