//! How much one client, and all of them together, may ask for: connections and requests by rate, event streams by number.
//!
//! Every refusal says when to come back. State is bounded whatever the number of addresses.

mod args;
mod budgets;
mod client;
mod connections;
mod connects;
mod requests;

use std::{net::IpAddr, sync::Arc};

pub use args::LimitArgs;
pub(super) use client::ClientKey;
pub use connections::ConnectionStats;
pub(super) use connections::Slot;
pub(super) use requests::{limit_admin_requests, limit_requests};

use budgets::Budgets;
use client::Addresses;
use connections::{Connections, MostOpen};
use connects::Connects;
use requests::Requests;

use super::problem::Problem;

/// An operator, or a script of theirs, asks no more than this.
const ADMIN_REQUESTS_PER_SECOND: u32 = 2;
const ADMIN_REQUESTS_BURST: u32 = 20;

/// The limits of a gateway. Clones share what was counted.
#[derive(Clone, Debug)]
pub struct Limits(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    addresses: Addresses,
    connects: Connects,
    /// `None`: as many requests as they like.
    requests: Option<Requests>,
    /// For acts of operators, whatever else is set: whoever tries tokens on them is slowed down.
    admin_requests: Option<Requests>,
    connections: Connections,
}

/// Zero sets no limit, as for every other flag.
const fn most(of_the_arguments: u32) -> u32 {
    if of_the_arguments == 0 { u32::MAX } else { of_the_arguments }
}

impl Limits {
    /// Returns the limits that the arguments set.
    #[must_use]
    pub fn new(args: &LimitArgs) -> Self {
        Self(Arc::new(Inner {
            addresses: Addresses::new(&args.trusted_proxies, &args.limit_exempt),
            connects: Connects::new(
                most(args.max_connections),
                Budgets::new(args.connects_per_second, args.connects_burst),
            ),
            requests: Requests::new(args.requests_per_second, args.requests_burst),
            admin_requests: Requests::new(ADMIN_REQUESTS_PER_SECOND, ADMIN_REQUESTS_BURST),
            connections: Connections::new(MostOpen {
                in_all: most(args.max_connections),
                per_client: most(args.max_connections_per_ip),
                per_subject: most(args.max_connections_per_subject),
            }),
        }))
    }

    /// Returns limits that nobody reaches.
    #[must_use]
    pub fn none() -> Self {
        Self(Arc::new(Inner {
            addresses: Addresses::new(&[], &[]),
            connects: Connects::new(u32::MAX, None),
            requests: None,
            admin_requests: None,
            connections: Connections::new(MostOpen { in_all: u32::MAX, per_client: u32::MAX, per_subject: u32::MAX }),
        }))
    }

    /// Returns how many TCP connections may be open.
    pub(super) fn tcp_connections(&self) -> usize {
        self.0.connects.in_all()
    }

    /// Counts a new TCP connection against its peer and returns whether it may stay.
    pub(super) fn admit(&self, peer: IpAddr) -> bool {
        self.0.connects.admit(&self.0.addresses, peer)
    }

    /// Takes a place for an event stream; it is given back when the slot is dropped. An exempt address is nobody.
    pub(super) fn take_slot(&self, client: Option<ClientKey>) -> Result<Slot, Problem> {
        self.0.connections.take(client)
    }

    /// Returns the limits of event streams and how near to them it came.
    #[must_use]
    pub fn connection_stats(&self) -> ConnectionStats {
        self.0.connections.stats(self.0.connects.refused())
    }

    /// Returns whom to count a request against, `None` for those that are exempt.
    fn client_of(&self, peer: Option<IpAddr>, forwarded_for: Option<&str>) -> Option<ClientKey> {
        self.0.addresses.client_of(peer?, forwarded_for)
    }
}
