//! How long an answer of the database is waited for. A statement that may rightly take long has a long deadline, and a
//! connection that fell silent must not be waited for until then. So the server is asked, over a new connection, whether
//! it is still at work on the statement.

use std::{fmt, future::pending, io, time::Duration};

use chrono::{DateTime, Utc};
use sqlx::{Connection, PgConnection, postgres::PgConnectOptions};
use tokio::time::{Instant, sleep_until, timeout};
use tracing::debug;

use super::StoreError;

/// A shorter deadline is soon enough to notice a silent connection.
const LONGEST_UNWATCHED: Duration = Duration::from_mins(1);
/// How long a statement takes before the server is asked about it, and how often it is asked.
const LOOK_EVERY: Duration = Duration::from_secs(8);
/// How long the server may take to let us in, and to answer.
const LOOK_TAKES: Duration = Duration::from_secs(8);
/// So many looks in a row must find the same: over a slow line, an answer may still be on its way.
const EQUAL_LOOKS: u8 = 3;
/// So many attempts to look must fail in a row. One alone says nothing about the statement.
const FAILED_LOOKS: u8 = 6;

/// Why an answer is no longer waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoAnswer {
    /// The deadline has passed.
    TooLate(Duration),
    /// The server does not work on the statement: the line between us is dead.
    LineIsDead,
    /// No connection to the server can be opened.
    ServerIsAway,
}

impl fmt::Display for NoAnswer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLate(deadline) => write!(formatter, "no answer within {deadline:?}"),
            Self::LineIsDead => {
                formatter.write_str("the connection fell silent: the server is not at work on what it was sent")
            }
            Self::ServerIsAway => {
                formatter.write_str("the connection fell silent, and no other can be opened: the server is away")
            }
        }
    }
}

impl From<NoAnswer> for sqlx::Error {
    fn from(why: NoAnswer) -> Self {
        Self::Io(io::Error::new(io::ErrorKind::TimedOut, why.to_string()))
    }
}

impl From<NoAnswer> for StoreError {
    fn from(why: NoAnswer) -> Self {
        match why {
            NoAnswer::TooLate(deadline) => Self::TimedOut(deadline),
            silent => Self::Unavailable(silent.into()),
        }
    }
}

/// How long the answers on one connection are waited for.
#[derive(Clone, Debug)]
pub(super) struct Patience {
    deadline: Duration,
    watch: Option<Watch>,
}

impl Patience {
    /// Returns the patience with any connection until a deadline that is soon.
    pub(super) const fn until(deadline: Duration) -> Self {
        Self { deadline, watch: None }
    }

    /// Returns the patience with a connection whose answers have this deadline. If that is far away, the connection is
    /// watched.
    pub(super) async fn with(
        connection: &mut PgConnection,
        options: &PgConnectOptions,
        deadline: Duration,
    ) -> Result<Self, sqlx::Error> {
        let is_watched = deadline > LONGEST_UNWATCHED;
        let watch = if is_watched { Some(Watch::on(connection, options.clone()).await?) } else { None };
        Ok(Self { deadline, watch })
    }

    /// Waits for an answer.
    ///
    /// # Errors
    /// That of the answer; a [`NoAnswer`]. The connection must be closed then.
    pub(super) fn wait<T, E: From<NoAnswer>>(
        &self,
        answer: impl Future<Output = Result<T, E>>,
    ) -> impl Future<Output = Result<T, E>> {
        // In a box, because it is part of the future of every caller.
        let mut answer = Box::pin(timeout(self.deadline, answer));
        async move {
            let silence = async {
                match &self.watch {
                    Some(watch) => Box::pin(watch.silence()).await,
                    None => pending().await,
                }
            };
            tokio::select! {
                biased;
                answered = &mut answer => answered.unwrap_or_else(|_| Err(NoAnswer::TooLate(self.deadline).into())),
                why = silence => Err(why.into()),
            }
        }
    }
}

/// Looks after a session over other connections.
#[derive(Clone)]
struct Watch {
    options: PgConnectOptions,
    /// The process of the server that serves the session.
    backend: i32,
}

impl fmt::Debug for Watch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The options hold a password.
        formatter.debug_struct("Watch").field("backend", &self.backend).finish_non_exhaustive()
    }
}

/// What the server does for the session at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    /// It is at work, or does not tell.
    AtWork,
    /// It has waited for us since then.
    WaitsForUs(Option<DateTime<Utc>>),
    /// It has ended the session.
    Ended,
    /// It cannot be reached.
    NoServer,
}

impl Look {
    /// Returns what an attempt to connect says that failed. A server that refuses us is there, and if the kind of
    /// connection is impossible, trying again says no more.
    fn refused(failure: sqlx::Error) -> Self {
        let failure = StoreError::from(failure);
        if failure.is_word_of_the_server() || failure.is_about_the_connection() { Self::AtWork } else { Self::NoServer }
    }
}

/// What was seen of a session so far.
#[derive(Debug)]
struct Looks {
    last: Look,
    equal: u8,
    failed: u8,
}

impl Looks {
    const fn none() -> Self {
        Self { last: Look::AtWork, equal: 0, failed: 0 }
    }

