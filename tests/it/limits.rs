//! How much one client may ask for, and which web pages may read the answers.

use std::time::Duration;

use flowfi_indexer::http::{LimitArgs, Limits};
use futures_util::future::join_all;
use reqwest::{Response, StatusCode};
use sqlx::PgPool;
use tokio::{io::AsyncWriteExt, time::timeout};

use crate::world::{DEADLINE, GatewaySettings, Subscriber, World, eventually, http_client};

pub fn limits() -> LimitArgs {
    LimitArgs {
        requests_per_second: 1,
        requests_burst: 3,
        connects_per_second: 0,
        connects_burst: 1,
        max_connections: 3,
        max_connections_per_ip: 2,
        max_connections_per_subject: 1,
        trusted_proxies: vec!["127.0.0.1/32".parse().unwrap()],
        limit_exemptions: vec!["198.51.100.0/24".parse().unwrap()],
    }
}

async fn gateway(pool: PgPool, args: &LimitArgs) -> (World, String) {
    let mut world = World::new(pool).await;
    // No connection is closed for an incomplete head while a test waits.
    let settings = GatewaySettings { limits: Limits::new(args), head_deadline: 10 * DEADLINE, ..Default::default() };
    let base = world.start_gateway(settings).await;
    (world, base)
}

/// Sends a request as a proxy does for a client.
async fn ask(base: &str, path: &str, client: &str) -> Response {
    http_client().get(format!("{base}{path}")).header("x-forwarded-for", client).send().await.unwrap()
}

fn header(response: &Response, name: &str) -> String {
    response.headers()[name].to_str().unwrap().to_owned()
}

#[sqlx::test]
async fn an_address_that_asks_too_much_is_told_when_to_retry_and_others_are_not(pool: PgPool) {
    let (_world, base) = gateway(pool, &limits()).await;
    let first = ask(&base, "/v1/streams", "203.0.113.5").await;
    assert_eq!(first.status(), StatusCode::OK);
    assert_eq!(header(&first, "ratelimit-policy"), "\"per-address\";q=3;w=3");
    assert!(header(&first, "ratelimit").starts_with("\"per-address\";r=2;"));
    // All at once, and far more than the budget can regain while even the slowest machine answers them.
    let answers = join_all((0..200).map(|_| ask(&base, "/v1/streams", "203.0.113.5"))).await;
    let passed = answers.iter().filter(|answer| answer.status() == StatusCode::OK).count();
    assert!((2..200).contains(&passed), "the burst passes, and not much more: {passed}");
    let refused = answers.iter().find(|answer| answer.status() != StatusCode::OK).unwrap();
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!((1..=2).contains(&header(refused, "retry-after").parse::<u32>().unwrap()));
    assert_eq!(header(refused, "content-type"), "application/problem+json");
    assert_eq!(ask(&base, "/v1/streams", "203.0.113.6").await.status(), StatusCode::OK);
    for _ in 0..5 {
        assert_eq!(
            ask(&base, "/health/live", "203.0.113.5").await.status(),
            StatusCode::OK,
            "health and metrics count separately"
        );
        assert_eq!(
            ask(&base, "/v1/streams", "198.51.100.7").await.status(),
            StatusCode::OK,
            "exempt addresses are not limited"
        );
    }
}

#[sqlx::test]
async fn one_reading_of_the_status_serves_everybody_for_a_while(pool: PgPool) {
    let mut world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    world.index_to_the_tip(world.indexer(100)).await;
    let settings = GatewaySettings { status_fresh_for: Duration::from_hours(1), ..GatewaySettings::default() };
    let kept = world.start_gateway(settings).await;
    let afresh = world.start_gateway(GatewaySettings::default()).await;
    let paths = ["/v1/status", "/health", "/health/ready"];
    let mut first = Vec::new();
    for path in paths {
        first.push(world.get(&kept, path).await);
    }
    sqlx::query("alter table cursors rename to put_aside").execute(&world.pool).await.unwrap();
    for (path, first) in paths.into_iter().zip(first) {
        assert_eq!(world.get(&kept, path).await, first, "{path}");
    }
    let (code, problem) = world.get(&afresh, "/v1/status").await;
    assert_eq!((code, &problem["type"]), (500, &"/problems/internal".into()));
    let (code, health) = world.get(&afresh, "/health/ready").await;
    assert_eq!(code, 503);
    assert_eq!(health["reasons"][0], "the database refuses what it is asked; the log says why");
}

