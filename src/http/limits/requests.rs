//! Limits the rate of requests, with a budget for each address (`RateLimit` header fields for HTTP).

use std::net::SocketAddr;

use axum::{
    extract::{ConnectInfo, Extension, Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::{
    Limits,
    budgets::{Balance, Budgets},
    client::ClientKey,
};
use crate::http::problem::Problem;

#[derive(Debug)]
pub(super) struct Requests {
    budgets: Budgets,
    policy: HeaderValue,
}

impl Requests {
    pub(super) fn new(per_second: u32, burst: u32) -> Option<Self> {
        let budgets = Budgets::new(per_second, burst)?;
        let window_seconds = burst.div_ceil(per_second);
        let policy = format!("\"per-address\";q={burst};w={window_seconds}");
        let policy = HeaderValue::from_str(&policy).expect("digits and fixed letters are valid");
        Some(Self { budgets, policy })
    }

    pub(super) fn spend_rows(&self, client: ClientKey, cost: RowsCost) -> Result<RowsCost, Problem> {
        if cost.0 == 0 {
            return Ok(cost);
        }
        match self.budgets.spend_more(client, cost.0) {
            Balance::Remaining(_) => Ok(cost),
            Balance::EmptyFor(seconds) => {
                let detail = "this address has requested too many rows; wait, or request fewer with limit";
                Err(Problem::too_many_requests(detail, seconds))
            }
        }
    }
}

/// The rows that a plain request pays for: the largest page of a JSON list. Each further batch of this size costs as
/// much as a request.
const ROWS_OF_A_REQUEST: u32 = 200;

/// The extra cost of an answer with many rows, in requests. It is an extension of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) struct RowsCost(u32);

impl RowsCost {
    /// Returns the sum of two costs.
    pub(in crate::http) const fn and(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    pub(super) const fn of(rows: u32) -> Self {
        Self(rows.div_ceil(ROWS_OF_A_REQUEST).saturating_sub(1))
    }
}

/// Counts a request against its client, refuses it if nothing is left, and reports what is left in any case.
pub(in crate::http) async fn limit_requests(
    State(limits): State<Limits>,
    mut request: Request,
    next: Next,
) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
    let client = limits.client_of(peer, forwarded_for(request.headers()).as_deref());
    request.extensions_mut().insert(client);
    if request.extensions().get::<Operator>().is_some() {
        return next.run(request).await;
    }
    spend(limits.0.requests.as_ref(), client, request, next).await
}

/// Counts a request for health or metrics against its client. A refusal also closes the connection: refusing costs as
/// much as answering, but new connections have their own limit.
pub(in crate::http) async fn limit_watching(State(limits): State<Limits>, request: Request, next: Next) -> Response {
    close_a_flood(&limits, limits.0.watching.as_ref(), request, next).await
}

/// Does the same for probes of whether the process lives. They have a budget of their own: an orchestrator restarts what
/// does not answer them.
pub(in crate::http) async fn limit_probes(State(limits): State<Limits>, request: Request, next: Next) -> Response {
    close_a_flood(&limits, limits.0.probes.as_ref(), request, next).await
}

async fn close_a_flood(limits: &Limits, requests: Option<&Requests>, request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
    let client = limits.client_of(peer, forwarded_for(request.headers()).as_deref());
    let (Some(requests), Some(client)) = (requests, client) else { return next.run(request).await };
    match requests.budgets.spend(client) {
        Balance::Remaining(_) => next.run(request).await,
        Balance::EmptyFor(seconds) => {
            let mut refused = too_many(seconds);
            refused.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            refused
        }
    }
}

/// Marks a request of an operator; an extension of the request.
#[derive(Clone, Copy, Debug)]
pub(in crate::http) struct Operator;

/// Counts a refused request to an operator's route against its client, in addition to its requests.
pub(in crate::http) async fn limit_admin_requests(
    State(limits): State<Limits>,
    Extension(client): Extension<Option<ClientKey>>,
    request: Request,
    next: Next,
) -> Response {
    let response = next.run(request).await;
    let is_refused = matches!(response.status(), StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
    match (&limits.0.refused_admin_requests, client) {
        // Operators do not pay for the attempts of others at their address.
        (Some(requests), Some(client)) if is_refused => answer(requests, client, response),
        _ => response,
    }
}

/// Counts a request after it was answered, and replaces the answer if nothing is left.
fn answer(requests: &Requests, client: ClientKey, response: Response) -> Response {
    match requests.budgets.spend(client) {
        Balance::Remaining(_) => response,
        Balance::EmptyFor(seconds) => too_many(seconds),
    }
}

fn too_many(seconds: u32) -> Response {
    Problem::too_many_requests("this address makes too many requests", seconds).into_response()
}

/// The inner limit is the tighter one, so it is the one that is reported.
async fn spend(requests: Option<&Requests>, client: Option<ClientKey>, request: Request, next: Next) -> Response {
    let (Some(requests), Some(client)) = (requests, client) else { return next.run(request).await };
    let left = requests.budgets.spend(client);
    let (mut response, remaining, reset) = match left {
        Balance::Remaining(remaining) => (next.run(request).await, remaining, 1),
        Balance::EmptyFor(seconds) => (too_many(seconds), 0, seconds),
    };
    let of_rows = response.extensions().get::<RowsCost>().map_or(0, |cost| cost.0);
    let remaining = remaining.saturating_sub(of_rows);
    let headers = response.headers_mut();
    if !headers.contains_key("ratelimit") {
        headers.insert("ratelimit-policy", requests.policy.clone());
        let left = format!("\"per-address\";r={remaining};t={reset}");
        headers.insert("ratelimit", HeaderValue::from_str(&left).expect("digits and fixed letters are valid"));
    }
    response
}

/// Joins several header lines into one list. Bytes that are not UTF-8 keep their place, so that the client there counts
/// as unreadable.
fn forwarded_for(headers: &HeaderMap) -> Option<String> {
    let lines = headers.get_all("x-forwarded-for").iter();
    let lines: Vec<_> = lines.map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
    (!lines.is_empty()).then(|| lines.join(","))
}
