//! `GET /v1/status`.

use axum::{Json, extract::State};

use super::{
    caller::CalledBy,
    openapi::OfQuery,
    problem::Problem,
    query::{NoParameters, Query},
    state::HttpState,
    status_view::{self, Status},
};
use crate::auth::Scope;

/// Reports the status. Always 200 while the database answers; `/health/ready` is the route that answers 503.
#[utoipa::path(
    get,
    path = "/status",
    tag = "operation",
    operation_id = "getStatus",
    responses(
        (status = 200, description = "How far the index is.", body = Status),
        OfQuery,
    ),
    security((), ("bearerAuth" = [])),
)]
pub(super) async fn status(
    State(state): State<HttpState>,
    CalledBy(caller): CalledBy,
    _: Query<NoParameters>,
) -> Result<Json<Status>, Problem> {
    let status = status_view::read(&state.store, state.status_scope()).await?;
    let runs_the_service = state.auth.is_none() || caller.token.is_some_and(|token| token.allows(Scope::Admin));
    Ok(Json(if runs_the_service { status } else { status.without_hosts() }))
}
