//! What must not be revealed to, or done for, callers without permission.

use flowfi_indexer::auth::Scope;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sqlx::PgPool;

use super::{Access, Guarded, auth};
use crate::{
    limits::limits,
    openapi::described::Described,
    world::{Frame, GatewaySettings, Subscriber, http_client},
};

#[sqlx::test]
async fn a_banned_subject_is_refused_with_every_token_until_the_ban_is_lifted(pool: PgPool) {
    let mut guarded = Guarded::new(pool, &Access::default()).await;
    let alice = guarded.world.devnet.account("alice");
    let revoke = async |body: Value| {
        let answer = guarded.post("/v1/admin/revoke", Some(&guarded.operator()), &body).await;
        assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    };
    let status = async || guarded.get("/v1/streams", Some(&guarded.token_of("alice"))).await.status();
    assert_eq!(status().await, StatusCode::OK);
    revoke(json!({"sub": alice, "ban": true})).await;
    guarded.clock.move_on(600);
    assert_eq!(status().await, StatusCode::UNAUTHORIZED, "a later token");
    revoke(json!({"sub": alice})).await;
    assert_eq!(status().await, StatusCode::UNAUTHORIZED, "a revocation does not lift a ban");
    let made_before = guarded.token_of("alice");
    revoke(json!({"sub": alice, "ban": false})).await;
    let answer = guarded.get("/v1/streams", Some(&made_before)).await;
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "earlier tokens are revoked");
    guarded.clock.move_on(6);
    assert_eq!(status().await, StatusCode::OK);
    revoke(json!({"sub": alice, "ban": true})).await;
    let other = guarded.another_gateway(&Access::default()).await;
    let token = guarded.token_of("alice");
    let elsewhere = http_client().get(format!("{other}/v1/streams")).bearer_auth(token).send().await.unwrap();
    assert_eq!(elsewhere.status(), StatusCode::UNAUTHORIZED, "at every node");
}

#[sqlx::test]
async fn a_token_that_has_ended_opens_no_stream_in_the_seconds_of_leeway(pool: PgPool) {
    let guarded = Guarded::new(pool, &Access::default()).await;
    let token = guarded.token(guarded.world.devnet.account("alice").as_str(), &[], 600);
    guarded.clock.move_on(601);
    assert_eq!(guarded.get("/v1/streams", Some(&token)).await.status(), StatusCode::OK, "clocks differ a little");
    let refused = guarded.get("/v1/events/subscribe?all=true", Some(&token)).await;
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    let url = format!("{}/v1/api-keys", guarded.base);
    let key = http_client().post(url).bearer_auth(&token).json(&json!({"name": "of an ended token"}));
    assert_eq!(key.send().await.unwrap().status(), StatusCode::UNAUTHORIZED, "nor makes it a key that lives longer");
}

#[sqlx::test]
async fn a_head_request_does_not_use_up_a_ticket(pool: PgPool) {
    let guarded = Guarded::new(pool, &Access::default()).await;
    let ticket = guarded.ticket(&guarded.token_of("alice"), &json!({"all": true})).await;
    let url = format!("{}/v1/events/subscribe?ticket={ticket}", guarded.base);
    let head = http_client().request(Method::HEAD, &url).send().await.unwrap();
    assert_eq!(
        (head.status(), &head.headers()["content-type"]),
        (StatusCode::OK, &"text/event-stream".parse().unwrap())
    );
    assert_eq!(http_client().get(&url).send().await.unwrap().status(), StatusCode::OK);
}

#[sqlx::test]
async fn another_scheme_is_asked_for_a_token_and_not_told_that_its_token_is_invalid(pool: PgPool) {
    let guarded = Guarded::new(pool, &Access::default()).await;
    let request = http_client().get(format!("{}/v1/streams", guarded.base)).basic_auth("alice", Some("secret"));
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(answer.headers()["www-authenticate"], "Bearer");
}

#[sqlx::test]
async fn answers_to_one_caller_are_not_cached_for_others(pool: PgPool) {
    let guarded = Guarded::new(pool, &Access::default()).await;
    guarded.world.create("alice", "bob", 1_000_000, 100).await;
    guarded.world.indexed().await;
    let paths =
        ["/v1/streams", "/v1/streams/1", "/v1/events", "/v1/status", "/v1/streams/1/events", "/v1/events/stats"];
    for path in paths {
        let answer = guarded.get(path, Some(&guarded.token_of("alice"))).await;
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        let values = |name: &str| {
            let values = answer.headers().get_all(name).iter().map(|value| value.to_str().unwrap().to_owned());
            values.collect::<Vec<_>>().join(", ")
        };
        assert!(values("vary").contains("authorization"), "{path}: {}", values("vary"));
        assert!(values("cache-control").contains("private"), "{path}: {}", values("cache-control"));
    }
}

