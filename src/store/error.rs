//! The failures of the database, classified once.

use thiserror::Error;

use super::lock_holder::LockHolder;
use crate::domain::Epoch;

/// A failure of the store.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The database cannot be reached, is starting or stopping, or asked us to try again. Waiting helps.
    #[error("the database is unavailable: {0}")]
    Unavailable(sqlx::Error),
    /// The server's disk is full. Waiting helps once somebody has made room.
    #[error("the database's disk is full; make room on it: {0}")]
    DiskFull(sqlx::Error),
    /// The server has no shared memory left for parallel work. Waiting may help, until it has more.
    #[error(
        "the database's server is short of shared memory (/dev/shm); give it more, for a container with --shm-size 256m: \
         {0}"
    )]
    SharedMemoryFull(sqlx::Error),
    /// The text is not the URL of a PostgreSQL database.
    #[error(
        "not the URL of a PostgreSQL database (postgres://user:password@host/database, with parameters of libpq such as \
         ?sslmode=require); in a name or a password the characters / ? # @ : % & are written as %2F %3F %23 %40 %3A %25 \
         %26"
    )]
    BadUrl,
    /// The database refused a statement. Waiting does not help.
    #[error("the database refused a statement: {0}")]
    Refused(sqlx::Error),
    /// Another reindex has what a reindex needs.
    #[error(
        "another reindex is running: {holder}. Wait for it, or stop it. If it is frozen, or its host is gone, end its \
         session: select pg_terminate_backend({})",
        .holder.backend
    )]
    AnotherReindex {
        /// Whoever has it.
        holder: Box<LockHolder>,
    },
    /// Another writer moved a cursor: this one must stop.
    #[error("another writer moved a cursor; this one stops")]
    Fenced,
    /// Late rows were written between preparing a batch and its commit: the batch must be prepared again.
    #[error("late rows were written meanwhile; the batch will be prepared again")]
    Revised,
    /// A row has invalid contents.
    #[error("the database holds an unreadable row: {0}")]
    Corrupt(String),
    /// The database belongs to another network.
    #[error("this database holds the network \"{found}\", not \"{wanted}\"; use another database")]
    OtherNetwork {
        /// The passphrase in the database.
        found: String,
        /// The passphrase of the source.
        wanted: String,
    },
    /// Another schema of the database already holds an index. There can be only one index per database, because the
    /// schema for rebuilding has a fixed name.
    #[error("the schema {schema} of this database already holds an index; use another database")]
    AnotherIndex {
        /// That schema.
        schema: String,
    },
    /// The data was read from a chain that the network no longer follows.
    #[error("the network started over: this was read in epoch {}, and the database holds epoch {}", read_in.0, now.0)]
    OtherEpoch {
        /// The epoch that it was read in.
        read_in: Epoch,
        /// The epoch that the database holds.
        now: Epoch,
    },
    /// The database no longer holds what a reindex was built from.
    #[error("the network started over while records were being rebuilt; nothing was changed. Run reindex again")]
    BuildSuperseded,
    /// Others added something to the tables that cannot be moved to the rebuilt tables.
    #[error("{what} cannot be moved to the rebuilt tables; drop it first, and create it again afterwards")]
    StaysBehind {
        /// What was added.
        what: String,
    },
    /// The database did not answer in time.
    #[error("the database did not answer within {0:?}")]
    TimedOut(std::time::Duration),
    /// A pooler between us and the database changes sessions between transactions or statements.
    #[error(
        "a pooler in transaction or statement mode is between here and the database, and the writer's lock, LISTEN and settings would \
         be lost between two statements: connect to PostgreSQL itself, or to a pooler in session mode"
    )]
    TransactionPooler,
    /// The schema is older than this version needs.
    #[error(
        "the database's schema lacks migration {lacking}. A gateway changes nothing: start the indexer of this version \
         first, which updates the schema"
    )]
    SchemaBehind {
        /// The first migration that is not applied.
        lacking: i64,
    },
    /// The tables have the layout of an older version still.
    #[error(
        "the tables are not in their new layout yet. The indexer of this version moves them when it starts, and a gateway \
         changes nothing: it waits for that"
    )]
    TablesNotMoved,
    /// The schema could not be brought up to date within this time, because other sessions held what it changes.
    #[error(
        "the migration waited {0:?} for a lock: another session migrates, or holds a table that is to be changed \
         (pg_stat_activity shows it)"
    )]
    MigrationBlocked(std::time::Duration),
    /// The schema could not be brought up to date.
    #[error("the database schema could not be brought up to date: {0}")]
    Migration(sqlx::migrate::MigrateError),
}

