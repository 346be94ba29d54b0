//! JSON-RPC errors with the codes and texts of the real server.

pub(super) const PARSE_ERROR: i32 = -32_700;
pub(super) const INVALID_REQUEST: i32 = -32_600;
/// The error for a method that a server does not have.
pub(super) const METHOD_NOT_FOUND: i32 = -32_601;
pub(super) const INVALID_PARAMS: i32 = -32_602;
pub(super) const PROCESSING_LIMIT: i32 = -32_001;

/// A JSON-RPC error.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RpcError {
    pub(super) code: i32,
    pub(super) message: String,
}

impl RpcError {
    /// Returns an error with this code. Without its own text it has the server's.
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

    /// Returns the error for parameters that the method does not accept.
    pub(super) fn invalid_params(message: impl Into<String>) -> Self {
        Self { code: INVALID_PARAMS, message: message.into() }
    }
}
