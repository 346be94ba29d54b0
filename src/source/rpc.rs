//! Stellar RPC over HTTP: the calls that we make, and the classification of everything that may come back.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use chrono::{DateTime, Utc};
use reqwest::{
    Response, StatusCode, Url,
    header::{DATE, HeaderValue, RETRY_AFTER},
    redirect,
};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::{Value, json};

use super::{
    EndpointShape, EventPage, EventsFrom, LedgerEntries, SourceError, Tip, TransientReason,
    page_size::EventsQuery,
    wire::{Entries, Events, Health, LedgerSummary, LedgersReply, Network, Reply, RpcError, Version},
};
use crate::{
    domain::{Clock, ContractId, LedgerSequence, SystemClock},
    xdr::{LedgerHeader, key_of_ledger_entry},
};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The server gives up on `getEvents` after 10 s and on any request after 25 s.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// The server accepts no more in one filter, and no more than five filters.
const CONTRACTS_IN_A_FILTER: usize = 5;
/// A page of 10 000 events with long topics and values is about 30 MB.
const LARGEST_REPLY_BYTES: usize = 256 * 1024 * 1024;
/// Waiting any longer at a server's request would look like a standstill.
const LONGEST_RETRY_AFTER: Duration = Duration::from_mins(5);

/// One Stellar RPC endpoint. Cheap to clone.
#[derive(Clone, Debug)]
pub struct StellarRpc {
    client: reqwest::Client,
    url: Url,
}

impl StellarRpc {
    /// Returns a client of the endpoint at `url`. Nothing is sent yet.
    ///
    /// # Errors
    /// [`SourceError::Permanent`] if it is not an HTTP URL.
    pub fn new(url: &str) -> Result<Self, SourceError> {
        Ok(Self { client: http_client()?, url: http_url(url)? })
    }

    /// Returns the host of the endpoint, with its port if the URL names one: the part of the URL that may be shown.
    pub(super) fn host(&self) -> String {
        host_of(&self.url)
    }

    /// `getNetwork`: returns the passphrase of the endpoint's network.
    pub(super) async fn passphrase(&self) -> Result<String, SourceError> {
        let network: Network = self.call_small("getNetwork", json!({})).await?;
        Ok(network.passphrase)
    }

    /// `getVersionInfo`: returns the version that the endpoint reports.
    pub(super) async fn version(&self) -> Result<String, SourceError> {
        let version: Version = self.call_small("getVersionInfo", json!({})).await?;
        Ok(version.version)
    }

    /// `getHealth`: returns the newest and the oldest ledger that the endpoint has.
    pub(super) async fn tip(&self) -> Result<Tip, SourceError> {
        let health: Health = self.call_small("getHealth", json!({})).await?;
        Ok(health.into())
    }

    /// `getEvents`, with filters that each name a type and contracts (servers up to 27.1.0 lose events if a filter
    /// omits one of them).
    pub(super) async fn events(
        &self,
        contract_ids: &[ContractId],
        query: EventsQuery,
    ) -> Result<(EventPage, EndpointShape), SourceError> {
        let EventsQuery { from, to_ledger_exclusive, limit } = query;
        let filter = |contract_ids: &[ContractId]| json!({"type": "contract,system", "contractIds": contract_ids});
        let mut params = json!({
            "filters": contract_ids.chunks(CONTRACTS_IN_A_FILTER).map(filter).collect::<Vec<Value>>(),
            "pagination": {"limit": limit},
        });
        match from {
            EventsFrom::Ledger(ledger) => params["startLedger"] = json!(ledger),
            EventsFrom::After(position) => params["pagination"]["cursor"] = json!(position),
        }
        if let Some(end) = to_ledger_exclusive {
            params["endLedger"] = json!(end);
        }
        let body = self.post("getEvents", params).await?;
        let contract_ids = contract_ids.to_vec();
        let page = tokio::task::spawn_blocking(move || {
            let events: Events<'_> = result_of(&body, from.ledger())?;
            let shape = events.shape()?;
            Ok((events.into_page(&contract_ids, limit)?, shape))
        });
        page.await.map_err(|_| SourceError::bad_reply("reading the reply failed"))?
    }