impl StoreError {
    /// Returns whether a lock was not granted in time, or a deadlock was broken up.
    #[must_use]
    pub(super) fn is_lock_timeout(&self) -> bool {
        const LOCK_NOT_AVAILABLE: &str = "55P03";
        const DEADLOCK_DETECTED: &str = "40P01";
        let (Self::Refused(failure) | Self::Unavailable(failure)) = self else { return false };
        let code = failure.as_database_error().and_then(sqlx::error::DatabaseError::code);
        code.is_some_and(|code| [LOCK_NOT_AVAILABLE, DEADLOCK_DETECTED].contains(&&*code))
    }

    /// Returns whether the server ended a session, for example because it left a transaction open for too long. Whoever
    /// writes to such a session often learns only that the connection is gone, and never reads why.
    pub(super) fn is_session_lost(&self) -> bool {
        use std::io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
        const IDLE_IN_TRANSACTION: &str = "25P03";
        let Self::Unavailable(failure) = self else { return false };
        match failure {
            sqlx::Error::Io(failure) => {
                matches!(failure.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof)
            }
            sqlx::Error::Database(refusal) => refusal.code().is_some_and(|code| code == IDLE_IN_TRANSACTION),
            _ => false,
        }
    }

    /// Returns whether the role may not do what it asked for, or the server is a standby that takes no changes.
    #[must_use]
    pub fn is_lack_of_rights(&self) -> bool {
        const INSUFFICIENT_PRIVILEGE: &str = "42501";
        const READ_ONLY_TRANSACTION: &str = "25006";
        let (Self::Refused(failure) | Self::Unavailable(failure)) = self else { return false };
        let code = failure.as_database_error().and_then(sqlx::error::DatabaseError::code);
        code.is_some_and(|code| [INSUFFICIENT_PRIVILEGE, READ_ONLY_TRANSACTION].contains(&&*code))
    }

    /// Returns whether the server does not let us in: the login (class 28) or the database (3D) is not there. That is a
    /// mistake at the start. Later, it is a password that is being changed, or a database that is being put in place of
    /// another.
    #[must_use]
    pub fn is_refused_entry(&self) -> bool {
        let Self::Refused(sqlx::Error::Database(refusal)) = self else { return false };
        refusal.code().is_some_and(|code| code.starts_with("28") || code.starts_with("3D"))
    }

    /// Returns whether the requested kind of connection is impossible: the server does not support TLS, or a
    /// certificate cannot be read.
    #[must_use]
    pub const fn is_about_the_connection(&self) -> bool {
        matches!(self, Self::Unavailable(sqlx::Error::Tls(_) | sqlx::Error::Configuration(_)))
    }

    /// Returns whether this is the server's own word, and not silence.
    #[must_use]
    pub const fn is_word_of_the_server(&self) -> bool {
        matches!(
            self,
            Self::Unavailable(sqlx::Error::Database(_))
                | Self::Refused(_)
                | Self::DiskFull(_)
                | Self::SharedMemoryFull(_)
        )
    }

    /// Returns whether waiting helps: the database is away or does not answer, or others hold what is to be
    /// changed or change it.
    #[must_use]
    pub const fn is_unavailable(&self) -> bool {
        matches!(
            self,
            Self::Unavailable(_)
                | Self::DiskFull(_)
                | Self::SharedMemoryFull(_)
                | Self::TimedOut(_)
                | Self::MigrationBlocked(_)
                | Self::TablesNotMoved
        )
    }
}

impl From<sqlx::migrate::MigrateError> for StoreError {
    fn from(error: sqlx::migrate::MigrateError) -> Self {
        use sqlx::migrate::MigrateError::{Execute, ExecuteMigration};
        match error {
            Execute(failure) | ExecuteMigration(failure, _) if Self::may_pass(&failure) => Self::from(failure),
            other => Self::Migration(other),
        }
    }
}

impl StoreError {
    fn may_pass(error: &sqlx::Error) -> bool {
        match error {
            sqlx::Error::Database(database) => !is_permanent(database.code().as_deref()),
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => false,
            _ => true,
        }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(database) => {
                match Shortage::said_by(database.code().as_deref(), database.message()) {
                    Some(Shortage::Disk) => Self::DiskFull(error),
                    Some(Shortage::SharedMemory) => Self::SharedMemoryFull(error),
                    None if is_full_queue(database.code().as_deref(), database.message()) => Self::Unavailable(error),
                    None if is_permanent(database.code().as_deref()) => Self::Refused(error),
                    None => Self::Unavailable(error),
                }
            }
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => Self::Corrupt(error.to_string()),
            _ => Self::Unavailable(error),
        }
    }
}

/// What the server has no room on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shortage {
    Disk,
    SharedMemory,
}

