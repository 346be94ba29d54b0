//! The answers before the database has been reached: the process is alive but not ready, and every other request is
//! asked to come back later.

use std::sync::{Arc, Mutex, PoisonError};

use axum::{
    Router, body::Body, extract::State, http::StatusCode, middleware::from_fn, response::Response, routing::get,
};
use rand::rngs::StdRng;

use super::{
    Origin, cors,
    event_stream::event_stream_of,
    health::{self, Health},
    host::check_host,
    problem::Problem,
    sse::retry_frame,
    state::random_retry_ms,
};

/// What a starting process is waiting for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StartingPhase {
    /// It has not asked the database yet.
    #[default]
    Connecting,
    /// The database does not answer, or is not ready.
    DatabaseAway,
    /// This process or another one is updating the schema.
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

/// Returns the routes of a starting process; pages of these origins may read the answers.
pub fn router_while_starting(starting: Starting, origins: &[Origin]) -> Router {
    let routes = Router::new()
        .route("/health/live", get(health::live))
        .route("/health/ready", get(ready))
        .route("/health", get(whole))
        .route("/metrics", get(metrics))
        .route("/v1/events/subscribe", get(subscribe))
        .route("/events/subscribe", get(subscribe))
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

/// A browser never reconnects after any answer other than 200, so it gets a 200 that says when to reconnect.
async fn subscribe(State(starting): State<Starting>) -> Response {
    let retry_ms = random_retry_ms(&mut starting.rng.lock().unwrap_or_else(PoisonError::into_inner));
    event_stream_of(Body::from(retry_frame(retry_ms)))
}

async fn come_back(State(starting): State<Starting>) -> Problem {
    Problem::unavailable(starting.phase().reason())
}
