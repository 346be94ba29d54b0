//! Limits the rate of requests, with a budget for each address (`RateLimit` header fields for HTTP).

use std::net::SocketAddr;

use axum::{
    extract::{ConnectInfo, Extension, Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
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

/// Why a request is refused before it reaches its route; an extension of the request. It is answered inside of the headers
/// for pages of other origins, so that they can read when to come back.
#[derive(Clone, Copy, Debug)]
pub(in crate::http) struct OverBudget {
    seconds: u32,
    detail: &'static str,
}

const TOO_MANY: &str = "this address makes too many requests";
const TOO_MANY_ATTEMPTS: &str = "this address sends too many tokens to /v1/admin";

/// Finds out which client a request counts against. It is an extension of the request.
pub(in crate::http) async fn identify_client(
    State(limits): State<Limits>,
    mut request: Request,
    next: Next,
) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
    let client = limits.client_of(peer, forwarded_for(request.headers()).as_deref());
    request.extensions_mut().insert(client);
    next.run(request).await
}

/// What requests count against.
#[derive(Clone, Debug)]
pub(in crate::http) struct RequestLimit {
    pub(in crate::http) limits: Limits,
    /// Whether there are the routes of a local network, which are for programs on this machine: the indexer follows them.
    pub(in crate::http) has_local_network: bool,
}

/// Counts a request against its client, whether or not there is such a route; refuses it if nothing is left, and reports
/// what is left in any case. A client that goes on far beyond its budget loses its connection: refusing costs as much as
/// answering, but new connections have their own limit. A trusted proxy only has to open another one.
pub(in crate::http) async fn limit_requests(
    State(limit): State<RequestLimit>,
    request: Request,
    next: Next,
) -> Response {
    let client = request.extensions().get::<Option<ClientKey>>().copied().flatten();
    let Some(client) = client.filter(|_| request.extensions().get::<Operator>().is_none()) else {
        return next.run(request).await;
    };
    let budget = limit.budget_of(request.uri().path());
    let over = request.extensions().get::<OverBudget>().copied();
    let balance = match (over, budget.requests) {
        (Some(OverBudget { seconds, .. }), _) => Balance::EmptyFor(seconds),
        (None, Some(requests)) => requests.budgets.spend(client),
        (None, None) => return next.run(request).await,
    };
    let (mut response, remaining, reset) = match balance {
        Balance::Remaining(remaining) => (next.run(request).await, remaining, 1),
        Balance::EmptyFor(seconds) => {
            let mut response = refuse(request, next, over.unwrap_or(OverBudget { seconds, detail: TOO_MANY })).await;
            if over.is_some() || budget.is_of_probes || limit.limits.is_flood(client) {
                close(&mut response);
            }
            (response, 0, seconds)
        }
    };
    if let Some(requests) = budget.requests.filter(|_| over.is_none() && !budget.is_of_probes) {
        report(requests, &mut response, remaining, reset);
    }
    response
}

/// Lets the refusal be answered where pages of other origins can read it. A request with a wrong host is answered before it
/// gets that far. So is a preflight, and its answer stands: a browser reads nothing of a request whose preflight failed.
async fn refuse(mut request: Request, next: Next, over: OverBudget) -> Response {
    request.extensions_mut().insert(over);
    let is_preflight =
        request.method() == Method::OPTIONS && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let response = next.run(request).await;
    let is_answered = is_preflight && response.status().is_success();
    if is_answered || response.status() == StatusCode::TOO_MANY_REQUESTS { response } else { too_many(over) }
}

/// Answers a request that is over its client's budget.
pub(in crate::http) async fn refuse_over_budget(request: Request, next: Next) -> Response {
    match request.extensions().get::<OverBudget>() {
        Some(over) => too_many(*over),
        None => next.run(request).await,
    }
}

/// Counts an attempt to act as an operator against its client, before its token is looked at. Returns the refusal if there
/// were too many.
pub(in crate::http) fn count_admin_attempt(limits: &Limits, request: &Request) -> Option<OverBudget> {
    let client = request.extensions().get::<Option<ClientKey>>().copied().flatten()?;
    match limits.0.admin_attempts.as_ref()?.spend(client) {
        Balance::Remaining(_) => None,
        Balance::EmptyFor(seconds) => Some(OverBudget { seconds, detail: TOO_MANY_ATTEMPTS }),
    }
}

/// The budget that a request is taken from.
struct Budget<'a> {
    /// `None` for as many as a client likes.
    requests: Option<&'a Requests>,
    /// Whether it is that of an orchestrator or a collector of metrics, which ask again however often they are refused.
    is_of_probes: bool,
}

impl RequestLimit {
    /// Probes have budgets of their own: an orchestrator restarts what does not answer them.
    fn budget_of(&self, path: &str) -> Budget<'_> {
        let limits = &self.limits.0;
        let (requests, is_of_probes) = match path {
            "/health/live" => (limits.probes.as_ref(), true),
            "/health" | "/health/ready" | "/metrics" => (limits.watching.as_ref(), true),
            path if self.has_local_network && path.starts_with("/devnet/") => (None, false),
            _ => (limits.requests.as_ref(), false),
        };
        Budget { requests, is_of_probes }
    }
}

impl Limits {
    /// Counts a refusal against a client, and returns whether it goes on far beyond its budget.
    fn is_flood(&self, client: ClientKey) -> bool {
        let refusals = self.0.refusals.as_ref();
        refusals.is_some_and(|refusals| matches!(refusals.spend(client), Balance::EmptyFor(_)))
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
        Balance::EmptyFor(seconds) => {
            let mut refused = too_many(OverBudget { seconds, detail: TOO_MANY_ATTEMPTS });
            close(&mut refused);
            refused
        }
    }
}

fn close(response: &mut Response) {
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
}

fn too_many(OverBudget { seconds, detail }: OverBudget) -> Response {
    Problem::too_many_requests(detail, seconds).into_response()
}

fn report(requests: &Requests, response: &mut Response, remaining: u32, reset: u32) {
    let of_rows = response.extensions().get::<RowsCost>().map_or(0, |cost| cost.0);
    let remaining = remaining.saturating_sub(of_rows);
    let headers = response.headers_mut();
    headers.insert("ratelimit-policy", requests.policy.clone());
    let left = format!("\"per-address\";r={remaining};t={reset}");
    headers.insert("ratelimit", HeaderValue::from_str(&left).expect("digits and fixed letters are valid"));
}

/// Joins several header lines into one list. Bytes that are not UTF-8 keep their place, so that the client there counts
/// as unreadable.
fn forwarded_for(headers: &HeaderMap) -> Option<String> {
    let lines = headers.get_all("x-forwarded-for").iter();
    let lines: Vec<_> = lines.map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
    (!lines.is_empty()).then(|| lines.join(","))
}
