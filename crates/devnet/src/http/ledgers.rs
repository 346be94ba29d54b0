//! Closes ledgers on request, and sets how many are kept.

use axum::{Json, extract::State, http::StatusCode};
use serde_json::{Value, json};

use super::{
    fields::{Body, Fields},
    problem::Problem,
};
use crate::{Devnet, DevnetError};
use flowfi_domain::UnixTime;

/// The year of a time must have four digits, and the network must be able to continue after it.
const LATEST_CLOSE: u64 = UnixTime::LAST_DATE.0 - 365 * 86_400;
/// Enough to exceed the window of a `getEvents` many times over.
const MAX_LEDGERS: u32 = 200_000;

pub(super) async fn close(State(devnet): State<Devnet>, body: Body) -> Result<Json<Value>, Problem> {
    let fields = Fields::read(body)?;
    let count = fields.optional_number("count")?.unwrap_or(1);
    if !(1..=MAX_LEDGERS).contains(&count) {
        return Err(Problem::parameter("count", format!("must be from 1 to {MAX_LEDGERS}")));
    }
    let closed_at = fields.optional_number("closedAt")?.map(UnixTime);
    if closed_at.is_some_and(|closed_at| closed_at.0 > LATEST_CLOSE) {
        return Err(Problem::parameter("closedAt", format!("must be at most {LATEST_CLOSE}, in Unix seconds")));
    }
    let handle = devnet.clone();
    let closing = move || -> Result<(), DevnetError> {
        let first = closed_at.map(|closed_at| handle.close_ledger_at(closed_at)).transpose()?;
        handle.close_ledgers(count - u32::from(first.is_some()))?;
        Ok(())
    };
    tokio::task::spawn_blocking(closing).await.map_err(DevnetError::from)??;
    Ok(Json(json!({ "latestLedger": devnet.latest_ledger(), "closedAt": devnet.latest_closed_at() })))
}

pub(super) async fn retain(State(devnet): State<Devnet>, body: Body) -> Result<StatusCode, Problem> {
    let ledgers = Fields::read(body)?.number("ledgers")?;
    if ledgers == 0 {
        return Err(Problem::parameter("ledgers", "must be 1 or more"));
    }
    devnet.set_retention(ledgers);
    Ok(StatusCode::NO_CONTENT)
}
