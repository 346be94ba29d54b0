//! `GET /v1/admin/indexer` and `POST /v1/admin/indexer/pause` and `/resume`.

use axum::{Json, extract::State};
use serde::Serialize;
use tracing::info;

use super::super::{
    caller::Admin,
    problem::Problem,
    state::HttpState,
    status::{self, IndexerView},
    views::date_text,
};
use crate::{domain::LedgerSequence, store::DesiredState};

/// What operators want of the indexer, and what it does.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct IndexerControlView {
    desired: DesiredStateView,
    /// Whether a process holds the writer's lock.
    has_writer: bool,
    /// What the indexer last said of itself; null before it said anything.
    indexer: Option<IndexerView>,
    tip_ledger: Option<LedgerSequence>,
    lag_ledgers: Option<u32>,
}

/// What operators want.
#[derive(Debug, Serialize)]
pub(in crate::http) struct DesiredStateView {
    /// Whether the indexer is to pause.
    paused: bool,
    /// Since when; null if nobody ever wanted anything.
    since: Option<String>,
    /// The subject who wanted it.
    by: Option<String>,
}

/// Shows what operators want of the indexer, and what it does.
pub(in crate::http) async fn indexer(
    State(state): State<HttpState>,
    _: Admin,
) -> Result<Json<IndexerControlView>, Problem> {
    let (desired, status) = tokio::try_join!(state.store.desired_state(), status::read(&state))?;
    Ok(Json(IndexerControlView {
        desired: DesiredStateView::of(desired),
        has_writer: status.has_writer,
        tip_ledger: status.tip_ledger,
        lag_ledgers: status.lag_ledgers,
        indexer: status.indexer,
    }))
}

/// Lets the indexer pause: it finishes its batch and asks for no more until it is to go on, also after a restart.
pub(in crate::http) async fn pause(
    State(state): State<HttpState>,
    admin: Admin,
) -> Result<Json<DesiredStateView>, Problem> {
    set(&state, &admin, true).await
}

/// Lets the indexer go on from where it stands.
pub(in crate::http) async fn resume(
    State(state): State<HttpState>,
    admin: Admin,
) -> Result<Json<DesiredStateView>, Problem> {
    set(&state, &admin, false).await
}

async fn set(state: &HttpState, admin: &Admin, paused: bool) -> Result<Json<DesiredStateView>, Problem> {
    let desired = state.store.set_desired_state(paused, admin.by.as_str()).await?;
    let word = if paused { "pause" } else { "go on" };
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
