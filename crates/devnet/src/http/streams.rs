//! Calls of the stream contract, answered when their ledger closes, and the archival of stored streams.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use serde_json::{Value, json};

use super::{
    fields::{Body, Fields, whole_number},
    problem::Problem,
    terms::Terms,
};
use crate::{Call, Devnet, Receipt};
use flowfi_domain::{Amount, StreamId};

const NOTE: &str = "The contract takes a deposit and a duration: the duration is depositedAmount / ratePerSecond, \
                    rounded down; startTime is ignored, a stream starts when its ledger closes; ratePerSecond is \
                    what is left of the deposit after the fee, spread over the duration.";

/// Creates a stream from a deposit and a duration, as the contract does, or from a deposit and a rate, as in FlowFi's
/// first documents.
pub(super) async fn create(State(devnet): State<Devnet>, body: Body) -> Result<(StatusCode, Json<Value>), Problem> {
    let fields = Fields::read(body)?;
    let terms = Terms::read(&fields)?;
    let call = Call::Create {
        sender: fields.address("sender")?,
        recipient: fields.address("recipient")?,
        token: fields.optional_address("tokenAddress")?.unwrap_or_else(|| devnet.token().into()),
        amount: Amount(terms.deposit),
        duration_seconds: terms.duration_seconds,
    };
    let receipt = devnet.submit(call).await.map_err(|not_done| Problem::of_creation(not_done, &devnet.token()))?;
    let stream = receipt.stream_id.and_then(|id| devnet.stream_entry(id));
    let mut answer = view(&receipt);
    answer["duration"] = json!(terms.duration_seconds);
    answer["ratePerSecond"] = json!(stream.as_ref().map(|stream| stream.rate_per_second));
    answer["depositedAmount"] = json!(stream.as_ref().map(|stream| stream.deposited));
    if terms.is_from_rate || fields.get("startTime").is_some() {
        answer["note"] = json!(NOTE);
    }
    Ok((StatusCode::CREATED, Json(answer)))
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

/// Returns what the caller of a transaction is told.
pub(super) fn view(receipt: &Receipt) -> Value {
    json!({
        "transactionHash": receipt.transaction_hash,
        "ledger": receipt.ledger,
        "streamId": receipt.stream_id,
        "events": receipt.events,
    })
}
