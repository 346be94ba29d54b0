//! The routes, over real sockets.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use super::{alice, bob, by_hand};
use crate::{
    Devnet, accounts,
    http::{self, bodies},
};
use flowfi_domain::{LedgerSequence, StreamId, UnixTime};

/// A served network. Its task ends with it.
pub(super) struct Served {
    pub(super) devnet: Devnet,
    address: std::net::SocketAddr,
    _server: JoinSet<()>,
}

pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: String,
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

pub(super) async fn served() -> Served {
    serve(by_hand().0, bodies::DEADLINE).await
}

pub(super) async fn serve(devnet: Devnet, body_deadline: Duration) -> Served {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = http::router(devnet.clone(), body_deadline);
    let router = router.merge(http::quick_start_router(devnet.clone(), body_deadline));
    let mut server = JoinSet::new();
    server.spawn(async move { axum::serve(listener, router).await.unwrap() });
    Served { devnet, address, _server: server }
}

impl Served {
    pub(super) async fn send(&self, method: &str, path: &str, body: &str) -> Answer {
        self.send_to("devnet", method, path, body).await
    }

    async fn send_to(&self, host: &str, method: &str, path: &str, body: &str) -> Answer {
        let mut socket = TcpStream::connect(self.address).await.unwrap();
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut text = String::new();
        socket.read_to_string(&mut text).await.unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        Answer { status: head[9..12].parse().unwrap(), head: head.to_lowercase(), body: body.to_owned() }
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, &body.to_string()).await
    }

    /// Posts a request that is answered when a ledger closes, and closes a ledger once the request waits.
    pub(super) async fn post_and_close(&self, path: &str, body: &Value) -> Answer {
        let closing = async {
            self.something_waits().await;
            self.devnet.close_ledger().unwrap();
        };
        let both = async { tokio::join!(self.post(path, body), closing).0 };
        tokio::time::timeout(Duration::from_mins(2), both).await.expect("the call reaches the queue")
    }

    /// Sends the head of a request and the first byte of its body, and waits for the answer.
    async fn send_half(&self, method: &str, path: &str, length: usize) -> u16 {
        let answered = tokio::time::timeout(Duration::from_mins(2), self.answer_to_half(method, path, length));
        answered.await.expect("it is answered before the body is there")
    }

    async fn answer_to_half(&self, method: &str, path: &str, length: usize) -> u16 {
        let mut socket = TcpStream::connect(self.address).await.unwrap();
        let request = format!("{method} {path} HTTP/1.1\r\nHost: devnet\r\nContent-Length: {length}\r\n\r\n{{");
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut answer = [0; 12];
        socket.read_exact(&mut answer).await.unwrap();
        std::str::from_utf8(&answer[9..]).unwrap().parse().unwrap()
    }

    /// Posts what must be refused before it waits for a close.
    pub(super) async fn post_refused(&self, path: &str, body: &Value) -> Answer {
        tokio::select! {
            answer = self.post(path, body) => answer,
            () = self.something_waits() => panic!("{path} takes {body}"),
        }
    }

    async fn something_waits(&self) {
        while self.devnet.state().waiting_count() == 0 {
            tokio::task::yield_now().await;
        }
    }

    async fn rpc(&self, method: &str, params: Value) -> Answer {
        self.rpc_at("/devnet/rpc", method, params).await
    }

    pub(super) async fn rpc_at(&self, path: &str, method: &str, params: Value) -> Answer {
        self.post(path, &json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params })).await
    }

    async fn create(&self) -> Answer {
        let body = json!({ "sender": alice(), "recipient": bob(), "amount": "100000", "duration": 1000 });
        self.post_and_close("/devnet/streams", &body).await
    }
}

#[tokio::test]
async fn a_body_that_does_not_come_or_is_too_large_is_given_up_at_every_route() {
    let served = serve(by_hand().0, Duration::from_millis(1)).await;
    let routes = [
        ("POST", "/devnet/rpc"),
        ("POST", "/devnet/rpc/second"),
        ("POST", "/devnet/streams"),
        ("POST", "/devnet/streams/1/pause"),
        ("POST", "/devnet/batch-withdraw"),
        ("POST", "/devnet/protocol/pause"),
        ("POST", "/devnet/accounts"),
        ("POST", "/devnet/emit"),
        ("POST", "/devnet/failed"),
        ("POST", "/devnet/ledgers"),
        ("DELETE", "/devnet/faults"),
        ("POST", "/v1/streams"),
        ("POST", "/streams"),
    ];
    for (method, path) in routes {
        assert_eq!(served.send_half(method, path, 2).await, 408, "{method} {path}");
        let largest = if path.starts_with("/devnet/") { bodies::LARGEST } else { bodies::LARGEST_SHARED };
        assert_eq!(served.send_half(method, path, largest + 1).await, 413, "{method} {path}");
    }
}

