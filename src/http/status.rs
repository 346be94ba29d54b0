//! `GET /v1/status`.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};

use super::{
    caller::CalledBy,
    openapi::OfQuery,
    problem::Problem,
    query::{NoParameters, Query},
    state::HttpState,
    status_view::Status,
};
use crate::{auth::Scope, domain::Visibility};

/// Reports the status, which is at most a second old.
///
/// Always 200 while the database answers; `/health/ready` is the route that answers 503.
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
) -> Result<Response, Problem> {
    let status = state.status_cache.status(state.status_scope()).await?;
    let runs_the_service = state.auth.is_none() || caller.token.is_some_and(|token| token.allows(Scope::Admin));
    let sees_everything = caller.visibility == Visibility::Everything;
    if runs_the_service && sees_everything {
        return Ok(Json(&*status).into_response());
    }
    let status = Status::clone(&status);
    let status = if runs_the_service { status } else { status.without_hosts() };
    let status = if sees_everything { status } else { status.without_ids() };
    Ok(Json(status).into_response())
}
