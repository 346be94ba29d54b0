//! `GET /v1/streams/{id}/claimable`.

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    caller::CalledBy,
    openapi::{OfOne, StreamInPath, any_time, words},
    parameters::{One, PathText},
    problem::Problem,
    query::{Parameter, Query, query},
    state::HttpState,
    streams::seen_stream,
    times::dated_time,
};
use crate::domain::{Amount, ClaimableReason, StreamId, UnixTime};

/// What a stream's recipient can claim at a time, if nothing happens to the stream until then.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Claimable)]
#[serde(rename_all = "camelCase")]
pub(super) struct ClaimableView {
    /// The stream.
    #[schema(value_type = words::StreamId)]
    stream_id: StreamId,
    /// The claimable amount; null if it is not known.
    #[schema(value_type = Option<words::Amount>)]
    claimable_amount: Option<Amount>,
    /// Why the amount is not known; null if it is.
    #[schema(value_type = Option<words::ClaimableReason>)]
    claimable_reason: Option<ClaimableReason>,
    /// Whether the contract would pay it out: it refuses inactive and paused streams, and to pay nothing.
    actionable: bool,
    /// The time that this is computed for.
    #[schema(value_type = Option<words::UnixTime>)]
    calculated_at: Option<u64>,
}

query! {
    /// The parameters of what can be claimed.
    pub(super) ClaimableQuery {
        AT: One<UnixTime> =
            Parameter::new("at", "The time to compute it for. Default: the close of the last whole ledger.", any_time);
    }
}

/// Returns what the recipient can claim at the Unix time `at`, by default at the close of the last ledger.
#[utoipa::path(
    get,
    path = "/streams/{id}/claimable",
    tag = "streams",
    operation_id = "getClaimable",
    params(StreamInPath, ClaimableQuery),
    responses(
        (status = 200, description = "What the recipient can claim.", body = ClaimableView),
        OfOne,
    ),
    security((), ("bearerAuth" = [])),
)]
pub(super) async fn claimable(
    State(state): State<HttpState>,
    CalledBy(caller): CalledBy,
    PathText(id): PathText,
    query: Query<ClaimableQuery>,
) -> Result<Json<ClaimableView>, Problem> {
    let at = query.get(AT)?;
    let (contract_id, stream_id) = state.stream_key(&id)?;
    let at = match at {
        Some(at) => at,
        None => state.now().await?,
    };
    let record = seen_stream(&state, &caller, &contract_id, stream_id).await?;
    let claimable = record.claimable(at);
    let actionable = record.is_active && !record.paused && claimable.is_ok_and(|amount| amount > Amount::ZERO);
    Ok(Json(ClaimableView {
        stream_id,
        claimable_amount: claimable.ok(),
        claimable_reason: claimable.err(),
        actionable,
        calculated_at: dated_time(at),
    }))
}
