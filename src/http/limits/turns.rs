//! Answers the requests of one client one after the other, so that a client with many requests slows down itself and
//! not everybody else.

use std::{
    collections::HashMap,
    convert::Infallible,
    pin::pin,
    sync::{Arc, Mutex, Weak},
};

use axum::{
    extract::{FromRequestParts, Request, State},
    http::{Extensions, request::Parts},
    middleware::Next,
    response::Response,
};
use futures_util::FutureExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{Limits, client::ClientKey, requests::Operator};
use crate::lifecycle::do_to_the_end;

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

/// The turn of a request, which its handler can put aside; an extension of the request.
#[derive(Clone, Debug, Default)]
pub(in crate::http) struct Turn(Option<Arc<Held>>);

#[derive(Debug)]
struct Held {
    turns: ClientTurns,
    /// `None` while the turn is put aside.
    permit: Mutex<Option<OwnedSemaphorePermit>>,
}

impl Turn {
    async fn next(turns: ClientTurns) -> Self {
        let permit = Mutex::new(Some(turns.next().await));
        Self(Some(Arc::new(Held { turns, permit })))
    }

    /// Returns the turn of a request. A request of an exempt client has none, nor has one to a route without turns.
    pub(in crate::http) fn of(extensions: &Extensions) -> Self {
        extensions.get().cloned().unwrap_or_default()
    }

    /// Waits for something outside of this process and its database. Meanwhile the client's other requests have their
    /// turns.
    pub(in crate::http) async fn put_aside_for<T>(&self, wait: impl Future<Output = T>) -> T {
        let mut wait = pin!(wait);
        if let Some(ready) = wait.as_mut().now_or_never() {
            return ready;
        }
        self.set(None);
        let ready = wait.await;
        if let Some(held) = &self.0 {
            let permit = held.turns.next().await;
            self.set(Some(permit));
        }
        ready
    }

    fn set(&self, permit: Option<OwnedSemaphorePermit>) {
        if let Some(held) = &self.0 {
            *held.permit.lock().expect("no thread panics while it holds the turn") = permit;
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Turn {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.extensions))
    }
}

/// Answers a request when it is its client's turn. The turn lasts until the answer is made, even if the client has left by
/// then: it must not have several queries at once by leaving and coming back.
pub(in crate::http) async fn answer_in_turn(
    State(limits): State<Limits>,
    mut request: Request,
    next: Next,
) -> Response {
    let client = request.extensions().get::<Option<ClientKey>>().copied().flatten();
    let is_of_operator = request.extensions().get::<Operator>().is_some();
    let Some(turns) = limits.turns_of(client.filter(|_| !is_of_operator)) else { return next.run(request).await };
    let turn = Turn::next(turns).await;
    request.extensions_mut().insert(turn.clone());
    do_to_the_end(async move {
        let response = next.run(request).await;
        turn.set(None);
        response
    })
    .await
}

