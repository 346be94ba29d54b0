//! Stellar RPC as the devnet answers it: the methods an indexer uses, with the real server's rules, error codes and
//! texts.

mod filter;
mod get_events;
mod get_ledgers;
mod ledger_entries;
mod node;
#[cfg(test)]
mod tests;
mod view;

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::value::RawValue;

use super::{Devnet, faults::Met};

const PARSE_ERROR: i32 = -32_700;
const INVALID_REQUEST: i32 = -32_600;
/// The error of a method that a server does not have.
pub(super) const METHOD_NOT_FOUND: i32 = -32_601;
const INVALID_PARAMS: i32 = -32_602;
const PROCESSING_LIMIT: i32 = -32_001;

/// A JSON-RPC request.
#[derive(Deserialize)]
pub(super) struct Request<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    method: String,
    #[serde(borrow)]
    params: Option<&'a RawValue>,
}

/// A JSON-RPC error.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RpcError {
    code: i32,
    message: String,
}

/// A reply: the result's JSON, or an error.
type Reply = Result<String, RpcError>;

impl RpcError {
    /// Returns an error of this code; without a text of its own it has the server's.
    pub(super) fn new(code: i32, message: Option<&str>) -> Self {
        let known = match code {
            PARSE_ERROR => "parse error",
            METHOD_NOT_FOUND => "method not found",
            PROCESSING_LIMIT => "[-32001] request exceeded processing limit threshold",
            -32_003 => "[-32003] request failed to process due to internal issue",
            _ => "internal error",
        };
        Self { code, message: message.unwrap_or(known).to_owned() }
    }

    fn invalid_params(message: impl Into<String>) -> Self {
        Self { code: INVALID_PARAMS, message: message.into() }
    }
}

impl<'a> Request<'a> {
    /// Reads a request; a body that is none becomes the error to reply.
    pub(super) fn parse(body: &'a [u8]) -> Result<Self, String> {
        serde_json::from_slice(body).map_err(|_| {
            let code = if serde_json::from_slice::<&RawValue>(body).is_ok() { INVALID_REQUEST } else { PARSE_ERROR };
            envelope(None, &Err(RpcError::new(code, (code == INVALID_REQUEST).then_some("invalid request"))))
        })
    }

    /// Returns the name of the method that is asked for.
    pub(super) fn method(&self) -> &str {
        &self.method
    }

    /// Returns the reply as JSON.
    pub(super) fn answer(&self, devnet: &Devnet, met: &Met) -> String {
        let reply = match self.method.as_str() {
            "getEvents" => self.params().and_then(|params| get_events::get_events(devnet, &params, met)),
            "getLedgers" => self.params().and_then(|params| get_ledgers::get_ledgers(devnet, &params, met)),
            "getLedgerEntries" => {
                self.params().and_then(|params| ledger_entries::get_ledger_entries(devnet, &params, met))
            }
            "getLatestLedger" => Ok(node::get_latest_ledger(devnet, met)),
            "getHealth" => Ok(node::get_health(devnet, met)),
            "getNetwork" => Ok(node::get_network(met)),
            "getVersionInfo" => Ok(node::get_version_info()),
            _ => Err(RpcError::new(METHOD_NOT_FOUND, None)),
        };
        envelope(self.id, &reply)
    }

    /// Returns the reply that carries `error`.
    pub(super) fn refuse(&self, error: RpcError) -> String {
        envelope(self.id, &Err(error))
    }

    fn params<T: DeserializeOwned>(&self) -> Result<T, RpcError> {
        let text = self.params.map_or("{}", RawValue::get);
        serde_json::from_str(text).map_err(|error| RpcError::invalid_params(format!("invalid parameters: {error}")))
    }
}

fn envelope(id: Option<&RawValue>, reply: &Reply) -> String {
    let id = id.map_or("null", RawValue::get);
    match reply {
        Ok(result) => format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{result}}}"),
        Err(RpcError { code, message }) => {
            let message = serde_json::Value::from(message.as_str());
            format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"error\":{{\"code\":{code},\"message\":{message}}}}}")
        }
    }
}
