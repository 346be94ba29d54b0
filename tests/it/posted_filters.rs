//! `POST /v1/events/subscribe`: the filter in the body means what it means in the URL, however the body arrives.

use std::time::Duration;

use flowfi_indexer::{
    auth::Scope,
    domain::EventType,
    http::{LimitArgs, Limits},
};
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use reqwest::{RequestBuilder, StatusCode, header::CONTENT_TYPE};
use serde_json::{Map, Value, json};
use sqlx::PgPool;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::{
    auth::{Access, Guarded},
    limits::limits,
    subscribe::{create, small_world},
    world::{DEADLINE, Frame, GatewaySettings, World, http_client},
};

/// Returns the status of an answer and what it says: a problem, or the data of the first frame without what is random.
pub async fn said(request: RequestBuilder) -> (StatusCode, Value) {
    let mut answer = timeout(DEADLINE, request.send()).await.unwrap().unwrap();
    let status = answer.status();
    if !status.is_success() {
        return (status, answer.json().await.unwrap());
    }
    let mut text = String::new();
    while !text.contains("\n\n") {
        let piece = timeout(DEADLINE, answer.chunk()).await.unwrap().unwrap().expect("a first frame");
        text += std::str::from_utf8(&piece).unwrap();
    }
    let mut data = Frame::parse(text.split("\n\n").next().unwrap()).data.unwrap();
    data.as_object_mut().unwrap().remove("clientId").unwrap();
    (status, data)
}

/// A filter, in both spellings.
#[derive(Default)]
struct Spelled {
    query: Vec<(String, String)>,
    body: Map<String, Value>,
}

impl Spelled {
    fn list(&mut self, name: &str, items: &[String]) {
        self.query.extend(items.iter().map(|item| (name.to_owned(), item.clone())));
        self.body.insert(name.to_owned(), json!(items));
    }

    fn text(&mut self, name: &str, value: &str) {
        self.query.push((name.to_owned(), value.to_owned()));
        self.body.insert(name.to_owned(), json!(value));
    }

    fn switch(&mut self, name: &str, is_on: bool) {
        self.query.push((name.to_owned(), is_on.to_string()));
        self.body.insert(name.to_owned(), json!(is_on));
    }

    /// Draws a filter, some of which break a rule.
    fn draw(world: &World, rng: &mut StdRng) -> Self {
        let contract = world.devnet.contract_id();
        let streams = ["1", "2", "3", "007", "99", "x", "", "1,2", "-1"].map(str::to_owned).to_vec();
        let streams = [streams, vec![format!("{contract}:1"), format!("{contract}:x")]].concat();
        let mut users: Vec<String> = ["alice", "bob"].map(|name| world.devnet.account(name).to_string()).to_vec();
        users.extend(["GA", ""].map(str::to_owned));
        let mut types: Vec<String> = EventType::ALL.iter().take(3).map(ToString::to_string).collect();
        types.extend(["stream.nothing", ""].map(str::to_owned));
        let mut spelled = Self::default();
        for (name, from) in [("streams", streams), ("users", users), ("types", types)] {
            if rng.random_ratio(1, 2) {
                let count = rng.random_range(1..4);
                let items: Vec<String> = (0..count).map(|_| from.choose(rng).unwrap().clone()).collect();
                spelled.list(name, &items);
            }
        }
        for name in ["all", "strict"] {
            if rng.random_ratio(1, 4) {
                spelled.switch(name, rng.random());
            }
        }
        if rng.random_ratio(1, 5) {
            let unknown = "CAAQCAIBAEAQCAIBAEAQCAIBAEAQCAIBAEAQCAIBAEAQCAIBAEAQC526";
            spelled.text("contract", [contract.as_str(), unknown, "C"].choose(rng).unwrap());
        }
        if rng.random_ratio(1, 5) {
            let id = world.devnet.events_emitted()[0].to_string();
            spelled.text("lastEventId", [id.as_str(), "", "x"].choose(rng).unwrap());
        }
        spelled
    }
}

