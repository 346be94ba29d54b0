//! Limits TCP connections: the total number, and the rate of new ones per address. Decides before anything is read.

use std::{
    net::IpAddr,
    sync::atomic::{AtomicU64, Ordering},
};

use super::{
    budgets::{Balance, Budgets},
    client::Addresses,
};

/// Room for requests, including health probes, besides all event streams.
const BESIDE_EVENT_STREAMS: u32 = 1_024;

#[derive(Debug)]
pub(super) struct Connects {
    in_all: usize,
    /// `None` sets no limit on new connections.
    budgets: Option<Budgets>,
    refused: AtomicU64,
}

impl Connects {
    pub(super) fn new(event_streams: u32, budgets: Option<Budgets>) -> Self {
        let in_all = usize::try_from(event_streams.saturating_add(BESIDE_EVENT_STREAMS)).unwrap_or(usize::MAX);
        Self { in_all, budgets, refused: AtomicU64::new(0) }
    }

    /// Returns how many connections may be open in total.
    pub(super) const fn in_all(&self) -> usize {
        self.in_all
    }

    /// Counts a new connection against its peer, and returns whether it may stay. Trusted proxies are not limited,
    /// because the clients behind them are not known yet.
    pub(super) fn admit(&self, addresses: &Addresses, peer: IpAddr) -> bool {
        let (Some(budgets), Some(client)) = (&self.budgets, addresses.client_by_connection(peer)) else { return true };
        let is_admitted = matches!(budgets.spend(client), Balance::Remaining(_));
        if !is_admitted {
            self.refused.fetch_add(1, Ordering::Relaxed);
        }
        is_admitted
    }

    pub(super) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admitted(peer: &str) -> usize {
        let addresses = Addresses::new(&["10.0.0.0/8".parse().unwrap()], &["192.0.2.7/32".parse().unwrap()]);
        let connects = Connects::new(1, Budgets::new(1, 3));
        (0..10).filter(|_| connects.admit(&addresses, peer.parse().unwrap())).count()
    }

    #[test]
    fn an_address_has_a_limit_of_connects_and_exempt_addresses_and_trusted_proxies_have_none() {
        assert_eq!((admitted("203.0.113.5"), admitted("::ffff:203.0.113.5"), admitted("2001:db8::1")), (3, 3, 3));
        assert_eq!((admitted("192.0.2.7"), admitted("10.0.0.1")), (10, 10));
    }

    #[test]
    fn addresses_of_one_ipv6_line_share_their_connects() {
        let (addresses, connects) = (Addresses::new(&[], &[]), Connects::new(1, Budgets::new(1, 1)));
        assert!(connects.admit(&addresses, "2001:db8:1:2::1".parse().unwrap()));
        assert!(!connects.admit(&addresses, "2001:db8:1:2:ffff::9".parse().unwrap()));
        assert!(connects.admit(&addresses, "2001:db8:1:3::1".parse().unwrap()));
        assert_eq!(connects.refused(), 1);
    }
}
