//! `GET /v1/streams/{id}/corrections`.

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    caller::CalledBy,
    openapi::{OfOne, StreamInPath, words},
    parameters::PathText,
    problem::Problem,
    query::{NoParameters, Query},
    state::HttpState,
    streams::seen_stream,
    times::date_text,
};
use crate::{
    domain::{LedgerSequence, StreamId},
    store::Correction,
};

/// Anybody who asks gets at most so many; a record is not corrected often.
const MOST: u32 = 100;

/// What was corrected in a stream's record.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = StreamCorrections)]
#[serde(rename_all = "camelCase")]
pub(super) struct CorrectionsView {
    /// The stream.
    #[schema(value_type = words::StreamId)]
    stream_id: StreamId,
    /// The newest corrections, at most 100, the newest first.
    data: Vec<CorrectionView>,
}

/// A field of a record that differed from the chain's own entry and was set from it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Correction)]
#[serde(rename_all = "camelCase")]
struct CorrectionView {
    /// The number of the correction; later ones are higher.
    number: i64,
    /// The ledger that the chain's entry was true at.
    #[schema(value_type = words::LedgerSequence)]
    at_ledger: LedgerSequence,
    /// The contract's name of the field; `record` for the whole record.
    field: String,
    /// What the record had.
    was: String,
    /// What the chain has.
    is: String,
    /// When it was corrected.
    #[schema(value_type = words::Moment)]
    corrected_at: String,
}

/// Returns what was corrected in a stream's record because the chain's own entry differed.
#[utoipa::path(
    get,
    path = "/streams/{id}/corrections",
    tag = "streams",
    operation_id = "listCorrections",
    params(StreamInPath),
    responses(
        (status = 200, description = "The corrections of the stream.", body = CorrectionsView),
        OfOne,
    ),
    security((), ("bearerAuth" = [])),
)]
pub(super) async fn list(
    State(state): State<HttpState>,
    CalledBy(caller): CalledBy,
    PathText(id): PathText,
    _: Query<NoParameters>,
) -> Result<Json<CorrectionsView>, Problem> {
    let (contract_id, stream_id) = state.stream_key(&id)?;
    seen_stream(&state, &caller, &contract_id, stream_id).await?;
    let corrections = state.store.corrections_of(&contract_id, stream_id, MOST).await?;
    Ok(Json(CorrectionsView { stream_id, data: corrections.into_iter().map(CorrectionView::of).collect() }))
}

impl CorrectionView {
    fn of(correction: Correction) -> Self {
        Self {
            number: correction.number,
            at_ledger: correction.at_ledger,
            field: correction.field,
            was: correction.ours,
            is: correction.chains,
            corrected_at: date_text(correction.corrected_at),
        }
    }
}