/// Asks for the same in both ways, and returns how many were accepted.
async fn compare(world: &World, base: &str, token: Option<&str>, seed: u64) -> usize {
    let url = format!("{base}/v1/events/subscribe");
    let mut rng = StdRng::seed_from_u64(seed);
    let by = |request: RequestBuilder| match token {
        Some(token) => request.bearer_auth(token),
        None => request,
    };
    let mut accepted = 0;
    for _ in 0..120 {
        let Spelled { query, body } = Spelled::draw(world, &mut rng);
        let text = form_urlencoded::Serializer::new(String::new()).extend_pairs(&query).finish();
        let asked = said(by(http_client().get(format!("{url}?{text}")))).await;
        let posted = said(by(http_client().post(&url).json(&body))).await;
        assert_eq!(asked, posted, "{query:?}");
        accepted += usize::from(asked.0.is_success());
    }
    accepted
}

#[sqlx::test]
async fn a_filter_means_the_same_in_the_body_as_in_the_url(pool: PgPool) {
    let guarded = Guarded::new(pool, &Access::default()).await;
    for (sender, recipient) in [("alice", "bob"), ("carol", "dave"), ("bob", "carol")] {
        guarded.world.create(sender, recipient, 1_000_000, 100).await;
    }
    guarded.world.indexed().await;
    let (alice, reader) = (guarded.token_of("alice"), guarded.token("a reader", &[Scope::ReadAll], 600));
    let service = guarded.token("a service", &[], 600);
    for (seed, token) in [&alice, &reader, &service].into_iter().enumerate() {
        let accepted = compare(&guarded.world, &guarded.base, Some(token), u64::try_from(seed).unwrap()).await;
        assert!((10..110).contains(&accepted), "{accepted} were accepted: too few or too many to compare");
    }
    assert_eq!(compare(&guarded.world, &guarded.base, None, 7).await, 0, "nobody is let in without a token");
}

