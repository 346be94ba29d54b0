//! Limits for each client and for all of them together: on the rate of connections and requests, and on the number of
//! event streams.
//!
//! Every refusal says when to try again. Memory is bounded however many addresses there are.

mod args;
mod budgets;
mod client;
mod connections;
mod connects;
mod requests;
mod tcp;
mod turns;

use std::{net::IpAddr, sync::Arc};

pub use args::LimitArgs;
pub(super) use client::ClientKey;
pub use connections::ConnectionStats;
pub(super) use connections::Slot;
pub(super) use requests::{
    Operator, RequestLimit, RowsCost, count_admin_attempt, identify_client, limit_admin_requests, limit_requests,
    refuse_over_budget,
};
pub(super) use tcp::{Answering, OfConnection, TcpConnection};
pub(super) use turns::{ClientTurns, Turn, answer_in_turn, answer_to_the_end};

use budgets::{Balance, Budgets};
use client::Addresses;
use connections::{ConnectionLimits, Connections};
use connects::Connects;
use requests::Requests;
use tcp::TcpConnections;
use turns::Turns;

use super::problem::Problem;
use crate::auth::Asking;

/// More than an operator or an operator's script needs.
const ADMIN_REQUESTS_PER_SECOND: u32 = 2;
const ADMIN_REQUESTS_BURST: u32 = 20;

/// Attempts to act as an operator, each of which costs the check of a signature. An address that makes more is refused
/// before its tokens are looked at, those of operators included.
const ADMIN_ATTEMPTS_PER_SECOND: u32 = 100;
const ADMIN_ATTEMPTS_BURST: u32 = 200;

/// Refusals after which a connection is closed. A client that waits when it is told to never comes near them.
const REFUSALS_PER_SECOND: u32 = 20;
const REFUSALS_BURST: u32 = 200;

/// More than probes and a metrics collector need.
const WATCHING_PER_SECOND: u32 = 20;
const WATCHING_BURST: u32 = 200;

/// The TCP connections that one address may have open besides its event streams.
const BESIDE_EVENT_STREAMS_PER_CLIENT: u32 = 100;
/// The number of extra connections that may come in while others make room for them.
const MAKING_ROOM: usize = 64;
/// Each client's share of the queries to the chain.
const CHAIN_READS_PER_SECOND: u32 = 1;
const CHAIN_READS_BURST: u32 = 5;
/// Each client's share of the sign-ins, each of which looks up an account on the chain.
const SIGN_INS_PER_SECOND: u32 = 1;
const SIGN_INS_BURST: u32 = 10;

/// The limits of a gateway. Clones share what was counted.
#[derive(Clone, Debug)]
pub struct Limits(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    addresses: Addresses,
    connects: Connects,
    tcp: TcpConnections,
    /// `None` sets no limit.
    requests: Option<Requests>,
    /// Counts requests for health and metrics separately; `None` sets no limit.
    watching: Option<Requests>,
    /// For probes of whether the process lives, beside those: `None` for as many as they like.
    probes: Option<Requests>,
    /// For acts of operators that are refused, whatever else is set: whoever tries tokens on them is slowed down.
    refused_admin_requests: Option<Requests>,
    admin_attempts: Option<Budgets>,
    /// Counts refusals: a connection is closed if they go on.
    refusals: Option<Budgets>,
    chain_reads: Option<Budgets>,
    sign_ins: Option<Budgets>,
    connections: Connections,
    turns: Option<Turns>,
    /// The turns of a client's returning subscribers at the table, apart from those of its requests.
    replay_turns: Option<Turns>,
}

/// Zero means no limit, as for every other flag.
const fn most(of_the_arguments: u32) -> u32 {
    if of_the_arguments == 0 { u32::MAX } else { of_the_arguments }
}

fn watching(args: &LimitArgs) -> Option<Requests> {
    if args.requests_per_second == 0 { None } else { Requests::new(WATCHING_PER_SECOND, WATCHING_BURST) }
}

/// Takes a query to the chain from a client's share. An exempt address always counts as one that asks for the first time.
fn spend(budgets: Option<&Budgets>, client: Option<ClientKey>, detail: &str) -> Result<Asking, Problem> {
    let (Some(budgets), Some(client)) = (budgets, client) else { return Ok(Asking::ForTheFirstTime) };
    match budgets.spend(client) {
        Balance::Remaining(left) if budgets.was_full(left) => Ok(Asking::ForTheFirstTime),
        Balance::Remaining(_) => Ok(Asking::Again),
        Balance::EmptyFor(seconds) => Err(Problem::too_many_requests(detail, seconds)),
    }
}

impl Limits {
    /// Returns the limits from the arguments.
    #[must_use]
    pub fn new(args: &LimitArgs) -> Self {
        let connects =
            Connects::new(most(args.max_connections), Budgets::new(args.connects_per_second, args.connects_burst));
        let per_client = most(args.max_connections_per_ip).saturating_add(BESIDE_EVENT_STREAMS_PER_CLIENT);
        let tcp = TcpConnections::new(connects.in_all(), usize::try_from(per_client).unwrap_or(usize::MAX));
        Self(Arc::new(Inner {
            addresses: Addresses::new(&args.trusted_proxies, &args.limit_exemptions),
            connects,
            tcp,
            requests: Requests::new(args.requests_per_second, args.requests_burst),
            watching: watching(args),
            probes: watching(args),
            refused_admin_requests: Requests::new(ADMIN_REQUESTS_PER_SECOND, ADMIN_REQUESTS_BURST),
            admin_attempts: Budgets::new(ADMIN_ATTEMPTS_PER_SECOND, ADMIN_ATTEMPTS_BURST),
            refusals: Budgets::new(REFUSALS_PER_SECOND, REFUSALS_BURST),
            chain_reads: Budgets::new(CHAIN_READS_PER_SECOND, CHAIN_READS_BURST),
            sign_ins: Budgets::new(SIGN_INS_PER_SECOND.min(args.requests_per_second), SIGN_INS_BURST),
            connections: Connections::new(ConnectionLimits {
                in_all: most(args.max_connections),
                per_client: most(args.max_connections_per_ip),
                per_subject: most(args.max_connections_per_subject),
            }),
            turns: (args.requests_per_second > 0).then(Turns::default),
            replay_turns: (args.requests_per_second > 0).then(Turns::default),
        }))
    }

