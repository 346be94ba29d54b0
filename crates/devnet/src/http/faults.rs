//! Injects and clears faults, at all endpoints or at one.

use axum::{
    extract::{Path, State},
    http::StatusCode,
};
use serde_json::Value;

use super::{
    fields::{Body, Fields},
    problem::Problem,
};
use crate::{Devnet, Fault};

pub(super) async fn inject(State(devnet): State<Devnet>, body: Body) -> Result<StatusCode, Problem> {
    let fields = Fields::read(body)?;
    let times = fields.optional_number("times")?;
    let not_text = || Problem::parameter("endpoint", "must be the name of an endpoint, as a string");
    let endpoint = fields.get("endpoint").map(|name| name.as_str().map(str::to_owned).ok_or_else(not_text));
    let endpoint = endpoint.transpose()?;
    let mut fault = fields.into_inner();
    fault.remove("times");
    fault.remove("endpoint");
    let fault: Fault = serde_json::from_value(Value::Object(fault))
        .map_err(|error| Problem::parameter("kind", format!("is not a valid fault: {error}")))?;
    match endpoint {
        Some(endpoint) => devnet.inject_at(&endpoint, fault, times)?,
        None => devnet.inject(fault, times)?,
    }
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn clear(State(devnet): State<Devnet>) -> StatusCode {
    devnet.clear_faults();
    StatusCode::NO_CONTENT
}

pub(super) async fn clear_at(State(devnet): State<Devnet>, Path(endpoint): Path<String>) -> StatusCode {
    devnet.clear_faults_at(&endpoint);
    StatusCode::NO_CONTENT
}