    /// `getEvents` of one ledger without a filter: returns the shape of the answer.
    pub(super) async fn sample(&self, ledger: LedgerSequence) -> Result<EndpointShape, SourceError> {
        let params = json!({"startLedger": ledger, "filters": [], "pagination": {"limit": 1}});
        let body = self.post("getEvents", params).await?;
        result_of::<Events<'_>>(&body, ledger)?.shape()
    }

    /// `getLedgerEntries`: returns the entries of at most 200 keys, matched by key: replies have another order, and
    /// leave out what does not exist or is archived.
    ///
    /// # Errors
    /// A [`SourceError`], sorted. An answer with the entry of another key is a bad reply, none of whose entries counts.
    pub(super) async fn ledger_entries(&self, keys: &[String]) -> Result<LedgerEntries, SourceError> {
        let entries: Entries = self.call_small("getLedgerEntries", json!({ "keys": keys })).await?;
        let found = LedgerEntries::from(entries);
        // What does not decode is left to the reader of the entry.
        let is_of_another = |key: &&String| {
            let entry = found.entries.get(*key);
            entry.and_then(|entry| key_of_ledger_entry(&entry.xdr).ok()).is_some_and(|own| own != **key)
        };
        match keys.iter().find(is_of_another) {
            Some(key) => Err(SourceError::bad_reply(format!("the entry under the key {key} belongs to another key"))),
            None => Ok(found),
        }
    }

    /// `getLedgers`: returns the hash of a ledger in hex; `None` if the endpoint cannot say, because it lacks the
    /// ledger or the method.
    ///
    /// # Errors
    /// A transient [`SourceError`].
    pub async fn ledger_hash(&self, sequence: LedgerSequence) -> Result<Option<String>, SourceError> {
        Ok(self.ledger_summary(sequence).await?.map(|ledger| ledger.hash))
    }

    /// `getLedgers`: returns the header of a ledger; `None` as for [`StellarRpc::ledger_hash`].
    ///
    /// # Errors
    /// A transient [`SourceError`].
    pub(super) async fn ledger_header(&self, sequence: LedgerSequence) -> Result<Option<LedgerHeader>, SourceError> {
        let header = self.ledger_summary(sequence).await?.and_then(|ledger| ledger.header_xdr);
        let header = header.as_deref().map(LedgerHeader::of_xdr).transpose();
        header.map_err(|fault| SourceError::bad_reply(format!("the header of ledger {sequence}: {fault}")))
    }

    async fn ledger_summary(&self, sequence: LedgerSequence) -> Result<Option<LedgerSummary>, SourceError> {
        let params = json!({"startLedger": sequence, "pagination": {"limit": 1}});
        let body = self.post("getLedgers", params).await?;
        match result_of::<LedgersReply>(&body, sequence) {
            Ok(page) => Ok(page.of(sequence)),
            Err(failure @ SourceError::Transient { .. }) => Err(failure),
            Err(_) => Ok(None),
        }
    }

    pub(super) async fn call_small<T: DeserializeOwned>(&self, method: &str, params: Value) -> Result<T, SourceError> {
        let body = self.post(method, params).await?;
        result_of(&body, LedgerSequence(0))
    }

    pub(super) async fn post(&self, method: &str, params: Value) -> Result<Bytes, SourceError> {
        let request = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let response = self.client.post(self.url.clone()).json(&request).send().await.map_err(network_error)?;
        let refusal = check_status(&response).err();
        let body = read_body(response).await;
        match refusal {
            None => body,
            Some(refusal @ SourceError::Transient { reason: TransientReason::RateLimited, .. }) => Err(refusal),
            // Some servers send a JSON-RPC error with its own HTTP status; the error says more than the status, but when
            // to ask again is only in the head.
            Some(refusal) => match body.as_ref().ok().and_then(|body| rpc_error(body)) {
                Some(error) => postponed(&refusal, &error).map_or(body, Err),
                None => Err(refusal),
            },
        }
    }
}

