//! The budget of queries to the chain that callers cause. A part of it is kept for callers who have not asked lately, so
//! that a few busy ones cannot use up all of it.

use std::num::NonZeroU32;

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

const PER_SECOND: NonZeroU32 = NonZeroU32::new(3).expect("it is not zero");
const BURST: NonZeroU32 = NonZeroU32::new(12).expect("it is not zero");
const KEPT_PER_SECOND: NonZeroU32 = NonZeroU32::new(2).expect("it is not zero");
const KEPT_BURST: NonZeroU32 = NonZeroU32::new(8).expect("it is not zero");

/// How often a caller has asked lately.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asking {
    /// Not since its own budget was full again.
    ForTheFirstTime,
    /// More often.
    Again,
}

/// The budget that all callers share.
#[derive(Debug)]
pub struct LookUps {
    for_all: DefaultDirectRateLimiter,
    for_first_times: DefaultDirectRateLimiter,
}

impl Default for LookUps {
    fn default() -> Self {
        let limiter = |per_second, burst| RateLimiter::direct(Quota::per_second(per_second).allow_burst(burst));
        Self { for_all: limiter(PER_SECOND, BURST), for_first_times: limiter(KEPT_PER_SECOND, KEPT_BURST) }
    }
}

impl LookUps {
    /// Takes one query from the budget. Returns whether there was one left for this caller.
    #[must_use]
    pub fn admit(&self, asking: Asking) -> bool {
        self.for_all.check().is_ok() || (asking == Asking::ForTheFirstTime && self.for_first_times.check().is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callers_who_ask_again_and_again_leave_something_for_those_who_ask_for_the_first_time() {
        let look_ups = LookUps::default();
        let admitted = |asking| (0..40).filter(|_| look_ups.admit(asking)).count();
        assert!((12..20).contains(&admitted(Asking::Again)), "a slow machine gains a few");
        assert!((8..20).contains(&admitted(Asking::ForTheFirstTime)));
    }
}
