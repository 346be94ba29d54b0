//! Answers with many rows: what they cost, and what they occupy while the client reads.

use std::{io::Read, net::TcpStream, time::Duration};

use flowfi_indexer::{
    auth::Scope,
    http::{LimitArgs, Limits},
};
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};
use socket2::{Domain, Socket, Type};
use sqlx::PgPool;
use tokio::{
    io::AsyncReadExt,
    time::{interval, timeout},
};

use crate::{
    auth::{Access, Guarded},
    limits::limits,
    silent_writes::keep,
    world::{DEADLINE, GatewaySettings, Subscriber, World, http_client},
};

/// More than one answer may have.
const ROWS: i32 = 6_000;

/// Starts a gateway to a table of many events that are all like the first one.
async fn gateway(pool: &PgPool, settings: GatewaySettings) -> (World, String) {
    let mut world = World::new(pool.clone()).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    world.start_indexer(100);
    world.indexed().await;
    let copies =
        "insert into stream_events (toid, event_index, contract_id, ledger_closed_at, tx_hash, type, stream_id,
                      sender, recipient, token, amount, body, topics, value)
                  select toid + 4096 * number, event_index, contract_id, ledger_closed_at, tx_hash, type, stream_id,
                      sender, recipient, token, amount, body, topics, value
                  from (select * from stream_events order by toid, event_index limit 1) as first,
                       generate_series(1, $1) as number";
    sqlx::query(copies).bind(ROWS).execute(pool).await.unwrap();
    let base = world.start_gateway(settings).await;
    (world, base)
}

async fn ask_for_csv(base: &str, query: &str) -> Response {
    http_client().get(format!("{base}/v1/events?{query}")).header("accept", "text/csv").send().await.unwrap()
}

/// Returns the query of the next page, if the answer links to one.
fn next_of(answer: &Response) -> Option<String> {
    let link = answer.headers().get("link")?.to_str().unwrap();
    Some(link.strip_prefix("<?").unwrap().strip_suffix(">; rel=\"next\"").unwrap().to_owned())
}

fn ids_of(csv: &str) -> Vec<String> {
    csv.lines().skip(1).map(|line| line.split(',').next().unwrap().to_owned()).collect()
}

#[sqlx::test]
async fn the_pages_of_a_list_as_csv_hold_every_event_once_in_either_order(pool: PgPool) {
    let (_world, base) = gateway(&pool, GatewaySettings::default()).await;
    let wanted: Vec<String> = sqlx::query_scalar(
        "select lpad(toid::text, 19, '0') || '-' || lpad(event_index::text, 10, '0') from stream_events
         order by toid, event_index",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    for order in ["asc", "desc"] {
        let mut next = Some(format!("limit=2500&order={order}"));
        let mut ids = Vec::new();
        while let Some(query) = next {
            let answer = ask_for_csv(&base, &query).await;
            assert_eq!(answer.status(), StatusCode::OK);
            next = next_of(&answer);
            ids.extend(ids_of(&answer.text().await.unwrap()));
        }
        if order == "desc" {
            ids.reverse();
        }
        assert_eq!(ids.len(), wanted.len(), "{order}");
        assert!(ids == wanted, "{order}");
    }
}

/// Sends a request over a connection with small buffers, and reads nothing yet.
fn ask_slowly(base: &str, path: &str, more: &str) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let address: std::net::SocketAddr = base.strip_prefix("http://").unwrap().parse().unwrap();
    socket.connect(&address.into()).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{more}\r\n");
    socket.send(request.as_bytes()).unwrap();
    let client = TcpStream::from(socket);
    client.set_read_timeout(Some(DEADLINE)).unwrap();
    client
}

#[sqlx::test]
async fn a_list_as_csv_is_read_from_the_database_as_its_client_reads_it(pool: PgPool) {
    let (_world, base) = gateway(&pool, GatewaySettings::default()).await;
    let client = begin(ask_slowly(&base, "/v1/events?limit=5000", "accept: text/csv\r\n")).await;
    sqlx::query("delete from stream_events").execute(&pool).await.unwrap();
    let rows = rows_of_broken(client).await;
    assert!((1..2_500).contains(&rows), "{rows} rows were read for a client that read none of them");
}

/// Reads the first of an answer.
async fn begin(client: TcpStream) -> TcpStream {
    let reading = tokio::task::spawn_blocking(move || {
        let mut begun = [0_u8; 1_000];
        (&client).read_exact(&mut begun).unwrap();
        (client, begun)
    });
    let (client, begun) = reading.await.unwrap();
    assert!(begun.starts_with(b"HTTP/1.1 200"));
    client
}

/// Reads the rest of an answer, which must break off.
async fn rows_of_broken(mut client: TcpStream) -> usize {
    let rest = tokio::task::spawn_blocking(move || {
        let mut rest = String::new();
        client.read_to_string(&mut rest).unwrap();
        rest
    });
    let rest = rest.await.unwrap();
    assert!(!rest.ends_with("\r\n0\r\n\r\n"), "a list that was cut off must not look complete");
    rest.matches(",stream.").count()
}

