//! The open TCP connections. An idle one makes room for a new one: no client can take every place just by holding
//! connections open.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
};

use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::client::ClientKey;

#[derive(Debug)]
pub(super) struct TcpConnections {
    most_in_all: usize,
    most_per_client: usize,
    open: Arc<Mutex<Open>>,
}

#[derive(Debug, Default)]
struct Open {
    next: u64,
    kept: HashMap<u64, TrackedConnection>,
    by_client: HashMap<ClientKey, usize>,
}

#[derive(Debug)]
struct TrackedConnection {
    /// `None` if no limit per address applies.
    client: Option<ClientKey>,
    /// How many requests it answers at the moment. Over HTTP/1.1 there is only one.
    answering: usize,
    /// Since when it has been idle, while it answers none.
    idle_since: Instant,
    /// Whether an operator has sent a request over it.
    is_operators: bool,
    close: CancellationToken,
}

/// An open connection. Dropping it removes it.
#[derive(Debug)]
pub(in crate::http) struct TcpConnection {
    number: u64,
    close: CancellationToken,
    open: Arc<Mutex<Open>>,
}

/// A way to say whose a connection is. It does not keep the connection.
#[derive(Clone, Debug)]
pub(in crate::http) struct OfConnection {
    number: u64,
    open: Arc<Mutex<Open>>,
}

/// A request that is being answered. When the last one of a connection is dropped, the connection is idle again.
#[derive(Debug)]
pub(in crate::http) struct Answering {
    number: u64,
    open: Arc<Mutex<Open>>,
}

impl TcpConnections {
    pub(super) fn new(most_in_all: usize, most_per_client: usize) -> Self {
        Self { most_in_all, most_per_client, open: Arc::default() }
    }

    /// Adds a new connection. If there are too many, asks the one that has been idle longest to close: one of the same
    /// client, if that client has reached its limit. Returns `None` if it has and none of its connections is idle.
    pub(super) fn enter(&self, client: Option<ClientKey>) -> Option<TcpConnection> {
        let mut open = lock(&self.open);
        if client.is_some_and(|client| open.of(client) >= self.most_per_client)
            && !open.close_longest_idle(|kept| kept.client == client)
        {
            return None;
        }
        if open.kept.len() >= self.most_in_all {
            open.close_longest_idle(|_| true);
        }
        let (number, close) = (open.next, CancellationToken::new());
        open.next += 1;
        let kept = TrackedConnection {
            client,
            answering: 0,
            idle_since: Instant::now(),
            is_operators: false,
            close: close.clone(),
        };
        open.kept.insert(number, kept);
        if let Some(client) = client {
            *open.by_client.entry(client).or_default() += 1;
        }
        Some(TcpConnection { number, close, open: Arc::clone(&self.open) })
    }
}

impl Open {
    fn of(&self, client: ClientKey) -> usize {
        self.by_client.get(&client).copied().unwrap_or_default()
    }

    /// Returns whether there was an idle one. One that was asked before no longer counts. Those of operators come last:
    /// whoever shares an operator's address must not cut the operator off.
    fn close_longest_idle(&mut self, fits: impl Fn(&TrackedConnection) -> bool) -> bool {
        let idle = self.kept.values_mut().filter(|kept| kept.answering == 0 && !kept.close.is_cancelled());
        let longest = idle.filter(|kept| fits(kept)).min_by_key(|kept| (kept.is_operators, kept.idle_since));
        let Some(longest) = longest else { return false };
        longest.close.cancel();
        true
    }
}

impl TcpConnection {
    /// Marks the connection as answering a request.
    pub(in crate::http) fn answering(&self) -> Answering {
        if let Some(kept) = lock(&self.open).kept.get_mut(&self.number) {
            kept.answering += 1;
        }
        Answering { number: self.number, open: Arc::clone(&self.open) }
    }

    pub(in crate::http) fn handle(&self) -> OfConnection {
        OfConnection { number: self.number, open: Arc::clone(&self.open) }
    }