fn rpc_error(body: &[u8]) -> Option<RpcError> {
    serde_json::from_slice::<Reply<IgnoredAny>>(body).ok()?.error
}

/// Returns a JSON-RPC error that may pass, with the time that the head of the answer asks to wait; `None` if it asks for
/// none, or the error is a lasting one.
fn postponed(refusal: &SourceError, error: &RpcError) -> Option<SourceError> {
    let SourceError::Transient { retry_after: Some(wait), .. } = refusal else { return None };
    let SourceError::Transient { reason, detail, .. } = sort(error, LedgerSequence(0)) else { return None };
    Some(SourceError::Transient { reason, retry_after: Some(*wait), detail })
}

/// Reads the address of a server. What may be secret in it is in no error.
pub(super) fn http_url(text: &str) -> Result<Url, SourceError> {
    let permanent = |detail: String| SourceError::Permanent { detail };
    let url: Url = text.parse().map_err(|error| permanent(format!("it is not a URL: {error}")))?;
    if !matches!(url.scheme(), "http" | "https") {
        let shown = format!("{}://{}", url.scheme(), url.host_str().unwrap_or_default());
        return Err(permanent(format!("{shown} does not start with http:// or https://")));
    }
    Ok(url)
}

/// Returns the host of an address, with its port where that is named.
pub(super) fn host_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// Returns a client with timeouts for every request.
pub(super) fn http_client() -> Result<reqwest::Client, SourceError> {
    // An error means that a provider is already installed, which works as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(REQUEST_TIMEOUT)
        // A redirect may lead to another host or to plain http, and turns a POST into a GET.
        .redirect(redirect::Policy::none())
        .user_agent(concat!("flowfi-indexer/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| SourceError::Permanent { detail: format!("no HTTP client: {error}") })
}

/// Returns the whole body, up to the largest size that we accept.
pub(super) async fn read_body(response: Response) -> Result<Bytes, SourceError> {
    read_body_of(response, LARGEST_REPLY_BYTES).await
}

/// Returns the whole body if it has at most `most_bytes` bytes.
pub(super) async fn read_body_of(mut response: Response, most_bytes: usize) -> Result<Bytes, SourceError> {
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(network_error)? {
        if body.len() + chunk.len() > most_bytes {
            return Err(SourceError::bad_reply(format!("the reply is larger than {most_bytes} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

pub(super) fn network_error(error: reqwest::Error) -> SourceError {
    // Only a request that reached the node can have been too much for it.
    let reason = if error.is_connect() {
        TransientReason::Network
    } else if error.is_timeout() {
        TransientReason::Timeout
    } else if error.is_decode() {
        TransientReason::BadReply
    } else {
        TransientReason::Network
    };
    // The URL may hold a provider's key.
    SourceError::transient(reason, innermost(&error.without_url()))
}

fn innermost(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), innermost)
}

pub(super) fn check_status(response: &Response) -> Result<(), SourceError> {
    let status = response.status();
    if status.is_success() {
        return Ok(());
    }
    let reason = match status {
        StatusCode::TOO_MANY_REQUESTS => TransientReason::RateLimited,
        StatusCode::REQUEST_TIMEOUT => TransientReason::Timeout,
        status if status.is_server_error() => TransientReason::Server,
        // An expired key or a proxy's own answer may be fixed at any time.
        _ => TransientReason::Refused,
    };
    let header = |name| response.headers().get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let retry_after = header(RETRY_AFTER).and_then(|text| retry_after(text, header(DATE), SystemClock.now()));
    Err(SourceError::Transient { reason, retry_after, detail: format!("HTTP {status}") })
}

/// Reads `Retry-After` (RFC 9110 10.2.3): seconds, or a date. A date is relative to the date of the answer, so that the
/// clocks need not agree; an answer without a date was given now.
fn retry_after(text: &str, answered: Option<&str>, now: DateTime<Utc>) -> Option<Duration> {
    let wait = if let Ok(seconds) = text.trim().parse() {
        Duration::from_secs(seconds)
    } else {
        let answered = answered.and_then(|date| httpdate::parse_http_date(date.trim()).ok());
        let answered = answered.unwrap_or_else(|| now.into());
        httpdate::parse_http_date(text.trim()).ok()?.duration_since(answered).unwrap_or_default()
    };
    Some(wait.min(LONGEST_RETRY_AFTER))
}

/// Reads a JSON-RPC reply to a request about `wanted`.
pub(super) fn result_of<'a, T: serde::Deserialize<'a>>(
    body: &'a [u8],
    wanted: LedgerSequence,
) -> Result<T, SourceError> {
    let reply: Reply<T> = serde_json::from_slice(body).map_err(|error| SourceError::bad_reply(error.to_string()))?;
    match (reply.result, reply.error) {
        (_, Some(error)) => Err(sort(&error, wanted)),
        (Some(result), None) => Ok(result),
        (None, None) => Err(SourceError::bad_reply("the reply holds neither a result nor an error")),
    }
}

/// Classifies a JSON-RPC error. `InvalidRequest` is either a range error or a failed database read; only the text
/// tells.
fn sort(error: &RpcError, wanted: LedgerSequence) -> SourceError {
    let detail = format!("RPC error {}: {}", error.code, error.message);
    match error.code {
        // Servers before 23 answer -32003 to a `getLedgers` that is out of range.
        -32600 | -32003 => out_of_range(&error.message, wanted)
            .unwrap_or_else(|| SourceError::transient(TransientReason::Server, detail)),
        -32601 | -32602 => SourceError::Permanent { detail },
        -32001 => SourceError::transient(TransientReason::ProcessingLimit, detail),
        _ => SourceError::transient(TransientReason::Server, detail),
    }
}

/// Reads the range that the server names, and returns on which side of it `wanted` lies. `getEvents` says "… must be
/// within the ledger range: {oldest} - {latest}", `getLedgers` "… must be between the oldest ledger: {oldest} and the
/// latest ledger: {latest} for this rpc instance".
fn out_of_range(message: &str, wanted: LedgerSequence) -> Option<SourceError> {
    let number_after = |label| {
        let (_, rest) = message.split_once(label)?;
        let digits = rest.trim_start().split(|character: char| !character.is_ascii_digit()).next()?;
        digits.parse::<LedgerSequence>().ok()
    };
    let (oldest, latest) = match message.split_once("ledger range:") {
        Some((_, range)) => {
            let (oldest, latest) = range.split_once('-')?;
            (oldest.trim().parse().ok()?, latest.trim().parse().ok()?)
        }
        None => (number_after("the oldest ledger:")?, number_after("the latest ledger:")?),
    };
    if wanted < oldest {
        Some(SourceError::BehindRetention { wanted, oldest })
    } else {
        (wanted > latest).then_some(SourceError::NodeBehind { wanted, latest })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WANTED: LedgerSequence = LedgerSequence(50);

    fn sorted(code: i64, message: &str) -> SourceError {
        sort(&RpcError { code, message: message.to_owned() }, WANTED)
    }

    #[test]
    fn a_range_error_says_on_which_side_the_ledger_lies() {
        let text = "startLedger must be within the ledger range: 100 - 200";
        assert!(matches!(sorted(-32600, text), SourceError::BehindRetention { oldest: LedgerSequence(100), .. }));
        let text = "startLedger must be within the ledger range: 2 - 40";
        assert!(matches!(sorted(-32600, text), SourceError::NodeBehind { latest: LedgerSequence(40), .. }));
    }

    #[test]
    fn a_range_error_of_get_ledgers_says_on_which_side_the_ledger_lies() {
        let text = |oldest: u32, latest: u32| {
            format!(
                "start ledger (50) must be between the oldest ledger: {oldest} and the latest ledger: {latest} for this rpc instance"
            )
        };
        for code in [-32600, -32003] {
            let behind = sorted(code, &text(100, 200));
            assert!(matches!(behind, SourceError::BehindRetention { oldest: LedgerSequence(100), .. }));
            let ahead = sorted(code, &text(2, 40));
            assert!(matches!(ahead, SourceError::NodeBehind { latest: LedgerSequence(40), .. }));
        }
    }

    #[test]
    fn retry_after_is_read_as_seconds_and_as_a_date() {
        let answered = Some("Sun, 06 Nov 1994 08:49:37 GMT");
        let now: DateTime<Utc> = "1994-11-06T08:49:40Z".parse().unwrap();
        let retry_after = |text, answered| retry_after(text, answered, now);
        assert_eq!(retry_after("7", None), Some(Duration::from_secs(7)));
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:49:49 GMT", answered), Some(Duration::from_secs(12)));
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:49:30 GMT", answered), Some(Duration::ZERO), "a time in the past");
        assert_eq!(retry_after("Sat, 06 Nov 1999 08:49:30 GMT", answered), Some(LONGEST_RETRY_AFTER));
        for answered in [None, Some("today")] {
            let wait = retry_after("Sun, 06 Nov 1994 08:49:49 GMT", answered);
            assert_eq!(wait, Some(Duration::from_secs(9)), "an answer without a date was given now");
        }
        assert_eq!(retry_after("soon", answered), None);
    }

    #[test]
    fn an_error_that_may_pass_keeps_the_wait_that_the_head_of_the_answer_asks_for() {
        let wait = Some(Duration::from_secs(7));
        let refused = |retry_after| SourceError::Transient {
            reason: TransientReason::Server,
            retry_after,
            detail: "HTTP 503".to_owned(),
        };
        let error = |code| RpcError { code, message: "busy".to_owned() };
        let postponed_until = |head, code| match postponed(&refused(head), &error(code)) {
            Some(SourceError::Transient { retry_after, .. }) => retry_after,
            _ => None,
        };
        assert_eq!(postponed_until(wait, -32603), wait);
        assert_eq!(postponed_until(None, -32603), None, "the body is read as without a status");
        assert_eq!(postponed_until(wait, -32601), None, "waiting does not help");
    }

    #[test]
    fn an_invalid_request_that_is_not_a_range_error_is_transient() {
        assert!(matches!(sorted(-32600, "database is locked"), SourceError::Transient { .. }));
    }

    #[test]
    fn a_bad_parameter_is_not_retried() {
        assert!(matches!(sorted(-32602, "limit must not exceed 1000"), SourceError::Permanent { .. }));
        assert!(matches!(sorted(-32601, "method not found"), SourceError::Permanent { .. }));
    }

    #[test]
    fn a_request_that_the_node_cannot_serve_now_is_transient() {
        for (code, text) in [(-32603, "data stores are not initialized: no ledgers"), (-32003, ""), (0, "")] {
            assert!(matches!(sorted(code, text), SourceError::Transient { reason: TransientReason::Server, .. }));
        }
        let limit = sorted(-32001, "request exceeded processing limit threshold");
        assert!(matches!(limit, SourceError::Transient { reason: TransientReason::ProcessingLimit, .. }));
    }

    #[test]
    fn a_body_that_is_not_a_reply_is_a_bad_reply() {
        for body in ["", "<html>502</html>", r#"{"jsonrpc":"2.0"}"#, r#"{"result":{"passphrase":"#] {
            let read: Result<Network, _> = result_of(body.as_bytes(), WANTED);
            let bad = matches!(read, Err(SourceError::Transient { reason: TransientReason::BadReply, .. }));
            assert!(bad, "{body}");
        }
    }
}
