//! Calls of the stream contract, answered when their ledger is closed; and the archival of what it stored.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use serde_json::{Value, json};

use super::{
    fields::{Body, Fields, whole_number},
    problem::Problem,
};
use crate::{
    devnet::{Call, Devnet, Receipt},
    domain::{Amount, StreamId},
};

pub(super) async fn create(State(devnet): State<Devnet>, body: Body) -> Result<(StatusCode, Json<Value>), Problem> {
    let fields = Fields::read(body)?;
    let call = Call::Create {
        sender: fields.address("sender")?,
        recipient: fields.address("recipient")?,
        token: fields.optional_address("tokenAddress")?.unwrap_or_else(|| devnet.token().into()),
        amount: Amount(fields.number("amount")?),
        duration_seconds: fields.number("duration")?,
    };
    let receipt = devnet.submit(call).await.map_err(|not_done| Problem::of_creation(not_done, &devnet.token()))?;
    Ok((StatusCode::CREATED, Json(view(&receipt))))
}

pub(super) async fn change(
    State(devnet): State<Devnet>,
    Path((id, action)): Path<(String, String)>,
    body: Body,
) -> Result<Json<Value>, Problem> {
    let stream_id = StreamId(whole_number("id", &Value::String(id))?);
    let fields = Fields::read(body)?;
    let caller = fields.optional_address("caller")?;
    if action == "archive" {
        devnet.archive_stream(stream_id);
        return Ok(Json(json!({ "streamId": stream_id })));
    }
    let call = match action.as_str() {
        "top-up" => Call::TopUp { stream_id, caller, amount: Amount(fields.number("amount")?) },
        "withdraw" => Call::Withdraw { stream_id, caller },
        "pause" => Call::Pause { stream_id, caller },
        "resume" => Call::Resume { stream_id, caller },
        "cancel" => Call::Cancel { stream_id, caller },
        _ => return Err(Problem::not_found("the actions are top-up, withdraw, pause, resume, cancel and archive")),
    };
    Ok(Json(view(&devnet.submit(call).await?)))
}

/// Returns what a caller is told of a transaction.
pub(super) fn view(receipt: &Receipt) -> Value {
    json!({
        "transactionHash": receipt.transaction_hash,
        "ledger": receipt.ledger,
        "streamId": receipt.stream_id,
        "events": receipt.events,
    })
}
