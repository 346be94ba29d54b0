//! The API over HTTP/2: many requests and event streams over one connection.

mod client;
mod hostile;

use std::time::Duration;

use flowfi_indexer::http::{LimitArgs, Limits};
use futures_util::{FutureExt, future::join_all};
use serde_json::Value;
use sqlx::PgPool;
use tokio::time::timeout;

pub use self::client::{Client, EventStream};
use crate::{
    limits::limits,
    subscribe::create,
    world::{DEADLINE, GatewaySettings, World, http_client},
};

pub const ALL: &str = "/v1/events/subscribe?all=true";
/// As many as a connection may have open.
const MOST_STREAMS: usize = 100;

/// Starts a gateway that closes no connection for being idle, unless the settings say so.
async fn gateway(pool: PgPool, settings: GatewaySettings) -> (World, String) {
    let mut world = World::new(pool).await;
    world.start_indexer(100);
    world.indexed().await;
    let base = world.start_gateway(settings).await;
    (world, base)
}

fn limited(limits: &LimitArgs) -> GatewaySettings {
    let limits = Limits::new(&LimitArgs { trusted_proxies: Vec::new(), ..limits.clone() });
    GatewaySettings { limits, ..GatewaySettings::default() }
}

async fn subscribe(client: &Client, count: usize) -> Vec<EventStream> {
    join_all((0..count).map(|_| client.subscribe(ALL))).await
}

#[sqlx::test]
async fn a_hundred_subscriptions_over_one_connection_each_get_every_event(pool: PgPool) {
    let (world, base) = gateway(pool, GatewaySettings::default()).await;
    let client = Client::connect(&base).await;
    let mut streams = subscribe(&client, MOST_STREAMS).await;
    let ids: Vec<String> = create(&world, 3).await.iter().map(ToString::to_string).collect();
    // One after the other, the others would fill the window of the connection.
    for got in join_all(streams.iter_mut().map(|stream| stream.ids(ids.len()))).await {
        assert_eq!(got, ids, "each event once, in order");
    }
}

#[sqlx::test]
async fn a_connection_carries_so_many_streams_and_the_next_when_one_ends(pool: PgPool) {
    let (_world, base) = gateway(pool, GatewaySettings::default()).await;
    let client = Client::connect(&base).await;
    let mut streams = subscribe(&client, MOST_STREAMS).await;
    let mut next = Box::pin(client.get("/health/live"));
    assert!(next.as_mut().now_or_never().is_none(), "all places are taken");
    drop(streams.pop());
    assert_eq!(timeout(DEADLINE, next).await.expect("a place is free").unwrap().status(), 200);
}

#[sqlx::test]
async fn the_answers_are_those_of_http1(pool: PgPool) {
    let (world, base) = gateway(pool, GatewaySettings::default()).await;
    create(&world, 5).await;
    let client = Client::connect(&base).await;
    for path in ["/health/live", "/openapi.json", "/v1/streams?limit=x", "/nothing"] {
        let (status, body) = client.whole(path).await;
        let wanted = http_client().get(format!("{base}{path}")).send().await.unwrap();
        assert_eq!(status, wanted.status(), "{path}");
        let wanted = wanted.bytes().await.unwrap();
        assert!(body == wanted, "{path}: {} bytes instead of {}", body.len(), wanted.len());
    }
    let (status, streams) = client.whole("/v1/streams").await;
    let streams: Value = serde_json::from_slice(&streams).unwrap();
    assert!(status == 200 && streams["total"] == 5, "{streams}");
    let (status, metrics) = client.whole("/metrics").await;
    assert!(status == 200 && metrics.starts_with(b"# "), "{metrics:?}");
}

#[sqlx::test]
async fn a_head_that_is_too_large_is_refused_and_the_connection_goes_on(pool: PgPool) {
    let (_world, base) = gateway(pool, GatewaySettings::default()).await;
    let client = Client::connect(&base).await;
    assert_eq!(client.get_with("/health/live", &"a".repeat(20_000)).await.unwrap().status(), 431);
    assert_eq!(client.get_with("/health/live", &"a".repeat(10_000)).await.unwrap().status(), 200);
}

