//! Calls of the stream contract, answered when their ledger closes, and the archival of stored streams.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use serde_json::{Value, json};

use super::{
    actions, creators,
    fields::{Body, Fields, whole_number},
    problem::Problem,
    terms::Terms,
};
use crate::{Call, Devnet, Receipt};
use flowfi_domain::{Amount, StreamId};

const NOTE: &str = "The contract takes a deposit and a duration: the duration is depositedAmount / ratePerSecond, \
                    rounded down; startTime is ignored, a stream starts when its ledger closes; ratePerSecond is \
                    what is left of the deposit after the fee, spread over the duration.";

/// Creates streams, by the creator that the body names. A linear stream may be described as the contract takes it, by a
/// deposit and a duration, or by a deposit and a rate, as FlowFi's first documents name them.
pub(super) async fn create(State(devnet): State<Devnet>, body: Body) -> Result<(StatusCode, Json<Value>), Problem> {
    let fields = Fields::read(body)?;
    let Some(creator) = creators::named(&fields)? else { return create_linear(&devnet, &fields).await };
    let token = devnet.token();
    let call = creator.call(&fields, &token.clone().into())?;
    let batch = if let Call::CreateBatch { streams, .. } = &call { Some(streams.len()) } else { None };
    let receipt = devnet.submit(call).await.map_err(|not_done| Problem::of_creation(not_done, &token))?;
    let mut answer = view_created(&devnet, &receipt);
    if let (Some(count), Some(last)) = (batch, receipt.stream_id) {
        answer["streamIds"] = json!(ids_up_to(last, count));
    }
    Ok((StatusCode::CREATED, Json(answer)))
}

/// Returns the ids of a batch of `count` streams, of which `last` is the last.
fn ids_up_to(last: StreamId, count: usize) -> Vec<StreamId> {
    let count = u64::try_from(count).unwrap_or(u64::MAX);
    (last.0.saturating_sub(count).saturating_add(1)..=last.0).map(StreamId).collect()
}

async fn create_linear(devnet: &Devnet, fields: &Fields) -> Result<(StatusCode, Json<Value>), Problem> {
    let terms = Terms::read(fields)?;
    let call = Call::Create {
        sender: fields.address("sender")?,
        recipient: fields.address("recipient")?,
        token: fields.optional_address("tokenAddress")?.unwrap_or_else(|| devnet.token().into()),
        amount: Amount(terms.deposit),
        duration_seconds: terms.duration_seconds,
    };
    let receipt = devnet.submit(call).await.map_err(|not_done| Problem::of_creation(not_done, &devnet.token()))?;
    let mut answer = view_created(devnet, &receipt);
    answer["duration"] = json!(terms.duration_seconds);
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
    if action == "archive" {
        devnet.archive_stream(stream_id);
        return Ok(Json(json!({ "streamId": stream_id })));
    }
    let call = actions::call(&action, stream_id, &fields, devnet.latest_closed_at())?;
    Ok(Json(view(&devnet.submit(call).await?)))
}

/// Withdraws from several streams of one recipient.
pub(super) async fn withdraw_batch(State(devnet): State<Devnet>, body: Body) -> Result<Json<Value>, Problem> {
    let fields = Fields::read(body)?;
    let ids = fields.get("streamIds").and_then(Value::as_array);
    let ids = ids.ok_or_else(|| Problem::parameter("streamIds", "must be an array of numbers of streams"))?;
    let stream_ids = ids.iter().map(|id| whole_number("streamIds", id).map(StreamId)).collect::<Result<_, _>>()?;
    let call = Call::WithdrawBatch { recipient: fields.address("recipient")?, stream_ids };
    Ok(Json(view(&devnet.submit(call).await?)))
}

/// Returns what a caller is told of a creation: the transaction, and the rate and deposit that the contract stored.
fn view_created(devnet: &Devnet, receipt: &Receipt) -> Value {
    let stream = receipt.stream_id.and_then(|id| devnet.stored_stream(&devnet.contract_id(), id));
    let mut answer = view(receipt);
    answer["ratePerSecond"] = json!(stream.as_ref().map(|stream| Amount(stream.rate_per_second)));
    answer["depositedAmount"] = json!(stream.as_ref().map(|stream| Amount(stream.deposited)));
    answer
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
