//! The health of the indexer's endpoints, from its report in the database.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::openapi::words;
use crate::domain::LedgerSequence;

/// How an endpoint that the indexer asks is doing.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct EndpointHealth {
    /// Its host, with the port if the URL names one.
    host: String,
    /// Whether it is asked: it is, not now because it failed, or it serves another network or refuses us.
    #[schema(value_type = words::EndpointState)]
    state: String,
    /// When it will be asked again, in milliseconds from now.
    retry_in_ms: Option<u64>,
    /// How long its recent answers took, in milliseconds.
    latency_ms: Option<u64>,
    /// How many requests it has answered or failed.
    requests: u64,
    /// How many of them failed.
    failures: u64,
    /// How many failed since the last answer.
    failures_in_a_row: u64,
    /// The kind of the last failure, in a few words.
    last_failure: Option<String>,
    /// The newest ledger it has, as last reported.
    #[schema(value_type = Option<words::LedgerSequence>)]
    latest_ledger: Option<LedgerSequence>,
    /// The oldest ledger it has, as last reported.
    #[schema(value_type = Option<words::LedgerSequence>)]
    oldest_ledger: Option<LedgerSequence>,
    /// The passphrase of the network it serves.
    passphrase: Option<String>,
    /// The server's version.
    version: Option<String>,
    /// The shape of its answers, once the indexer has learned it.
    shape: Option<EndpointShape>,
    /// The largest page that is requested from it, if limited.
    page_limit: Option<u32>,
    /// The most ledgers that are requested from it at once, if limited.
    window_ledgers: Option<u32>,
    /// Whether it is asked for ledger entries, which has a back-off of its own; null if it never is.
    entries: Option<EntriesHealth>,
}

/// How an endpoint is doing that is asked for ledger entries.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct EntriesHealth {
    /// Whether it is asked: it is, not now because it failed, or it refuses us.
    #[schema(value_type = words::EndpointState)]
    state: String,
    /// When it will be asked again, in milliseconds from now.
    retry_in_ms: Option<u64>,
    /// How many requests failed since the last answer.
    failures_in_a_row: u64,
    /// The kind of the last failure, in a few words.
    last_failure: Option<String>,
}

/// The shape of an endpoint's answers, where servers differ. An endpoint whose ids or cursors have an unknown form is not
/// used.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct EndpointShape {
    /// The API that it offers.
    #[schema(value_type = words::EndpointInterface)]
    interface: String,
    /// The form of the ids of its events or transactions; null until it has shown one.
    #[schema(value_type = Option<words::IdForm>)]
    ids: Option<String>,
    /// The form of its cursors.
    #[schema(value_type = Option<words::IdForm>)]
    cursors: Option<String>,
    /// Whether its events say if their call succeeded; null until it has shown one. If they do not say so, the call
    /// succeeded.
    reports_success: Option<bool>,
}

impl EndpointHealth {
    /// Reads an indexer's report. It may come from another version, so entries that cannot be read are left out.
    pub(super) fn all_in(report: &Value) -> Vec<Self> {
        let endpoints = report.as_array().map(Vec::as_slice).unwrap_or_default();
        endpoints.iter().filter_map(|endpoint| Self::deserialize(endpoint).ok()).collect()
    }
}
