//! A budget for each address: a burst at once, and a rate in the long run. Memory is bounded however many addresses
//! there are.

use std::{
    num::NonZeroU32,
    sync::atomic::{AtomicU64, Ordering},
};

use governor::{
    Quota, RateLimiter,
    clock::{Clock, DefaultClock},
    middleware::StateInformationMiddleware,
    state::keyed::DashMapStateStore,
};

use super::client::ClientKey;

/// After this many uses, addresses that have recovered their whole budget are forgotten.
const FORGET_EVERY: u64 = 4_096;
/// More addresses than this at once are an attack: until some are forgotten, all new ones share one budget.
const MOST_ADDRESSES: usize = 200_000;

type Limiter = RateLimiter<ClientKey, DashMapStateStore<ClientKey>, DefaultClock, StateInformationMiddleware>;

#[derive(Debug)]
pub(super) struct Budgets {
    limiter: Limiter,
    burst: NonZeroU32,
    used: AtomicU64,
}

/// What remains of a budget, or for how many seconds nothing does.
pub(super) enum Balance {
    Remaining(u32),
    EmptyFor(u32),
}

impl Budgets {
    /// Returns `None` for a rate of zero, which is no limit.
    pub(super) fn new(per_second: u32, burst: u32) -> Option<Self> {
        let burst = NonZeroU32::new(burst)?;
        let quota = Quota::per_second(NonZeroU32::new(per_second)?).allow_burst(burst);
        let limiter = RateLimiter::dashmap(quota).with_middleware::<StateInformationMiddleware>();
        Some(Self { limiter, burst, used: AtomicU64::new(0) })
    }

    /// Takes one from the client's budget.
    pub(super) fn spend(&self, client: ClientKey) -> Balance {
        self.spend_many(client, NonZeroU32::MIN)
    }

    /// Takes a request's extra cost, beyond the one that it took already. A cost above a whole budget takes the rest of
    /// a whole budget, since a client never has more than that.
    pub(super) fn spend_more(&self, client: ClientKey, cost: u32) -> Balance {
        match NonZeroU32::new(cost.min(self.burst.get() - 1)) {
            Some(cost) => self.spend_many(client, cost),
            None => Balance::Remaining(0),
        }
    }

    /// Returns whether a client's budget was full before it spent one and this remained.
    pub(super) const fn was_full(&self, remaining: u32) -> bool {
        remaining + 1 >= self.burst.get()
    }

    /// Takes a number from the client's budget, at most a whole budget.
    fn spend_many(&self, client: ClientKey, cost: NonZeroU32) -> Balance {
        if self.used.fetch_add(1, Ordering::Relaxed).is_multiple_of(FORGET_EVERY) {
            self.limiter.retain_recent();
        }
        let client = if self.limiter.len() < MOST_ADDRESSES { client } else { ClientKey::EverybodyElse };
        let checked = self.limiter.check_key_n(&client, cost.min(self.burst));
        match checked.expect("the cost is at most the burst") {
            Ok(budget) => Balance::Remaining(budget.remaining_burst_capacity()),
            Err(not_until) => {
                let wait = not_until.wait_time_from(DefaultClock::default().now());
                Balance::EmptyFor(u32::try_from(wait.as_secs()).unwrap_or(u32::MAX).saturating_add(1))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;
    use crate::http::limits::client::Addresses;

    #[test]
    fn a_million_addresses_take_bounded_memory() {
        let budgets = Budgets::new(1, 1_000_000).unwrap();
        let addresses = Addresses::new(&[], &[]);
        for number in 1..=1_000_000_u32 {
            let address = IpAddr::V4(Ipv4Addr::from(number));
            let client = addresses.client_of(address, None).unwrap();
            assert!(matches!(budgets.spend(client), Balance::Remaining(_)));
        }
        assert!(budgets.limiter.len() <= MOST_ADDRESSES + 1, "{}", budgets.limiter.len());
    }

    #[test]
    fn a_request_that_costs_more_than_a_whole_budget_takes_all_of_it() {
        for burst in [1, 2, 10] {
            let budgets = Budgets::new(1, burst).unwrap();
            let client = ClientKey::EverybodyElse;
            assert!(matches!(budgets.spend(client), Balance::Remaining(_)));
            assert!(matches!(budgets.spend_more(client, u32::MAX), Balance::Remaining(0)), "a burst of {burst}");
            assert!(matches!(budgets.spend(client), Balance::EmptyFor(1..)));
        }
    }

    #[test]
    fn a_rate_of_zero_means_no_limit() {
        assert!(Budgets::new(0, 10).is_none());
    }
}
