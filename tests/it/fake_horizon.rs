//! A Horizon that tells given ledgers, on a socket of its own: by the real server's rules of paging, unless it is told
//! otherwise. It remembers what it was asked.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, Uri, header::RETRY_AFTER},
    response::{IntoResponse, Response},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use flowfi_indexer::source::EndpointPool;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use stellar_xdr::{
    Hash, LedgerCloseMeta, LedgerHeader, LedgerHeaderHistoryEntry, Limits, ReadXdr, TransactionMeta,
    TransactionResultPair, TransactionResultResult, WriteXdr,
};
use tokio::{net::TcpListener, task::JoinSet};

pub const PASSPHRASE: &str = "Standalone Network ; February 2017";

/// What a Horizon has and does.
#[derive(Debug)]
pub struct Host {
    pub passphrase: &'static str,
    /// The records of its ledgers and transactions, ascending.
    pub ledgers: Vec<Value>,
    pub transactions: Vec<Value>,
    /// Answers to its next requests: a status, and `Retry-After`.
    pub next: VecDeque<(u16, Option<&'static str>)>,
    /// An answer to requests whose path and query hold this text.
    pub instead: Option<(&'static str, Response)>,
    /// The paths and queries that were asked for.
    pub asked: Vec<String>,
}

/// A served Horizon; it ends with this handle.
pub struct FakeHorizon {
    pub url: String,
    host: Arc<Mutex<Host>>,
    _tasks: JoinSet<()>,
}

impl FakeHorizon {
    /// Tells these ledgers, each with its number and its `LedgerCloseMeta`.
    pub async fn of(metas: &[(u32, Vec<u8>)]) -> Self {
        let (ledgers, transactions): (Vec<_>, Vec<_>) = metas.iter().map(|(_, meta)| records(meta)).unzip();
        let host = Host {
            passphrase: PASSPHRASE,
            ledgers,
            transactions: transactions.concat(),
            next: VecDeque::new(),
            instead: None,
            asked: Vec::new(),
        };
        let host = Arc::new(Mutex::new(host));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://user:password@{}/a-key", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(Arc::clone(&host));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, host, _tasks: tasks }
    }

    pub fn set(&self, change: impl FnOnce(&mut Host)) {
        change(&mut self.host.lock().unwrap());
    }

    pub fn pool(&self) -> EndpointPool {
        EndpointPool::of_horizon(&self.url, PASSPHRASE, 7).unwrap()
    }

    /// How many requests so far had this text in their path or query.
    pub fn asked(&self, text: &str) -> usize {
        self.host.lock().unwrap().asked.iter().filter(|asked| asked.contains(text)).count()
    }
}

/// Returns a ledger's record and those of its transactions.
fn records(meta: &[u8]) -> (Value, Vec<Value>) {
    let meta = LedgerCloseMeta::from_xdr(meta, Limits::none()).unwrap();
    let (entry, applied): (&LedgerHeaderHistoryEntry, Vec<(&TransactionResultPair, &TransactionMeta)>) = match &meta {
        LedgerCloseMeta::V0(meta) => (
            &meta.ledger_header,
            meta.tx_processing.iter().map(|applied| (&applied.result, &applied.tx_apply_processing)).collect(),
        ),
        LedgerCloseMeta::V1(meta) => (
            &meta.ledger_header,
            meta.tx_processing.iter().map(|applied| (&applied.result, &applied.tx_apply_processing)).collect(),
        ),
        LedgerCloseMeta::V2(meta) => (
            &meta.ledger_header,
            meta.tx_processing.iter().map(|applied| (&applied.result, &applied.tx_apply_processing)).collect(),
        ),
    };
    let toid = i64::from(entry.header.ledger_seq) << 32;
    let is_success = |result: &TransactionResultPair| {
        let outcome = &result.result.result;
        matches!(outcome, TransactionResultResult::TxSuccess(_) | TransactionResultResult::TxFeeBumpInnerSuccess(_))
    };
    let transaction = |((result, meta), number): ((&TransactionResultPair, &TransactionMeta), i64)| {
        json!({"paging_token": (toid | (number << 12)).to_string(), "hash": result.transaction_hash.to_string(),
            "successful": is_success(result), "ledger": entry.header.ledger_seq,
            "result_xdr": base64(&result.result), "result_meta_xdr": base64(meta)})
    };
    let successful = applied.iter().filter(|(result, _)| is_success(result)).count();
    let ledger = json!({"paging_token": toid.to_string(), "sequence": entry.header.ledger_seq,
        "hash": entry.hash.to_string(), "prev_hash": entry.header.previous_ledger_hash.to_string(),
        "successful_transaction_count": successful, "failed_transaction_count": applied.len() - successful,
        "header_xdr": base64(&entry.header)});
    (ledger, applied.into_iter().zip(1..).map(transaction).collect())
}

pub fn base64(value: &impl WriteXdr) -> String {
    BASE64_STANDARD.encode(value.to_xdr(Limits::none()).unwrap())
}

/// Returns the record of another ledger of the same number.
pub fn forged(ledger: &Value) -> Value {
    let header = BASE64_STANDARD.decode(ledger["header_xdr"].as_str().unwrap()).unwrap();
    let mut header = LedgerHeader::from_xdr(header, Limits::none()).unwrap();
    header.base_fee += 1;
    let hash = Hash(Sha256::digest(header.to_xdr(Limits::none()).unwrap()).into());
    let mut forged = ledger.clone();
    (forged["header_xdr"], forged["hash"]) = (json!(base64(&header)), json!(hash.to_string()));
    forged
}

async fn answer(State(host): State<Arc<Mutex<Host>>>, uri: Uri) -> Response {
    let mut host = host.lock().unwrap();
    let asked = uri.path_and_query().unwrap().as_str().strip_prefix("/a-key").unwrap().to_owned();
    host.asked.push(asked.clone());
    if let Some((status, wait)) = host.next.pop_front() {
        let status = StatusCode::from_u16(status).unwrap();
        return wait.map_or(status.into_response(), |wait| (status, [(RETRY_AFTER, wait)]).into_response());
    }
    if let Some((_, response)) = host.instead.take_if(|(text, _)| asked.contains(*text)) {
        return response;
    }
    let (path, query) = asked.split_once('?').unwrap_or((&asked, ""));
    match path.split('/').skip(1).collect::<Vec<_>>()[..] {
        [""] => Json(host.root()).into_response(),
        ["ledgers"] => Json(page(&host.ledgers, query)).into_response(),
        ["ledgers", number] => host
            .ledgers
            .iter()
            .find(|ledger| ledger["sequence"].as_u64() == number.parse().ok())
            .map_or(StatusCode::NOT_FOUND.into_response(), |ledger| Json(ledger.clone()).into_response()),
        ["transactions"] => Json(page(&host.transactions, query)).into_response(),
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

impl Host {
    fn root(&self) -> Value {
        let sequence = |ledger: Option<&Value>| ledger.map_or(json!(0), |ledger| ledger["sequence"].clone());
        json!({"horizon_version": "27.0.0-fake", "network_passphrase": self.passphrase,
            "history_latest_ledger": sequence(self.ledgers.last()), "history_elder_ledger": sequence(self.ledgers.first()),
            "history_latest_ledger_closed_at": "2026-11-29T00:00:00Z"})
    }
}

fn page(records: &[Value], query: &str) -> Value {
    let parameter = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    let token = |record: &Value| record["paging_token"].as_str().unwrap().parse::<i64>();
    let cursor = parameter("cursor").map_or(i64::MIN, |cursor| cursor.parse().unwrap());
    let limit: usize = parameter("limit").unwrap().parse().unwrap();
    assert!((1..=200).contains(&limit), "{query}");
    let is_listed = |record: &&Value| record["successful"] != false || parameter("include_failed") == Some("true");
    let is_after = |record: &&Value| !token(record).is_ok_and(|token| token <= cursor);
    let listed = records.iter().filter(is_listed);
    let records: Vec<&Value> = match parameter("order").unwrap() {
        "asc" => listed.filter(is_after).take(limit).collect(),
        _ => listed.rev().take(limit).collect(),
    };
    json!({"_links": {"next": {"href": "http://elsewhere.invalid/"}}, "_embedded": {"records": records}})
}
