//! How the server handles badly behaved connections. It uses raw sockets, because no client library would behave like
//! this.

use std::time::Duration;

use flowfi_indexer::http::{LimitArgs, Limits};
use futures_util::future::join_all;
use serde_json::Value;
use sqlx::PgPool;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, interval, timeout},
};

use crate::world::{DEADLINE, GatewaySettings, Subscriber, World, eventually, http_client};

/// The deadline for heads, in tests about it. A client on a busy machine may miss it, so a request that must succeed is
/// repeated until it does.
const SOON: Duration = Duration::from_millis(300);

async fn gateway(pool: PgPool, settings: GatewaySettings) -> (World, String) {
    let mut world = World::new(pool).await;
    let base = world.start_gateway(settings).await;
    (world, base)
}

/// Starts a gateway whose heads must arrive soon.
async fn impatient_gateway(pool: PgPool) -> (World, String) {
    gateway(pool, GatewaySettings { head_deadline: SOON, ..GatewaySettings::default() }).await
}

async fn connect(base: &str) -> TcpStream {
    TcpStream::connect(base.strip_prefix("http://").unwrap()).await.unwrap()
}

/// Reads until the connection ends, in whatever way.
async fn read_to_end(socket: &mut TcpStream) -> String {
    let (mut text, mut buffer) = (Vec::new(), [0; 4_096]);
    let reading = async {
        while let Ok(count @ 1..) = socket.read(&mut buffer).await {
            text.extend_from_slice(&buffer[..count]);
        }
    };
    timeout(DEADLINE, reading).await.expect("the server ends the connection");
    String::from_utf8(text).unwrap()
}

/// Sends a request, asks to close the connection after it, and returns the status and the body.
async fn exchange(base: &str, request_line: &str, headers: &str, body: &[u8]) -> (u16, String) {
    let mut socket = connect(base).await;
    let head = format!("{request_line} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{headers}\r\n");
    // A server that has already refused the head may have closed the connection: its answer is what counts.
    let _ = socket.write_all(head.as_bytes()).await;
    let _ = socket.write_all(body).await;
    let answer = read_to_end(&mut socket).await;
    let status = answer.split(' ').nth(1).expect("a status").parse().unwrap();
    (status, answer.split_once("\r\n\r\n").unwrap().1.to_owned())
}

fn problem(body: &str) -> Value {
    serde_json::from_str(body).unwrap_or_else(|_| panic!("a problem: {body:?}"))
}

async fn is_alive(base: &str) -> bool {
    http_client().get(format!("{base}/health/live")).send().await.is_ok_and(|answer| answer.status() == 200)
}

#[sqlx::test]
async fn a_head_that_dribbles_is_cut_off_in_time(pool: PgPool) {
    let (_world, base) = impatient_gateway(pool).await;
    let (mut reading, mut writing) = connect(&base).await.into_split();
    let begun = Instant::now();
    let dribble = async {
        let mut ticks = interval(SOON / 10);
        writing.write_all(b"GET /v1/streams HTTP/1.1\r\nx-slow: ").await.unwrap();
        // Writing fails once the server has closed the connection.
        while writing.write_all(b"a").await.is_ok() {
            ticks.tick().await;
        }
    };
    let mut answer = Vec::new();
    let ended = async { drop(reading.read_to_end(&mut answer).await) };
    timeout(DEADLINE, async { tokio::join!(dribble, ended) }).await.expect("the server ends the connection");
    assert!(begun.elapsed() >= SOON, "not before the deadline");
    assert!(answer.is_empty(), "half a request gets no answer");
    eventually("other clients are answered", || is_alive(&base)).await;
}