/// Answers a request even if its client has left: what is read for everybody must not begin anew with each who leaves.
pub(in crate::http) async fn answer_to_the_end(request: Request, next: Next) -> Response {
    do_to_the_end(next.run(request)).await
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicUsize, Ordering},
        time::Duration,
    };

    use axum::{
        Router,
        body::Body,
        middleware::{from_fn, from_fn_with_state},
        routing::get,
    };
    use hyper::service::Service;
    use hyper_util::service::TowerToHyperService;
    use tokio::{sync::Notify, task::yield_now, time::timeout};

    use super::*;
    use crate::http::limits::tests::usual_limits;

    /// Only a test that fails waits this long.
    const DEADLINE: Duration = Duration::from_mins(1);

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
    /// A route in turns that begins to answer, and ends when it is told to.
    #[derive(Clone, Default)]
    struct SlowRoute {
        begun: Arc<AtomicUsize>,
        may_end: Arc<Notify>,
    }

    impl SlowRoute {
        fn begun(&self) -> usize {
            self.begun.load(Ordering::Relaxed)
        }

        fn routes(&self) -> TowerToHyperService<Router> {
            let begin = |route: &Self| {
                route.begun.fetch_add(1, Ordering::Relaxed);
                Arc::clone(&route.may_end)
            };
            let (slow, waiting) = (self.clone(), self.clone());
            let routes = Router::new()
                .route("/slow", get(async move || begin(&slow).notified().await))
                .route("/waiting", get(async move |turn: Turn| turn.put_aside_for(begin(&waiting).notified()).await));
            let in_turn = from_fn_with_state(Limits::new(&usual_limits()), answer_in_turn);
            TowerToHyperService::new(routes.layer(in_turn))
        }
    }

    /// Returns a request of always the same client.
    fn asked(path: &str) -> Request {
        let client = Some(ClientKey::Address([127, 0, 0, 1].into()));
        Request::get(path).extension(client).body(Body::empty()).unwrap()
    }

    #[tokio::test]
    async fn no_text_in_a_query_frees_a_request_from_its_turn() {
        let route = SlowRoute::default();
        let routes = route.routes();
        let mut first = pin!(routes.call(asked("/slow")));
        assert!(first.as_mut().now_or_never().is_none());
        let mut others = Vec::new();
        for query in ["source=chain", "lastEventId=source=chain", "source=chain&source=chain"] {
            let mut other = Box::pin(routes.call(asked(&format!("/slow?{query}"))));
            assert!(other.as_mut().now_or_never().is_none());
            assert_eq!(route.begun(), 1, "{query} waits for the first");
            others.push(other);
        }
        route.may_end.notify_one();
        assert!(first.await.unwrap().status().is_success());
        assert!(others[0].as_mut().now_or_never().is_none());
        assert_eq!(route.begun(), 2);
    }

    #[tokio::test]
    async fn a_request_that_puts_its_turn_aside_lets_others_go_first_and_takes_it_again() {
        let route = SlowRoute::default();
        let routes = route.routes();
        let mut waiting = pin!(routes.call(asked("/waiting")));
        assert!(waiting.as_mut().now_or_never().is_none());
        let mut other = pin!(routes.call(asked("/slow")));
        assert!(other.as_mut().now_or_never().is_none());
        assert_eq!(route.begun(), 2, "the other does not wait");
        route.may_end.notify_one();
        assert!(waiting.as_mut().now_or_never().is_none(), "it is the other's turn");
        route.may_end.notify_one();
        assert!(other.await.unwrap().status().is_success());
        assert!(waiting.await.unwrap().status().is_success());
        assert!(routes.call(asked("/waiting")).now_or_never().is_none());
        assert_eq!(route.begun(), 3);
    }

    #[tokio::test]
    async fn an_answer_for_everybody_is_made_although_its_client_has_left() {
        let (may_end, is_made) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let slow = (Arc::clone(&may_end), Arc::clone(&is_made));
        let answer = get(async move || {
            slow.0.notified().await;
            slow.1.notify_one();
        });
        let routes = Router::new().route("/slow", answer).layer(from_fn(answer_to_the_end));
        let routes = TowerToHyperService::new(routes);
        let mut abandoned = Box::pin(routes.call(asked("/slow")));
        assert!(abandoned.as_mut().now_or_never().is_none());
        drop(abandoned);
        may_end.notify_one();
        timeout(DEADLINE, is_made.notified()).await.expect("it is made");
    }

    #[tokio::test]
    async fn a_client_that_leaves_again_and_again_has_one_turn_at_once() {
        let route = SlowRoute::default();
        let routes = route.routes();
        for _ in 0..10 {
            let mut abandoned = Box::pin(routes.call(asked("/slow")));
            assert!(abandoned.as_mut().now_or_never().is_none());
            drop(abandoned);
            yield_now().await;
            assert_eq!(route.begun(), 1);
        }
        let last = routes.call(asked("/slow"));
        route.may_end.notify_one();
        let end_of_last = async {
            while route.begun() < 2 {
                yield_now().await;
            }
            route.may_end.notify_one();
        };
        let (answered, ()) = timeout(DEADLINE, async { tokio::join!(last, end_of_last) }).await.unwrap();
        assert!(answered.unwrap().status().is_success(), "the first turn ended with its answer");
    }
}