#[sqlx::test]
async fn rows_that_a_page_passes_over_are_paid_for(pool: PgPool) {
    let args = LimitArgs { requests_burst: 100, ..limits() };
    let (_world, base) = gateway(pool, &args).await;
    for (number, path) in ["/v1/streams", "/v1/events"].into_iter().enumerate() {
        let client = format!("203.0.113.{number}");
        let answer = ask(&base, &format!("{path}?offset=10000"), &client).await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert!(header(&answer, "ratelimit").starts_with("\"per-address\";r=89;"), "{:?}", answer.headers());
        let mut passed = 1;
        while ask(&base, &format!("{path}?offset=10000"), &client).await.status() == StatusCode::OK {
            passed += 1;
            assert!(passed < 50, "each of them costs ten more than a request");
        }
    }
    let of_csv = async || {
        let request = http_client().get(format!("{base}/v1/events?offset=10000&limit=1")).header("accept", "text/csv");
        request.header("x-forwarded-for", "203.0.113.9").send().await.unwrap()
    };
    let first = of_csv().await;
    assert_eq!(first.status(), StatusCode::OK);
    assert!(header(&first, "ratelimit").starts_with("\"per-address\";r=90;"), "{:?}", first.headers());
}

/// Asks for the same from one address until it is refused.
async fn flood(base: &str, path: &str) -> Response {
    let mut passed = 0;
    // Far faster than the budget grows, on the slowest machine too.
    let refused = loop {
        let answers = join_all((0..50).map(|_| ask(base, path, "203.0.113.5"))).await;
        match answers.into_iter().find(|answer| answer.status() == StatusCode::TOO_MANY_REQUESTS) {
            Some(refused) => break refused,
            None => passed += 50,
        }
        assert!(passed < 20_000, "the flood is not refused");
    };
    assert!(passed >= 150, "a burst passes: {passed}");
    refused
}

/// Sends the same request so often at once that it exceeds the budget on the fastest machine, and returns the statuses of
/// those that passed. The others were all refused as too many.
async fn passed(base: &str, client: &str, ask: impl Fn(reqwest::Client, &str) -> reqwest::RequestBuilder) -> Vec<u16> {
    let send = || ask(http_client(), base).header("x-forwarded-for", client).send();
    let answers: Vec<_> = join_all((0..100).map(|_| send())).await.into_iter().map(Result::unwrap).collect();
    assert!(answers.iter().all(|answer| answer.headers().contains_key("ratelimit")), "{client}");
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status().as_u16()).collect();
    let passed: Vec<u16> = statuses.iter().copied().filter(|status| *status != 429).collect();
    assert!((3..100).contains(&passed.len()), "{client}: {statuses:?}");
    passed
}

#[sqlx::test]
async fn a_request_without_a_route_costs_as_much_as_any_other(pool: PgPool) {
    let (_world, base) = gateway(pool, &limits()).await;
    let of = async |client, ask: fn(reqwest::Client, &str) -> reqwest::RequestBuilder| passed(&base, client, ask).await;
    let absent = of("203.0.113.1", |client, base| client.get(format!("{base}/v1/nothing"))).await;
    assert!(absent.iter().all(|status| *status == 404), "{absent:?}");
    let on_serve = of("203.0.113.2", |client, base| client.post(format!("{base}/devnet/rpc"))).await;
    assert!(on_serve.iter().all(|status| *status == 404), "{on_serve:?}");
    let method = of("203.0.113.3", |client, base| client.delete(format!("{base}/v1/status"))).await;
    assert!(method.iter().all(|status| *status == 405), "{method:?}");
    let host = of("203.0.113.4", |client, base| client.get(format!("{base}/v1/status")).header("host", "a,b c")).await;
    assert!(host.iter().all(|status| *status == 400), "{host:?}");
}

#[sqlx::test]
async fn a_page_of_another_origin_can_read_when_to_come_back(pool: PgPool) {
    let mut world = World::new(pool).await;
    let origins = vec!["https://app.example".parse().unwrap()];
    let settings = GatewaySettings { limits: Limits::new(&limits()), origins, ..GatewaySettings::default() };
    let base = world.start_gateway(settings).await;
    let ask = || {
        let request = http_client().get(format!("{base}/v1/streams")).header("origin", "https://app.example");
        request.header("x-forwarded-for", "203.0.113.5").send()
    };
    let answers = join_all((0..100).map(|_| ask())).await;
    let refused = answers.into_iter().map(Result::unwrap).find(|answer| answer.status() == 429).unwrap();
    assert_eq!(header(&refused, "access-control-allow-origin"), "https://app.example");
    assert!(header(&refused, "access-control-expose-headers").contains("retry-after"));
    assert!(refused.headers().contains_key("retry-after"));
}

