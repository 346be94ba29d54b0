//! `GET /health`, `/health/live` and `/health/ready`, and `GET /metrics`: for those who run the daemon.

use std::fmt::Write;

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{openapi::OfOperator, state::HttpState, status::Status};

/// Whether the process is to be relied on.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Health {
    /// Whether the index is to be relied on.
    ready: bool,
    /// How many ledgers it is behind the tip.
    lag_ledgers: Option<u32>,
    /// The same by close times.
    lag_seconds: Option<i64>,
    /// How many ledgers the source may drop before it drops one that is not indexed.
    ledgers_to_data_loss: Option<i64>,
    /// Why it is not to be relied on; empty if it is.
    reasons: Vec<String>,
}

/// The process runs; that is all this says.
#[utoipa::path(
    get,
    path = "/health/live",
    tag = "operation",
    operation_id = "getLiveness",
    responses(
        (status = 200, description = "The process runs.", body = String, content_type = "text/plain"),
        OfOperator,
    ),
)]
pub(super) async fn live() -> &'static str {
    "live\n"
}

/// Says the health, and refuses with 503 while the index is not to be relied on.
#[utoipa::path(
    get,
    path = "/health/ready",
    tag = "operation",
    operation_id = "getReadiness",
    responses(
        (status = 200, description = "The index is to be relied on.", body = Health),
        (status = 503, description = "It is not; `reasons` says why.", body = Health),
        OfOperator,
    ),
)]
pub(super) async fn ready(State(state): State<HttpState>) -> Response {
    let health = health(&state).await;
    let code = if health.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    health.into_response_with(code)
}

/// Says the health.
#[utoipa::path(
    get,
    path = "/health",
    tag = "operation",
    operation_id = "getHealth",
    responses(
        (status = 200, description = "Whether the index is to be relied on, and why not.", body = Health),
        OfOperator,
    ),
)]
pub(super) async fn whole(State(state): State<HttpState>) -> Response {
    health(&state).await.into_response_with(StatusCode::OK)
}

impl Health {
    /// Returns the health of an index of which nothing is known, and why.
    pub(super) fn unknown(reason: &str) -> Self {
        let reasons = vec![reason.to_owned()];
        Self { ready: false, lag_ledgers: None, lag_seconds: None, ledgers_to_data_loss: None, reasons }
    }

    pub(super) fn into_response_with(self, code: StatusCode) -> Response {
        (code, Json(self)).into_response()
    }
}

async fn health(state: &HttpState) -> Health {
    let status = match state.watch.status(state).await {
        Ok(status) => status,
        Err(why) => return Health::unknown(why),
    };
    Health {
        ready: status.reasons.is_empty(),
        lag_ledgers: status.lag_ledgers,
        lag_seconds: status.lag_seconds,
        ledgers_to_data_loss: status.ledgers_to_data_loss,
        reasons: status.reasons.clone(),
    }
}

/// The numbers an operator asks for, in the text format of Prometheus.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "operation",
    operation_id = "getMetrics",
    responses(
        (
            status = 200,
            description = "In the text format of Prometheus.",
            body = String,
            content_type = "text/plain; version=0.0.4",
        ),
        OfOperator,
    ),
)]
pub(super) async fn metrics(State(state): State<HttpState>) -> Response {
    let mut text = String::new();
    let status = state.watch.status(&state).await;
    write_ready(&mut text, status.as_ref().is_ok_and(|status| status.reasons.is_empty()));
    if let Ok(status) = status {
        write_index(&mut text, &status);
    }
    let feed = state.feed.stats();
    gauge(&mut text, "flowfi_feed_connections", "Open subscriptions.", feed.connections);
    counter(&mut text, "flowfi_feed_events_sent_total", "Event frames handed to connections.", feed.events_sent);
    counter(&mut text, "flowfi_feed_events_replayed_total", "Of those, frames of resumed ones.", feed.events_replayed);
    counter(&mut text, "flowfi_feed_slow_clients_total", "Connections that were caught up.", feed.slow_clients);
    counter(&mut text, "flowfi_feed_resets_total", "Last event ids that could not be resumed from.", feed.resets);
    in_prometheus_format(text)
}

/// Returns the metrics of a process that has no index to tell of yet.
pub(super) fn metrics_of_nothing() -> Response {
    let mut text = String::new();
    write_ready(&mut text, false);
    in_prometheus_format(text)
}

fn in_prometheus_format(text: String) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response()
}

fn write_ready(text: &mut String, is_ready: bool) {
    gauge(text, "flowfi_ingest_ready", "1 if the index is to be relied on.", u8::from(is_ready));
}

fn write_index(text: &mut String, status: &Status) {
    let open = status.holes.iter().filter(|hole| !hole.accepted).count();
    if let Some(tip) = status.tip_ledger {
        gauge(text, "flowfi_ingest_tip_ledger", "The newest ledger of the source.", tip);
    }
    if let Some(lag) = status.lag_ledgers {
        gauge(text, "flowfi_ingest_lag_ledgers", "Ledgers from the last whole one to the tip.", lag);
    }
    if let Some(lag) = status.lag_seconds {
        gauge(text, "flowfi_ingest_lag_seconds", "The same by close times.", lag);
    }
    if let Some(age) = status.source_answered_seconds_ago {
        gauge(text, "flowfi_ingest_source_answered_age_seconds", "Since the source last answered.", age);
    }
    if let Some(age) = status.tip_moved_seconds_ago {
        gauge(text, "flowfi_ingest_tip_age_seconds", "Since the source had a new ledger.", age);
    }
    if let Some(left) = status.ledgers_to_data_loss {
        gauge(text, "flowfi_ingest_ledgers_to_data_loss", "Ledgers until the source drops one not indexed.", left);
    }
    if let Some(age_ms) = status.record_check_age_ms {
        let (name, help) =
            ("flowfi_ingest_record_check_age_seconds", "Since records were last compared with the chain.");
        gauge(text, name, help, age_ms / 1_000);
    }
    let (name, help) = ("flowfi_ingest_records_differing", "Records that differ from the chain.");
    gauge(text, name, help, status.records_differing);
    let (name, help) = ("flowfi_ingest_second_opinion_events_total", "Events that only a second endpoint had.");
    counter(text, name, help, status.second_opinion_events);
    gauge(text, "flowfi_ingest_open_holes", "Ranges of ledgers never seen and not given up.", open);
    gauge(text, "flowfi_ingest_quarantined_unknown", "Events of unknown names.", status.quarantine.unknown);
    gauge(text, "flowfi_ingest_quarantined_refused", "Events that did not decode.", status.quarantine.refused);
}

fn gauge(text: &mut String, name: &str, help: &str, value: impl std::fmt::Display) {
    metric(text, "gauge", name, help, value);
}

fn counter(text: &mut String, name: &str, help: &str, value: impl std::fmt::Display) {
    metric(text, "counter", name, help, value);
}

fn metric(text: &mut String, kind: &str, name: &str, help: &str, value: impl std::fmt::Display) {
    writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}").expect("a String grows");
}
