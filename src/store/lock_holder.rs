//! Whoever holds an advisory lock, in words for whoever does not get it.

use std::fmt;

use chrono::{DateTime, SecondsFormat, Utc};
use sqlx::PgConnection;

/// A session that holds an advisory lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockHolder {
    /// The process of the server that serves the session.
    pub(super) backend: i32,
    /// What the session calls itself: for this program its command, the process and the host.
    name: Option<String>,
    /// Where it came from; `None` on the server's own host.
    address: Option<String>,
    /// When it was opened.
    since: Option<DateTime<Utc>>,
    /// How long the server has heard nothing from it.
    quiet_seconds: Option<i64>,
}

impl LockHolder {
    /// Returns the session that holds a lock; `None` if nobody does.
    pub(super) async fn of(connection: &mut PgConnection, key: i64) -> Result<Option<Self>, sqlx::Error> {
        // Without the privilege to see another role's session, only its process is known.
        sqlx::query_as!(
            Self,
            r#"select locks.pid as "backend!", nullif(application_name, '') as name, host(client_addr) as address,
                      backend_start as since,
                      greatest(extract(epoch from clock_timestamp() - state_change), 0)::bigint as quiet_seconds
               from pg_locks as locks left join pg_stat_activity as activity on activity.pid = locks.pid
               where locktype = 'advisory' and granted and objsubid = 1
                 and database = (select oid from pg_database where datname = current_database())
                 and (classid::bigint << 32) | objid::bigint = $1
               limit 1"#,
            key,
        )
        .fetch_optional(connection)
        .await
    }
}

impl fmt::Display for LockHolder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name.as_deref().unwrap_or("a session without a name"))?;
        if let Some(address) = &self.address {
            write!(formatter, " from {address}")?;
        }
        write!(formatter, " (PostgreSQL process {})", self.backend)?;
        if let Some(since) = self.since {
            write!(formatter, ", since {}", since.to_rfc3339_opts(SecondsFormat::Secs, true))?;
        }
        if let Some(seconds) = self.quiet_seconds {
            write!(formatter, "; it last sent something {seconds} s ago")?;
        }
        Ok(())
    }
}