#[sqlx::test]
async fn a_list_as_csv_breaks_off_when_the_token_or_the_key_of_its_client_is_revoked(pool: PgPool) {
    let (world, _) = gateway(&pool, GatewaySettings::default()).await;
    let guarded = Guarded::before(world, &Access::default()).await;
    // The event that was copied names no party, so only somebody who sees everything gets a long list.
    let reader = guarded.token("a service", &[Scope::ReadAll], 600);
    let wanted = json!({"name": "x", "scopes": ["events:read:all"]});
    let made: Value = guarded.post("/v1/api-keys", Some(&reader), &wanted).await.json().await.unwrap();
    let begun = async |credential: &str| {
        let more = format!("accept: text/csv\r\nauthorization: Bearer {credential}\r\n");
        begin(ask_slowly(&guarded.base, "/v1/events?limit=5000", &more)).await
    };
    let secret = made["secret"].as_str().unwrap();
    let mut stream = Subscriber::connect_as(&guarded.base, "all=true", None, secret).await;
    let by_key = begun(secret).await;
    // The rest of the rows is not read before the key has ended.
    let keeper = keep(&pool, "stream_events").await;
    let path = format!("/v1/api-keys/{}/rotate", made["key"]["id"].as_str().unwrap());
    let rotated = guarded.post(&path, Some(&reader), &json!({"overlapSeconds": 0})).await;
    assert_eq!(rotated.status(), StatusCode::OK);
    while stream.next().await.expect("it is notified").event.as_deref() != Some("expired") {}
    keeper.rollback().await.unwrap();
    rows_of_broken(by_key).await;
    let by_token = begun(&reader).await;
    let keeper = keep(&pool, "stream_events").await;
    let revoke = json!({"sub": "a service"});
    let revoked = guarded.post("/v1/admin/revoke", Some(&guarded.operator()), &revoke).await;
    assert_eq!(revoked.status(), StatusCode::NO_CONTENT);
    keeper.rollback().await.unwrap();
    rows_of_broken(by_token).await;
}

#[sqlx::test]
async fn a_client_that_reads_a_long_answer_too_slowly_is_cut_off(pool: PgPool) {
    let settings = GatewaySettings { write_deadline: Duration::from_secs(1), ..GatewaySettings::default() };
    let (_world, base) = gateway(&pool, settings).await;
    let client = ask_slowly(&base, "/v1/events?limit=5000", "accept: text/csv\r\n");
    client.set_nonblocking(true).unwrap();
    let mut client = tokio::net::TcpStream::from_std(client).unwrap();
    let reading = async {
        // A few bytes every ten milliseconds satisfy the kernel; the answer would take twenty minutes.
        let mut bytes = [0; 20];
        let mut pauses = interval(Duration::from_millis(10));
        while client.read(&mut bytes).await.is_ok_and(|read| read > 0) {
            pauses.tick().await;
        }
    };
    timeout(DEADLINE, reading).await.expect("the connection is closed");
}

#[sqlx::test]
async fn a_list_as_csv_is_paid_for_by_its_rows(pool: PgPool) {
    let budget = Limits::new(&LimitArgs { requests_burst: 30, ..limits() });
    let (_world, base) = gateway(&pool, GatewaySettings { limits: budget, ..GatewaySettings::default() }).await;
    let first = ask_for_csv(&base, "limit=5000").await;
    assert_eq!(first.status(), StatusCode::OK);
    assert!(first.headers()["ratelimit"].to_str().unwrap().starts_with("\"per-address\";r=5;"), "25 of 30 are spent");
    let second = ask_for_csv(&base, "limit=5000").await;
    assert_eq!(second.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(second.headers()["retry-after"].to_str().unwrap().parse::<u32>().unwrap() > 1);
    assert_eq!(ask_for_csv(&base, "limit=200").await.status(), StatusCode::OK, "this many rows are free");
}

#[sqlx::test]
async fn long_answers_are_compressed_as_the_client_prefers_and_event_streams_are_not(pool: PgPool) {
    let (_world, base) = gateway(&pool, GatewaySettings::default()).await;
    let ask = |path: &str, accept: &str, encoding: &str| {
        let client = reqwest::Client::builder().tls_certs_only([]).no_gzip().build().unwrap();
        let request = client.get(format!("{base}{path}")).header("accept", accept).header("accept-encoding", encoding);
        async { request.send().await.unwrap() }
    };
    for (path, accept) in
        [("/v1/events?limit=200", "*/*"), ("/v1/events?limit=5000", "text/csv"), ("/openapi.json", "*/*")]
    {
        let plain = ask(path, accept, "identity").await;
        assert!(plain.headers().get("content-encoding").is_none());
        let plain = plain.text().await.unwrap();
        for (encoding, unpack) in UNPACKED {
            let answer = ask(path, accept, encoding).await;
            assert_eq!(answer.headers()["content-encoding"], encoding, "{path}");
            let vary: Vec<_> = answer.headers().get_all("vary").iter().map(|value| value.to_str().unwrap()).collect();
            assert!(vary.contains(&"accept-encoding"), "{path}: {vary:?}");
            let packed = answer.bytes().await.unwrap();
            assert!(packed.len() * 3 < plain.len(), "{path}: {encoding}: {} of {}", packed.len(), plain.len());
            assert_eq!(unpack(&packed).unwrap(), plain, "{path}: {encoding}");
        }
        assert_eq!(ask(path, accept, "br").await.headers()["content-encoding"], "br", "{path}");
    }
    for path in ["/v1/events/subscribe?all=true", "/v1/events?fromLedger=4000000000"] {
        let answer = ask(path, "*/*", "gzip, br, zstd").await;
        assert!(answer.headers().get("content-encoding").is_none(), "{path}");
    }
}

type Unpack = fn(&[u8]) -> std::io::Result<String>;

const UNPACKED: [(&str, Unpack); 2] = [
    ("gzip", |packed| {
        let mut text = String::new();
        flate2::read::GzDecoder::new(packed).read_to_string(&mut text).map(|_| text)
    }),
    ("zstd", |packed| {
        let mut text = String::new();
        zstd::stream::read::Decoder::new(packed)?.read_to_string(&mut text).map(|_| text)
    }),
];
