//! `POST /v1/streams`: a stream created from its rate, as FlowFi's first documents show it. The contract itself takes
//! a duration and starts at once.

use axum::{Json, extract::State, http::StatusCode};
use serde_json::{Value, json};

use super::{
    fields::{Body, Fields},
    problem::Problem,
};
use crate::{
    devnet::{Call, Devnet},
    domain::Amount,
};

const NOTE: &str = "The contract takes a deposit and a duration: the duration is depositedAmount / ratePerSecond, \
                    rounded down; startTime is ignored, a stream starts when its ledger closes; ratePerSecond is \
                    what is left of the deposit after the fee, spread over the duration.";

pub(super) async fn create(State(devnet): State<Devnet>, body: Body) -> Result<(StatusCode, Json<Value>), Problem> {
    let fields = Fields::read(body)?;
    let (rate, deposit): (i128, i128) = (fields.number("ratePerSecond")?, fields.number("depositedAmount")?);
    if rate <= 0 {
        return Err(Problem::parameter("ratePerSecond", "must be above zero"));
    }
    if deposit < rate {
        return Err(Problem::parameter("depositedAmount", "must last for a second at least"));
    }
    let too_long =
        |_| Problem::parameter("ratePerSecond", "is so low that the stream would outlast 64 bits of seconds");
    let duration_seconds = u64::try_from(deposit / rate).map_err(too_long)?;
    let call = Call::Create {
        sender: fields.address("sender")?,
        recipient: fields.address("recipient")?,
        token: fields.optional_address("tokenAddress")?.unwrap_or_else(|| devnet.token().into()),
        amount: Amount(deposit),
        duration_seconds,
    };
    let receipt = devnet.submit(call).await.map_err(|not_done| Problem::of_creation(not_done, &devnet.token()))?;
    let stream = receipt.stream_id.and_then(|id| devnet.stream_entry(id));
    Ok((
        StatusCode::CREATED,
        Json(json!({
            "streamId": receipt.stream_id,
            "transactionHash": receipt.transaction_hash,
            "ledger": receipt.ledger,
            "duration": duration_seconds,
            "ratePerSecond": stream.as_ref().map(|stream| stream.rate_per_second),
            "depositedAmount": stream.as_ref().map(|stream| stream.deposited),
            "note": NOTE,
        })),
    ))
}
