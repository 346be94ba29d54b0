//! Requests by rate, each address with a budget of its own (`RateLimit` header fields for HTTP).

use std::{
    net::SocketAddr,
    num::NonZeroU32,
    sync::atomic::{AtomicU64, Ordering},
};

use axum::{
    extract::{ConnectInfo, Request, State},
    http::{HeaderMap, HeaderValue},
    middleware::Next,
    response::{IntoResponse, Response},
};
use governor::{
    Quota, RateLimiter,
    clock::{Clock, DefaultClock},
    middleware::StateInformationMiddleware,
    state::keyed::DashMapStateStore,
};

use super::{Limits, client::ClientKey};
use crate::http::problem::Problem;

/// Addresses that have all of their budget back are forgotten at every so many requests.
const FORGET_EVERY: u64 = 4_096;
/// More addresses than this at once are an attack: until some are forgotten all share one budget.
const MOST_ADDRESSES: usize = 200_000;

type Budgets = RateLimiter<ClientKey, DashMapStateStore<ClientKey>, DefaultClock, StateInformationMiddleware>;

#[derive(Debug)]
pub(super) struct Requests {
    budgets: Budgets,
    policy: HeaderValue,
    seen: AtomicU64,
}

/// What a budget has left, or for how many seconds it has nothing.
enum Left {
    Requests(u32),
    NothingFor(u32),
}

impl Requests {
    pub(super) fn new(per_second: u32, burst: u32) -> Option<Self> {
        let quota = Quota::per_second(NonZeroU32::new(per_second)?).allow_burst(NonZeroU32::new(burst)?);
        let window_seconds = burst.div_ceil(per_second);
        let policy = format!("\"per-address\";q={burst};w={window_seconds}");
        let budgets = RateLimiter::dashmap(quota).with_middleware::<StateInformationMiddleware>();
        let policy = HeaderValue::from_str(&policy).expect("digits and fixed letters");
        Some(Self { budgets, policy, seen: AtomicU64::new(0) })
    }

    fn spend(&self, client: ClientKey) -> Left {
        if self.seen.fetch_add(1, Ordering::Relaxed).is_multiple_of(FORGET_EVERY) {
            self.budgets.retain_recent();
        }
        let client = if self.budgets.len() < MOST_ADDRESSES { client } else { ClientKey::EVERYBODY_ELSE };
        match self.budgets.check_key(&client) {
            Ok(budget) => Left::Requests(budget.remaining_burst_capacity()),
            Err(not_until) => {
                let wait = not_until.wait_time_from(DefaultClock::default().now());
                Left::NothingFor(u32::try_from(wait.as_secs()).unwrap_or(u32::MAX).saturating_add(1))
            }
        }
    }
}

/// Counts a request against its client, and refuses it where nothing is left. Says what is left in any case.
pub(in crate::http) async fn limit_requests(
    State(limits): State<Limits>,
    mut request: Request,
    next: Next,
) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
    let client = limits.client_of(peer, forwarded_for(request.headers()).as_deref());
    request.extensions_mut().insert(client);
    let (Some(requests), Some(client)) = (&limits.0.requests, client) else { return next.run(request).await };
    let left = requests.spend(client);
    let (mut response, remaining, reset) = match left {
        Left::Requests(remaining) => (next.run(request).await, remaining, 1),
        Left::NothingFor(seconds) => {
            let problem = Problem::too_many_requests("this address makes too many requests", seconds);
            (problem.into_response(), 0, seconds)
        }
    };
    let headers = response.headers_mut();
    headers.insert("ratelimit-policy", requests.policy.clone());
    let left = format!("\"per-address\";r={remaining};t={reset}");
    headers.insert("ratelimit", HeaderValue::from_str(&left).expect("digits and fixed letters"));
    response
}

/// Several header lines are one list.
fn forwarded_for(headers: &HeaderMap) -> Option<String> {
    let lines: Vec<&str> = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok()).collect();
    (!lines.is_empty()).then(|| lines.join(","))
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;
    use crate::http::limits::client::Addresses;

    #[test]
    fn a_million_addresses_take_bounded_room() {
        let requests = Requests::new(1, 1_000_000).unwrap();
        let addresses = Addresses::new(&[], &[]);
        for number in 1..=1_000_000_u32 {
            let address = IpAddr::V4(Ipv4Addr::from(number));
            let client = addresses.client_of(address, None).unwrap();
            assert!(matches!(requests.spend(client), Left::Requests(_)));
        }
        assert!(requests.budgets.len() <= MOST_ADDRESSES + 1, "{}", requests.budgets.len());
    }

    #[test]
    fn a_rate_of_zero_is_no_limit() {
        assert!(Requests::new(0, 10).is_none());
    }
}