    /// Returns limits that nobody can reach.
    #[must_use]
    pub fn none() -> Self {
        Self(Arc::new(Inner {
            addresses: Addresses::new(&[], &[]),
            connects: Connects::new(u32::MAX, None),
            tcp: TcpConnections::new(usize::MAX, usize::MAX),
            requests: None,
            watching: None,
            probes: None,
            refused_admin_requests: None,
            admin_attempts: None,
            refusals: None,
            chain_reads: None,
            sign_ins: None,
            connections: Connections::new(ConnectionLimits {
                in_all: u32::MAX,
                per_client: u32::MAX,
                per_subject: u32::MAX,
            }),
            turns: None,
            replay_turns: None,
        }))
    }

    /// Returns how many TCP connections may be open, including those that were asked to close and have not done so yet.
    pub(super) fn tcp_connections(&self) -> usize {
        self.0.connects.in_all().saturating_add(MAKING_ROOM)
    }

    /// Counts a new TCP connection against its peer, and returns it if it may stay.
    pub(super) fn admit(&self, peer: IpAddr) -> Option<TcpConnection> {
        if !self.0.connects.admit(&self.0.addresses, peer) {
            return None;
        }
        self.0.tcp.enter(self.0.addresses.client_by_connection(peer))
    }

    /// Takes one from a client's share of the queries to the chain. An exempt address has no client.
    pub(super) fn spend_chain_read(&self, client: Option<ClientKey>) -> Result<Asking, Problem> {
        let detail = "this address queries the chain too often; without source=chain the index answers";
        spend(self.0.chain_reads.as_ref(), client, detail)
    }

    /// Takes one from a client's own share of the sign-ins. An exempt address has no client.
    pub(super) fn spend_sign_in(&self, client: Option<ClientKey>) -> Result<Asking, Problem> {
        spend(self.0.sign_ins.as_ref(), client, "too many sign-ins from this address at once")
    }

    /// Takes the extra cost of an answer with many rows from a client's budget, and returns that cost. An exempt
    /// address has no client.
    pub(super) fn spend_rows(&self, client: Option<ClientKey>, rows: u32) -> Result<RowsCost, Problem> {
        let cost = RowsCost::of(rows);
        match (&self.0.requests, client) {
            (Some(requests), Some(client)) => requests.spend_rows(client, cost),
            _ => Ok(cost),
        }
    }

    /// Returns a client's turns. An exempt address has no client and never waits.
    pub(super) fn turns_of(&self, client: Option<ClientKey>) -> Option<ClientTurns> {
        Some(self.0.turns.as_ref()?.of(client?))
    }

    /// Returns the turns of a client's returning subscribers at the table.
    pub(super) fn replay_turns_of(&self, client: Option<ClientKey>) -> Option<ClientTurns> {
        Some(self.0.replay_turns.as_ref()?.of(client?))
    }

    /// Takes a place for an event stream, which is released when the slot is dropped. An exempt address has no client.
    pub(super) fn take_slot(&self, client: Option<ClientKey>) -> Result<Slot, Problem> {
        self.0.connections.take(client)
    }

    /// Returns the limits of event streams, and how near to them the numbers came.
    #[must_use]
    pub fn connection_stats(&self) -> ConnectionStats {
        self.0.connections.stats(self.0.connects.refused())
    }

    /// Returns the client that a request counts against; `None` for exempt ones.
    fn client_of(&self, peer: Option<IpAddr>, forwarded_for: Option<&str>) -> Option<ClientKey> {
        self.0.addresses.client_of(peer?, forwarded_for)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub fn usual_limits() -> LimitArgs {
        LimitArgs {
            requests_per_second: 20,
            requests_burst: 200,
            connects_per_second: 20,
            connects_burst: 200,
            max_connections: 0,
            max_connections_per_ip: 0,
            max_connections_per_subject: 0,
            trusted_proxies: Vec::new(),
            limit_exemptions: Vec::new(),
        }
    }

    #[test]
    fn an_address_uses_up_its_own_share_of_the_sign_ins_and_no_other() {
        let limits = Limits::new(&usual_limits());
        let [one, other] = [[127, 0, 0, 2], [127, 0, 0, 3]].map(|address| limits.client_of(Some(address.into()), None));
        let taken = (0..100).filter(|_| limits.spend_sign_in(one).is_ok()).count();
        assert!((10..100).contains(&taken), "{taken}");
        assert_eq!(limits.spend_sign_in(other).unwrap(), Asking::ForTheFirstTime);
        assert_eq!(limits.spend_sign_in(other).unwrap(), Asking::Again);
        assert_eq!(limits.spend_sign_in(None).unwrap(), Asking::ForTheFirstTime);
    }
}