#[tokio::test]
async fn streams_are_created_and_changed_by_post() {
    let served = served().await;
    let created = served.create().await;
    assert_eq!((created.status, &created.json()["streamId"]), (201, &json!("1")));
    assert_eq!(created.json()["events"].as_array().unwrap().len(), 2);
    assert_eq!(created.json()["transactionHash"].as_str().unwrap().len(), 64);
    let topped_up = served.post_and_close("/devnet/streams/1/top-up", &json!({ "amount": 5000 })).await;
    assert_eq!((topped_up.status, &topped_up.json()["ledger"]), (200, &json!(4)));
    for action in ["pause", "resume", "cancel"] {
        assert_eq!(served.post_and_close(&format!("/devnet/streams/1/{action}"), &json!({})).await.status, 200);
    }
    let refused = served.post_and_close("/devnet/streams/1/withdraw", &json!({})).await;
    assert_eq!((refused.status, &refused.json()["code"]), (409, &json!(4)));
    assert!(refused.head.contains("content-type: application/problem+json"), "{}", refused.head);
}

#[tokio::test]
async fn an_invalid_field_is_named() {
    let served = served().await;
    let mut body = json!({ "sender": alice(), "recipient": "nobody", "amount": "1", "duration": 1 });
    let answer = served.post("/devnet/streams", &body).await;
    assert_eq!((answer.status, &answer.json()["parameter"]), (400, &json!("recipient")));
    body["recipient"] = json!(bob());
    body["amount"] = json!(1.5);
    assert_eq!(served.post("/devnet/streams", &body).await.json()["parameter"], json!("amount"));
    body["amount"] = Value::Null;
    assert_eq!(served.post("/devnet/streams", &body).await.json()["parameter"], json!("amount"));
    assert_eq!(served.send("POST", "/devnet/streams", "{").await.status, 400);
    assert_eq!(served.post("/devnet/streams/x/pause", &json!({})).await.json()["parameter"], json!("id"));
    assert_eq!(served.post("/devnet/streams/1/stop", &json!({})).await.status, 404);
    assert_eq!(served.post("/devnet/ledgers", &json!({ "count": 0 })).await.json()["parameter"], json!("count"));
}

#[tokio::test]
async fn if_a_token_is_unknown_the_existing_one_is_named() {
    let served = served().await;
    for (path, terms) in ways_to_create() {
        let mut body = json!({ "sender": alice(), "recipient": bob(), "tokenAddress": bob() });
        body.as_object_mut().unwrap().extend(terms.as_object().unwrap().clone());
        let refused = served.post_and_close(path, &body).await;
        let detail = refused.json()["detail"].to_string();
        assert!(refused.status == 422 && detail.contains(accounts::token_contract().as_str()), "{path}: {detail}");
    }
}

/// Returns every path with both vocabularies.
fn ways_to_create() -> impl Iterator<Item = (&'static str, Value)> {
    let terms = [
        json!({ "amount": "86400", "duration": 864 }),
        json!({ "ratePerSecond": "100", "depositedAmount": "86400", "startTime": 1_700_000_000 }),
    ];
    let paths = ["/devnet/streams", "/v1/streams", "/streams"];
    paths.into_iter().flat_map(move |path| terms.clone().map(|terms| (path, terms)))
}

#[tokio::test]
async fn every_path_that_creates_a_stream_accepts_both_vocabularies() {
    let served = served().await;
    for ((path, terms), id) in ways_to_create().zip(1..) {
        let mut body = json!({ "sender": alice(), "recipient": bob(), "tokenAddress": accounts::token_contract() });
        body.as_object_mut().unwrap().extend(terms.as_object().unwrap().clone());
        let created = served.post_and_close(path, &body).await;
        let answer = created.json();
        assert_eq!((created.status, &answer["streamId"]), (201, &json!(id.to_string())), "{path}: {answer}");
        assert_eq!((&answer["ratePerSecond"], &answer["duration"]), (&json!("99"), &json!(864)), "{path}: {answer}");
        assert_eq!(answer["events"].as_array().unwrap().len(), 2);
        let note = answer["note"].as_str().unwrap_or_default();
        assert_eq!(note.contains("startTime is ignored"), terms.get("startTime").is_some(), "{path}: {answer}");
        assert!(served.devnet.stream_entry(StreamId(id)).is_some());
    }
}

#[tokio::test]
async fn missing_duplicate_or_impossible_terms_are_named() {
    let served = served().await;
    for (terms, parameter) in [
        (json!({}), "amount"),
        (json!({ "amount": "5" }), "duration"),
        (json!({ "amount": "5", "depositedAmount": "5", "duration": 1 }), "depositedAmount"),
        (json!({ "amount": "5", "ratePerSecond": "1", "duration": 5 }), "ratePerSecond"),
        (json!({ "depositedAmount": "5", "ratePerSecond": "0" }), "ratePerSecond"),
        (json!({ "depositedAmount": "5", "ratePerSecond": "6" }), "depositedAmount"),
        (json!({ "depositedAmount": "99999999999999999999999", "ratePerSecond": "1" }), "ratePerSecond"),
    ] {
        let mut body = json!({ "sender": alice(), "recipient": bob() });
        body.as_object_mut().unwrap().extend(terms.as_object().unwrap().clone());
        let refused = served.post("/streams", &body).await;
        assert_eq!(
            (refused.status, &refused.json()["parameter"]),
            (400, &json!(parameter)),
            "{terms}: {}",
            refused.body
        );
    }
}

