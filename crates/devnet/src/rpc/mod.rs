//! Stellar RPC as the devnet implements it: the methods that an indexer uses, with the rules, error codes and texts of
//! the real server.

mod filter;
mod get_events;
mod get_ledgers;
mod ledger_entries;
mod node;
#[cfg(test)]
mod tests;
pub(crate) mod view;

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::value::RawValue;

use super::{
    Devnet,
    faults::InjectedFaults,
    rpc_error::{INVALID_REQUEST, METHOD_NOT_FOUND, PARSE_ERROR, RpcError},
};

/// A JSON-RPC request.
#[derive(Deserialize)]
pub(super) struct Request<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    method: String,
    #[serde(borrow)]
    params: Option<&'a RawValue>,
}

/// A reply: the result's JSON, or an error.
type Reply = Result<String, RpcError>;

impl<'a> Request<'a> {
    /// Reads a request.
    pub(super) fn parse(body: &'a [u8]) -> Result<Self, RpcError> {
        // A struct could be read from an array too, by the order of its fields.
        let object = if body.trim_ascii_start().first() == Some(&b'[') { b"null" } else { body };
        serde_json::from_slice(object).map_err(|_| {
            let code = if serde_json::from_slice::<&RawValue>(body).is_ok() { INVALID_REQUEST } else { PARSE_ERROR };
            RpcError::new(code, (code == INVALID_REQUEST).then_some("invalid request"))
        })
    }

    /// Returns the name of the requested method.
    pub(super) fn method(&self) -> &str {
        &self.method
    }

    /// Returns the reply as JSON.
    pub(super) fn answer(&self, devnet: &Devnet, injected: &InjectedFaults) -> String {
        let reply = match self.method.as_str() {
            "getEvents" => self.params().and_then(|params| get_events::get_events(devnet, &params, injected)),
            "getLedgers" => self.params().and_then(|params| get_ledgers::get_ledgers(devnet, &params, injected)),
            "getLedgerEntries" => {
                self.params().and_then(|params| ledger_entries::get_ledger_entries(devnet, &params, injected))
            }
            "getLatestLedger" => Ok(node::get_latest_ledger(devnet, injected)),
            "getHealth" => Ok(node::get_health(devnet, injected)),
            "getNetwork" => Ok(node::get_network(injected)),
            "getVersionInfo" => Ok(node::get_version_info()),
            _ => Err(RpcError::new(METHOD_NOT_FOUND, None)),
        };
        envelope(self.id, &reply)
    }

    /// Returns a reply with this error.
    pub(super) fn refuse(&self, error: RpcError) -> String {
        envelope(self.id, &Err(error))
    }

    fn params<T: DeserializeOwned>(&self) -> Result<T, RpcError> {
        let text = self.params.map_or("{}", RawValue::get);
        serde_json::from_str(text).map_err(|error| RpcError::invalid_params(format!("invalid parameters: {error}")))
    }
}

/// Returns the reply to a body that is not a request.
pub(super) fn refuse_body(error: RpcError) -> String {
    envelope(None, &Err(error))
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
