//! Whole ledgers from a lake and from `getLedgers`: complete, in order and on one chain, or a failure that names the
//! ledger.

use std::{
    collections::HashMap,
    fs,
    net::SocketAddr,
    ops::RangeInclusive,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use axum::{
    Json, Router,
    extract::{Path as UrlPath, State},
    http::{StatusCode, header::RETRY_AFTER},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use flowfi_indexer::{
    domain::{ContractId, LedgerSequence},
    source::{EndpointPool, Lake, LedgerEvents, SourceError, WholeLedgers},
};
use rand::{SeedableRng, rngs::StdRng};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::ledgers::{CORE, batch, expected, metas};

const PASSPHRASE: &str = "Standalone Network ; February 2017";

/// The objects of a lake, by key.
type Objects = HashMap<String, Vec<u8>>;

fn key(first: u32, last: u32) -> String {
    let of_one = if first == last { String::new() } else { format!("-{last}") };
    format!("FFFFFFFF--0-63999/{:08X}--{first}{of_one}.xdr.zst", u32::MAX - first)
}

fn lake(ledgers: &[(u32, Vec<u8>)], per_batch: u32) -> Objects {
    let config = json!({"networkPassphrase": PASSPHRASE, "version": "1.0", "compression": "zstd",
        "ledgersPerBatch": per_batch, "batchesPerPartition": 64_000 / per_batch});
    let mut objects = Objects::from([(".config.json".to_owned(), config.to_string().into_bytes())]);
    for ledgers in ledgers.chunk_by(|(left, _), (right, _)| left / per_batch == right / per_batch) {
        let first = ledgers[0].0 / per_batch * per_batch;
        let packed = zstd::encode_all(batch(ledgers).as_slice(), 1).unwrap();
        objects.insert(key(first, first + per_batch - 1), packed);
    }
    objects
}

/// A folder with these objects. It is removed when this value is dropped.
struct Folder(PathBuf);

impl Folder {
    fn of(name: &str, objects: &Objects) -> Self {
        let folder = std::env::temp_dir().join(format!("flowfi-lake-{name}-{}", std::process::id()));
        for (key, object) in objects {
            let path = folder.join(key);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, object).unwrap();
        }
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn rng() -> StdRng {
    StdRng::seed_from_u64(1)
}

async fn open(location: &str) -> Result<Lake, SourceError> {
    as_a_task(Lake::open(location, PASSPHRASE, 16, rng())).await
}

async fn of_folder(name: &str, objects: &Objects) -> (Folder, WholeLedgers) {
    let folder = Folder::of(name, objects);
    let ledgers = WholeLedgers::of_lake(open(folder.0.to_str().unwrap()).await.unwrap()).unwrap();
    (folder, ledgers)
}

fn contract() -> ContractId {
    expected(CORE)[0]["contractId"].as_str().unwrap().parse().unwrap()
}

/// Checks that a future can move between threads, as everything that the indexer spawns must.
pub fn as_a_task<F: Future + Send>(future: F) -> F {
    future
}

async fn read(
    ledgers: &WholeLedgers,
    range: RangeInclusive<u32>,
    previous_hash: Option<String>,
) -> (Vec<LedgerEvents>, Option<SourceError>) {
    let range = LedgerSequence(*range.start())..=LedgerSequence(*range.end());
    let (out, mut received) = mpsc::channel(2);
    let contract_ids = [contract()];
    let collect = async {
        let mut read = Vec::new();
        while let Some(next) = received.recv().await {
            match next {
                Ok(ledger) => read.push(ledger),
                Err(failure) => return (read, Some(failure)),
            }
        }
        (read, None)
    };
    let reading = as_a_task(ledgers.events(&contract_ids, range, previous_hash, out));
    tokio::join!(reading, collect).1
}

/// Checks that all ledgers of the file arrive, from the first to the last, with the contract's events.
async fn assert_reads_everything(ledgers: &WholeLedgers) {
    let metas = metas(CORE);
    let (first, last) = (metas[0].0, metas[metas.len() - 1].0);
    let (read, failure) = read(ledgers, first..=last, None).await;
    assert!(failure.is_none(), "{failure:?}");
    assert!(read.iter().map(|ledger| ledger.header.sequence.0).eq(first..=last));
    let found: Vec<_> = read.iter().flat_map(|ledger| &ledger.events).map(|event| json!(event.id)).collect();
    let contract = contract();
    let wanted: Vec<_> = expected(CORE)
        .into_iter()
        .filter(|event| event["contractId"] == contract.as_str())
        .map(|event| event["id"].clone())
        .collect();
    assert!(!wanted.is_empty());
    assert_eq!(found, wanted);
}

#[tokio::test]
async fn a_lake_gives_every_ledger_in_order_whatever_its_batches() {
    for per_batch in [1, 4, 64] {
        let (_folder, ledgers) = of_folder(&format!("whole-{per_batch}"), &lake(&metas(CORE), per_batch)).await;
        assert_eq!(ledgers.name(), "lake");
        assert_reads_everything(&ledgers).await;
    }
}

#[tokio::test]
async fn an_older_lake_is_read_by_its_longer_suffix() {
    let objects = lake(&metas(CORE), 1).into_iter();
    let objects = objects.map(|(key, object)| (key.replace(".xdr.zst", ".xdr.zstd"), object)).collect();
    let (_folder, ledgers) = of_folder("suffix", &objects).await;
    assert_reads_everything(&ledgers).await;
}

#[tokio::test]
async fn a_part_of_a_batch_is_read_and_checked_against_the_previous_hash() {
    let (_folder, ledgers) = of_folder("part", &lake(&metas(CORE), 4)).await;
    let first = metas(CORE)[0].0;
    let (whole, _) = read(&ledgers, first..=first + 9, None).await;
    let hash = whole[2].header.hash.clone();
    let (part, failure) = read(&ledgers, first + 3..=first + 5, Some(hash)).await;
    assert!(failure.is_none());
    assert_eq!(part, whole[3..=5]);
    let (none, failure) = read(&ledgers, first + 3..=first + 5, Some("ab".repeat(32))).await;
    assert!(none.is_empty());
    assert!(matches!(failure, Some(SourceError::Permanent { detail }) if detail.contains("abab")));
}

#[tokio::test]
async fn a_missing_object_ends_the_reading_at_its_ledger() {
    let metas = metas(CORE);
    let mut objects = lake(&metas, 1);
    let gone = metas[5].0;
    objects.remove(&key(gone, gone)).unwrap();
    let (_folder, ledgers) = of_folder("missing", &objects).await;
    let (read, failure) = read(&ledgers, metas[0].0..=gone + 3, None).await;
    assert_eq!(read.len(), 5);
    assert!(matches!(failure, Some(SourceError::LedgerMissing { ledger }) if ledger.0 == gone));
}

#[tokio::test]
async fn an_object_that_is_not_a_ledger_or_the_wrong_one_is_named() {
    let metas = metas(CORE);
    let fourth = metas[3].0;
    let with_fourth = |object: Vec<u8>| {
        let mut objects = lake(&metas, 1);
        objects.insert(key(fourth, fourth), object);
        objects
    };
    let fifth = lake(&metas, 1).remove(&key(fourth + 1, fourth + 1)).unwrap();
    let broken = [b"<html>".to_vec(), fifth];
    for (object, word) in broken.into_iter().zip([format!("--{fourth}"), format!("ledger {fourth} should follow")]) {
        let (_folder, ledgers) = of_folder("broken", &with_fourth(object)).await;
        let (read, failure) = read(&ledgers, metas[0].0..=fourth + 2, None).await;
        assert_eq!(read.len(), 3);
        let Some(SourceError::Permanent { detail }) = failure else { panic!("{failure:?}") };
        assert!(detail.contains(&word), "{detail}");
    }
}

#[tokio::test]
async fn a_lake_of_another_network_and_a_missing_lake_are_refused() {
    let folder = Folder::of("network", &lake(&metas(CORE), 1));
    let other = Lake::open(folder.0.to_str().unwrap(), "another", 1, rng()).await.unwrap_err();
    assert!(other.to_string().contains(PASSPHRASE), "{other}");
    let none = open("/nonexistent").await.unwrap_err();
    assert!(matches!(&none, SourceError::Permanent { detail } if detail.contains(".config.json")), "{none}");
}

pub async fn serve(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let address = listener.local_addr().unwrap();
    #[expect(clippy::disallowed_methods, reason = "the test's runtime ends it")]
    tokio::spawn(async { axum::serve(listener, router).await });
    format!("http://{address}")
}

/// Objects, and the answers to give before them.
#[derive(Clone)]
struct WebLake {
    objects: Arc<Objects>,
    faults: Arc<Mutex<HashMap<String, Vec<StatusCode>>>>,
}

async fn object(State(lake): State<WebLake>, UrlPath(key): UrlPath<String>) -> Response {
    if let Some(status) = lake.faults.lock().unwrap().get_mut(&key).and_then(Vec::pop) {
        return (status, [(RETRY_AFTER, "0")]).into_response();
    }
    lake.objects.get(&key).map_or(StatusCode::NOT_FOUND.into_response(), |object| object.clone().into_response())
}

async fn serve_lake(faults: HashMap<String, Vec<StatusCode>>) -> String {
    let state = WebLake { objects: Arc::new(lake(&metas(CORE), 1)), faults: Arc::new(Mutex::new(faults)) };
    serve(Router::new().route("/lake/{*key}", get(object)).with_state(state)).await + "/lake"
}

#[tokio::test]
async fn a_lake_on_the_web_that_fails_now_and_then_is_read_completely() {
    let (busy, down) = (StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE);
    let at = |number: usize| key(metas(CORE)[number].0, metas(CORE)[number].0);
    let faults = [(".config.json".to_owned(), vec![down]), (at(0), vec![busy, down]), (at(7), vec![down, busy])];
    let location = serve_lake(faults.into()).await;
    assert_reads_everything(&WholeLedgers::of_lake(open(&location).await.unwrap()).unwrap()).await;
}

#[tokio::test]
async fn a_lake_that_is_away_at_the_start_is_opened_once_it_is_needed() {
    let faults = [(".config.json".to_owned(), vec![StatusCode::BAD_GATEWAY; 5])];
    let lake = Lake::at(&serve_lake(faults.into()).await, PASSPHRASE, 16, rng()).unwrap();
    let failure = lake.check().await.unwrap_err();
    assert!(matches!(failure, SourceError::Transient { .. }), "{failure}");
    assert_reads_everything(&WholeLedgers::of_lake(lake).unwrap()).await;
}

#[tokio::test]
async fn an_object_that_cannot_be_read_after_some_attempts_is_a_transient_failure() {
    let third = metas(CORE)[2].0;
    let faults = [(key(third, third), vec![StatusCode::BAD_GATEWAY; 100])];
    let ledgers = WholeLedgers::of_lake(open(&serve_lake(faults.into()).await).await.unwrap()).unwrap();
    let (read, failure) = read(&ledgers, third - 2..=third + 2, None).await;
    assert_eq!(read.len(), 2);
    let Some(SourceError::Transient { detail, .. }) = failure else { panic!("{failure:?}") };
    assert!(detail.contains(&format!("--{third}.xdr.zst")), "{detail}");
}

/// A node that allows four ledgers per page and answers one request out of three with 503.
async fn get_ledgers(State(asked): State<Arc<Mutex<u32>>>, Json(request): Json<Value>) -> Response {
    if request["method"] != "getLedgers" {
        return Json(json!({"result": {"passphrase": PASSPHRASE, "version": "30"}})).into_response();
    }
    let count = {
        let mut asked = asked.lock().unwrap();
        *asked += 1;
        *asked
    };
    let (method, params) = (&request["method"], &request["params"]);
    assert_eq!((method, &params["pagination"]["cursor"]), (&json!("getLedgers"), &Value::Null));
    if count.is_multiple_of(3) {
        return (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, "0")]).into_response();
    }
    let limit = params["pagination"]["limit"].as_u64().unwrap();
    let error = |code: i32, message: String| Json(json!({"error": {"code": code, "message": message}})).into_response();
    if limit > 4 {
        return error(-32602, "limit must not exceed 4".to_owned());
    }
    let metas = metas(CORE);
    let (oldest, latest) = (metas[0].0, metas[metas.len() - 1].0);
    let start = u32::try_from(params["startLedger"].as_u64().unwrap()).unwrap();
    if !(oldest..=latest).contains(&start) {
        let range = format!("the oldest ledger: {oldest} and the latest ledger: {latest} for this rpc instance");
        return error(-32600, format!("start ledger ({start}) must be between {range}"));
    }
    let page = metas.iter().filter(|(number, _)| *number >= start).take(usize::try_from(limit).unwrap());
    let ledgers: Vec<_> = page
        .map(|(number, meta)| {
            json!({"sequence": number, "hash": "", "ledgerCloseTime": "1", "headerXdr": "",
                "metadataXdr": BASE64_STANDARD.encode(meta)})
        })
        .collect();
    Json(json!({"result": {"ledgers": ledgers, "latestLedger": latest, "oldestLedger": oldest, "cursor": "1"}}))
        .into_response()
}

async fn of_rpc() -> WholeLedgers {
    let url = serve(Router::new().route("/", post(get_ledgers)).with_state(Arc::default())).await;
    WholeLedgers::of_endpoints(EndpointPool::new(&[url], PASSPHRASE.to_owned(), 7).unwrap(), rng()).unwrap()
}

#[tokio::test]
async fn get_ledgers_gives_every_ledger_whatever_the_nodes_limit() {
    let ledgers = of_rpc().await;
    assert_eq!(ledgers.name(), "getLedgers");
    assert_reads_everything(&ledgers).await;
}

#[tokio::test]
async fn ledgers_that_the_node_does_not_have_yet_or_any_more_end_the_reading() {
    let ledgers = of_rpc().await;
    let (first, last) = (metas(CORE)[0].0, metas(CORE).last().unwrap().0);
    let (some, failure) = read(&ledgers, last - 1..=last + 3, None).await;
    assert_eq!(some.len(), 2);
    assert!(matches!(failure, Some(SourceError::NodeBehind { wanted, .. }) if wanted.0 == last + 1));
    let (none, failure) = read(&ledgers, first - 1..=last, None).await;
    assert!(none.is_empty());
    assert!(matches!(failure, Some(SourceError::BehindRetention { oldest, .. }) if oldest.0 == first));
}
