//! `GET /health`, `/health/live` and `/health/ready`, and `GET /metrics`: for operators.

use std::fmt::Debug;

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use prometheus_client::{
    encoding::{EncodeGaugeValue, prometheus_text::encode},
    metrics::{
        counter::{ConstCounter, Counter},
        family::Family,
        gauge::ConstGauge,
    },
    registry::Registry,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{openapi::OfOperator, state::HttpState, status_view::Status};

/// Whether the service can be relied on.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Health {
    /// Whether the index can be relied on.
    ready: bool,
    /// How many ledgers the index is behind the tip; null if nobody knows the tip of this moment.
    lag_ledgers: Option<u32>,
    /// The same by close times.
    lag_seconds: Option<i64>,
    /// How many ledgers the source may drop before it drops one that is not indexed, as of its last answer.
    ledgers_to_data_loss: Option<i64>,
    /// Why it cannot be relied on; empty if it can.
    reasons: Vec<String>,
}

/// Confirms that the process is running, and nothing else.
#[utoipa::path(
    get,
    path = "/health/live",
    tag = "operation",
    operation_id = "getLiveness",
    responses(
        (status = 200, description = "The process is running.", body = String, content_type = "text/plain"),
        OfOperator,
    ),
)]
pub(super) async fn live() -> &'static str {
    "live\n"
}

/// Reports the health of the index; answers 503 while the index cannot be relied on.
#[utoipa::path(
    get,
    path = "/health/ready",
    tag = "operation",
    operation_id = "getReadiness",
    responses(
        (status = 200, description = "The index can be relied on.", body = Health),
        (status = 503, description = "It cannot; `reasons` says why.", body = Health),
        OfOperator,
    ),
)]
pub(super) async fn ready(State(state): State<HttpState>) -> Response {
    let health = health(&state).await;
    let code = if health.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    health.into_response_with(code)
}

/// Reports the health of the index.
#[utoipa::path(
    get,
    path = "/health",
    tag = "operation",
    operation_id = "getHealth",
    responses(
        (status = 200, description = "Whether the index can be relied on, and if not, why.", body = Health),
        OfOperator,
    ),
)]
pub(super) async fn whole(State(state): State<HttpState>) -> Response {
    health(&state).await.into_response_with(StatusCode::OK)
}

impl Health {
    /// Returns the health of an index about which nothing is known, and why.
    pub(super) fn unknown(reason: &str) -> Self {
        let reasons = vec![reason.to_owned()];
        Self { ready: false, lag_ledgers: None, lag_seconds: None, ledgers_to_data_loss: None, reasons }
    }

    pub(super) fn into_response_with(self, code: StatusCode) -> Response {
        (code, Json(self)).into_response()
    }
}

async fn health(state: &HttpState) -> Health {
    let status = match state.status_cache.status(state.status_scope()).await {
        Ok(status) => status,
        Err(unknown) => return Health::unknown(unknown.reason()),
    };
    Health {
        ready: status.reasons.is_empty(),
        lag_ledgers: status.lag_ledgers,
        lag_seconds: status.lag_seconds,
        ledgers_to_data_loss: status.ledgers_to_data_loss,
        reasons: status.reasons.clone(),
    }
}

/// Returns metrics for operators, in the Prometheus text format.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "operation",
    operation_id = "getMetrics",
    responses(
        (
            status = 200,
            description = "Metrics in the Prometheus text format.",
            body = String,
            content_type = "text/plain; version=0.0.4",
        ),
        OfOperator,
    ),
)]
pub(super) async fn metrics(State(state): State<HttpState>) -> Response {
    let mut metrics = Metrics::default();
    let status = state.status_cache.status(state.status_scope()).await;
    metrics.add_ready(status.as_ref().is_ok_and(|status| status.reasons.is_empty()));
    if let Ok(status) = status {
        metrics.add_index(&status);
    }
    let feed = state.feed.stats();
    metrics.gauge("flowfi_feed_connections", "Open subscriptions", feed.connections);
    metrics.counter("flowfi_feed_events_sent", "Event frames handed to connections", feed.events_sent);
    metrics.counter("flowfi_feed_events_replayed", "Of those, frames of resumed ones", feed.events_replayed);
    metrics.counter("flowfi_feed_slow_clients", "Connections that were caught up", feed.slow_clients);
    metrics.counter("flowfi_feed_resets", "Last event ids that could not be resumed from", feed.resets);
    let carried = "Events that came with a wake-up, so that the table was not read for them";
    metrics.counter("flowfi_feed_events_carried", carried, feed.events_carried);
    let follows_redis = u32::from(feed.follows_redis);
    metrics.gauge("flowfi_feed_follows_redis", "1 while Redis announces commits to this process", follows_redis);
    metrics.into_response()
}

/// Returns the metrics of a process that has no index to report on yet.
pub(super) fn metrics_of_nothing() -> Response {
    let mut metrics = Metrics::default();
    metrics.add_ready(false);
    metrics.into_response()
}

