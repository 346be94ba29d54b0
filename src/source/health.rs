//! How an endpoint is doing, for status and metrics.

use serde::Serialize;

use crate::domain::LedgerSequence;

/// How an endpoint is doing. Of its URL it shows the host only: the rest may hold a provider's key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EndpointHealth {
    /// Its host, with the port if the URL names one.
    pub host: String,
    /// Whether it is asked.
    pub state: EndpointState,
    /// Until it may be asked again, in milliseconds.
    pub retry_in_ms: Option<u64>,
    /// How long its answers took of late, in milliseconds.
    pub latency_ms: Option<u64>,
    /// How many requests it has answered or failed.
    pub requests: u64,
    /// How many of them failed.
    pub failures: u64,
    /// How many failed since the last answer.
    pub failures_in_a_row: u64,
    /// Why the last failure was one, in a few words.
    pub last_failure: Option<&'static str>,
    /// The newest ledger it ever told of.
    pub latest_ledger: Option<LedgerSequence>,
    /// The oldest ledger it has, by its last word on it.
    pub oldest_ledger: Option<LedgerSequence>,
    /// The passphrase of the network it serves.
    pub passphrase: Option<String>,
    /// The server's version.
    pub version: Option<String>,
    /// The largest page that is asked for, where that is bounded.
    pub page_limit: Option<u32>,
    /// The most ledgers that are asked for at once, where that is bounded.
    pub window_ledgers: Option<u32>,
}

/// Whether an endpoint is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum EndpointState {
    /// It is.
    Ready,
    /// Not now: it failed.
    Waiting,
    /// It serves another network or chain, or refuses us. It is looked at again twice a minute.
    Unusable,
}