#[sqlx::test]
async fn idle_connections_are_closed_before_and_between_requests(pool: PgPool) {
    let (_world, base) = impatient_gateway(pool).await;
    let mut silent = connect(&base).await;
    assert_eq!(read_to_end(&mut silent).await, "");
    eventually("a connection is closed when no further request follows", || async {
        let mut idle = connect(&base).await;
        let _ = idle.write_all(b"GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
        read_to_end(&mut idle).await.ends_with("live\n")
    })
    .await;
}

#[sqlx::test]
async fn an_event_stream_outlives_the_deadline_for_heads(pool: PgPool) {
    let settings = GatewaySettings { heartbeat: SOON, head_deadline: SOON, ..GatewaySettings::default() };
    let (_world, base) = gateway(pool, settings).await;
    let connecting = async {
        loop {
            if let Some(subscriber) = Subscriber::try_connect(&base, "all=true", None).await {
                return subscriber;
            }
        }
    };
    let mut subscriber = timeout(DEADLINE, connecting).await.expect("a head arrives in time");
    // The deadline passes between every two of them.
    for _ in 0..3 {
        assert!(subscriber.next().await.expect("the stream continues").is_comment);
    }
}

#[sqlx::test]
async fn a_head_that_is_too_large_is_refused_without_harm(pool: PgPool) {
    let (_world, base) = gateway(pool, GatewaySettings::default()).await;
    let large = format!("x-large: {}\r\n", "a".repeat(100_000));
    assert_eq!(exchange(&base, "GET /health/live", &large, b"").await.0, 431);
    assert_eq!(exchange(&base, "GET /health/live", &"x-many: 1\r\n".repeat(100), b"").await.0, 431);
    assert_eq!(exchange(&base, "GET /health/live", &"x-many: 1\r\n".repeat(50), b"").await.0, 200);
    assert!(is_alive(&base).await);
}

#[sqlx::test]
async fn a_url_that_is_too_long_gets_a_problem_that_says_so(pool: PgPool) {
    let (_world, base) = gateway(pool, GatewaySettings::default()).await;
    let (status, body) = exchange(&base, &format!("GET /v1/streams?token={}", "a".repeat(9_000)), "", b"").await;
    assert_eq!((status, problem(&body)["type"].as_str()), (414, Some("/problems/uri-too-long")));
    let (status, body) = exchange(&base, &format!("GET /v1/streams?token={}", "a".repeat(8_000)), "", b"").await;
    assert_eq!((status, problem(&body)["parameter"].as_str()), (400, Some("token")), "a shorter one is accepted");
}

#[sqlx::test]
async fn a_body_that_is_too_large_gets_a_problem_that_says_so_on_any_route(pool: PgPool) {
    let (_world, base) = gateway(pool, GatewaySettings::default()).await;
    for size in [65_537_usize, 300_000] {
        let length = format!("content-length: {size}\r\n");
        let (status, body) = exchange(&base, "GET /v1/status", &length, &vec![b' '; size]).await;
        assert_eq!((status, problem(&body)["type"].as_str()), (413, Some("/problems/content-too-large")), "{size}");
    }
    let chunk = format!("11000\r\n{}\r\n0\r\n\r\n", " ".repeat(0x11000));
    let (status, body) = exchange(&base, "GET /v1/status", "transfer-encoding: chunked\r\n", chunk.as_bytes()).await;
    assert_eq!((status, problem(&body)["status"].as_u64()), (413, Some(413)), "also without a declared length");
    let (status, _) = exchange(&base, "GET /v1/status", "content-length: 65536\r\n", &vec![b' '; 65_536]).await;
    assert_eq!(status, 200, "a smaller one reaches the route");
}

#[sqlx::test]
async fn an_address_that_connects_too_often_is_closed_at_once(pool: PgPool) {
    let limits = LimitArgs { connects_per_second: 1, connects_burst: 3, ..crate::limits::limits() };
    let limits = Limits::new(&LimitArgs { trusted_proxies: Vec::new(), ..limits });
    let (_world, base) = gateway(pool, GatewaySettings { limits, ..GatewaySettings::default() }).await;
    let is_answered = async || {
        let mut socket = connect(&base).await;
        let _ = socket.write_all(b"GET /health/live HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await;
        !read_to_end(&mut socket).await.is_empty()
    };
    // All at once, and far more than the budget can regain while even the slowest machine accepts them.
    let answered = join_all((0..200).map(|_| is_answered())).await.into_iter().filter(|answered| *answered).count();
    assert!((3..200).contains(&answered), "{answered}");
    eventually("the budget recovers", || is_alive(&base)).await;
}

#[sqlx::test]
async fn a_new_connection_takes_the_place_of_the_longest_idle_one_if_all_are_taken(pool: PgPool) {
    // Besides its event streams, of which there may be one, the server keeps 1 024 places.
    let limits = LimitArgs { max_connections: 1, ..crate::limits::limits() };
    let settings = GatewaySettings { limits: Limits::new(&limits), ..GatewaySettings::default() };
    let (_world, base) = gateway(pool, settings).await;
    let mut idle = Vec::new();
    for _ in 0..1_025 {
        idle.push(connect(&base).await);
    }
    assert!(timeout(DEADLINE, is_alive(&base)).await.expect("the place is reused"));
    let mut byte = [0];
    let read = timeout(DEADLINE, idle[0].read(&mut byte)).await.expect("the longest idle one is closed");
    assert_eq!(read.unwrap_or(0), 0);
}

#[sqlx::test]
async fn a_stop_ends_every_event_stream_over_http_1_0_with_a_time_to_reconnect(pool: PgPool) {
    let settings = GatewaySettings { heartbeat: 10 * DEADLINE, ..GatewaySettings::default() };
    let (world, base) = gateway(pool, settings).await;
    let subscribe = async || {
        let mut socket = connect(&base).await;
        socket.write_all(b"GET /v1/events/subscribe?all=true HTTP/1.0\r\n\r\n").await.unwrap();
        let mut opening = Vec::new();
        while !String::from_utf8_lossy(&opening).ends_with("}\n\n") {
            let read = timeout(DEADLINE, socket.read_buf(&mut opening)).await.expect("the stream opens");
            assert_ne!(read.unwrap(), 0);
        }
        socket
    };
    // Many, because what happens first at a stop is a matter of chance.
    let mut sockets = join_all((0..40).map(|_| subscribe())).await;
    world.stop.cancel();
    for farewell in join_all(sockets.iter_mut().map(read_to_end)).await {
        let retry_ms = farewell.strip_prefix("retry: ").and_then(|text| text.strip_suffix("\n\n"));
        assert!(retry_ms.is_some_and(|text| text.parse::<u32>().is_ok()), "{farewell:?}");
    }
}
