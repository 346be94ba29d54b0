//! The database, as the rest of the program uses it: a URL, and a pool of connections.

use std::{iter, sync::Arc, time::Duration};

use sqlx::{PgPool, postgres::PgConnectOptions};
use tokio::time::timeout;
use tracing::warn;

use super::{StoreError, connections::Connections, pooler};
use crate::domain::{EventEffect, HarmlessFields};

/// The name of a session without another one.
const PROGRAM: &str = "flowfi-indexer";
const CLOSE_DEADLINE: Duration = Duration::from_secs(1);
/// The database. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    pub(super) pool: Connections,
    pub(super) harmless_fields: HarmlessFields,
    pub(super) event_effect: EventEffect,
    /// Set if this is a replica.
    pub(super) primary: Option<Arc<Store>>,
}

impl Store {
    /// Connects to the database at `url`; connections are opened when needed. A statement that takes longer than the
    /// deadline fails with [`StoreError::Unavailable`] or [`StoreError::TimedOut`], and its connection is closed.
    ///
    /// # Errors
    /// [`StoreError::BadUrl`] if the URL is invalid, [`StoreError::Unavailable`] if the server does not answer,
    /// [`StoreError::TransactionPooler`] if connections do not have sessions of their own.
    pub async fn connect(url: &str, max_connections: u32, deadline: Duration) -> Result<Self, StoreError> {
        Self::connect_as(PROGRAM, url, max_connections, deadline).await
    }

    /// The same under a name that the server shows to whoever looks at its sessions.
    ///
    /// # Errors
    /// As [`Store::connect`].
    pub async fn connect_as(
        name: &str,
        url: &str,
        max_connections: u32,
        deadline: Duration,
    ) -> Result<Self, StoreError> {
        let options = options_of(url)?.application_name(name);
        pooler::refuse_transaction_mode(&options).await?;
        let pool = Connections::open(options, max_connections).await?.with_deadline(deadline);
        Ok(Self::with(pool))
    }

    /// Checks the form of a URL without connecting.
    ///
    /// # Errors
    /// [`StoreError::BadUrl`].
    pub fn check_url(url: &str) -> Result<(), StoreError> {
        options_of(url).map(|_| ())
    }

    /// Returns a store on an existing pool.
    #[must_use]
    pub fn on(pool: PgPool) -> Self {
        Self::with(Connections::on(pool))
    }

    fn with(pool: Connections) -> Self {
        Self { pool, harmless_fields: HarmlessFields::default(), event_effect: EventEffect::default(), primary: None }
    }

    /// Returns the store as a replica of `primary`. It is read like any other; it may be behind, and nothing can be written
    /// to it.
    #[must_use]
    pub fn replica_of(self, primary: Self) -> Self {
        Self { primary: Some(Arc::new(primary)), ..self }
    }

    /// Returns the store that has everything and can be written to: this one, unless it is a replica.
    #[must_use]
    pub fn primary(&self) -> &Self {
        self.primary.as_deref().unwrap_or(self)
    }

    /// Returns whether another store may have more.
    pub(super) const fn has_a_primary(&self) -> bool {
        self.primary.is_some()
    }

    /// Returns a store whose entries are read without these fields.
    #[must_use]
    pub fn ignoring(self, harmless_fields: HarmlessFields) -> Self {
        Self { harmless_fields, ..self }
    }

    /// Returns a store in which events have this effect on records.
    #[must_use]
    pub fn with_event_effect(self, event_effect: EventEffect) -> Self {
        Self { event_effect, ..self }
    }

    /// Returns the fields that do not matter in entries that are kept here or compared with what is kept. Entries are
    /// stored raw: whoever decodes one, now or later, ignores these.
    #[must_use]
    pub const fn harmless_fields(&self) -> &HarmlessFields {
        &self.harmless_fields
    }

    /// Warns if the role, the database or the server allows fewer connections than `wanted`.
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
            // -1 means no limit.
            let Some(allowed) = u32::try_from(allowed).ok().filter(|allowed| *allowed < wanted) else { continue };
            warn!(
                wanted,
                allowed,
                "up to {wanted} connections to the database are needed, but {whom} is allowed {allowed}: raise that \
                 limit, or lower --database-connections"
            );
        }
        Ok(())
    }

    /// Closes every connection, waiting a while for those in use: a database that does not answer must not keep the
    /// process from ending.
    pub async fn close(&self) {
        for store in iter::once(self).chain(self.primary.as_deref()) {
            if timeout(CLOSE_DEADLINE, store.pool.close()).await.is_err() {
                warn!("the database's connections did not close in time");
            }
        }
    }
}

/// The parameters that a URL may have, in all their spellings.
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

/// The driver logs parameters that it does not know, with their values, which may be part of a password.
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
    // The parser's error may contain part of the password.
    let options = options.map_err(|_| StoreError::BadUrl)?;
    // Poolers refuse unknown parameters at the start, and nothing here reads a float as text.
    Ok(options.application_name(PROGRAM).extra_float_digits(None))
}
