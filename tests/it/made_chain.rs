//! A chain of ledgers that a test makes by hand, and an RPC endpoint that serves them whole, their events, and the entries
//! as they are after the newest one.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use axum::{Router, extract::State, routing::post};
use base64::{Engine, prelude::BASE64_STANDARD};
use chrono::DateTime;
use flowfi_indexer::{
    domain::{ContractId, EventId, LedgerSequence, StreamId},
    source::EndpointPool,
    xdr::LedgerContents,
};
use serde_json::{Value, json};
use stellar_xdr::{
    ContractDataDurability, ContractDataEntry, ContractEvent, ContractEventBody, ContractEventType, ContractEventV0,
    ContractId as XdrContractId, ExtensionPoint, Hash, LedgerCloseMeta, LedgerCloseMetaV2, LedgerEntry,
    LedgerEntryChange, LedgerEntryChanges, LedgerEntryData, LedgerHeaderHistoryEntry, LedgerKey, LedgerKeyContractData,
    Limits, OperationMetaV2, ReadXdr, ScAddress, ScSymbol, ScVal, ScVec, TimePoint, TransactionMeta, TransactionMetaV4,
    TransactionResultMetaV1, TransactionResultResult, VecM, WriteXdr,
};
use tokio::{net::TcpListener, task::JoinSet};

pub const PASSPHRASE: &str = "a chain made by hand";

/// The first ledger, in which nothing happens.
const FIRST: u32 = 2;

/// The last ledger of every entry's lifetime.
const LIVE_UNTIL: u32 = 1_000_000;

/// What a transaction does to one contract.
pub struct Made {
    pub contract_id: ContractId,
    pub events: Vec<MadeEvent>,
    pub changes: Vec<LedgerEntryChange>,
}

/// An event, as XDR.
#[derive(Clone)]
pub struct MadeEvent {
    pub is_system: bool,
    pub topics: Vec<Vec<u8>>,
    pub value: Vec<u8>,
}

/// A served chain. It ends with this handle.
pub struct MadeChain {
    pub url: String,
    made: Arc<Mutex<Ledgers>>,
    _tasks: JoinSet<()>,
}

/// What the endpoint serves.
#[derive(Default)]
struct Ledgers {
    whole: Vec<Served>,
    /// The events in order, as its replies show them.
    events: Vec<(EventId, Value)>,
    /// The entries after the newest ledger, by their keys: as its replies show them.
    entries: BTreeMap<String, Value>,
    /// Whether requests for entries fail.
    withholds_entries: bool,
    /// How many requests for entries there were.
    requests_for_entries: u32,
}

struct Served {
    closed_at: u64,
    meta: String,
}

