//! Request bodies, read strictly.

use axum::http::{HeaderMap, header};
use serde::de::DeserializeOwned;

use super::problem::Problem;

/// Returns the media type of a request's body, in lower case and without parameters.
pub(super) fn media_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    Some(value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
}

/// Reads a JSON object of a given shape.
pub(super) fn read_json<T: DeserializeOwned>(headers: &HeaderMap, body: &[u8]) -> Result<T, Problem> {
    if media_type(headers).as_deref() != Some("application/json") {
        return Err(Problem::unsupported_media_type("this route accepts only JSON: Content-Type: application/json"));
    }
    // A struct could be read from an array too, by the order of its fields, which nobody promised.
    if body.trim_ascii_start().first() == Some(&b'[') {
        return Err(Problem::bad_request("the body is invalid: it must be a JSON object"));
    }
    serde_json::from_slice(body).map_err(|error| Problem::bad_request(format!("the body is invalid: {error}")))
}
