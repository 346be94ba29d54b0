//! The routes, as a table of contents.

use axum::{
    Router,
    middleware::{from_fn, from_fn_with_state},
    routing::{get, post},
};

use super::{
    Origin, bounds::bound_request, claimable::claimable, cors, events, health, limits::limit_requests, page::page,
    problem::Problem, state::HttpState, status::status, streams, subscribe::subscribe, users,
};

/// Routes that only a local network brings along.
#[derive(Debug)]
pub enum LocalRoutes {
    /// There is no local network: streams are created on chain.
    None,
    /// A local network's own routes, with its answer to `POST /v1/streams`.
    Devnet(Router),
}

/// Returns every route, readable by pages of these origins.
pub fn router(state: HttpState, local: LocalRoutes, origins: &[Origin]) -> Router {
    // FlowFi's first documents name these without a version, and curl follows no redirect.
    let unversioned = Router::new()
        .route("/events/subscribe", get(subscribe))
        .route("/events/stats", get(events::stats))
        .route("/streams", get(streams::list))
        .route("/streams/{id}", get(streams::get))
        .route("/streams/{id}/claimable", get(claimable))
        .route("/streams/{id}/events", get(events::of_stream));
    let api = unversioned
        .clone()
        .route("/events", get(events::list))
        .route("/users/{address}/summary", get(users::summary))
        .route("/status", get(status));
    let for_operators = Router::new()
        .route("/health", get(health::whole))
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready))
        .route("/metrics", get(health::metrics));
    let limited = from_fn_with_state(state.limits.clone(), limit_requests);
    let for_clients = Router::new().route("/", get(page)).nest("/v1", api).merge(unversioned);
    let for_clients = for_clients.layer(from_fn(bound_request)).layer(limited);
    let routes = for_clients.merge(for_operators.layer(from_fn(bound_request))).with_state(state);
    let routes = match local {
        LocalRoutes::None => routes.route("/v1/streams", post(created_on_chain)),
        LocalRoutes::Devnet(devnet) => routes.merge(devnet),
    };
    cors::with_headers(routes.method_not_allowed_fallback(wrong_method).fallback(no_such_route), origins)
}

async fn created_on_chain() -> Problem {
    Problem::method_not_allowed("streams are created on chain, by a transaction that calls the contract")
}

async fn wrong_method() -> Problem {
    Problem::method_not_allowed("this route does not take that method")
}

async fn no_such_route() -> Problem {
    Problem::not_found("there is no such route")
}
