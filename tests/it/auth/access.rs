//! Tokens and tickets, what ends them, and the answers to callers without one.

use std::time::Duration;

use flowfi_indexer::{
    auth::{Auth, AuthParts, Scope},
    domain::{Clock, EventId, UnixTime},
    http::{LimitArgs, Limits},
    store::Store,
};
use reqwest::StatusCode;
use serde_json::{Value, json};
use sqlx::{PgPool, postgres::PgPoolOptions};
use tokio_util::sync::CancellationToken;

use super::{Access, Guarded, auth, auth_parts};
use crate::{
    limits::limits,
    openapi::described::Described,
    world::{Frame, GatewaySettings, Subscriber, eventually, http_client},
};

/// Passes over everything up to the frame of this name, which must come before the end.
pub async fn frame_named(subscriber: &mut Subscriber, name: &str) -> Frame {
    loop {
        let frame = subscriber.next().await.expect("the stream continues");
        if frame.event.as_deref() == Some(name) {
            Described::new().check_frame(&frame);
            return frame;
        }
    }
}

/// Connects with a token of Alice's that ends soon. On a busy machine it may have ended before it was sent; then this
/// tries again with a token that lasts twice as long.
async fn connected_for_a_moment(guarded: &Guarded, connect: impl AsyncFn(&str) -> Option<Subscriber>) -> Subscriber {
    let alice = guarded.world.devnet.account("alice");
    for ttl_seconds in [1, 2, 4, 8, 16, 32, 64] {
        if let Some(subscriber) = connect(&guarded.token(alice.as_str(), &[], ttl_seconds)).await {
            return subscriber;
        }
    }
    panic!("no token lasted until it was sent")
}

#[sqlx::test]
async fn without_a_token_every_route_with_records_says_how_to_send_one(pool: PgPool) {
    let guarded = Guarded::new(pool, &Access::default()).await;
    let routes =
        ["/v1/streams", "/v1/streams/1", "/v1/events", "/v1/status", "/v1/events/subscribe?all=true", "/streams"];
    for route in routes {
        let answer = guarded.get(route, None).await;
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{route}");
        assert_eq!(answer.headers()["www-authenticate"], "Bearer");
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
        let bad = guarded.get(route, Some("not.a.token")).await;
        assert_eq!(bad.headers()["www-authenticate"], "Bearer error=\"invalid_token\"", "{route}");
        assert!(!bad.text().await.unwrap().contains("not.a.token"), "a token is not repeated");
    }
    for route in ["/health/live", "/health/ready", "/metrics", "/"] {
        assert_eq!(guarded.get(route, None).await.status(), StatusCode::OK, "{route}");
    }
}

#[sqlx::test]
async fn a_stream_ends_with_its_token_and_continues_with_the_next_one(pool: PgPool) {
    let guarded = Guarded::new(pool, &Access::default()).await;
    let mut subscriber = connected_for_a_moment(&guarded, async |token| {
        Subscriber::try_connect_as(&guarded.base, "all=true", None, token).await
    })
    .await;
    let created = guarded.world.create("alice", "bob", 1_000_000, 100).await.events;
    let (mut seen, mut expired) = (Vec::new(), None);
    while expired.is_none() {
        let frame = subscriber.next().await.expect("the stream continues");
        seen.extend(frame.feed_id());
        expired = frame.data.filter(|_| frame.event.as_deref() == Some("expired"));
    }
    assert_eq!(expired.unwrap()["reason"], "expired");
    assert!(subscriber.next().await.unwrap().retry.is_some(), "the farewell");
    assert_eq!(subscriber.next().await, None);
    let missed = guarded.world.create("alice", "carol", 1_000_000, 100).await.events;
    let expected = [created, missed].concat();
    let last = seen.last().copied().unwrap_or_else(|| EventId::end_of_ledger(expected[0].ledger().previous()));
    let again = guarded.token_of("alice");
    let mut subscriber = Subscriber::connect_as(&guarded.base, "all=true", Some(&last.to_string()), &again).await;
    seen.extend(subscriber.ids(expected.len() - seen.len()).await);
    assert_eq!(seen, expected, "each event once, before the end or after it");
}

