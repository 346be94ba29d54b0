//! The routes, as a table of contents.

use std::sync::LazyLock;

use axum::{
    Router,
    http::{Method, Uri},
    middleware::{from_fn, from_fn_with_state},
    response::Response,
    routing::get,
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Origin, admin, api_keys,
    bounds::{bound_request, bound_time},
    caller::{answer_one_caller, know_operators},
    claimable,
    compression::{compressed, compressed_once},
    corrections, cors, document, events, feeds, health,
    host::check_host,
    limits::{
        RequestLimit, answer_in_turn, answer_to_the_end, identify_client, limit_admin_requests, limit_requests,
        refuse_over_budget,
    },
    openapi,
    page::{self, PageFacts},
    problem::Problem,
    sign_in,
    state::HttpState,
    status, streams, subscribe, tickets, users,
};

/// Routes that exist only with a local network.
#[derive(Debug)]
pub enum LocalRoutes {
    /// There is no local network; streams are created on chain.
    None,
    /// The local network's own routes, including those that create a stream with `POST /v1/streams` or `POST /streams`.
    Devnet(Router),
}

/// The routes that FlowFi's first documents name without a version. They are not redirects, because curl follows none
/// by default.
fn unversioned() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new()
        .routes(routes!(subscribe::subscribe))
        .routes(routes!(events::stats))
        .routes(routes!(streams::list))
        .routes(routes!(streams::get))
        .routes(routes!(claimable::claimable))
        .routes(routes!(events::of_stream))
}

fn for_clients() -> OpenApiRouter<HttpState> {
    let api = unversioned()
        .routes(routes!(subscribe::subscribe_to_posted))
        .routes(routes!(events::list))
        .routes(routes!(corrections::list))
        .routes(routes!(tickets::issue))
        .routes(routes!(feeds::list))
        .routes(routes!(feeds::get, feeds::save, feeds::delete))
        .routes(routes!(api_keys::list, api_keys::create))
        .routes(routes!(api_keys::rotate))
        .routes(routes!(api_keys::delete))
        .routes(routes!(users::summary))
        .routes(routes!(status::status));
    OpenApiRouter::new().nest("/v1", api)
}

/// Routes for wallets of any origin (SEP-10, "Cross-Origin Headers").
fn for_wallets() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new().routes(routes!(sign_in::challenge, sign_in::token)).routes(routes!(sign_in::stellar_toml))
}

/// Every one of these routes requires the scope `admin`.
fn for_admins() -> OpenApiRouter<HttpState> {
    let acts = OpenApiRouter::new()
        .routes(routes!(admin::indexer::indexer))
        .routes(routes!(admin::indexer::pause))
        .routes(routes!(admin::indexer::resume))
        .routes(routes!(admin::quarantine::list))
        .routes(routes!(admin::quarantine::replay))
        .routes(routes!(admin::connections::connections))
        .routes(routes!(admin::revoke::revoke));
    OpenApiRouter::new().nest("/v1/admin", acts)
}

fn for_operators() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new().routes(routes!(health::whole)).routes(routes!(health::ready)).routes(routes!(health::metrics))
}

fn for_probes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new().routes(routes!(health::live))
}

/// Returns the OpenAPI document of these routes, as JSON.
#[must_use]
pub fn openapi_text() -> String {
    let limited = vec![for_clients().into_openapi(), for_wallets().into_openapi(), for_admins().into_openapi()];
    document::text(&document::document(limited, vec![for_operators().into_openapi(), for_probes().into_openapi()]))
}

/// Returns the document, which is built on the first request.
async fn openapi_json() -> Response {
    static DOCUMENT: LazyLock<String> = LazyLock::new(openapi_text);
    openapi::openapi_json(&DOCUMENT)
}

/// Returns all routes; pages of these origins may read the answers.
pub fn router(state: HttpState, local: LocalRoutes, origins: &[Origin]) -> Router {
    let facts = PageFacts::of(&state, matches!(local, LocalRoutes::Devnet(_)));
    let bounded = from_fn(bound_request);
    let files = page::routes(facts).route("/openapi.json", get(openapi_json)).merge(openapi::docs());
    let files = compressed_once(files);
    let slowed = from_fn_with_state(state.limits.clone(), limit_admin_requests);
    let for_admins = in_turn(Router::from(for_admins()).layer(slowed), &state);
    let for_admins = for_admins.layer(from_fn(answer_one_caller)).layer(bounded.clone());
    let for_clients = Router::from(for_clients()).merge(Router::from(unversioned()));
    let for_clients = for_clients.layer(from_fn(answer_one_caller)).merge(files);
    let for_clients = in_turn(for_clients, &state).layer(bounded.clone());
    let for_clients = compressed(for_clients.merge(for_admins));
    let for_wallets = Router::from(for_wallets()).method_not_allowed_fallback(wrong_method);
    let for_wallets = for_wallets.layer(from_fn(bound_time)).layer(bounded.clone());
    let for_wallets = for_wallets.layer(from_fn(refuse_over_budget));
    let for_wallets = cors::for_every_origin(for_wallets).with_state(state.clone());
    let for_operators = Router::from(for_operators()).layer(from_fn(bound_time)).layer(from_fn(answer_to_the_end));
    let for_operators = for_operators.merge(Router::from(for_probes())).layer(bounded.clone());
    let routes = for_clients.merge(for_operators).with_state(state.clone());
    let has_local_network = matches!(local, LocalRoutes::Devnet(_));
    let limit = RequestLimit { limits: state.limits.clone(), has_local_network };
    let routes = match local {
        LocalRoutes::None => routes,
        LocalRoutes::Devnet(devnet) => routes.merge(devnet),
    };
    let routes = routes.method_not_allowed_fallback(wrong_method).fallback(no_such_route);
    let routes = cors::for_origins(routes.layer(from_fn(refuse_over_budget)), origins).merge(for_wallets);
    cors::with_security_headers(limited(routes.layer(from_fn(check_host)), limit, state))
}

/// Answers the requests of each client in turn. Both the time until an answer begins and the time that a turn takes are
/// limited: a turn does not end with the wait of its client.
fn in_turn(routes: Router<HttpState>, state: &HttpState) -> Router<HttpState> {
    let in_turn = from_fn_with_state(state.limits.clone(), answer_in_turn);
    routes.layer(from_fn(bound_time)).layer(in_turn).layer(from_fn(bound_time))
}

/// Counts every request before it is routed, checked or answered: one for which there is no route costs as well.
fn limited(routes: Router, limit: RequestLimit, state: HttpState) -> Router {
    let limits = limit.limits.clone();
    routes
        .layer(from_fn_with_state(limit, limit_requests))
        .layer(from_fn_with_state(state, know_operators))
        .layer(from_fn_with_state(limits, identify_client))
}

async fn wrong_method(method: Method, uri: Uri) -> Problem {
    if method == Method::POST && matches!(uri.path(), "/v1/streams" | "/streams") {
        return Problem::method_not_allowed("streams are created on chain, by a transaction that calls the contract");
    }
    Problem::method_not_allowed("this route does not accept that method")
}

async fn no_such_route() -> Problem {
    Problem::not_found("there is no such route")
}