#[sqlx::test]
async fn each_event_stream_of_a_connection_counts_against_its_client(pool: PgPool) {
    let (_world, base) = gateway(pool, limited(&LimitArgs { requests_per_second: 0, ..limits() })).await;
    let client = Client::connect(&base).await;
    let mut streams = subscribe(&client, 2).await;
    assert_eq!(client.get(ALL).await.unwrap().status(), 429, "an address may have two");
    drop(streams.pop());
    let again = async { while client.get(ALL).await.unwrap().status() != 200 {} };
    timeout(DEADLINE, again).await.expect("its place is given back");
}

#[sqlx::test]
async fn each_request_of_a_connection_counts_and_a_flood_ends_it(pool: PgPool) {
    let (_world, base) = gateway(pool, limited(&limits())).await;
    let mut client = Client::connect(&base).await;
    let mut statuses = Vec::new();
    while let Ok(answer) = client.get("/v1/streams").await {
        statuses.push(answer.status().as_u16());
        assert!(statuses.len() < 10_000, "a flood goes on for as long as it likes");
    }
    assert_eq!(statuses[..3], [200; 3], "the burst");
    assert!(statuses.iter().filter(|status| **status == 429).count() > 200, "{statuses:?}");
    client.end().await.expect("the server says goodbye");
}

#[sqlx::test]
async fn a_client_that_opens_no_window_loses_what_it_does_not_take_and_nothing_else(pool: PgPool) {
    let settings = GatewaySettings {
        write_deadline: Duration::from_secs(4),
        ..limited(&LimitArgs { max_connections_per_ip: 1, requests_per_second: 0, ..limits() })
    };
    let (_world, base) = gateway(pool, settings).await;
    let client = Client::with(&base, h2::client::Builder::new().initial_window_size(0)).await;
    for answer in join_all([ALL, "/openapi.json"].map(|path| client.get(path))).await {
        let mut answer = answer.unwrap();
        assert_eq!(answer.status(), 200);
        let piece = timeout(DEADLINE, answer.body_mut().data()).await.expect("the stream is ended");
        let failure = piece.unwrap().unwrap_err();
        assert_eq!((failure.is_reset(), failure.reason()), (true, Some(h2::Reason::CANCEL)));
    }
    let reading = Client::connect(&base).await;
    let again = async { while reading.get(ALL).await.unwrap().status() != 200 {} };
    timeout(DEADLINE, again).await.expect("its place is given back");
    assert_eq!(client.head("/health/live").await.unwrap().status(), 200);
}

#[sqlx::test]
async fn a_stop_ends_every_stream_of_a_connection_with_a_time_to_reconnect(pool: PgPool) {
    let (world, base) = gateway(pool, GatewaySettings::default()).await;
    let mut client = Client::connect(&base).await;
    let mut streams = subscribe(&client, 10).await;
    world.stop.cancel();
    for stream in &mut streams {
        let text = stream.read_to_end().await;
        let farewell = text.rsplit_once("retry: ").expect("a farewell").1;
        let retry_ms = farewell.strip_suffix("\n\n").expect("nothing follows it").parse();
        assert!((2_000..=7_000).contains(&retry_ms.unwrap()), "{text}");
    }
    client.end().await.expect("the connection ends as it should");
}

#[sqlx::test]
async fn a_connection_without_requests_is_closed_and_an_event_stream_keeps_one(pool: PgPool) {
    let head_deadline = Duration::from_secs(1);
    let settings = GatewaySettings { head_deadline, heartbeat: 2 * head_deadline, ..GatewaySettings::default() };
    let (_world, base) = gateway(pool, settings).await;
    let mut idle = Client::connect(&base).await;
    let mut used = Client::connect(&base).await;
    let busy = Client::connect(&base).await;
    let mut stream = busy.subscribe(ALL).await;
    used.get("/health/live").await.unwrap();
    idle.end().await.expect("the server says goodbye");
    used.end().await.expect("the server says goodbye");
    for heartbeat in 1..3 {
        stream.read_until(|text| text.matches(": heartbeat").count() >= heartbeat).await;
    }
}
