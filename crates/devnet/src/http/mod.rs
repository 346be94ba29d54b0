//! The devnet over HTTP: Stellar RPC and Horizon for the indexer and, under `/devnet`, what a developer or a test does
//! to the network. Refusals are problem details (RFC 9457).

mod accounts;
mod actions;
pub(super) mod bodies;
mod creators;
mod emit;
mod faults;
mod fields;
mod horizon;
mod ledgers;
mod problem;
mod protocol;
mod rpc;
mod streams;
mod terms;

use std::{net::IpAddr, time::Duration};

use axum::{
    Router,
    extract::{DefaultBodyLimit, Request},
    http::{
        HeaderMap,
        header::{CONTENT_TYPE, HOST, ORIGIN},
        uri::Authority,
    },
    middleware::{Next, from_fn, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::{delete, get, post},
};

use super::Devnet;
use bodies::Bounds;

/// Returns the routes under `/devnet`. A body must be there within the deadline.
pub(super) fn router(devnet: Devnet, body_deadline: Duration) -> Router {
    let bounds = Bounds { largest: bodies::LARGEST, deadline: body_deadline };
    Router::new()
        .route("/devnet/rpc", post(rpc::answer_main))
        .route("/devnet/rpc/{endpoint}", post(rpc::answer_named))
        .route("/devnet/streams", post(streams::create))
        .route("/devnet/streams/{id}/{action}", post(streams::change))
        .route("/devnet/batch-withdraw", post(streams::withdraw_batch))
        .route("/devnet/protocol/{action}", post(protocol::govern))
        .route("/devnet/accounts", get(accounts::list).post(accounts::set))
        .route("/devnet/emit", post(emit::emit))
        .route("/devnet/upgrade", post(emit::upgrade))
        .route("/devnet/failed", post(emit::fail))
        .route("/devnet/ledgers", post(ledgers::close))
        .route("/devnet/retention", post(ledgers::retain))
        .route("/devnet/faults", post(faults::inject).delete(faults::clear))
        .route("/devnet/faults/{endpoint}", delete(faults::clear_at))
        .merge(horizon::routes())
        .layer(from_fn_with_state(bounds, bodies::read_whole))
        .layer(DefaultBodyLimit::max(bounds.largest))
        .layer(from_fn(refuse_other_sites))
        .with_state(devnet)
}

/// Returns the routes that create a stream where FlowFi's first documents have them.
pub(super) fn quick_start_router(devnet: Devnet, body_deadline: Duration) -> Router {
    let bounds = Bounds { largest: bodies::LARGEST_SHARED, deadline: body_deadline };
    Router::new()
        .route("/v1/streams", post(streams::create))
        .route("/streams", post(streams::create))
        .layer(from_fn_with_state(bounds, bodies::read_whole))
        .layer(from_fn(refuse_other_formats))
        .layer(DefaultBodyLimit::max(bounds.largest))
        .layer(from_fn(refuse_other_sites))
        .with_state(devnet)
}

/// A browser on a developer's machine sends posts of any site to it, but only our own page may change the network.
/// Programs other than browsers send no `Origin`. A site can point its own name at this machine (DNS rebinding), so the
/// page must have been opened by an address or as localhost. Such a page reads without an `Origin`, so no request may
/// name a host that a site could own.
async fn refuse_other_sites(request: Request, next: Next) -> Response {
    if is_to_another_host(request.headers()) || is_from_another_site(request.headers()) {
        return problem::Problem::other_site().into_response();
    }
    next.run(request).await
}

/// A body that declares a format must declare ours. A body without a declared format is read as ours.
async fn refuse_other_formats(request: Request, next: Next) -> Response {
    let named = request.headers().get(CONTENT_TYPE).map(|value| value.to_str().unwrap_or_default());
    let format = named.map(|value| value.split(';').next().unwrap_or_default().trim());
    if format.is_some_and(|format| !format.eq_ignore_ascii_case("application/json")) {
        return problem::Problem::other_format().into_response();
    }
    next.run(request).await
}

fn is_from_another_site(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let Some(origin) = text(ORIGIN) else { return false };
    let host = origin.split_once("://").map(|(_, host)| host);
    host != text(HOST) || !host.is_some_and(is_own_name)
}

/// Returns whether the request names a host that a site can own.
fn is_to_another_host(headers: &HeaderMap) -> bool {
    headers.get_all(HOST).iter().any(|host| !host.to_str().is_ok_and(|host| is_own_name(host) || is_local_name(host)))
}

/// Returns whether the public DNS cannot have this host name: a single label, such as a container's name, or a name
/// under a reserved domain.
fn is_local_name(host: &str) -> bool {
    let Ok(authority) = host.parse::<Authority>() else { return false };
    let name = authority.host().to_ascii_lowercase();
    name.rsplit_once('.').is_none_or(|(_, domain)| matches!(domain, "localhost" | "local" | "internal"))
}

/// Returns whether nobody else can use this host name: whether it is an address or localhost.
fn is_own_name(host: &str) -> bool {
    let Ok(authority) = host.parse::<Authority>() else { return false };
    let name = authority.host();
    let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    address.parse::<IpAddr>().is_ok() || name.eq_ignore_ascii_case("localhost")
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn only_a_page_of_this_machine_changes_the_network() {
        for (origin, host, is_ours) in [
            (None, "localhost:8080", true),
            (Some("http://localhost:8080"), "localhost:8080", true),
            (Some("http://127.0.0.1:8080"), "127.0.0.1:8080", true),
            (Some("http://[::1]:8080"), "[::1]:8080", true),
            (Some("http://192.0.2.7:8080"), "192.0.2.7:8080", true),
            (Some("http://localhost:3000"), "localhost:8080", false),
            (Some("http://evil.example:8080"), "localhost:8080", false),
            (Some("http://evil.example:8080"), "evil.example:8080", false),
            (Some("null"), "localhost:8080", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, HeaderValue::from_static(host));
            headers.extend(origin.map(|origin| (ORIGIN, HeaderValue::from_static(origin))));
            assert_eq!(!is_from_another_site(&headers), is_ours, "{origin:?} at {host}");
        }
    }

    #[test]
    fn no_request_names_a_host_that_a_site_can_own() {
        for (hosts, is_ours) in [
            (&[][..], true),
            (&["localhost:8080"], true),
            (&["127.0.0.1:8080"], true),
            (&["[::1]:8080"], true),
            (&["devnet:8000"], true),
            (&["host.docker.internal:8000"], true),
            (&["evil.example:8080"], false),
            (&["evil.internal.example"], false),
            (&["evil.example."], false),
            (&["localhost:8080", "evil.example"], false),
        ] {
            let mut headers = HeaderMap::new();
            for host in hosts {
                headers.append(HOST, HeaderValue::from_static(host));
            }
            assert_eq!(!is_to_another_host(&headers), is_ours, "{hosts:?}");
        }
    }
}
