//! The devnet over HTTP: Stellar RPC for the indexer, and under `/devnet` what a developer or a test does to the
//! network. Refusals are problems (RFC 9457).

mod emit;
mod fields;
mod ledgers;
mod problem;
mod quick_start;
mod rpc;
mod streams;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    routing::{get, post},
};

use super::Devnet;

/// What Stellar RPC takes; events put in by hand are the largest bodies here.
const MAX_BODY_BYTES: usize = 512 * 1024;

/// Returns the routes under `/devnet`.
pub(super) fn router(devnet: Devnet) -> Router {
    Router::new()
        .route("/devnet/rpc", post(rpc::answer))
        .route("/devnet/streams", post(streams::create))
        .route("/devnet/streams/{id}/{action}", post(streams::change))
        .route("/devnet/accounts", get(streams::accounts))
        .route("/devnet/emit", post(emit::emit))
        .route("/devnet/ledgers", post(ledgers::close))
        .route("/devnet/faults", post(ledgers::inject).delete(ledgers::clear_faults))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .with_state(devnet)
}

/// Returns the route that creates a stream from its rate.
pub(super) fn quick_start_router(devnet: Devnet) -> Router {
    Router::new()
        .route("/v1/streams", post(quick_start::create))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .with_state(devnet)
}
