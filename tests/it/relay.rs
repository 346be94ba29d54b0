//! An endpoint between the indexer and the local network. It forwards requests, and can hold, refuse, limit or change the
//! answers to requests for ledger entries.

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{StatusCode, header::RETRY_AFTER},
    response::{IntoResponse, Response},
    routing::post,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use flowfi_indexer::{domain::ContractId, xdr::contract_instance_key};
use serde_json::{Value, json};
use stellar_xdr::{LedgerEntryData, Limits, ReadXdr, ScVal, WriteXdr};
use tokio::{net::TcpListener, sync::Semaphore, task::JoinSet};

use crate::world::{eventually, http_client};

const ENTRIES: &str = "getLedgerEntries";
const ALL: usize = Semaphore::MAX_PERMITS;

/// A change to the answers for entries.
type Change = Box<dyn Fn(Value) -> Value + Send>;

/// A served endpoint. It ends with this handle.
pub struct Relay {
    pub url: String,
    inner: Arc<Inner>,
    _tasks: JoinSet<()>,
}

struct Inner {
    target: String,
    client: reqwest::Client,
    /// The number of keys in each request for entries so far.
    asked: Mutex<Vec<usize>>,
    passes: Semaphore,
    change: Mutex<Option<Change>>,
    /// The seconds after which entries may be asked for again, if they are refused.
    limited_for_seconds: Mutex<Option<u32>>,
    /// The methods of all requests so far.
    methods: Mutex<Vec<String>>,
}

impl Relay {
    /// Starts an endpoint that forwards everything to `target`.
    pub async fn to(target: &str) -> Self {
        let inner = Arc::new(Inner {
            target: target.to_owned(),
            client: http_client(),
            asked: Mutex::default(),
            passes: Semaphore::new(ALL),
            change: Mutex::default(),
            limited_for_seconds: Mutex::default(),
            methods: Mutex::default(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/rpc", listener.local_addr().unwrap());
        let router = Router::new().route("/rpc", post(pass_on)).with_state(Arc::clone(&inner));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, inner, _tasks: tasks }
    }

    /// Holds every request for entries until it is released.
    pub fn hold(&self) {
        self.inner.passes.forget_permits(ALL);
    }

    /// Releases this many requests for entries.
    pub fn pass(&self, requests: usize) {
        self.inner.passes.add_permits(requests);
    }

    /// Stops holding requests.
    pub fn pass_all(&self) {
        self.pass(ALL / 2);
    }

    /// Returns the number of keys in each request for entries so far, including held ones.
    pub fn asked(&self) -> Vec<usize> {
        self.inner.asked.lock().unwrap().clone()
    }

    /// Waits until this many requests for entries have arrived, including held ones.
    pub async fn was_asked(&self, times: usize) {
        eventually("entries are requested", || async { self.asked().len() >= times }).await;
    }

    /// Changes the replies about entries from now on.
    pub fn change(&self, change: impl Fn(Value) -> Value + Send + 'static) {
        *self.inner.change.lock().unwrap() = Some(Box::new(change));
    }

    /// Answers requests for entries like a provider that does not offer them.
    pub fn refuse(&self) {
        self.change(|_| json!({"jsonrpc": "2.0", "id": 1, "error": {"code": -32_601, "message": "method not found"}}));
    }

    /// Refuses requests for entries as too many, until these seconds have passed.
    pub fn limit(&self, seconds: u32) {
        *self.inner.limited_for_seconds.lock().unwrap() = Some(seconds);
    }

    /// Stops refusing requests for entries as too many.
    pub fn unlimit(&self) {
        *self.inner.limited_for_seconds.lock().unwrap() = None;
    }

    /// Returns how often this method was called so far.
    pub fn calls(&self, method: &str) -> usize {
        self.inner.methods.lock().unwrap().iter().filter(|called| *called == method).count()
    }

    /// Answers with an unreadable entry of the contract's own, and so without the count of its streams.
    pub fn garble_the_count(&self, contract_id: &ContractId) {
        let instance = contract_instance_key(contract_id);
        self.change(move |mut reply| {
            for entry in reply["result"]["entries"].as_array_mut().unwrap() {
                if entry["key"] == instance {
                    entry["xdr"] = "AAAA".into();
                }
            }
            reply
        });
    }

    /// Reports this count of streams.
    pub fn count_streams(&self, contract_id: &ContractId, count: u64) {
        let instance = contract_instance_key(contract_id);
        self.change(move |mut reply| {
            for entry in reply["result"]["entries"].as_array_mut().unwrap() {
                if entry["key"] == instance {
                    entry["xdr"] = with_count(entry["xdr"].as_str().unwrap(), count).into();
                }
            }
            reply
        });
    }
}

async fn pass_on(State(relay): State<Arc<Inner>>, body: Bytes) -> Response {
    let request: Value = serde_json::from_slice(&body).unwrap();
    relay.methods.lock().unwrap().push(request["method"].as_str().unwrap().to_owned());
    let is_for_entries = request["method"] == ENTRIES;
    if is_for_entries {
        relay.asked.lock().unwrap().push(request["params"]["keys"].as_array().unwrap().len());
        relay.passes.acquire().await.unwrap().forget();
        if let Some(seconds) = *relay.limited_for_seconds.lock().unwrap() {
            return (StatusCode::TOO_MANY_REQUESTS, [(RETRY_AFTER, seconds.to_string())]).into_response();
        }
    }
    let answer = relay.client.post(&relay.target).body(body).send().await.unwrap().text().await.unwrap();
    match &*relay.change.lock().unwrap() {
        Some(change) if is_for_entries => change(serde_json::from_str(&answer).unwrap()).to_string().into_response(),
        _ => answer.into_response(),
    }
}

fn with_count(xdr: &str, count: u64) -> String {
    let bytes = BASE64_STANDARD.decode(xdr).unwrap();
    let LedgerEntryData::ContractData(mut data) = LedgerEntryData::from_xdr(bytes, Limits::none()).unwrap() else {
        panic!("the instance is contract data")
    };
    let ScVal::ContractInstance(instance) = &mut data.val else { panic!("it is an instance") };
    let mut storage = instance.storage.take().unwrap().0.to_vec();
    for entry in &mut storage {
        if let ScVal::U64(counted) = &mut entry.val {
            *counted = count;
        }
    }
    instance.storage = Some(stellar_xdr::ScMap(storage.try_into().unwrap()));
    BASE64_STANDARD.encode(LedgerEntryData::ContractData(data).to_xdr(Limits::none()).unwrap())
}