impl Shortage {
    /// Reads a refusal. Shared memory is a file of the kernel, so the server calls its lack `disk_full` too; its name is
    /// the same in every language. Segments in `pg_dynshmem` are on the disk. Some I/O errors tell of a full disk in
    /// words only.
    fn said_by(code: Option<&str>, message: &str) -> Option<Self> {
        const DISK_FULL: &str = "53100";
        if code != Some(DISK_FULL) && !message.contains("No space left on device") {
            return None;
        }
        let is_segment = message.contains("/PostgreSQL.") || message.contains("shared memory segment");
        let is_in_memory = is_segment && !message.contains("pg_dynshmem");
        Some(if is_in_memory { Self::SharedMemory } else { Self::Disk })
    }
}

/// Returns whether the queue of notifications is full, because another session has listened within one transaction for too
/// long. The server calls it a limit of the program (54000); the name is the same in every language.
fn is_full_queue(code: Option<&str>, message: &str) -> bool {
    const PROGRAM_LIMIT_EXCEEDED: &str = "54000";
    code == Some(PROGRAM_LIMIT_EXCEEDED) && message.contains("NOTIFY")
}

/// Returns whether no waiting can help, by the class of `SQLSTATE` (PostgreSQL, appendix A): features that the server
/// lacks (0A), data that does not fit (21, 22, 23), objects that others depend on (2B), credentials (28), no such
/// database or schema (3D, 3F), statements that are wrong or not allowed (42, 44), limits of the program (54), and
/// broken tables (`data_corrupted`, `index_corrupted`). Everything else may pass: locks, I/O errors, servers that stop,
/// start or are read-only; also prepared statements that exist already (42P05, `duplicate_prepared_statement`), since a
/// pooler that gives our session to others will be set right.
fn is_permanent(code: Option<&str>) -> bool {
    const CLASSES: [&str; 11] = ["0A", "21", "22", "23", "2B", "28", "3D", "3F", "42", "44", "54"];
    const CORRUPTED: [&str; 2] = ["XX001", "XX002"];
    const OF_ANOTHER_SESSION: &str = "42P05";
    code.is_some_and(|code| {
        let is_of_a_class = CLASSES.iter().any(|class| code.starts_with(class));
        CORRUPTED.contains(&code) || (is_of_a_class && code != OF_ANOTHER_SESSION)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transient_errors_are_waited_for_and_permanent_ones_are_not() {
        for code in ["55P03", "58030", "53300", "57P01", "25006", "40001", "08006", "XX000", "26000", "42P05", "72000"]
        {
            assert!(!is_permanent(Some(code)), "{code}");
        }
        for code in ["22003", "23505", "2BP01", "28P01", "3D000", "42P01", "42501", "0A000", "54000", "XX001"] {
            assert!(is_permanent(Some(code)), "{code}");
        }
        assert!(!is_permanent(None));
    }

    #[test]
    fn a_full_queue_of_notifications_is_waited_for() {
        let is_full = |message| is_full_queue(Some("54000"), message);
        assert!(is_full("too many notifications in the NOTIFY queue"));
        assert!(is_full("zu viele Benachrichtigungen in NOTIFY-Schlange"));
        assert!(!is_full("index row size 2712 exceeds btree version 4 maximum 2704 for index \"streams_sender\""));
    }

    #[test]
    fn a_lack_of_shared_memory_is_not_a_full_disk() {
        for (code, message, shortage) in [
            (
                "53100",
                "could not resize shared memory segment \"/PostgreSQL.2039174106\" to 16777216 bytes: No space left on device",
                Some(Shortage::SharedMemory),
            ),
            (
                "53100",
                "konnte Größe des Shared-Memory-Segments »/PostgreSQL.1804289383« nicht auf 8388608 Bytes ändern: Auf dem \
                 Gerät ist kein Speicherplatz mehr verfügbar",
                Some(Shortage::SharedMemory),
            ),
            ("53100", "could not get shared memory segment: No space left on device", Some(Shortage::SharedMemory)),
            (
                "53100",
                "could not resize shared memory segment \"pg_dynshmem/mmap.2039174106\" to 16777216 bytes: No space left on \
                 device",
                Some(Shortage::Disk),
            ),
            ("53100", "could not extend file \"base/16384/16397\": No space left on device", Some(Shortage::Disk)),
            (
                "53100",
                "konnte Datei »base/16384/16397« nicht erweitern: Auf dem Gerät ist kein Speicherplatz mehr verfügbar",
                Some(Shortage::Disk),
            ),
            ("58030", "could not write to file \"pg_wal/xlogtemp.29\": No space left on device", Some(Shortage::Disk)),
            ("53200", "out of shared memory", None),
            ("53300", "sorry, too many clients already", None),
        ] {
            assert_eq!(Shortage::said_by(Some(code), message), shortage, "{message}");
        }
    }
}
