//! `GET /v1/admin/connections`: the open event streams, since when they are open and how far behind they are. Never
//! shows a client's address.

use axum::{Json, extract::State};

use crate::http::{
    caller::Admin,
    feed_views::OpenConnections,
    openapi::OfAdmin,
    query::{NoParameters, Query},
    state::HttpState,
};

/// Lists the open event streams of this gateway, oldest first.
#[utoipa::path(
    get,
    path = "/connections",
    tag = "admin",
    operation_id = "listConnections",
    responses(
        (status = 200, description = "The oldest thousand open event streams of this gateway.", body = OpenConnections),
        OfAdmin,
    ),
    security(("bearerAuth" = [])),
)]
pub(in crate::http) async fn connections(
    State(state): State<HttpState>,
    _: Admin,
    _: Query<NoParameters>,
) -> Json<OpenConnections> {
    Json(state.feed.connections().into())
}