#[sqlx::test]
async fn a_ticket_is_valid_once_for_its_filter_and_for_a_minute(pool: PgPool) {
    let guarded = Guarded::new(pool, &Access::default()).await;
    let token = guarded.token_of("alice");
    let filter = json!({"streams": ["1", "2"], "types": ["stream.created"]});
    let connect = async |query: String| {
        let answer = http_client().get(format!("{}/v1/events/subscribe?{query}", guarded.base)).send().await.unwrap();
        answer.status()
    };
    let ticket = guarded.ticket(&token, &filter).await;
    assert_eq!(connect(format!("ticket={ticket}")).await, StatusCode::OK);
    assert_eq!(connect(format!("ticket={ticket}")).await, StatusCode::UNAUTHORIZED, "spent");
    let ticket = guarded.ticket(&token, &filter).await;
    assert_eq!(connect(format!("ticket={ticket}&streams=2,1&types=stream.created")).await, StatusCode::OK, "the same");
    let ticket = guarded.ticket(&token, &filter).await;
    assert_eq!(connect(format!("ticket={ticket}&all=true")).await, StatusCode::UNAUTHORIZED, "another filter");
    let ticket = guarded.ticket(&token, &filter).await;
    guarded.clock.move_on(61);
    assert_eq!(connect(format!("ticket={ticket}")).await, StatusCode::UNAUTHORIZED, "too old");
    assert_eq!(connect("ticket=".to_owned()).await, StatusCode::UNAUTHORIZED, "none");
    let bad = guarded.post("/v1/events/tickets", Some(&token), &json!({"streams": ["x"]})).await;
    assert_eq!(bad.status(), StatusCode::BAD_REQUEST);
    assert_eq!(bad.json::<Value>().await.unwrap()["parameter"], "streams");
    assert_eq!(guarded.post("/v1/events/tickets", None, &filter).await.status(), StatusCode::UNAUTHORIZED);
}

#[sqlx::test]
async fn a_ticket_ends_with_the_token_that_it_was_issued_for(pool: PgPool) {
    let guarded = Guarded::new(pool, &Access::default()).await;
    let mut subscriber = connected_for_a_moment(&guarded, async |token| {
        let ticket = guarded.try_ticket(token, &json!({"all": true})).await?;
        Subscriber::try_connect(&guarded.base, &format!("ticket={ticket}"), None).await
    })
    .await;
    frame_named(&mut subscriber, "expired").await;
}

#[sqlx::test]
async fn a_token_in_the_url_is_accepted_only_if_that_is_allowed(pool: PgPool) {
    let mut guarded = Guarded::new(pool, &Access::default()).await;
    let token = guarded.token_of("alice");
    let path = format!("/v1/events/subscribe?all=true&token={token}");
    let refused = guarded.get(&path, None).await;
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
    let problem = refused.text().await.unwrap();
    assert!(problem.contains("\"token\"") && !problem.contains(&token), "{problem}");
    let access = Access { flags: &["--allow-query-token"], ..Access::default() };
    guarded.base = guarded.another_gateway(&access).await;
    assert_eq!(guarded.get(&path, None).await.status(), StatusCode::OK);
}