#[sqlx::test]
async fn event_ids_and_hosts_are_only_shown_to_callers_who_may_see_them(pool: PgPool) {
    let guarded = Guarded::new(pool, &Access::default()).await;
    guarded.world.create("carol", "dave", 1_000_000, 100).await;
    guarded.world.indexed().await;
    let (alice, reader) = (guarded.token_of("alice"), guarded.token("a service", &[Scope::ReadAll], 600));
    let shown = async |path: &str, token: &str| guarded.get(path, Some(token)).await.json::<Value>().await.unwrap();
    assert_eq!(shown("/v1/events/stats", &alice).await["lastEventId"], Value::Null);
    assert_ne!(shown("/v1/events/stats", &reader).await["lastEventId"], Value::Null);
    for (token, sees) in [(&alice, false), (&reader, true)] {
        let mut subscriber = Subscriber::connect_as(&guarded.base, "all=true", Some("malformed"), token).await;
        let reset = loop {
            let frame = subscriber.next().await.unwrap();
            if frame.event.as_deref() == Some("reset") {
                break frame.data.unwrap();
            }
        };
        for name in ["oldestEventId", "newestEventId"] {
            assert_eq!(reset[name].is_string(), sees, "{reset}");
        }
    }
    for (token, sees) in [(&alice, false), (&reader, false), (&guarded.operator(), true)] {
        let status = shown("/v1/status", token).await;
        assert_eq!(status["endpoints"].as_array().unwrap().is_empty(), !sees, "{status}");
    }
}

#[sqlx::test]
async fn a_subscription_without_a_filter_means_the_callers_own_streams_or_everything(pool: PgPool) {
    let guarded = Guarded::new(pool, &Access::default()).await;
    let reader = guarded.token("a service", &[Scope::ReadAll], 600);
    let mut of_alice = Subscriber::connect_as(&guarded.base, "", None, &guarded.token_of("alice")).await;
    let mut of_all = Subscriber::connect_as(&guarded.base, "types=stream.created", None, &reader).await;
    guarded.world.create("carol", "dave", 1_000_000, 100).await;
    let own = guarded.world.create("bob", "alice", 1_000_000, 100).await;
    assert_eq!(of_alice.ids(own.events.len()).await, own.events);
    assert_eq!(of_all.ids(2).await.len(), 2);
    let ticket = guarded.ticket(&guarded.token_of("alice"), &json!({})).await;
    let mut by_ticket = Subscriber::connect(&guarded.base, &format!("ticket={ticket}"), None).await;
    guarded.world.create("carol", "dave", 1_000_000, 100).await;
    let own = guarded.world.create("bob", "alice", 1_000_000, 100).await;
    assert_eq!(by_ticket.ids(own.events.len()).await, own.events);
}

#[sqlx::test]
async fn a_filter_with_blank_values_is_refused_and_not_ignored(pool: PgPool) {
    let guarded = Guarded::new(pool, &Access::default()).await;
    let reader = guarded.token("a service", &[Scope::ReadAll], 600);
    for blank in ["users=", "streams=", "users=&types=stream.created", "all=false"] {
        let answer = guarded.get(&format!("/v1/events/subscribe?{blank}"), Some(&reader)).await;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{blank}");
    }
}

#[sqlx::test]
async fn an_operator_is_not_locked_out_by_attempts_from_the_same_address(pool: PgPool) {
    let mut guarded = Guarded::new(pool, &Access::default()).await;
    let args = flowfi_indexer::http::LimitArgs { requests_per_second: 0, ..limits() };
    let settings = GatewaySettings {
        limits: flowfi_indexer::http::Limits::new(&args),
        auth: Some(auth(&guarded.world, &Access::default())),
        ..GatewaySettings::default()
    };
    guarded.base = guarded.world.start_gateway(settings).await;
    let forged = (0..100).map(|_| guarded.get("/v1/admin/indexer", Some("a.forged.token")));
    let answers = futures_util::future::join_all(forged).await;
    assert!(answers.iter().any(|answer| answer.status() == StatusCode::TOO_MANY_REQUESTS), "they are slowed down");
    assert_eq!(guarded.get("/v1/admin/indexer", Some(&guarded.operator())).await.status(), StatusCode::OK);
}

#[sqlx::test]
async fn an_operator_is_answered_even_if_others_at_the_same_address_have_used_up_its_requests(pool: PgPool) {
    let mut guarded = Guarded::new(pool, &Access::default()).await;
    let args = flowfi_indexer::http::LimitArgs { requests_per_second: 1, requests_burst: 2, ..limits() };
    let settings = GatewaySettings {
        limits: flowfi_indexer::http::Limits::new(&args),
        auth: Some(auth(&guarded.world, &Access::default())),
        ..GatewaySettings::default()
    };
    guarded.base = guarded.world.start_gateway(settings).await;
    while guarded.get("/v1/status", None).await.status() != StatusCode::TOO_MANY_REQUESTS {}
    for _ in 0..20 {
        assert_eq!(guarded.get("/v1/admin/indexer", Some(&guarded.operator())).await.status(), StatusCode::OK);
    }
    let answers = (0..20).map(|_| guarded.get("/v1/admin/indexer", Some("a.forged.token")));
    let answers = futures_util::future::join_all(answers).await;
    assert!(answers.iter().any(|answer| answer.status() == StatusCode::TOO_MANY_REQUESTS), "others are slowed down");
}