#[tokio::test]
async fn ledgers_are_closed_by_post() {
    let served = served().await;
    let answer = served.post("/devnet/ledgers", &json!({ "count": 3, "closedAt": 1_900_000_000 })).await;
    assert_eq!(answer.json(), json!({ "latestLedger": 5, "closedAt": 1_900_000_000 }));
    assert_eq!(served.send("POST", "/devnet/ledgers", "").await.json()["latestLedger"], json!(6));
}

#[tokio::test]
async fn a_close_time_that_the_network_could_not_continue_after_is_refused() {
    let served = served().await;
    let close_at = async |closed_at: u64| served.post("/devnet/ledgers", &json!({ "closedAt": closed_at })).await;
    for too_late in [u64::MAX, UnixTime::LAST_DATE.0] {
        let refused = close_at(too_late).await;
        assert_eq!((refused.status, &refused.json()["parameter"]), (400, &json!("closedAt")), "{}", refused.body);
    }
    let last = UnixTime::LAST_DATE.0 - 365 * 86_400;
    assert_eq!(close_at(last).await.json()["closedAt"], json!(last));
    assert_eq!(served.send("POST", "/devnet/ledgers", "").await.status, 200, "it goes on");
}

#[tokio::test]
async fn raw_and_named_events_are_emitted_in_one_transaction() {
    let served = served().await;
    let body = json!({ "count": 2, "events": [
        { "topics": ["AAAADwAAAAR4ZmVy"], "value": "AAAAAQ==" },
        { "name": "stream_paused", "streamId": 7, "fields": {
            "sender": { "address": alice() }, "paused_at": { "u64": "5" }, "stream_id": { "u64": 7 } } },
    ] });
    let emitted = served.post_and_close("/devnet/emit", &body).await;
    assert_eq!(emitted.json()["events"].as_array().unwrap().len(), 4);
    let page = served.rpc("getEvents", json!({ "startLedger": 3 })).await.json();
    assert_eq!(page["result"]["events"][0]["topic"], json!(["AAAADwAAAAR4ZmVy"]));
    assert_eq!(page["result"]["events"][3]["topic"][1], json!("AAAABQAAAAAAAAAH"));
    let wrong = json!({ "name": "x", "fields": { "amount": { "i128": "one" } } });
    assert_eq!(served.post("/devnet/emit", &wrong).await.json()["parameter"], json!("amount"));
    let not_base64 = json!({ "topics": ["\""], "value": "" });
    assert_eq!(served.post_and_close("/devnet/emit", &not_base64).await.status, 422);
}

#[tokio::test]
async fn a_site_that_points_its_name_here_reads_nothing() {
    let served = served().await;
    assert_eq!(served.send_to("localhost", "GET", "/devnet/accounts", "").await.status, 200);
    assert_eq!(served.send_to("evil.example", "GET", "/devnet/accounts", "").await.status, 403);
}

#[tokio::test]
async fn faults_come_and_go() {
    let served = served().await;
    let fault = json!({ "kind": "status", "status": 429, "retryAfterSeconds": 3, "times": 1 });
    assert_eq!(served.post("/devnet/faults", &fault).await.status, 204);
    let limited = served.rpc("getHealth", json!({})).await;
    assert_eq!(limited.status, 429);
    assert!(limited.head.contains("retry-after: 3") && limited.body.starts_with("<html>"));
    assert_eq!(served.rpc("getHealth", json!({})).await.status, 200);
    for (fault, times) in [(json!({ "kind": "cutBody" }), 1), (json!({ "kind": "rpcError", "code": -32001 }), 2)] {
        let mut fault = fault;
        fault["times"] = json!(times);
        assert_eq!(served.post("/devnet/faults", &fault).await.status, 204);
    }
    assert!(serde_json::from_str::<Value>(&served.rpc("getHealth", json!({})).await.body).is_err());
    assert_eq!(served.rpc("getHealth", json!({})).await.json()["error"]["code"], json!(-32001));
    assert_eq!(served.send("DELETE", "/devnet/faults", "").await.status, 204);
    assert_eq!(served.rpc("getHealth", json!({})).await.json()["result"]["status"], json!("healthy"));
    assert_eq!(served.post("/devnet/faults", &json!({ "kind": "flood" })).await.status, 400);
    served.devnet.close_ledgers(4).unwrap();
    assert_eq!(served.post("/devnet/faults", &json!({ "kind": "reset" })).await.status, 204);
    assert_eq!(served.devnet.latest_ledger(), LedgerSequence(2));
}

#[tokio::test]
async fn sample_accounts_are_listed_with_balances() {
    let served = served().await;
    served.create().await;
    let listed = served.send("GET", "/devnet/accounts", "").await.json();
    assert_eq!(listed["accounts"][0]["address"], json!(alice()));
    assert_eq!(listed["accounts"][0]["balance"], json!("999999999999999999999999900000"));
    assert_eq!(listed["contractId"], json!(served.devnet.contract_id()));
}
