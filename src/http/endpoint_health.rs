//! How the indexer's endpoints are doing, as its report in the database says.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::openapi::words;
use crate::domain::LedgerSequence;

/// How an endpoint that the indexer asks is doing.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct EndpointHealth {
    /// Its host, with the port if the URL names one.
    host: String,
    /// Whether it is asked: it is, not now because it failed, or it serves another network or refuses us.
    #[schema(value_type = words::EndpointState)]
    state: String,
    /// Until it may be asked again, in milliseconds.
    retry_in_ms: Option<u64>,
    /// How long its answers took of late, in milliseconds.
    latency_ms: Option<u64>,
    /// How many requests it has answered or failed.
    requests: u64,
    /// How many of them failed.
    failures: u64,
    /// How many failed since the last answer.
    failures_in_a_row: u64,
    /// Why the last failure was one, in a few words.
    last_failure: Option<String>,
    /// The newest ledger it ever told of.
    #[schema(value_type = Option<words::LedgerSequence>)]
    latest_ledger: Option<LedgerSequence>,
    /// The oldest ledger it has, by its last word on it.
    #[schema(value_type = Option<words::LedgerSequence>)]
    oldest_ledger: Option<LedgerSequence>,
    /// The passphrase of the network it serves.
    passphrase: Option<String>,
    /// The server's version.
    version: Option<String>,
    /// The largest page that is asked for, where that is bounded.
    page_limit: Option<u32>,
    /// The most ledgers that are asked for at once, where that is bounded.
    window_ledgers: Option<u32>,
}

impl EndpointHealth {
    /// Reads what an indexer reported, which may be of another version: what is not understood is left out.
    pub(super) fn all_in(report: &Value) -> Vec<Self> {
        let endpoints = report.as_array().map(Vec::as_slice).unwrap_or_default();
        endpoints.iter().filter_map(|endpoint| Self::deserialize(endpoint).ok()).collect()
    }
}