#[sqlx::test]
async fn a_refused_caller_is_not_told_what_else_is_wrong_with_a_subscription(pool: PgPool) {
    let guarded = Guarded::new(pool, &Access::default()).await;
    for query in ["streams=junk", "foo=1", "all=maybe", "users="] {
        let path = format!("/v1/events/subscribe?{query}");
        assert_eq!(guarded.get(&path, None).await.status(), StatusCode::UNAUTHORIZED, "{query}");
        let of_alice = guarded.get(&path, Some(&guarded.token_of("alice"))).await;
        assert_eq!(of_alice.status(), StatusCode::BAD_REQUEST, "{query}");
    }
    let path = format!("{}/v1/events/subscribe", guarded.base);
    let other_format = http_client().get(&path).header("accept", "application/json").send().await.unwrap();
    assert_eq!(other_format.status(), StatusCode::UNAUTHORIZED);
    let head = http_client().head(&path).send().await.unwrap();
    assert_eq!(head.status(), StatusCode::UNAUTHORIZED);
    let head = http_client().head(&path).bearer_auth(guarded.token_of("alice")).send().await.unwrap();
    assert_eq!((head.status(), head.headers().get("content-length")), (StatusCode::OK, None));
}

#[sqlx::test]
async fn streams_that_a_subscriber_may_not_see_are_listed_like_those_that_do_not_exist(pool: PgPool) {
    let guarded = Guarded::new(pool, &Access::default()).await;
    guarded.world.create("alice", "bob", 1_000_000, 100).await;
    guarded.world.create("carol", "dave", 1_000_000, 100).await;
    guarded.world.indexed().await;
    let alice = guarded.token_of("alice");
    let mut answer = guarded.get("/v1/events/subscribe?streams=1,2,3", Some(&alice)).await;
    let mut text = String::new();
    while !text.contains("\n\n") {
        text += std::str::from_utf8(&answer.chunk().await.unwrap().expect("the stream continues")).unwrap();
    }
    let connected = Frame::parse(text.split("\n\n").next().unwrap());
    Described::new().check_frame(&connected);
    assert_eq!(connected.data.unwrap()["unknownStreams"], json!(["2", "3"]));
    for (query, status) in [
        ("streams=1&strict=true", StatusCode::OK),
        ("streams=2&strict=true", StatusCode::NOT_FOUND),
        ("streams=3&strict=true", StatusCode::NOT_FOUND),
        ("streams=3&strict=false", StatusCode::OK),
        ("all=true&strict=true", StatusCode::OK),
        ("streams=1&strict=maybe", StatusCode::BAD_REQUEST),
    ] {
        let answer = guarded.get(&format!("/v1/events/subscribe?{query}"), Some(&alice)).await;
        assert_eq!(answer.status(), status, "{query}");
        let head = http_client().head(format!("{}/v1/events/subscribe?{query}", guarded.base)).bearer_auth(&alice);
        assert_eq!(head.send().await.unwrap().status(), status, "HEAD {query}");
    }
}

#[sqlx::test]
async fn a_stream_of_others_costs_as_many_queries_of_the_chain_as_one_that_does_not_exist(pool: PgPool) {
    let guarded = Guarded::new(pool, &Access::default()).await;
    guarded.world.create("carol", "dave", 1_000_000, 100).await;
    guarded.world.indexed().await;
    let alice = guarded.token_of("alice");
    for stream in ["1", "2"] {
        let mut status = StatusCode::NOT_FOUND;
        for _ in 0..50 {
            status = guarded.get(&format!("/v1/streams/{stream}?source=chain"), Some(&alice)).await.status();
            if status != StatusCode::NOT_FOUND {
                break;
            }
        }
        assert_eq!(status, StatusCode::TOO_MANY_REQUESTS, "stream {stream}");
    }
}

#[sqlx::test]
async fn the_number_of_tickets_is_limited_per_subject(pool: PgPool) {
    let guarded = Guarded::new(pool, &Access::default()).await;
    let (alice, bob) = (guarded.token_of("alice"), guarded.token_of("bob"));
    let made = async |token: &str| guarded.post("/v1/events/tickets", Some(token), &json!({"all": true})).await;
    for _ in 0..50 {
        assert_eq!(made(&alice).await.status(), StatusCode::CREATED);
    }
    let refused = made(&alice).await;
    assert_eq!(
        (refused.status(), &refused.headers()["retry-after"]),
        (StatusCode::TOO_MANY_REQUESTS, &"60".parse().unwrap())
    );
    assert_eq!(made(&bob).await.status(), StatusCode::CREATED);
    guarded.clock.move_on(61);
    assert_eq!(made(&guarded.token_of("alice")).await.status(), StatusCode::CREATED, "expired tickets make room");
}