impl MadeChain {
    pub async fn start() -> Self {
        let made = Arc::new(Mutex::new(Ledgers::default()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let router = Router::new().route("/", post(answer)).with_state(Arc::clone(&made));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { axum::serve(listener, router).await.unwrap() });
        let chain = Self { url, made, _tasks: tasks };
        chain.close(1, Vec::new());
        chain
    }

    /// Returns the endpoint, asked for whole ledgers with the entries in them.
    pub fn source(&self) -> EndpointPool {
        self.source_of_events().read_for(LedgerContents::EventsAndEntries).by_whole_ledgers().unwrap()
    }

    /// Returns the endpoint, asked for events.
    pub fn source_of_events(&self) -> EndpointPool {
        EndpointPool::new(std::slice::from_ref(&self.url), PASSPHRASE.to_owned(), 7).unwrap()
    }

    /// Lets requests for entries fail from now on, or succeed again.
    pub fn withhold_entries(&self, withholds: bool) {
        self.made.lock().unwrap().withholds_entries = withholds;
    }

    /// Returns how many requests for entries there were.
    pub fn requests_for_entries(&self) -> u32 {
        self.made.lock().unwrap().requests_for_entries
    }

    /// Closes the next ledger at this time, with these transactions.
    pub fn close(&self, closed_at: u64, transactions: Vec<Made>) -> LedgerSequence {
        let mut ledgers = self.made.lock().unwrap();
        let sequence = FIRST + u32::try_from(ledgers.whole.len()).unwrap();
        for (number, made) in (0..).zip(&transactions) {
            ledgers.list_events(sequence, closed_at, number, made);
            made.changes.iter().for_each(|change| ledgers.apply(sequence, change));
        }
        let mut ledger_header = LedgerHeaderHistoryEntry { hash: hash_of(sequence), ..Default::default() };
        ledger_header.header.ledger_seq = sequence;
        ledger_header.header.previous_ledger_hash = hash_of(sequence - 1);
        ledger_header.header.scp_value.close_time = TimePoint(closed_at);
        let applied: Vec<_> = (0..).zip(transactions).map(|(number, made)| applied(sequence, number, made)).collect();
        let tx_processing = applied.try_into().unwrap();
        let meta = LedgerCloseMeta::V2(LedgerCloseMetaV2 { ledger_header, tx_processing, ..Default::default() });
        let meta = BASE64_STANDARD.encode(meta.to_xdr(Limits::none()).unwrap());
        ledgers.whole.push(Served { closed_at, meta });
        LedgerSequence(sequence)
    }
}

impl Ledgers {
    fn list_events(&mut self, sequence: u32, closed_at: u64, number: u8, made: &Made) {
        let closed_at = DateTime::from_timestamp(closed_at.try_into().unwrap(), 0).unwrap();
        for (index, event) in (0..).zip(&made.events) {
            let id = EventId::of(LedgerSequence(sequence), u32::from(number) + 1, 0, index).unwrap();
            let topics: Vec<_> = event.topics.iter().map(|topic| BASE64_STANDARD.encode(topic)).collect();
            let listed = json!({"id": id, "type": if event.is_system { "system" } else { "contract" },
                "ledger": sequence, "ledgerClosedAt": closed_at, "contractId": made.contract_id,
                "txHash": hash_of_transaction(sequence, number).to_string(), "inSuccessfulContractCall": true,
                "topic": topics, "value": BASE64_STANDARD.encode(&event.value)});
            self.events.push((id, listed));
        }
    }

    fn apply(&mut self, sequence: u32, change: &LedgerEntryChange) {
        match change {
            LedgerEntryChange::Created(entry) | LedgerEntryChange::Updated(entry) => {
                let key = encoded(&entry.to_key());
                let shown = json!({"key": key, "xdr": encoded(&entry.data), "lastModifiedLedgerSeq": sequence,
                    "liveUntilLedgerSeq": LIVE_UNTIL});
                self.entries.insert(key, shown);
            }
            LedgerEntryChange::Removed(key) => drop(self.entries.remove(&encoded(key))),
            LedgerEntryChange::State(_) | LedgerEntryChange::Restored(_) => {}
        }
    }

    /// Returns an entry as replies show it. Every contract has one of its own, which does not say how many streams it has.
    fn entry(&self, key: &str) -> Option<Value> {
        let is_own = match LedgerKey::from_xdr(BASE64_STANDARD.decode(key).unwrap(), Limits::none()).unwrap() {
            LedgerKey::ContractData(data) => data.key == ScVal::LedgerKeyContractInstance,
            _ => false,
        };
        let unreadable = || is_own.then(|| json!({"key": key, "xdr": "AAAA", "lastModifiedLedgerSeq": FIRST}));
        self.entries.get(key).cloned().or_else(unreadable)
    }

    fn latest(&self) -> u32 {
        FIRST + u32::try_from(self.whole.len()).unwrap() - 1
    }

