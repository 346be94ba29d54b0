//! A small RPC endpoint on its own socket: it answers as instructed and remembers its requests.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header::RETRY_AFTER},
    response::{IntoResponse, Response},
    routing::post,
};
use flowfi_indexer::domain::{EventId, LedgerSequence};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinSet};

pub const PASSPHRASE: &str = "a network";

/// An answer instead of the truth.
#[derive(Clone, Debug)]
pub enum Answer {
    Error(i32, &'static str),
    Status(u16, Option<&'static str>),
    /// This status with this text.
    StatusReply(u16, &'static str),
    /// This text.
    Reply(&'static str),
    Nothing,
}

/// The state and behaviour of an endpoint.
#[derive(Debug)]
pub struct Node {
    pub passphrase: &'static str,
    pub version: &'static str,
    pub oldest: u32,
    pub latest: u32,
    pub hash: &'static str,
    /// The most ledgers and events that it can handle in one request for events.
    pub bears: Option<(u32, u32)>,
    pub page_limit: u32,
    /// The answers to the next requests for events.
    pub next: VecDeque<Answer>,
    /// The answer to every request for events.
    pub to_events: Option<Answer>,
    /// The answer to all requests.
    pub always: Option<Answer>,
    /// The cursor to answer with, regardless of the request.
    pub cursor: Option<EventId>,
    /// Its events in order, as its replies show them.
    pub events: Vec<Value>,
    /// The newest ledgers that its next replies to requests for events show, before `latest` applies.
    pub latest_of_next: VecDeque<u32>,
    /// The oldest ledger after a page was read, if it dropped some meanwhile.
    pub oldest_after_reading: Option<u32>,
    /// The close time of its newest ledger, according to its replies to requests for events.
    pub close_time: Value,
    /// The same, according to its health.
    pub health_close_time: &'static str,
    /// Its requests: method and parameters.
    pub asked: Vec<(String, Value)>,
}

/// A served endpoint. It ends with this handle.
pub struct FakeRpc {
    pub url: String,
    node: Arc<Mutex<Node>>,
    _tasks: JoinSet<()>,
}

impl FakeRpc {
    pub async fn start() -> Self {
        let node = Node {
            passphrase: PASSPHRASE,
            version: "30.0.0-fake",
            oldest: 100,
            latest: 50_000,
            hash: "aa",
            bears: None,
            page_limit: 10_000,
            next: VecDeque::new(),
            to_events: None,
            always: None,
            cursor: None,
            events: Vec::new(),
            latest_of_next: VecDeque::new(),
            oldest_after_reading: None,
            close_time: Value::Null,
            health_close_time: "1784671886",
            asked: Vec::new(),
        };
        let node = Arc::new(Mutex::new(node));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://user:password@{}/a-key", listener.local_addr().unwrap());
        let router = Router::new().route("/a-key", post(answer)).with_state(Arc::clone(&node));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, node, _tasks: tasks }
    }

    pub fn set(&self, change: impl FnOnce(&mut Node)) {
        change(&mut self.node.lock().unwrap());
    }

    /// Returns the parameters of all requests for this method so far.
    pub fn asked(&self, method: &str) -> Vec<Value> {
        let node = self.node.lock().unwrap();
        node.asked.iter().filter(|(asked, _)| asked == method).map(|(_, params)| params.clone()).collect()
    }
}

async fn answer(State(node): State<Arc<Mutex<Node>>>, body: String) -> Response {
    let request: Value = serde_json::from_str(&body).unwrap();
    let (method, params) = (request["method"].as_str().unwrap(), &request["params"]);
    let said = node.lock().unwrap().answer(method, params);
    match said {
        Ok(result) => json!({"jsonrpc": "2.0", "id": 1, "result": result}).to_string().into_response(),
        Err(Answer::Error(code, message)) => {
            json!({"jsonrpc": "2.0", "id": 1, "error": {"code": code, "message": message}}).to_string().into_response()
        }
        Err(Answer::Status(status, None)) => StatusCode::from_u16(status).unwrap().into_response(),
        Err(Answer::Status(status, Some(seconds))) => {
            (StatusCode::from_u16(status).unwrap(), [(RETRY_AFTER, seconds)]).into_response()
        }
        Err(Answer::StatusReply(status, text)) => (StatusCode::from_u16(status).unwrap(), text).into_response(),
        Err(Answer::Reply(text)) => text.into_response(),
        Err(Answer::Nothing) => std::future::pending().await,
    }
}

impl Node {
    fn answer(&mut self, method: &str, params: &Value) -> Result<Value, Answer> {
        self.asked.push((method.to_owned(), params.clone()));
        if let Some(answer) = &self.always {
            return Err(answer.clone());
        }
        match method {
            "getNetwork" => Ok(json!({"passphrase": self.passphrase})),
            "getVersionInfo" => Ok(json!({"version": self.version})),
            "getHealth" => Ok(json!({"status": "healthy", "latestLedger": self.latest, "oldestLedger": self.oldest,
                "latestLedgerCloseTime": self.health_close_time})),
            "getLedgers" if params["startLedger"].as_u64().unwrap() < self.oldest.into() => {
                Err(Answer::Error(-32_602, "start ledger must be within the ledger range"))
            }
            "getLedgers" => Ok(json!({"ledgers": [{"sequence": params["startLedger"], "hash": self.hash}]})),
            "getLedgerEntries" => Ok(json!({"latestLedger": self.latest, "entries": [
                {"key": "key 2", "xdr": "two", "lastModifiedLedgerSeq": 7, "liveUntilLedgerSeq": 9},
                {"key": "key 1", "xdr": "one", "lastModifiedLedgerSeq": 8}]})),
            "getEvents" => match self.next.pop_front() {
                Some(answer) => Err(answer),
                None => self.to_events.clone().map_or_else(|| self.events(params), Err),
            },
            _ => Err(Answer::Error(-32_601, "method not found")),
        }
    }

    /// Returns a page of its events, following the real server's rules for range, window and limit.
    fn events(&mut self, params: &Value) -> Result<Value, Answer> {
        let number = |value: &Value| value.as_u64().and_then(|number| u32::try_from(number).ok());
        let cursor = params["pagination"]["cursor"].as_str().map(|text| text.parse::<EventId>().unwrap());
        let limit = number(&params["pagination"]["limit"]).unwrap();
        let start = cursor.map_or_else(|| number(&params["startLedger"]).unwrap(), |cursor| cursor.ledger().0);
        assert!(cursor.is_none() || params.get("endLedger").is_none(), "ledger ranges and cursor cannot both be set");
        if limit > self.page_limit {
            return Err(Answer::Error(-32_602, "limit must not exceed 200"));
        }
        let latest = self.latest_of_next.pop_front().unwrap_or(self.latest);
        if !(self.oldest..=latest).contains(&start) {
            let text = format!("startLedger must be within the ledger range: {} - {latest}", self.oldest);
            return Err(Answer::Error(-32_600, text.leak()));
        }
        let end = number(&params["endLedger"]).unwrap_or(u32::MAX).min(start + 10_000).min(latest + 1);
        if self.bears.is_some_and(|(ledgers, events)| end - start > ledgers || limit > events) {
            return Err(Answer::Error(-32_001, "[-32001] request exceeded processing limit threshold"));
        }
        let after = cursor.unwrap_or_else(|| EventId::end_of_ledger(LedgerSequence(start - 1)));
        let limit = usize::try_from(limit).unwrap();
        let wanted = self.events.iter().filter(|event| id_of(event) > after && id_of(event).ledger().0 < end);
        let events: Vec<_> = wanted.take(limit).collect();
        let last = events.last().filter(|_| events.len() == limit).map(|event| id_of(event));
        let reached = self.cursor.or(last).unwrap_or_else(|| EventId::end_of_ledger(LedgerSequence(end - 1)));
        Ok(json!({"events": events, "cursor": reached, "latestLedger": latest,
            "latestLedgerCloseTime": self.close_time, "oldestLedger": self.oldest_after_reading.unwrap_or(self.oldest)}))
    }
}

fn id_of(event: &Value) -> EventId {
    event["id"].as_str().unwrap().parse().unwrap()
}
