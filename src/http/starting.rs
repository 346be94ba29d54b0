//! What is answered before the database has been reached: the process lives and is not ready, and everybody else is asked
//! to come back.

use std::sync::{
    Arc,
    atomic::{AtomicU8, Ordering},
};

use axum::{Router, extract::State, http::StatusCode, middleware::from_fn, response::Response, routing::get};

use super::{
    Origin, cors,
    health::{self, Health},
    host::check_host,
    problem::Problem,
};

/// What a process that starts is waiting for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum StartingPhase {
    /// It has not asked the database yet.
    Connecting,
    /// The database does not answer, or asked to try again.
    DatabaseAway,
    /// The schema is being brought up to date, by this process or another.
    Migrating,
}

impl StartingPhase {
    const fn reason(self) -> &'static str {
        match self {
            Self::Connecting => "the service is starting",
            Self::DatabaseAway => "the service is starting: the database does not answer yet",
            Self::Migrating => "the service is starting: the database schema is being brought up to date",
        }
    }
}

/// How far the start is. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Starting(Arc<AtomicU8>);

impl Starting {
    /// Notes what is waited for now.
    pub fn reach(&self, phase: StartingPhase) {
        self.0.store(phase as u8, Ordering::Relaxed);
    }

    /// Returns what is waited for now.
    #[must_use]
    pub fn phase(&self) -> StartingPhase {
        let all = [StartingPhase::Connecting, StartingPhase::DatabaseAway, StartingPhase::Migrating];
        let reached = self.0.load(Ordering::Relaxed);
        all.into_iter().find(|phase| *phase as u8 == reached).unwrap_or(StartingPhase::Connecting)
    }
}

/// Returns the routes of a process that is starting, readable by pages of these origins.
pub fn router_while_starting(starting: Starting, origins: &[Origin]) -> Router {
    let routes = Router::new()
        .route("/health/live", get(health::live))
        .route("/health/ready", get(ready))
        .route("/health", get(whole))
        .route("/metrics", get(metrics))
        .fallback(come_back)
        .with_state(starting);
    cors::with_security_headers(cors::for_origins(routes, origins).layer(from_fn(check_host)))
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

async fn come_back(State(starting): State<Starting>) -> Problem {
    Problem::unavailable(starting.phase().reason())
}
