//! How large a body may be, and how long it may take. Whoever sends one slowly holds a connection meanwhile.

use std::time::Duration;

use axum::{
    body::{Body, Bytes, HttpBody},
    extract::{FromRequest, Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use tokio::time::timeout;

use super::problem::Problem;

/// What Stellar RPC takes; events put in by hand are the largest bodies here.
pub(crate) const LARGEST: usize = 512 * 1024;
/// What the routes that this network shares with the service take: as much as the service's own.
pub(crate) const LARGEST_SHARED: usize = 64 * 1024;
/// A body must be there within this time of its head.
pub(crate) const DEADLINE: Duration = Duration::from_secs(10);

/// How large a body may be, and how long it may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) largest: usize,
    pub(super) deadline: Duration,
}

/// Hands on a body whole, or refuses one that is too large or does not come.
pub(super) async fn read_whole(
    State(Bounds { largest, deadline }): State<Bounds>,
    request: Request,
    next: Next,
) -> Response {
    let (head, body) = request.into_parts();
    // One that says so is not read at all.
    if usize::try_from(body.size_hint().lower()).is_ok_and(|length| length > largest) {
        return Problem::large_body(format!("a body has at most {largest} bytes")).into_response();
    }
    let request = Request::from_parts(head.clone(), body);
    let body = match timeout(deadline, Bytes::from_request(request, &())).await {
        Ok(Ok(body)) => body,
        Ok(Err(rejection)) => return Problem::from(rejection).into_response(),
        Err(_) => return Problem::late_body(deadline).into_response(),
    };
    next.run(Request::from_parts(head, Body::from(body))).await
}