    /// Returns whether the connection is idle.
    pub(in crate::http) fn is_idle(&self) -> bool {
        lock(&self.open).kept.get(&self.number).is_none_or(|kept| kept.answering == 0)
    }

    /// Returns a future that resolves when the connection must make room.
    pub(in crate::http) fn asked_to_close(&self) -> WaitForCancellationFutureOwned {
        self.close.clone().cancelled_owned()
    }
}

impl OfConnection {
    /// Records that an operator has sent a request over it: it makes room after all others.
    pub(in crate::http) fn make_room_last(&self) {
        if let Some(kept) = lock(&self.open).kept.get_mut(&self.number) {
            kept.is_operators = true;
        }
    }
}

impl Drop for TcpConnection {
    fn drop(&mut self) {
        let mut open = lock(&self.open);
        let Some(client) = open.kept.remove(&self.number).and_then(|kept| kept.client) else { return };
        let left = open.of(client).saturating_sub(1);
        if left == 0 {
            open.by_client.remove(&client);
        } else {
            open.by_client.insert(client, left);
        }
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        if let Some(kept) = lock(&self.open).kept.get_mut(&self.number) {
            kept.answering -= 1;
            kept.idle_since = Instant::now();
        }
    }
}

fn lock(open: &Mutex<Open>) -> MutexGuard<'_, Open> {
    open.lock().expect("no thread panics while it counts")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Option<ClientKey> = Some(ClientKey::EverybodyElse);

    fn is_asked(connection: &TcpConnection) -> bool {
        connection.close.is_cancelled()
    }

    #[test]
    fn if_there_are_too_many_the_one_that_has_been_idle_longest_makes_room() {
        let tcp = TcpConnections::new(3, 99);
        let (streams, first, second) = (tcp.enter(ONE).unwrap(), tcp.enter(ONE).unwrap(), tcp.enter(None).unwrap());
        let event_stream = streams.answering();
        drop(first.answering());
        let third = tcp.enter(None).unwrap();
        assert!(is_asked(&second) && !is_asked(&first) && !is_asked(&streams), "the first was used after it");
        drop(second);
        let fourth = tcp.enter(None).unwrap();
        assert!(is_asked(&first) && !is_asked(&third) && !is_asked(&fourth));
        drop(event_stream);
        drop((first, third, fourth));
        drop(streams);
        assert!(lock(&tcp.open).by_client.is_empty(), "nothing is kept of closed connections");
    }

    #[test]
    fn an_operators_connection_makes_room_after_all_others_of_its_address() {
        let tcp = TcpConnections::new(99, 2);
        let (operators, first) = (tcp.enter(ONE).unwrap(), tcp.enter(ONE).unwrap());
        operators.handle().make_room_last();
        let second = tcp.enter(ONE).unwrap();
        assert!(is_asked(&first) && !is_asked(&operators), "although it has been idle longer");
        drop(first);
        let busy = second.answering();
        let third = tcp.enter(ONE);
        assert!(third.is_some() && is_asked(&operators), "there is no other that is idle");
        drop(busy);
    }

    #[test]
    fn a_connection_is_idle_only_when_the_last_of_its_requests_is_answered() {
        let tcp = TcpConnections::new(99, 1);
        let connection = tcp.enter(ONE).unwrap();
        let (event_stream, request) = (connection.answering(), connection.answering());
        drop(request);
        assert!(!connection.is_idle());
        assert!(tcp.enter(ONE).is_none() && !is_asked(&connection), "its event stream must not make room");
        drop(event_stream);
        assert!(connection.is_idle());
    }

    #[test]
    fn a_client_at_its_limit_makes_room_itself_or_is_refused() {
        let tcp = TcpConnections::new(99, 2);
        let other = tcp.enter(None).unwrap();
        let (first, second) = (tcp.enter(ONE).unwrap(), tcp.enter(ONE).unwrap());
        let answering = [first.answering(), second.answering()];
        assert!(tcp.enter(ONE).is_none(), "none of its own connections is idle");
        drop(answering);
        let third = tcp.enter(ONE);
        assert!(third.is_some() && is_asked(&first) && !is_asked(&other));
    }
}
