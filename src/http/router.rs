//! The routes, as a table of contents.

use axum::{
    Router,
    middleware::{from_fn, from_fn_with_state},
    routing::{get, post},
};

use super::{
    Origin, admin,
    bounds::bound_request,
    claimable::claimable,
    cors, events, health,
    limits::limit_requests,
    page::{self, PageFacts},
    problem::Problem,
    sign_in,
    state::HttpState,
    status::status,
    streams,
    subscribe::subscribe,
    tickets, users,
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
        .route("/events/tickets", post(tickets::issue))
        .route("/users/{address}/summary", get(users::summary))
        .route("/status", get(status))
        .route("/admin/revoke", post(admin::revoke));
    let for_operators = Router::new()
        .route("/health", get(health::whole))
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready))
        .route("/metrics", get(health::metrics));
    // Wallets of any origin may sign in (SEP-10, "Cross-Origin Headers").
    let for_wallets = Router::new()
        .route("/v1/auth", get(sign_in::challenge).post(sign_in::token))
        .route("/.well-known/stellar.toml", get(sign_in::stellar_toml));
    let limited = from_fn_with_state(state.limits.clone(), limit_requests);
    let facts = PageFacts::of(&state, matches!(local, LocalRoutes::Devnet(_)));
    let for_clients = page::routes(facts).nest("/v1", api).merge(unversioned);
    let bounded = from_fn(bound_request);
    let for_clients = for_clients.layer(bounded.clone()).layer(limited.clone());
    let for_wallets = cors::for_every_origin(for_wallets.layer(bounded.clone()).layer(limited));
    let for_wallets = for_wallets.with_state(state.clone());
    let routes = for_clients.merge(for_operators.layer(bounded)).with_state(state);
    let routes = match local {
        LocalRoutes::None => routes.route("/v1/streams", post(created_on_chain)),
        LocalRoutes::Devnet(devnet) => routes.merge(devnet),
    };
    let routes = routes.method_not_allowed_fallback(wrong_method).fallback(no_such_route);
    cors::with_security_headers(cors::for_origins(routes, origins).merge(for_wallets))
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