    fn newest_closed_at(&self) -> String {
        self.whole.last().unwrap().closed_at.to_string()
    }
}

fn encoded(value: &impl WriteXdr) -> String {
    BASE64_STANDARD.encode(value.to_xdr(Limits::none()).unwrap())
}

fn hash_of(sequence: u32) -> Hash {
    let mut hash = [0xab; 32];
    hash[..4].copy_from_slice(&sequence.to_be_bytes());
    Hash(hash)
}

fn hash_of_transaction(sequence: u32, number: u8) -> Hash {
    let mut hash = hash_of(sequence);
    hash.0[31] = number;
    hash
}

fn applied(sequence: u32, number: u8, mut made: Made) -> TransactionResultMetaV1 {
    for change in &mut made.changes {
        if let LedgerEntryChange::Created(entry) | LedgerEntryChange::Updated(entry) = change {
            entry.last_modified_ledger_seq = sequence;
        }
    }
    let contract_id = XdrContractId(Hash(made.contract_id.to_bytes()));
    let events: Vec<_> = made.events.iter().map(|event| contract_event(&contract_id, event)).collect();
    let operation = OperationMetaV2 {
        changes: LedgerEntryChanges(made.changes.try_into().unwrap()),
        events: events.try_into().unwrap(),
        ..OperationMetaV2::default()
    };
    let meta = TransactionMetaV4 { operations: vec![operation].try_into().unwrap(), ..TransactionMetaV4::default() };
    let mut applied = TransactionResultMetaV1 {
        tx_apply_processing: TransactionMeta::V4(meta),
        ..TransactionResultMetaV1::default()
    };
    applied.result.transaction_hash = hash_of_transaction(sequence, number);
    applied.result.result.result = TransactionResultResult::TxSuccess(VecM::default());
    applied
}

fn contract_event(contract_id: &XdrContractId, event: &MadeEvent) -> ContractEvent {
    let topics: Vec<_> = event.topics.iter().map(|topic| scval(topic)).collect();
    let body = ContractEventV0 { topics: topics.try_into().unwrap(), data: scval(&event.value) };
    ContractEvent {
        ext: ExtensionPoint::V0,
        contract_id: Some(contract_id.clone()),
        type_: if event.is_system { ContractEventType::System } else { ContractEventType::Contract },
        body: ContractEventBody::V0(body),
    }
}

pub fn scval(xdr: &[u8]) -> ScVal {
    ScVal::from_xdr(xdr, Limits::none()).unwrap()
}

/// What a transaction that writes a stream's entry makes of it, from what lay there before to what lies there after it.
pub fn change(
    contract_id: &ContractId,
    stream_id: StreamId,
    before: Option<&ScVal>,
    after: Option<&ScVal>,
) -> Vec<LedgerEntryChange> {
    let word = ScVal::Symbol(ScSymbol("Stream".try_into().unwrap()));
    let key = ScVal::Vec(Some(ScVec(vec![word, ScVal::U64(stream_id.0)].try_into().unwrap())));
    let contract = ScAddress::Contract(XdrContractId(Hash(contract_id.to_bytes())));
    let durability = ContractDataDurability::Persistent;
    let entry = |val: &ScVal| LedgerEntry {
        data: LedgerEntryData::ContractData(ContractDataEntry {
            ext: ExtensionPoint::V0,
            contract: contract.clone(),
            key: key.clone(),
            durability,
            val: val.clone(),
        }),
        ..LedgerEntry::default()
    };
    let removed = || {
        let key = LedgerKeyContractData { contract: contract.clone(), key: key.clone(), durability };
        LedgerEntryChange::Removed(LedgerKey::ContractData(key))
    };
    match (before, after) {
        (None, None) => Vec::new(),
        (None, Some(after)) => vec![LedgerEntryChange::Created(entry(after))],
        (Some(before), Some(after)) => {
            vec![LedgerEntryChange::State(entry(before)), LedgerEntryChange::Updated(entry(after))]
        }
        (Some(before), None) => vec![LedgerEntryChange::State(entry(before)), removed()],
    }
}

async fn answer(State(made): State<Arc<Mutex<Ledgers>>>, body: String) -> String {
    let request: Value = serde_json::from_str(&body).unwrap();
    let (mut ledgers, params) = (made.lock().unwrap(), &request["params"]);
    let latest = ledgers.latest();
    let answer = match request["method"].as_str().unwrap() {
        "getNetwork" => Ok(json!({"passphrase": PASSPHRASE})),
        "getVersionInfo" => Ok(json!({"version": "30.0.0-made"})),
        "getHealth" => Ok(json!({"status": "healthy", "latestLedger": latest, "oldestLedger": FIRST,
            "latestLedgerCloseTime": ledgers.newest_closed_at()})),
        "getLedgerEntries" if ledgers.withholds_entries => {
            ledgers.requests_for_entries += 1;
            Err((-32_603, "could not obtain ledger entries".to_owned()))
        }
        "getLedgerEntries" => {
            ledgers.requests_for_entries += 1;
            let keys = params["keys"].as_array().unwrap().iter();
            let found: Vec<_> = keys.filter_map(|key| ledgers.entry(key.as_str().unwrap())).collect();
            Ok(json!({"latestLedger": latest, "entries": found}))
        }
        "getLedgers" => page(&ledgers, params),
        "getEvents" => page_of_events(&ledgers, params),
        _ => Err((-32_601, "method not found".to_owned())),
    };
    let reply = match answer {
        Ok(result) => json!({"jsonrpc": "2.0", "id": 1, "result": result}),
        Err((code, message)) => json!({"jsonrpc": "2.0", "id": 1, "error": {"code": code, "message": message}}),
    };
    reply.to_string()
}

fn number(value: &Value) -> Option<u32> {
    value.as_u64().map(|number| number.try_into().unwrap())
}

fn page(ledgers: &Ledgers, params: &Value) -> Result<Value, (i32, String)> {
    let (start, latest) = (number(&params["startLedger"]).unwrap(), ledgers.latest());
    if !(FIRST..=latest).contains(&start) {
        let range = format!("the oldest ledger: {FIRST} and the latest ledger: {latest} for this rpc instance");
        return Err((-32_600, format!("start ledger ({start}) must be between {range}")));
    }
    let limit = usize::try_from(params["pagination"]["limit"].as_u64().unwrap()).unwrap();
    let from = usize::try_from(start - FIRST).unwrap();
    let listed = (start..).zip(&ledgers.whole[from..]).take(limit).map(|(sequence, ledger)| {
        json!({"sequence": sequence, "hash": hash_of(sequence).to_string(), "metadataXdr": ledger.meta,
            "ledgerCloseTime": ledger.closed_at.to_string()})
    });
    Ok(json!({"ledgers": listed.collect::<Vec<_>>(), "latestLedger": latest, "oldestLedger": FIRST,
        "latestLedgerCloseTime": ledgers.newest_closed_at(), "cursor": latest.to_string()}))
}

fn page_of_events(ledgers: &Ledgers, params: &Value) -> Result<Value, (i32, String)> {
    let latest = ledgers.latest();
    let cursor = params["pagination"]["cursor"].as_str().map(|text| text.parse::<EventId>().unwrap());
    let start = cursor.map_or_else(|| number(&params["startLedger"]).unwrap(), |cursor| cursor.ledger().0);
    if !(FIRST..=latest).contains(&start) {
        return Err((-32_600, format!("startLedger must be within the ledger range: {FIRST} - {latest}")));
    }
    let end = number(&params["endLedger"]).unwrap_or(u32::MAX).min(latest + 1);
    let after = cursor.unwrap_or_else(|| EventId::end_of_ledger(LedgerSequence(start - 1)));
    let limit = usize::try_from(params["pagination"]["limit"].as_u64().unwrap()).unwrap();
    let wanted = ledgers.events.iter().filter(|(id, _)| *id > after && id.ledger().0 < end);
    let listed: Vec<_> = wanted.take(limit).collect();
    let last = listed.last().filter(|_| listed.len() == limit).map(|(id, _)| *id);
    let reached = last.unwrap_or_else(|| EventId::end_of_ledger(LedgerSequence(end - 1)));
    Ok(json!({"events": listed.iter().map(|(_, event)| event).collect::<Vec<_>>(), "cursor": reached,
        "latestLedger": latest, "oldestLedger": FIRST, "latestLedgerCloseTime": ledgers.newest_closed_at()}))
}
