//! The answers before the database has been reached: the process is alive but not ready, and every other request is
//! asked to come back later.

use std::sync::{Arc, Mutex, PoisonError};

use axum::{
    Router,
    body::Body,
    extract::State,
    http::StatusCode,
    middleware::{from_fn, from_fn_with_state},
    response::Response,
    routing::get,
};
use rand::rngs::StdRng;

use super::{
    Limits, Origin, cors,
    event_stream::event_stream_of,
    health::{self, Health},
    host::check_host,
    limits::{RequestLimit, identify_client, limit_requests, refuse_over_budget},
    problem::Problem,
    sse::retry_frame,
    state::random_retry_ms,
};
use crate::store::{MigrationPhase, StoreError};

/// What a starting process is waiting for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StartingPhase {
    /// It has not asked the database yet.
    #[default]
    Connecting,
    /// The database does not answer.
    DatabaseAway,
    /// The database answers that it cannot do this now.
    DatabaseRefuses,
    /// The schema is being brought up to date.
    Migrating,
    /// It is to be brought up to date, but another session holds what is to be changed.
    MigrationWaiting,
    /// Large tables are being moved to a new layout, by this process or by an indexer.
    TablesMoving,
}

impl StartingPhase {
    const fn reason(self) -> &'static str {
        match self {
            Self::Connecting => "the service is starting",
            Self::DatabaseAway => "the service is starting: the database does not answer yet",
            Self::DatabaseRefuses => "the service is starting: the database refuses for now; the log says why",
            Self::Migrating => "the service is starting: the database schema is being brought up to date",
            Self::TablesMoving => {
                "the service is starting: the tables are being moved to a new layout; the log of the indexer says how far"
            }
            Self::MigrationWaiting => {
                "the service is starting: the migration of the database schema waits for a lock that another session holds"
            }
        }
    }
}

impl From<MigrationPhase> for StartingPhase {
    fn from(phase: MigrationPhase) -> Self {
        match phase {
            MigrationPhase::Running => Self::Migrating,
            MigrationPhase::WaitingForLock => Self::MigrationWaiting,
            MigrationPhase::MovingTables => Self::TablesMoving,
        }
    }
}

impl From<&StoreError> for StartingPhase {
    /// Returns what a start waits for after a failure that may pass.
    fn from(failure: &StoreError) -> Self {
        match failure {
            StoreError::MigrationBlocked(_) => Self::MigrationWaiting,
            StoreError::TablesNotMoved => Self::TablesMoving,
            refused if refused.is_word_of_the_server() => Self::DatabaseRefuses,
            _ => Self::DatabaseAway,
        }
    }
}

/// The progress of the start. Clones share it.
#[derive(Clone, Debug)]
pub struct Starting {
    phase: Arc<Mutex<StartingPhase>>,
    rng: Arc<Mutex<StdRng>>,
}

impl Starting {
    /// Returns a start in its first phase. `rng` randomizes when clients come back.
    #[must_use]
    pub fn new(rng: StdRng) -> Self {
        Self { phase: Arc::default(), rng: Arc::new(Mutex::new(rng)) }
    }

    /// Records what the process is waiting for now.
    pub fn reach(&self, phase: StartingPhase) {
        *self.phase.lock().unwrap_or_else(PoisonError::into_inner) = phase;
    }

    /// Returns what the process is waiting for now.
    #[must_use]
    pub fn phase(&self) -> StartingPhase {
        *self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the routes of a starting process; pages of these origins may read the answers. Requests count as they will later.
pub fn router_while_starting(starting: Starting, origins: &[Origin], limits: Limits) -> Router {
    let routes = Router::new()
        .route("/health/live", get(health::live))
        .route("/health/ready", get(ready))
        .route("/health", get(whole))
        .route("/metrics", get(metrics))
        .route("/v1/events/subscribe", get(subscribe))
        .route("/events/subscribe", get(subscribe))
        .fallback(come_back)
        .with_state(starting);
    let routes = cors::for_origins(routes.layer(from_fn(refuse_over_budget)), origins).layer(from_fn(check_host));
    let limit = RequestLimit { limits: limits.clone(), has_local_network: false };
    let routes = routes.layer(from_fn_with_state(limit, limit_requests));
    cors::with_security_headers(routes.layer(from_fn_with_state(limits, identify_client)))
}

async fn ready(State(starting): State<Starting>) -> Response {
    Health::unknown(starting.phase().reason()).into_response_with(StatusCode::SERVICE_UNAVAILABLE)
}

async fn whole(State(starting): State<Starting>) -> Response {
    Health::unknown(starting.phase().reason()).into_response_with(StatusCode::OK)
}

async fn metrics() -> Response {
    health::metrics_of_nothing()
}

/// A browser never reconnects after any answer other than 200, so it gets a 200 that says when to reconnect.
async fn subscribe(State(starting): State<Starting>) -> Response {
    let retry_ms = random_retry_ms(&mut starting.rng.lock().unwrap_or_else(PoisonError::into_inner));
    event_stream_of(Body::from(retry_frame(retry_ms)))
}

async fn come_back(State(starting): State<Starting>) -> Problem {
    Problem::unavailable(starting.phase().reason())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_migration_that_did_not_get_its_lock_is_not_called_a_database_that_is_away() {
        let blocked = StoreError::MigrationBlocked(Duration::from_hours(1));
        assert!(blocked.is_unavailable(), "it is waited for");
        assert_eq!(StartingPhase::from(&blocked), StartingPhase::MigrationWaiting);
        let silent = StoreError::TimedOut(Duration::from_secs(10));
        assert_eq!(StartingPhase::from(&silent), StartingPhase::DatabaseAway);
    }
}
