//! `GET /v1/admin/indexer` and `POST /v1/admin/indexer/pause` and `/resume`.

use axum::{Json, extract::State};
use serde::Serialize;
use tracing::info;
use utoipa::ToSchema;

use crate::{
    domain::LedgerSequence,
    http::{
        caller::Admin,
        openapi::{OfAdmin, OfAdminBody, words},
        problem::Problem,
        query::{NoParameters, Query},
        state::HttpState,
        status_view::{self, IndexerView},
        times::date_text,
    },
    store::DesiredState,
};

/// What operators want of the indexer, and what it does.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = IndexerControl)]
pub(in crate::http) struct IndexerControlView {
    /// What operators want.
    desired: DesiredStateView,
    /// Whether a process holds the writer's lock.
    has_writer: bool,
    /// The indexer's last report; null before the first.
    indexer: Option<IndexerView>,
    /// The newest ledger of the source, as of its last answer.
    #[schema(value_type = Option<words::LedgerSequence>)]
    tip_ledger: Option<LedgerSequence>,
    /// How many ledgers the index is behind that; null if nobody knows the tip of this moment.
    lag_ledgers: Option<u32>,
}

/// What operators want.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DesiredState)]
pub(in crate::http) struct DesiredStateView {
    /// Whether the indexer is to pause.
    paused: bool,
    /// Since when; null if it was never changed.
    #[schema(value_type = Option<words::Moment>)]
    since: Option<String>,
    /// The subject who asked for it.
    by: Option<String>,
}

/// Shows whether operators want the indexer to run, and what it is doing.
#[utoipa::path(
    get,
    path = "/indexer",
    tag = "admin",
    operation_id = "getIndexer",
    responses(
        (status = 200, description = "What operators want, and what the indexer is doing.", body = IndexerControlView),
        OfAdmin,
    ),
    security(("bearerAuth" = [])),
)]
pub(in crate::http) async fn indexer(
    State(state): State<HttpState>,
    _: Admin,
    _: Query<NoParameters>,
) -> Result<Json<IndexerControlView>, Problem> {
    let (desired, status) =
        tokio::try_join!(state.store.primary().desired_state(), status_view::read(&state.store, state.status_scope()))?;
    Ok(Json(IndexerControlView {
        desired: DesiredStateView::of(desired),
        has_writer: status.has_writer,
        tip_ledger: status.tip_ledger,
        lag_ledgers: status.lag_ledgers,
        indexer: status.indexer,
    }))
}

/// Pauses the indexer: it finishes its batch, then asks for nothing until it is resumed, even after a restart.
#[utoipa::path(
    post,
    path = "/indexer/pause",
    tag = "admin",
    operation_id = "pauseIndexer",
    responses(
        (status = 200, description = "What operators want now.", body = DesiredStateView),
        OfAdminBody,
    ),
    security(("bearerAuth" = [])),
)]
pub(in crate::http) async fn pause(
    State(state): State<HttpState>,
    admin: Admin,
    _: Query<NoParameters>,
) -> Result<Json<DesiredStateView>, Problem> {
    set(&state, &admin, true).await
}

/// Resumes the indexer where it stopped.
#[utoipa::path(
    post,
    path = "/indexer/resume",
    tag = "admin",
    operation_id = "resumeIndexer",
    responses(
        (status = 200, description = "What operators want now.", body = DesiredStateView),
        OfAdminBody,
    ),
    security(("bearerAuth" = [])),
)]
pub(in crate::http) async fn resume(
    State(state): State<HttpState>,
    admin: Admin,
    _: Query<NoParameters>,
) -> Result<Json<DesiredStateView>, Problem> {
    set(&state, &admin, false).await
}

async fn set(state: &HttpState, admin: &Admin, paused: bool) -> Result<Json<DesiredStateView>, Problem> {
    let desired = state.store.primary().set_desired_state(paused, admin.by.as_str()).await?;
    let word = if paused { "pause" } else { "continue" };
    info!(by = %admin.by, paused, "{} wants the indexer to {word}", admin.by);
    Ok(Json(DesiredStateView::of(Some(desired))))
}

impl DesiredStateView {
    fn of(desired: Option<DesiredState>) -> Self {
        let paused = desired.as_ref().is_some_and(|desired| desired.paused);
        let since = desired.as_ref().map(|desired| date_text(desired.since));
        Self { paused, since, by: desired.map(|desired| desired.by) }
    }
}
