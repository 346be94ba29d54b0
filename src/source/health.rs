//! The health of an endpoint, for status and metrics.

use serde::Serialize;

use super::EndpointShape;
use crate::domain::LedgerSequence;

/// The health of an endpoint. It shows only the host of its URL: the rest may hold a provider's key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EndpointHealth {
    /// Its host, with the port if the URL names one.
    pub host: String,
    /// Whether it may be asked.
    pub state: EndpointState,
    /// The time until it may be asked again, in milliseconds.
    pub retry_in_ms: Option<u64>,
    /// The recent latency of its answers, in milliseconds.
    pub latency_ms: Option<u64>,
    /// The number of requests that it answered or failed.
    pub requests: u64,
    /// The number of failed requests.
    pub failures: u64,
    /// The number of failures since the last answer.
    pub failures_in_a_row: u64,
    /// The reason for the last failure, in a few words.
    pub last_failure: Option<&'static str>,
    /// The newest ledger that it has, as last reported.
    pub latest_ledger: Option<LedgerSequence>,
    /// The oldest ledger that it has, as last reported.
    pub oldest_ledger: Option<LedgerSequence>,
    /// The passphrase of its network.
    pub passphrase: Option<String>,
    /// The server's version.
    pub version: Option<String>,
    /// The shape of its answers, once it is known.
    pub shape: Option<EndpointShape>,
    /// The largest page to ask for, if there is a limit.
    pub page_limit: Option<u32>,
    /// The largest number of ledgers to ask for at once, if there is a limit.
    pub window_ledgers: Option<u32>,
    /// Whether it may be asked for entries: a failure there says nothing of the other requests, nor they of it.
    pub entries: Option<EntriesHealth>,
}

/// Whether an endpoint may be asked for entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EntriesHealth {
    /// Whether it may be asked.
    pub state: EndpointState,
    /// The time until it may be asked again, in milliseconds.
    pub retry_in_ms: Option<u64>,
    /// The number of failures since the last answer.
    pub failures_in_a_row: u64,
    /// The reason for the last failure, in a few words.
    pub last_failure: Option<&'static str>,
}

impl EndpointHealth {
    /// Adds the requests for entries, whose failures say nothing of the others.
    pub(super) fn count_in(&mut self, for_entries: &Self) {
        self.requests += for_entries.requests;
        self.failures += for_entries.failures;
        self.last_failure = self.last_failure.or(for_entries.last_failure);
        self.entries = Some(EntriesHealth {
            state: for_entries.state,
            retry_in_ms: for_entries.retry_in_ms,
            failures_in_a_row: for_entries.failures_in_a_row,
            last_failure: for_entries.last_failure,
        });
    }
}

/// Whether an endpoint may be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum EndpointState {
    /// It may be asked.
    Ready,
    /// It failed, and is not asked for now.
    Waiting,
    /// It serves another network or chain, or refuses us. It is checked again twice a minute.
    Unusable,
}