#[sqlx::test]
async fn a_revocation_ends_streams_on_every_node_and_refuses_earlier_tokens(pool: PgPool) {
    let mut guarded = Guarded::new(pool, &Access::default()).await;
    let other_base = guarded.another_gateway(&Access::default()).await;
    let (alice, bob) = (guarded.token_of("alice"), guarded.token_of("bob"));
    let admin = guarded.token("an operator", &[Scope::Admin], 600);
    let mut of_alice = [
        Subscriber::connect_as(&guarded.base, "all=true", None, &alice).await,
        Subscriber::connect_as(&other_base, "all=true", None, &alice).await,
    ];
    let mut of_bob = Subscriber::connect_as(&other_base, "all=true", None, &bob).await;
    let ticket = guarded.ticket(&alice, &json!({"all": true})).await;

    guarded.clock.move_on(3);
    let by_a_faster_clock = guarded.token_of("alice");
    guarded.clock.move_on(-3);
    let subject = json!({"sub": guarded.world.devnet.account("alice")});
    assert_eq!(guarded.post("/v1/admin/revoke", Some(&bob), &subject).await.status(), StatusCode::FORBIDDEN);
    assert_eq!(guarded.post("/v1/admin/revoke", None, &subject).await.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(guarded.post("/v1/admin/revoke", Some(&admin), &subject).await.status(), StatusCode::NO_CONTENT);
    for subscriber in &mut of_alice {
        assert_eq!(frame_named(subscriber, "expired").await.data.unwrap()["reason"], "revoked");
    }
    assert_eq!(guarded.get("/v1/streams", Some(&alice)).await.status(), StatusCode::UNAUTHORIZED);
    let by_ticket = guarded.get(&format!("/v1/events/subscribe?ticket={ticket}"), None).await;
    assert_eq!(by_ticket.status(), StatusCode::UNAUTHORIZED);
    guarded.world.create("alice", "bob", 1_000_000, 100).await;
    assert_eq!(of_bob.events(2).await.len(), 2, "other streams continue");
    let new_node = guarded.another_gateway(&Access::default()).await;
    let at_new_node = http_client().get(format!("{new_node}/v1/streams")).bearer_auth(&alice).send().await.unwrap();
    assert_eq!(
        at_new_node.status(),
        StatusCode::UNAUTHORIZED,
        "a node that starts later knows about it from the first request on"
    );
    // The database's clock, which keeps running, also determines which tokens count as earlier.
    guarded.clock.move_on(120);
    assert_eq!(
        guarded.get("/v1/streams", Some(&by_a_faster_clock)).await.status(),
        StatusCode::UNAUTHORIZED,
        "it was made before, at a node whose clock is ahead"
    );
    assert_eq!(guarded.get("/v1/streams", Some(&guarded.token_of("alice"))).await.status(), StatusCode::OK);
}

#[sqlx::test]
async fn callers_who_keep_all_their_connections_busy_delay_no_revocation(pool: PgPool) {
    let guarded = Guarded::new(pool, &Access::default()).await;
    let options = PgPoolOptions::new().max_connections(1).acquire_timeout(Duration::from_secs(1));
    let of_callers = options.connect_with((*guarded.world.pool.connect_options()).clone()).await.unwrap();
    let _busy = of_callers.acquire().await.unwrap();
    let parts = auth_parts(&guarded.world, &Access::default());
    let auth = Auth::new(AuthParts { store: Store::on(of_callers.clone()), ..parts });
    auth.load().await.expect("it does not need the connections of callers");
    let (token, stop) = (guarded.token_of("alice"), CancellationToken::new());
    assert!(auth.caller(Some(&token)).await.is_ok());
    let revoke = async {
        let (alice, now) = (guarded.world.devnet.account("alice"), UnixTime::of_close(guarded.clock.now()));
        guarded.world.store.revoke(alice.as_str(), "an operator", (now, 5), None).await.unwrap();
        let is_refused = || async { auth.caller(Some(&token)).await.is_err() };
        eventually("the revocation is known", is_refused).await;
        stop.cancel();
    };
    tokio::join!(auth.follow(stop.clone()), revoke);
}

#[sqlx::test]
async fn an_invalid_body_is_refused(pool: PgPool) {
    let guarded = Guarded::new(pool, &Access::default()).await;
    let admin = guarded.token("an operator", &[Scope::Admin], 600);
    let send = |body: &'static str, content_type: &'static str| {
        let request = http_client().post(format!("{}/v1/admin/revoke", guarded.base)).bearer_auth(&admin);
        request.header("content-type", content_type).body(body).send()
    };
    let json = "application/json; charset=utf-8";
    assert_eq!(send(r#"{"sub":"x"}"#, "text/plain").await.unwrap().status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    for body in ["", "{", "[]", r#"{"sub":""}"#, r#"{"sub":"x","all":true}"#] {
        assert_eq!(send(body, json).await.unwrap().status(), StatusCode::BAD_REQUEST, "{body}");
    }
    assert_eq!(send(r#"{"sub":"x"}"#, json).await.unwrap().status(), StatusCode::NO_CONTENT);
}

#[sqlx::test]
async fn a_subjects_event_streams_are_limited_wherever_it_connects_from(pool: PgPool) {
    let mut guarded = Guarded::new(pool, &Access::default()).await;
    let args = LimitArgs { requests_per_second: 0, max_connections_per_ip: 9, ..limits() };
    let settings = GatewaySettings {
        limits: Limits::new(&args),
        auth: Some(auth(&guarded.world, &Access::default())),
        ..GatewaySettings::default()
    };
    guarded.base = guarded.world.start_gateway(settings).await;
    let (path, alice) = ("/v1/events/subscribe?all=true", guarded.token_of("alice"));
    let first = guarded.get(path, Some(&alice)).await;
    assert_eq!(first.status(), StatusCode::OK);
    let second = guarded.get(path, Some(&alice)).await;
    assert_eq!(
        (second.status(), &second.headers()["retry-after"]),
        (StatusCode::TOO_MANY_REQUESTS, &"30".parse().unwrap())
    );
    assert_eq!(
        guarded.get(path, Some(&guarded.token_of("bob"))).await.status(),
        StatusCode::OK,
        "another subject has its own limit"
    );
    drop(first);
    eventually("the place is released", || async { guarded.get(path, Some(&alice)).await.status() == StatusCode::OK })
        .await;
}