#[sqlx::test]
async fn a_preflight_counts_and_is_answered_all_the_same_so_that_the_page_can_read_the_refusal(pool: PgPool) {
    let mut world = World::new(pool).await;
    let origins = vec!["https://app.example".parse().unwrap()];
    let settings = GatewaySettings { limits: Limits::new(&limits()), origins, ..GatewaySettings::default() };
    let base = world.start_gateway(settings).await;
    for (client, path) in [("203.0.113.5", "/v1/streams"), ("203.0.113.6", "/v1/auth")] {
        let asked = |method| http_client().request(method, format!("{base}{path}")).header("x-forwarded-for", client);
        let preflight = || {
            let request = asked(reqwest::Method::OPTIONS).header("origin", "https://app.example");
            request.header("access-control-request-method", "GET").send()
        };
        let answers: Vec<_> = join_all((0..100).map(|_| preflight())).await.into_iter().map(Result::unwrap).collect();
        let all_are_answered = answers.iter().all(|answer| answer.status().is_success());
        assert!(all_are_answered, "a browser would read nothing of a request whose preflight failed");
        assert!(answers.iter().any(|answer| header(answer, "ratelimit").contains("r=0;")), "they count");
        let asking = (0..100).map(|_| asked(reqwest::Method::GET).header("origin", "https://app.example").send());
        let mut got = join_all(asking).await.into_iter().map(Result::unwrap);
        let refused = got.find(|answer| answer.status() == StatusCode::TOO_MANY_REQUESTS).unwrap();
        assert!(header(&refused, "access-control-expose-headers").contains("retry-after"));
    }
}

#[sqlx::test]
async fn a_client_that_goes_on_far_beyond_its_budget_loses_its_connections(pool: PgPool) {
    let (_world, base) = gateway(pool, &limits()).await;
    let (mut kept, mut asked) = (0, 0);
    // Far faster than the allowance grows, on the slowest machine too.
    'flood: loop {
        for answer in join_all((0..50).map(|_| ask(&base, "/v1/nothing", "203.0.113.5"))).await {
            if answer.headers().contains_key("connection") {
                assert_eq!(
                    (header(&answer, "connection"), answer.status()),
                    ("close".to_owned(), StatusCode::TOO_MANY_REQUESTS)
                );
                break 'flood;
            }
            kept += u32::from(answer.status() == StatusCode::TOO_MANY_REQUESTS);
            asked += 1;
        }
        assert!(asked < 20_000, "the flood goes on");
    }
    assert!(kept >= 150, "a client that is late to notice keeps its connections: {kept}");
    let other = ask(&base, "/v1/streams", "203.0.113.6").await;
    assert!(other.status() == StatusCode::OK && !other.headers().contains_key("connection"));
}

#[sqlx::test]
async fn a_flood_of_requests_for_the_health_ends_with_its_connection_and_disturbs_no_probe(pool: PgPool) {
    let (_world, base) = gateway(pool, &limits()).await;
    let refused = flood(&base, "/health/live").await;
    assert_eq!(header(&refused, "connection"), "close");
    assert!(refused.headers().contains_key("retry-after"));
    for (path, address) in [("/health/live", "203.0.113.6"), ("/v1/streams", "203.0.113.5")] {
        assert_eq!(ask(&base, path, address).await.status(), StatusCode::OK, "{path} of {address}");
    }
}

#[sqlx::test]
async fn a_flood_of_the_other_health_routes_fails_no_liveness_probe_of_the_same_address(pool: PgPool) {
    let mut world = World::new(pool).await;
    let settings = GatewaySettings {
        limits: Limits::new(&limits()),
        status_fresh_for: Duration::from_hours(1),
        ..GatewaySettings::default()
    };
    let base = world.start_gateway(settings).await;
    flood(&base, "/health").await;
    for _ in 0..100 {
        let probe = ask(&base, "/health/live", "203.0.113.5").await;
        assert_eq!(probe.status(), StatusCode::OK);
    }
}

#[sqlx::test]
async fn places_for_event_streams_are_limited_by_address_and_in_all_and_given_back(pool: PgPool) {
    let (_world, base) = gateway(pool, &LimitArgs { requests_per_second: 0, ..limits() }).await;
    let path = "/v1/events/subscribe?all=true";
    let mut open = Vec::new();
    for _ in 0..2 {
        open.push(ask(&base, path, "203.0.113.5").await);
    }
    let refused = ask(&base, path, "203.0.113.5").await;
    assert_eq!((refused.status(), header(&refused, "retry-after")), (StatusCode::TOO_MANY_REQUESTS, "30".to_owned()));
    open.push(ask(&base, path, "203.0.113.6").await);
    let full = ask(&base, path, "198.51.100.7").await;
    assert_eq!(full.status(), StatusCode::SERVICE_UNAVAILABLE, "only exempt from the limit per address");
    assert!(open.iter().all(|response| response.status() == StatusCode::OK));
    drop(open);
    eventually("the places are released", || async {
        ask(&base, path, "203.0.113.5").await.status() == StatusCode::OK
    })
    .await;
    let stats: serde_json::Value = ask(&base, "/v1/events/stats", "203.0.113.5").await.json().await.unwrap();
    let expected = serde_json::json!({
        "maxConnections": 3, "maxConnectionsPerIp": 2, "maxConnectionsPerSubject": 1,
        "peakConnectionsPerIp": 2, "peakConnectionsPerSubject": 0, "refusedConnects": 0,
    });
    assert_eq!(stats["limits"], expected);
}