    /// Returns what this look and those before it, some time ago, prove about the session.
    fn and(&mut self, look: Look) -> Option<NoAnswer> {
        if look == Look::NoServer {
            self.failed += 1;
            return (self.failed >= FAILED_LOOKS).then_some(NoAnswer::ServerIsAway);
        }
        let is_the_same = look == self.last;
        *self = Self { last: look, equal: if is_the_same { self.equal.saturating_add(1) } else { 1 }, failed: 0 };
        // Nothing has reached the server in between, while we wait for its answer.
        (look != Look::AtWork && self.equal >= EQUAL_LOOKS).then_some(NoAnswer::LineIsDead)
    }
}

impl Watch {
    async fn on(connection: &mut PgConnection, options: PgConnectOptions) -> Result<Self, sqlx::Error> {
        let backend = sqlx::query_scalar!(r#"select pg_backend_pid() as "pid!""#).fetch_one(connection);
        let backend =
            timeout(LOOK_TAKES, backend).await.unwrap_or_else(|_| Err(NoAnswer::TooLate(LOOK_TAKES).into()))?;
        Ok(Self { options, backend })
    }

    /// Waits until it is certain that no answer will come.
    async fn silence(&self) -> NoAnswer {
        let mut looks = Looks::none();
        let mut next = Instant::now() + LOOK_EVERY;
        loop {
            sleep_until(next).await;
            next = Instant::now() + LOOK_EVERY;
            let look = self.look().await;
            debug!("a statement takes long; its session: {look:?}");
            if let Some(why) = looks.and(look) {
                return why;
            }
        }
    }

    async fn look(&self) -> Look {
        let mut connection = match timeout(LOOK_TAKES, PgConnection::connect_with(&self.options)).await {
            Ok(Ok(connection)) => connection,
            Ok(Err(failure)) => return Look::refused(failure),
            Err(_) => return Look::NoServer,
        };
        let look = async {
            let look = self.look_through(&mut connection).await;
            drop(connection.close().await);
            look
        };
        // A pooler may have no session for us: that says nothing about the server.
        timeout(LOOK_TAKES, look).await.ok().and_then(Result::ok).unwrap_or(Look::AtWork)
    }

    /// A server that waits for us to take its answer is at work: it notices by itself if we no longer take anything.
    async fn look_through(&self, connection: &mut PgConnection) -> Result<Look, sqlx::Error> {
        let session = sqlx::query!(
            r#"select coalesce(state like 'idle%' or (state = 'active' and wait_event = 'ClientRead'), false) as "waits!",
                      state_change
               from pg_stat_activity where pid = $1"#,
            self.backend,
        );
        Ok(match session.fetch_optional(connection).await? {
            None => Look::Ended,
            Some(session) if session.waits => Look::WaitsForUs(session.state_change),
            Some(_) => Look::AtWork,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT_WORK: Look = Look::AtWork;
    const ENDED: Look = Look::Ended;
    const FAILED: Look = Look::NoServer;

    /// Returns after how many of these looks the session is given up, and why.
    fn given_up(looks: &[Look]) -> Option<(usize, NoAnswer)> {
        let mut seen = Looks::none();
        looks.iter().enumerate().find_map(|(before, look)| Some((before + 1, seen.and(*look)?)))
    }

    #[test]
    fn a_session_is_given_up_once_three_looks_in_a_row_find_it_waiting_since_the_same_moment_or_ended() {
        let [then, later] = [1, 2].map(|seconds| Look::WaitsForUs(DateTime::from_timestamp(seconds, 0)));
        for (looks, at) in [
            (&[AT_WORK, AT_WORK, AT_WORK, AT_WORK][..], None),
            (&[then, then], None),
            (&[then, then, then], Some(3)),
            (&[ENDED, ENDED], None),
            (&[AT_WORK, ENDED, ENDED, ENDED], Some(4)),
            (&[then, then, later, later], None),
            (&[then, then, AT_WORK, then, then], None),
            (&[then, then, ENDED, ENDED, ENDED], Some(5)),
            // Neither proves nor disproves anything.
            (&[then, FAILED, then, FAILED, then], Some(5)),
        ] {
            assert_eq!(given_up(looks), at.map(|at| (at, NoAnswer::LineIsDead)), "{looks:?}");
        }
    }

    #[test]
    fn a_statement_is_given_up_only_after_six_failed_attempts_in_a_row_to_ask_about_it() {
        assert_eq!(given_up(&[FAILED; 5]), None);
        assert_eq!(given_up(&[FAILED; 6]), Some((6, NoAnswer::ServerIsAway)));
        let mut interrupted = [FAILED; 11];
        interrupted[5] = AT_WORK;
        assert_eq!(given_up(&interrupted), None);
        assert!(
            LOOK_EVERY * 6 + LOOK_TAKES < Duration::from_mins(1),
            "a server that is away is noticed within a minute"
        );
    }

    #[test]
    fn a_connection_that_cannot_be_had_for_another_reason_than_the_servers_absence_says_nothing_about_a_statement() {
        for failure in [
            sqlx::Error::Tls("the server does not support TLS".into()),
            sqlx::Error::Configuration("no such certificate".into()),
        ] {
            assert_eq!(Look::refused(failure), Look::AtWork);
        }
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        assert_eq!(Look::refused(sqlx::Error::Io(refused)), Look::NoServer);
    }
}