#[sqlx::test]
async fn a_body_may_name_as_many_addresses_as_a_subscription_may_have(pool: PgPool) {
    let (world, base) = small_world(pool, GatewaySettings::default()).await;
    let url = format!("{base}/v1/events/subscribe");
    let users = |count: u8| -> Vec<String> {
        let others = (0..count).flat_map(|high| (0..100_u8).map(move |low| [[high, low]; 16].concat()));
        let others = others.map(|key| stellar_strkey::ed25519::PublicKey(key.try_into().unwrap()).to_string());
        others.map(|address| address.as_str().to_owned()).collect()
    };
    let mut most = users(5);
    most[250] = world.devnet.account("bob").to_string();
    let mut answer = http_client().post(&url).json(&json!({"users": most})).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let ids = create(&world, 1).await;
    let mut text = String::new();
    while !ids.iter().all(|id| text.contains(&format!("id: {id}"))) {
        let piece = timeout(DEADLINE, answer.chunk()).await.unwrap().unwrap().expect("the stream continues");
        text += std::str::from_utf8(&piece).unwrap();
    }
    most.push(world.devnet.account("carol").to_string());
    let (status, problem) = said(http_client().post(&url).json(&json!({"users": most}))).await;
    assert_eq!((status, &problem["parameter"]), (StatusCode::BAD_REQUEST, &json!("users")));
    let (status, _) = said(http_client().post(&url).json(&json!({"users": users(20)}))).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[sqlx::test]
async fn a_parameter_may_be_in_the_url_or_in_the_body_and_credentials_only_in_the_url(pool: PgPool) {
    let (world, base) = small_world(pool, GatewaySettings::default()).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    world.indexed().await;
    let posted = async |query: &str, body: Value| {
        said(http_client().post(format!("{base}/v1/events/subscribe?{query}")).json(&body)).await
    };
    let (status, data) = posted("streams=1", json!({"streams": ["2"]})).await;
    assert_eq!((status, &data["filter"]["streams"]), (StatusCode::OK, &json!(["1", "2"])));
    for (query, body, parameter) in [
        ("all=true", json!({"all": true}), "all"),
        ("strict=true", json!({"all": true, "strict": true}), "strict"),
        ("", json!({"all": true, "ticket": "x"}), "ticket"),
        ("", json!({"all": true, "token": "x"}), "token"),
        ("", json!({"all": true, "colour": "red"}), "colour"),
        ("colour=red", json!({"all": true}), "colour"),
    ] {
        let (status, problem) = posted(query, body.clone()).await;
        assert_eq!((status, &problem["parameter"]), (StatusCode::BAD_REQUEST, &json!(parameter)), "{query} {body}");
    }
    for nothing in [json!({"streams": []}), json!({"users": [], "types": ["stream.created"]}), json!({"all": false})] {
        assert_eq!(posted("", nothing.clone()).await.0, StatusCode::BAD_REQUEST, "{nothing}");
    }
    assert_eq!(posted("", json!({"streams": ["9"], "strict": true})).await.0, StatusCode::NOT_FOUND);
}

#[sqlx::test]
async fn a_body_that_is_no_json_object_is_refused_and_opens_nothing(pool: PgPool) {
    let (_world, base) = small_world(pool, GatewaySettings::default()).await;
    let post = || http_client().post(format!("{base}/v1/events/subscribe"));
    for (request, status) in [
        (post(), StatusCode::UNSUPPORTED_MEDIA_TYPE),
        (post().body("all=true"), StatusCode::UNSUPPORTED_MEDIA_TYPE),
        (
            post().header(CONTENT_TYPE, "application/x-www-form-urlencoded").body("all=true"),
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ),
        (post().header(CONTENT_TYPE, "text/plain").body("{\"all\": true}"), StatusCode::UNSUPPORTED_MEDIA_TYPE),
        (post().json(&json!(["all"])), StatusCode::BAD_REQUEST),
        (post().header(CONTENT_TYPE, "application/json").body("{\"all\": true"), StatusCode::BAD_REQUEST),
        (post().json(&json!({"all": true})).header("accept", "application/json"), StatusCode::NOT_ACCEPTABLE),
    ] {
        assert_eq!(said(request).await.0, status);
    }
}

#[sqlx::test]
async fn a_posted_subscription_takes_a_place_and_resumes_by_the_header(pool: PgPool) {
    let limits = Limits::new(&LimitArgs { max_connections_per_ip: 1, requests_per_second: 0, ..limits() });
    let (world, base) = small_world(pool, GatewaySettings { limits, ..GatewaySettings::default() }).await;
    let ids = create(&world, 2).await;
    let post = || {
        let request =
            http_client().post(format!("{base}/v1/events/subscribe")).header("x-forwarded-for", "203.0.113.5");
        request.header("last-event-id", ids[0].to_string())
    };
    let mut only_place = post().json(&json!({"all": true})).send().await.unwrap();
    assert_eq!(only_place.status(), StatusCode::OK);
    assert_eq!(only_place.headers()["x-accel-buffering"], "no");
    assert!(!only_place.headers().contains_key("content-encoding"));
    assert_eq!(said(post().json(&json!({"all": true}))).await.0, StatusCode::TOO_MANY_REQUESTS);
    let mut text = String::new();
    while !text.contains(&format!("id: {}\n", ids[ids.len() - 1])) {
        let piece = timeout(DEADLINE, only_place.chunk()).await.unwrap().unwrap().expect("the stream continues");
        text += std::str::from_utf8(&piece).unwrap();
    }
    let sent = ids[1..].iter().filter(|id| text.contains(&format!("\"id\":\"{id}\""))).count();
    assert_eq!((sent, text.contains(&format!("\"id\":\"{}\"", ids[0]))), (ids.len() - 1, false), "{text}");
}

#[sqlx::test]
async fn a_page_of_an_allowed_origin_may_post_a_filter(pool: PgPool) {
    let origins = vec!["https://app.example".parse().unwrap()];
    let (_world, base) = small_world(pool, GatewaySettings { origins, ..GatewaySettings::default() }).await;
    let url = format!("{base}/v1/events/subscribe");
    let preflight = http_client().request(reqwest::Method::OPTIONS, &url).header("origin", "https://app.example");
    let preflight = preflight.header("access-control-request-method", "POST");
    let wanted = "authorization,content-type,last-event-id";
    let allowed = preflight.header("access-control-request-headers", wanted).send().await.unwrap();
    assert!(allowed.status().is_success());
    assert_eq!(allowed.headers()["access-control-allow-origin"], "https://app.example");
    let list = |name: &str| allowed.headers()[name].to_str().unwrap().to_ascii_lowercase();
    assert!(list("access-control-allow-methods").split(',').any(|method| method.trim() == "post"));
    let headers = list("access-control-allow-headers");
    assert!(wanted.split(',').all(|header| headers.split(',').any(|allowed| allowed.trim() == header)), "{headers}");
    let posted = http_client().post(&url).header("origin", "https://app.example").json(&json!({"all": true}));
    let posted = posted.send().await.unwrap();
    assert_eq!(posted.headers()["access-control-allow-origin"], "https://app.example");
}

/// Reads from a connection until a text has come, and returns everything.
async fn read_until(connection: &mut TcpStream, end: &str) -> String {
    let mut read = Vec::new();
    while !String::from_utf8_lossy(&read).contains(end) {
        let mut piece = [0; 4_096];
        let count = timeout(DEADLINE, connection.read(&mut piece)).await.expect("it comes in time").unwrap();
        assert_ne!(count, 0, "the connection ended before {end:?}: {}", String::from_utf8_lossy(&read));
        read.extend_from_slice(&piece[..count]);
    }
    String::from_utf8(read).unwrap()
}

/// Connects and sends the head of a posted subscription.
async fn begin(base: &str, more: &str) -> TcpStream {
    let mut connection = TcpStream::connect(base.strip_prefix("http://").unwrap()).await.unwrap();
    connection.set_nodelay(true).unwrap();
    let head = "POST /v1/events/subscribe HTTP/1.1\r\nHost: any.example\r\nContent-Type: application/json\r\n";
    connection.write_all(format!("{head}{more}\r\n").as_bytes()).await.unwrap();
    connection
}

/// Checks that an event stream comes over a connection and stays: the events of a stream that is created now.
async fn assert_streams(world: &World, connection: &mut TcpStream) {
    let opened = read_until(connection, "event: connected").await;
    assert!(opened.contains("HTTP/1.1 200 OK\r\n"), "{opened}");
    let last = create(world, 1).await.pop().unwrap();
    read_until(connection, &format!("id: {last}\n")).await;
}

#[sqlx::test]
async fn a_filter_that_arrives_slowly_and_in_chunks_is_read_to_its_end(pool: PgPool) {
    let (world, base) = small_world(pool, GatewaySettings::default()).await;
    let mut connection = begin(&base, "Transfer-Encoding: chunked\r\n").await;
    for piece in ["{\"all\"", ": tr", "ue", "}"] {
        // The pieces must not arrive together.
        tokio::time::sleep(Duration::from_millis(30)).await;
        connection.write_all(format!("{:x}\r\n{piece}\r\n", piece.len()).as_bytes()).await.unwrap();
    }
    let early = timeout(Duration::from_millis(100), connection.readable()).await;
    assert!(early.is_err(), "it is answered before the body has ended");
    // What follows a body that was not read to its end would be taken for a client's request.
    connection.write_all(b"0\r\nTrailer: x\r\n\r\n").await.unwrap();
    assert_streams(&world, &mut connection).await;
}

#[sqlx::test]
async fn a_client_that_waits_to_be_told_to_send_the_filter_is_told_and_served(pool: PgPool) {
    let (world, base) = small_world(pool, GatewaySettings::default()).await;
    let body = "{\"all\": true}";
    let head = format!("Content-Length: {}\r\nExpect: 100-continue\r\n", body.len());
    let mut connection = begin(&base, &head).await;
    let told = read_until(&mut connection, "\r\n\r\n").await;
    assert_eq!(told, "HTTP/1.1 100 Continue\r\n\r\n");
    let (first, rest) = body.split_at(4);
    connection.write_all(first.as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(30)).await;
    connection.write_all(rest.as_bytes()).await.unwrap();
    assert_streams(&world, &mut connection).await;
}
