//! `GET /v1/admin/connections`: who is connected, since when and how far behind. Never an address of a client.

use axum::{Json, extract::State};

use super::super::{caller::Admin, state::HttpState};
use crate::feed::OpenConnections;

/// Shows the open event streams of this gateway, the oldest first.
pub(in crate::http) async fn connections(State(state): State<HttpState>, _: Admin) -> Json<OpenConnections> {
    Json(state.feed.connections())
}