#[sqlx::test]
async fn zero_means_no_limit_for_every_flag(pool: PgPool) {
    let zero = LimitArgs {
        requests_per_second: 0,
        max_connections: 0,
        max_connections_per_ip: 0,
        max_connections_per_subject: 0,
        ..limits()
    };
    let (_world, base) = gateway(pool, &zero).await;
    let mut open = Vec::new();
    for _ in 0..5 {
        open.push(Subscriber::connect(&base, "all=true", None).await);
        assert_eq!(ask(&base, "/v1/streams", "203.0.113.5").await.status(), StatusCode::OK);
    }
    assert_eq!(open.len(), 5);
}

#[sqlx::test]
async fn a_refused_subscription_releases_its_place(pool: PgPool) {
    let (_world, base) = gateway(pool, &LimitArgs { requests_per_second: 0, ..limits() }).await;
    for _ in 0..5 {
        assert_eq!(ask(&base, "/v1/events/subscribe?streams=x", "127.0.0.1").await.status(), StatusCode::BAD_REQUEST);
    }
    Subscriber::connect(&base, "all=true", None).await;
}

#[sqlx::test]
async fn pages_of_listed_origins_may_read_and_send_what_a_subscriber_needs(pool: PgPool) {
    let mut world = World::new(pool).await;
    let origins = vec!["https://app.example".parse().unwrap()];
    let base = world.start_gateway(GatewaySettings { origins, ..GatewaySettings::default() }).await;
    let preflight = |origin: &'static str| {
        http_client()
            .request(reqwest::Method::OPTIONS, format!("{base}/v1/events/subscribe?all=true"))
            .header("origin", origin)
            .header("access-control-request-method", "GET")
            .header("access-control-request-headers", "authorization,last-event-id")
            .send()
    };
    let allowed = preflight("https://app.example").await.unwrap();
    assert_eq!(header(&allowed, "access-control-allow-origin"), "https://app.example");
    let headers = header(&allowed, "access-control-allow-headers");
    assert!(["authorization", "last-event-id", "cache-control"].iter().all(|name| headers.contains(name)), "{headers}");
    assert_eq!(header(&allowed, "access-control-max-age"), "86400");
    let methods = header(&allowed, "access-control-allow-methods");
    assert!(["GET", "POST", "DELETE"].iter().all(|method| methods.contains(method)), "{methods}");
    let other = preflight("https://evil.example").await.unwrap();
    assert_eq!(other.status(), StatusCode::FORBIDDEN);
    assert!(!other.headers().contains_key("access-control-allow-origin"));
    let answer = http_client().get(format!("{base}/v1/streams")).header("origin", "https://app.example").send().await;
    let answer = answer.unwrap();
    assert_eq!(header(&answer, "access-control-allow-origin"), "https://app.example");
    assert_eq!(header(&answer, "x-content-type-options"), "nosniff");
    assert_eq!(header(&answer, "referrer-policy"), "no-referrer");
}

/// Holds a connection open with an incomplete request.
async fn idle(base: &str, begun: &str) -> tokio::net::TcpStream {
    let mut connection = tokio::net::TcpStream::connect(base.strip_prefix("http://").unwrap()).await.unwrap();
    connection.write_all(begun.as_bytes()).await.unwrap();
    connection
}

/// Returns whether the other end has closed a connection.
async fn is_closed(connection: &tokio::net::TcpStream) -> bool {
    let mut byte = [0];
    timeout(DEADLINE, connection.readable()).await.expect("it is closed in time").unwrap();
    matches!(connection.try_read(&mut byte), Ok(0) | Err(_))
}

#[sqlx::test]
async fn an_address_with_idle_connections_makes_room_itself_and_its_event_streams_continue(pool: PgPool) {
    let args = LimitArgs { requests_per_second: 0, trusted_proxies: Vec::new(), ..limits() };
    let (_world, base) = gateway(pool, &args).await;
    let mut subscriber = Subscriber::connect(&base, "all=true", None).await;
    for begun in ["", "GET /health/live HTTP/1.1\r\nhost: a\r\n"] {
        // As many as one address may have: two event streams, and a hundred more.
        let mut held = Vec::new();
        for _ in 0..101 {
            held.push(idle(&base, begun).await);
        }
        let answer = http_client().get(format!("{base}/health/live")).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        assert!(is_closed(&held[0]).await, "the one that was idle longest, after {begun:?}");
    }
    assert!(subscriber.next().await.is_some(), "a heartbeat: an event stream is not idle");
}
