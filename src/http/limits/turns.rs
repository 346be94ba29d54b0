//! Answers the requests of one client one after the other, so that a client with many requests slows down itself and
//! not everybody else.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, Weak},
};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{Limits, client::ClientKey, requests::Operator};

/// A client may send twenty requests a second, and each takes milliseconds.
const AT_ONCE: usize = 1;
/// Clients without requests are forgotten each time this many have been added.
const FORGET_EVERY: usize = 1_024;

#[derive(Debug, Default)]
pub(super) struct Turns(Mutex<HashMap<ClientKey, Weak<Semaphore>>>);

/// The turns of one client.
#[derive(Clone, Debug)]
pub(in crate::http) struct ClientTurns(Arc<Semaphore>);

impl Turns {
    pub(super) fn of(&self, client: ClientKey) -> ClientTurns {
        let mut clients = self.0.lock().expect("no thread panics while it holds the turns");
        if let Some(turns) = clients.get(&client).and_then(Weak::upgrade) {
            return ClientTurns(turns);
        }
        if clients.len() % FORGET_EVERY == FORGET_EVERY - 1 {
            clients.retain(|_, turns| turns.strong_count() > 0);
        }
        let turns = Arc::new(Semaphore::new(AT_ONCE));
        clients.insert(client, Arc::downgrade(&turns));
        ClientTurns(turns)
    }
}

impl ClientTurns {
    /// Returns what the turns are taken from.
    pub(in crate::http) fn semaphore(&self) -> Arc<Semaphore> {
        Arc::clone(&self.0)
    }

    /// Waits for a turn. It lasts until the permit is dropped.
    pub(in crate::http) async fn next(&self) -> OwnedSemaphorePermit {
        Arc::clone(&self.0).acquire_owned().await.expect("the semaphore is never closed")
    }
}

/// Answers a request when it is its client's turn. A request that waits for the chain takes no turn, which would hold
/// up the client's others.
pub(in crate::http) async fn answer_in_turn(State(limits): State<Limits>, request: Request, next: Next) -> Response {
    let client = request.extensions().get::<Option<ClientKey>>().copied().flatten();
    let waits_for_the_chain = request.uri().query().is_some_and(|query| query.contains("source=chain"));
    let is_free = waits_for_the_chain || request.extensions().get::<Operator>().is_some();
    let turns = limits.turns_of(client.filter(|_| !is_free));
    let _turn = match &turns {
        Some(turns) => Some(turns.next().await),
        None => None,
    };
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn a_clients_second_request_waits_for_the_first_and_another_client_does_not() {
        let turns = Turns::default();
        let one = turns.of(ClientKey::EverybodyElse);
        let first = one.next().await;
        let again = turns.of(ClientKey::EverybodyElse);
        assert!(again.next().now_or_never().is_none());
        let other = turns.of(ClientKey::Unreadable([127, 0, 0, 1].into()));
        assert!(other.next().now_or_never().is_some());
        drop(first);
        assert!(again.next().now_or_never().is_some());
    }

    #[test]
    fn many_clients_that_are_done_take_bounded_memory() {
        let turns = Turns::default();
        for number in 0..100_000_u32 {
            drop(turns.of(ClientKey::Address(std::net::Ipv4Addr::from(number).into())));
        }
        assert!(turns.0.lock().unwrap().len() <= FORGET_EVERY);
    }
}
