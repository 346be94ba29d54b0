//! `GET /v1/streams/{id}/claimable`.

use axum::{
    Json,
    extract::{RawQuery, State},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    caller::CalledBy,
    openapi::{OfClaimable, OfOne, words},
    parameters::{Parameters, PathText},
    problem::Problem,
    state::HttpState,
    streams::seen_stream,
    views::dated_time,
};
use crate::domain::{Amount, StreamId};

/// What a stream's recipient can claim at a time, if nothing happens to the stream until then.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Claimable)]
#[serde(rename_all = "camelCase")]
pub(super) struct ClaimableView {
    /// The stream.
    #[schema(value_type = words::StreamId)]
    stream_id: StreamId,
    /// What can be claimed.
    #[schema(value_type = words::Amount)]
    claimable_amount: Amount,
    /// Whether the contract would pay it out: it refuses inactive and paused streams, and to pay nothing.
    actionable: bool,
    /// The time that this is of.
    #[schema(value_type = Option<words::UnixTime>)]
    calculated_at: Option<u64>,
}

/// Returns what can be claimed at the Unix time `at`, or else at the last ledger's.
#[utoipa::path(
    get,
    path = "/streams/{id}/claimable",
    tag = "streams",
    operation_id = "getClaimable",
    params(OfClaimable),
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
    RawQuery(query): RawQuery,
) -> Result<Json<ClaimableView>, Problem> {
    let parameters = Parameters::read(query.as_deref(), &["at"])?;
    let at = parameters.one("at")?;
    let (contract_id, stream_id) = state.stream_key(&id)?;
    let at = match at {
        Some(at) => at,
        None => state.now().await?,
    };
    let record = seen_stream(&state, &caller, &contract_id, stream_id).await?;
    let claimable_amount = record.claimable(at);
    let actionable = record.is_active && !record.paused && claimable_amount > Amount::ZERO;
    Ok(Json(ClaimableView { stream_id, claimable_amount, actionable, calculated_at: dated_time(at) }))
}