/// The metrics of one moment. The library ends a help text with a full stop, and a counter's name with `_total`.
#[derive(Debug, Default)]
struct Metrics(Registry);

impl Metrics {
    fn add_ready(&mut self, is_ready: bool) {
        self.gauge("flowfi_ingest_ready", "1 if the index is to be relied on", u32::from(is_ready));
    }

    fn add_index(&mut self, status: &Status) {
        let open = status.holes.iter().filter(|hole| !hole.accepted).count();
        let optional = [
            ("flowfi_ingest_tip_ledger", "The newest ledger of the source", status.tip_ledger.map(|tip| tip.0.into())),
            (
                "flowfi_ingest_lag_ledgers",
                "Ledgers from the last whole one to the tip",
                status.lag_ledgers.map(i64::from),
            ),
            ("flowfi_ingest_lag_seconds", "The same by close times", status.lag_seconds),
            (
                "flowfi_ingest_last_ledger_age_seconds",
                "Since the last whole ledger closed",
                status.last_whole_ledger_closed_seconds_ago,
            ),
            (
                "flowfi_ingest_source_answered_age_seconds",
                "Since the source last answered",
                status.source_answered_seconds_ago,
            ),
            ("flowfi_ingest_tip_age_seconds", "Since the source had a new ledger", status.tip_moved_seconds_ago),
            (
                "flowfi_ingest_ledgers_to_data_loss",
                "Ledgers until the source drops one not indexed",
                status.ledgers_to_data_loss,
            ),
            (
                "flowfi_ingest_record_check_age_seconds",
                "Since records were last compared with the chain",
                status.record_check_age_ms.map(|age_ms| age_ms / 1_000),
            ),
        ];
        for (name, help, value) in optional {
            if let Some(value) = value {
                self.gauge(name, help, value);
            }
        }
        self.gauge("flowfi_ingest_records_differing", "Records that differ from the chain", status.records_differing);
        self.counter(
            "flowfi_ingest_second_opinion_events",
            "Events that only a second endpoint had",
            status.second_opinion_events,
        );
        self.counters_by(
            "flowfi_ingest_corrections",
            "Fields of records that were set from the chain because they differed",
            "field",
            &status.corrections,
        );
        self.gauge("flowfi_ingest_open_holes", "Ranges of ledgers never seen and not given up", open);
        self.gauge("flowfi_ingest_quarantined_unknown", "Events of unknown names", status.quarantine.unknown);
        self.gauge("flowfi_ingest_quarantined_refused", "Events that did not decode", status.quarantine.refused);
    }

    fn gauge<T>(&mut self, name: &str, help: &str, value: T)
    where
        T: EncodeGaugeValue + Debug + Send + Sync + 'static,
    {
        self.0.register(name, help, ConstGauge::new(value));
    }

    fn counter(&mut self, name: &str, help: &str, value: u64) {
        self.0.register(name, help, ConstCounter::new(value));
    }

    /// Adds a counter for each value of a label.
    fn counters_by(&mut self, name: &str, help: &str, label: &'static str, values: &[(String, u64)]) {
        let family = Family::<[(&'static str, String); 1], Counter>::default();
        for (value, count) in values {
            family.get_or_create(&[(label, value.clone())]).inc_by(*count);
        }
        self.0.register(name, help, family);
    }
}

impl IntoResponse for Metrics {
    fn into_response(self) -> Response {
        let mut text = String::new();
        encode(&mut text, &self.0).expect("writing to a String cannot fail");
        ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_have_the_names_and_the_text_that_dashboards_read() {
        let mut metrics = Metrics::default();
        metrics.add_ready(true);
        metrics.gauge("flowfi_ingest_lag_seconds", "The same by close times", -3_i64);
        metrics.counter("flowfi_feed_resets", "Last event ids that could not be resumed from", 7);
        metrics.counters_by("flowfi_ingest_corrections", "Corrected fields", "field", &[("status".to_owned(), 2)]);
        let mut text = String::new();
        encode(&mut text, &metrics.0).unwrap();
        let expected = "# HELP flowfi_ingest_ready 1 if the index is to be relied on.\n\
                        # TYPE flowfi_ingest_ready gauge\n\
                        flowfi_ingest_ready 1\n\
                        # HELP flowfi_ingest_lag_seconds The same by close times.\n\
                        # TYPE flowfi_ingest_lag_seconds gauge\n\
                        flowfi_ingest_lag_seconds -3\n\
                        # HELP flowfi_feed_resets_total Last event ids that could not be resumed from.\n\
                        # TYPE flowfi_feed_resets_total counter\n\
                        flowfi_feed_resets_total 7\n\
                        # HELP flowfi_ingest_corrections_total Corrected fields.\n\
                        # TYPE flowfi_ingest_corrections_total counter\n\
                        flowfi_ingest_corrections_total{field=\"status\"} 2\n";
        assert_eq!(text, expected);
    }
}
