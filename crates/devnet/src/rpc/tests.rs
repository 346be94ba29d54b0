//! Stellar RPC queried as in the real server's own tests, and its refusals with the real server's messages.

use serde_json::{Value, json};

use super::{Request, refuse_body};
use crate::{
    Devnet, Emit, EventKind, Fault, accounts,
    encode::{encode_event, to_base64},
    event::NamedEvent,
    faults::{Faults, InjectedFaults},
    storage::EntryKey,
    stored,
    tests::{alice, by_hand, create},
};
use flowfi_domain::{ContractId, EventId, LedgerSequence, StreamId};
use flowfi_indexer::xdr::decode_stream_entry;

/// The chain of the test table: two events of contract A in ledger F, one of B in the next, none in the one after that,
/// and one of A in the last.
struct Table {
    devnet: Devnet,
    first: u32,
}

const XFER: &str = "xfer";

fn contract_a() -> ContractId {
    ContractId::from_bytes([0xA; 32])
}

fn contract_b() -> ContractId {
    ContractId::from_bytes([0xB; 32])
}

/// A symbol topic in base64.
pub(super) fn symbol(text: &str) -> String {
    let event = NamedEvent { name: text.to_owned().into(), subject: None, fields: Vec::new() };
    encode_event(&event).unwrap().topics.remove(0)
}

fn emit(devnet: &Devnet, contract_id: ContractId, events: &[&[&str]]) {
    let raw = |topics: &&[&str]| {
        let value = symbol("value");
        crate::RawEvent { topics: topics.iter().map(|topic| symbol(topic)).collect(), value }
    };
    let events = events.iter().map(raw).collect();
    drop(devnet.submit(Emit { contract_id, kind: EventKind::Contract, events, count: 1 }));
    devnet.close_ledger().unwrap();
}

impl Table {
    /// Creates the chain. There is one ledger before F, so that F is not the oldest; a retention of four hides it.
    fn new() -> Self {
        let (devnet, _) = by_hand();
        let first = devnet.latest_ledger().next().0;
        emit(&devnet, contract_a(), &[&[XFER], &[XFER, "alice"]]);
        emit(&devnet, contract_b(), &[&["mint"]]);
        devnet.close_ledger().unwrap();
        emit(&devnet, contract_a(), &[&["burn", "alice", "extra"]]);
        Self { devnet, first }
    }

    fn ask(&self, params: &Value) -> Value {
        ask(&self.devnet, params, &InjectedFaults { retention_ledgers: Some(4), ..InjectedFaults::default() })
    }

    /// Returns the names of the events in the answer to this request.
    fn events(&self, mut params: Value) -> Vec<&'static str> {
        params["startLedger"] = json!(self.first);
        let reply = self.ask(&params);
        let events = reply["result"]["events"].as_array().unwrap_or_else(|| panic!("{reply}"));
        events.iter().map(|event| self.name_of(event)).collect()
    }

    fn filtered(&self, filters: &Value) -> Vec<&'static str> {
        self.events(json!({ "filters": filters }))
    }

    fn name_of(&self, event: &Value) -> &'static str {
        let places = [("a0", 0, 0), ("a1", 0, 1), ("b0", 1, 0), ("a2", 3, 0)];
        let named = |(_, ledger, index): &&(&str, u32, u32)| event["id"] == json!(self.id(*ledger, *index));
        places.iter().find(named).unwrap().0
    }

    fn id(&self, ledger: u32, index: u32) -> EventId {
        EventId::of(LedgerSequence(self.first + ledger), 1, 0, index).unwrap()
    }
}

fn ask(devnet: &Devnet, params: &Value, injected: &InjectedFaults) -> Value {
    call(devnet, "getEvents", params, injected)
}

pub(super) fn call(devnet: &Devnet, method: &str, params: &Value, injected: &InjectedFaults) -> Value {
    let body = json!({ "jsonrpc": "2.0", "id": "x", "method": method, "params": params }).to_string();
    let reply: Value =
        serde_json::from_str(&Request::parse(body.as_bytes()).unwrap().answer(devnet, injected)).unwrap();
    assert_eq!((&reply["jsonrpc"], &reply["id"]), (&json!("2.0"), &json!("x")));
    reply
}

#[test]
fn a_start_ledger_without_a_filter_gives_all_events_and_the_end_of_the_window() {
    let table = Table::new();
    let reply = table.ask(&json!({ "startLedger": table.first }));
    let result = &reply["result"];
    assert_eq!(table.events(json!({})), ["a0", "a1", "b0", "a2"]);
    assert_eq!((&result["oldestLedger"], &result["latestLedger"]), (&json!(table.first), &json!(table.first + 3)));
    let end = EventId::end_of_ledger(LedgerSequence(table.first + 3));
    assert_eq!(result["cursor"], json!(end));
    let again = table.ask(&json!({ "pagination": { "cursor": end } }));
    assert_eq!((&again["result"]["events"], &again["result"]["cursor"]), (&json!([]), &json!(end)));
}

#[test]
fn the_end_ledger_is_exclusive() {
    let table = Table::new();
    assert_eq!(table.events(json!({ "endLedger": table.first + 1 })), ["a0", "a1"]);
}

#[test]
fn an_end_ledger_at_or_below_the_start_is_valid_and_gives_no_events() {
    let table = Table::new();
    assert!(table.events(json!({ "endLedger": table.first })).is_empty());
    assert!(table.events(json!({ "endLedger": table.first - 1 })).is_empty());
    let reply = table.ask(&json!({ "startLedger": table.first, "endLedger": table.first - 1 }));
    assert_eq!(reply["result"]["cursor"], json!(EventId::end_of_ledger(LedgerSequence(table.first - 2))));
}

#[test]
fn the_contract_ids_of_one_filter_are_alternatives() {
    let table = Table::new();
    assert_eq!(table.filtered(&json!([{ "contractIds": [contract_a()] }])), ["a0", "a1", "a2"]);
    assert_eq!(table.filtered(&json!([{ "contractIds": [contract_a(), contract_b()] }])), ["a0", "a1", "b0", "a2"]);
}

#[test]
fn the_type_contract_alone_or_with_system_gives_all_events() {
    let table = Table::new();
    for kinds in ["contract", "contract,system"] {
        assert_eq!(table.filtered(&json!([{ "type": kinds }])), ["a0", "a1", "b0", "a2"]);
    }
    assert!(table.filtered(&json!([{ "type": "system" }])).is_empty());
}

#[test]
fn the_type_diagnostic_is_refused() {
    let table = Table::new();
    let reply = table.ask(&json!({ "startLedger": table.first, "filters": [{ "type": "diagnostic" }] }));
    let message = "filter 1 invalid: filter type invalid: if set, type must be either 'system' or 'contract'";
    assert_eq!(reply["error"], json!({ "code": -32602, "message": message }));
}

#[test]
fn without_a_trailing_wildcard_the_number_of_topics_must_match() {
    let table = Table::new();
    assert_eq!(table.filtered(&json!([{ "topics": [[symbol(XFER)]] }])), ["a0"]);
    assert_eq!(table.filtered(&json!([{ "topics": [[symbol(XFER), "**"]] }])), ["a0", "a1"]);
}

#[test]
fn a_star_stands_for_exactly_one_topic() {
    let table = Table::new();
    assert_eq!(table.filtered(&json!([{ "topics": [["*", symbol("alice")]] }])), ["a1"]);
    assert_eq!(table.filtered(&json!([{ "topics": [["*"]] }])), ["a0", "b0"]);
    assert_eq!(table.filtered(&json!([{ "topics": [["**"]] }])), ["a0", "a1", "b0", "a2"]);
}

#[test]
fn two_filters_are_alternatives() {
    let table = Table::new();
    let filters = json!([{ "contractIds": [contract_b()] }, { "topics": [[symbol("burn"), "**"]] }]);
    assert_eq!(table.filtered(&filters), ["b0", "a2"]);
}

#[test]
fn all_parts_of_one_filter_must_match() {
    let table = Table::new();
    let filters = json!([{ "contractIds": [contract_a()], "topics": [[symbol(XFER), "**"]] }]);
    assert_eq!(table.filtered(&filters), ["a0", "a1"]);
}

#[test]
fn a_full_page_ends_with_the_id_of_its_last_event() {
    let table = Table::new();
    let params = json!({ "startLedger": table.first, "pagination": { "limit": 2 } });
    assert_eq!(table.events(params.clone()), ["a0", "a1"]);
    assert_eq!(table.ask(&params)["result"]["cursor"], json!(table.id(0, 1)));
}

#[test]
fn a_start_above_the_tip_or_below_the_oldest_is_refused_with_the_range() {
    let table = Table::new();
    let message = format!("startLedger must be within the ledger range: {} - {}", table.first, table.first + 3);
    for start in [table.first - 1, table.first + 4] {
        let refusal = json!({ "code": -32600, "message": message });
        assert_eq!(table.ask(&json!({ "startLedger": start }))["error"], refusal);
        let cursor = EventId::end_of_ledger(LedgerSequence(start));
        assert_eq!(table.ask(&json!({ "pagination": { "cursor": cursor } }))["error"], refusal);
    }
}

#[test]
fn following_cursors_gives_one_event_per_page_and_then_an_empty_page() {
    let table = Table::new();
    let mut reply = table.ask(&json!({ "startLedger": table.first, "pagination": { "limit": 1 } }));
    let mut seen = Vec::new();
    while let Some(event) = reply["result"]["events"].get(0) {
        seen.push(table.name_of(event));
        reply = table.ask(&json!({ "pagination": { "limit": 1, "cursor": reply["result"]["cursor"] } }));
    }
    assert_eq!(seen, ["a0", "a1", "b0", "a2"]);
}

#[test]
fn events_look_like_those_of_a_version_30_server() {
    let table = Table::new();
    let reply = table.ask(&json!({ "startLedger": table.first }));
    let event = &reply["result"]["events"][1];
    let tx_hash = event["txHash"].as_str().unwrap();
    assert!(tx_hash.len() == 64 && tx_hash.bytes().all(|byte| byte.is_ascii_hexdigit()));
    assert_eq!(
        *event,
        json!({
            "type": "contract", "ledger": table.first, "ledgerClosedAt": "2027-01-15T08:00:00Z",
            "contractId": contract_a(), "id": table.id(0, 1), "operationIndex": 0, "transactionIndex": 1,
            "txHash": tx_hash, "topic": [symbol(XFER), symbol("alice")], "value": symbol("value"),
        })
    );
    assert_eq!(reply["result"]["latestLedgerCloseTime"], json!("1800000000"));
}

#[test]
fn invalid_parameters_are_refused_in_the_servers_words() {
    let table = Table::new();
    let (start, id) = (table.first, contract_a());
    let six = |value: Value| Value::from(vec![value; 6]);
    let topic = |topic: Value| json!({ "startLedger": start, "filters": [{ "topics": [["*"], topic] }] });
    for (params, message) in [
        (json!({}), "startLedger must be positive"),
        (
            json!({ "startLedger": 3, "pagination": { "cursor": table.id(0, 0) } }),
            "ledger ranges and cursor cannot both be set",
        ),
        (json!({ "startLedger": start, "pagination": { "limit": 10_001 } }), "limit must not exceed 10000"),
        (json!({ "startLedger": start, "filters": six(json!({})) }), "maximum 5 filters per request"),
        (
            json!({ "startLedger": start, "filters": [{ "contractIds": six(json!(id)) }] }),
            "filter 1 invalid: maximum 5 contract IDs per filter",
        ),
        (
            json!({ "startLedger": start, "filters": [{}, { "contractIds": [id, alice()] }] }),
            "filter 2 invalid: contract ID 2 invalid",
        ),
        (
            json!({ "startLedger": start, "filters": [{ "topics": six(json!(["*"])) }] }),
            "filter 1 invalid: maximum 5 topics per filter",
        ),
        (topic(json!([])), "filter 1 invalid: topic 2 invalid: topic must have at least 1 segment"),
        (
            topic(json!(["*", "*", "*", "*", "*"])),
            "filter 1 invalid: topic 2 invalid: topic cannot have more than 4 segments",
        ),
        (
            topic(json!(["*", "**", "*"])),
            "filter 1 invalid: topic 2 invalid: segment 2 invalid: wildcard '**' is only allowed as the last segment",
        ),
    ] {
        assert_eq!(table.ask(&params)["error"], json!({ "code": -32602, "message": message }), "{params}");
    }
    assert!(table.events(json!({ "filters": [{ "topics": [["*", "*", "*", "*", "**"]] }] })).is_empty());
    assert_eq!(table.ask(&json!({ "startLedger": "3" }))["error"]["code"], json!(-32602));
}

#[test]
fn one_request_covers_ten_thousand_ledgers() {
    let (devnet, _) = by_hand();
    devnet.close_ledgers(10_500).unwrap();
    let end_of = |sequence| json!(EventId::end_of_ledger(LedgerSequence(sequence)));
    let first = ask(&devnet, &json!({ "startLedger": 3 }), &InjectedFaults::default());
    assert_eq!((&first["result"]["events"], &first["result"]["cursor"]), (&json!([]), &end_of(10_002)));
    let next = ask(&devnet, &json!({ "pagination": { "cursor": end_of(10_002) } }), &InjectedFaults::default());
    assert_eq!(next["result"]["cursor"], end_of(10_502));
}

#[test]
fn faults_change_the_contents_of_a_page() {
    let table = Table::new();
    let injected = |fault| {
        let mut faults = Faults::default();
        faults.add(fault, None, Some(1));
        faults.take("main", "getEvents")
    };
    let params = json!({ "startLedger": table.first });
    let behind = ask(&table.devnet, &params, &injected(Fault::NodeBehind { ledgers: 2 }));
    assert_eq!(behind["result"]["latestLedger"], json!(table.first + 1));
    assert_eq!(behind["result"]["events"].as_array().unwrap().len(), 3);
    let empty = ask(&table.devnet, &params, &injected(Fault::EmptyPages { ledgers: 2 }));
    assert_eq!(empty["result"]["cursor"], json!(EventId::end_of_ledger(LedgerSequence(table.first + 1))));
    let cursor = json!({ "pagination": { "cursor": table.id(0, 1) } });
    let still = ask(&table.devnet, &cursor, &injected(Fault::EmptyPages { ledgers: 0 }));
    assert_eq!((&still["result"]["events"], &still["result"]["cursor"]), (&json!([]), &json!(table.id(0, 1))));
    let limited = json!({ "startLedger": table.first, "pagination": { "limit": 3 } });
    let refused = ask(&table.devnet, &limited, &injected(Fault::PageLimit { limit: 2 }));
    assert_eq!(refused["error"]["message"], json!("limit must not exceed 2"));
}

#[test]
fn the_small_methods_describe_the_node() {
    let (devnet, _) = by_hand();
    devnet.close_ledgers(8).unwrap();
    let ask = |method| call(&devnet, method, &json!({}), &InjectedFaults::default())["result"].clone();
    let latest = ask("getLatestLedger");
    assert_eq!((&latest["sequence"], &latest["closeTime"]), (&json!(10), &json!("1800000000")));
    assert_eq!((latest["id"].as_str().unwrap().len(), &latest["protocolVersion"]), (64, &json!(30)));
    let health = ask("getHealth");
    assert_eq!((&health["oldestLedger"], &health["ledgerRetentionWindow"]), (&json!(2), &json!(120_960)));
    assert_eq!(ask("getNetwork")["passphrase"], json!(devnet.passphrase()));
    assert!(ask("getVersionInfo")["version"].as_str().unwrap().starts_with("30."));
    let unknown = call(&devnet, "getFeeStats", &json!({}), &InjectedFaults::default());
    assert_eq!(unknown["error"]["code"], json!(-32601));
    let reply_to = |body| refuse_body(Request::parse(body).err().unwrap());
    assert!(reply_to(b"{").contains("-32700"));
    assert!(reply_to(b"[]").contains("-32600"));
}

#[test]
fn stored_streams_are_read_by_key_and_absent_ones_are_left_out() {
    use base64::{Engine, prelude::BASE64_STANDARD};
    use stellar_xdr::{LedgerEntryData, Limits, ReadXdr};
    let (devnet, _) = by_hand();
    drop(devnet.submit(create(10_000, 100)));
    devnet.close_ledgers(3).unwrap();
    let key = |number| {
        let key = EntryKey::Stream(StreamId(number));
        to_base64(&stored::ledger_key(&accounts::stream_contract(), key))
    };
    let reply = call(&devnet, "getLedgerEntries", &json!({ "keys": [key(2), key(1)] }), &InjectedFaults::default());
    let [entry] = reply["result"]["entries"].as_array().unwrap().as_slice() else { panic!("{reply}") };
    assert_eq!((&entry["key"], &entry["lastModifiedLedgerSeq"]), (&json!(key(1)), &json!(3)));
    let bytes = BASE64_STANDARD.decode(entry["xdr"].as_str().unwrap()).unwrap();
    let LedgerEntryData::ContractData(data) = LedgerEntryData::from_xdr(bytes, Limits::none()).unwrap() else {
        panic!("{entry}")
    };
    let stored = decode_stream_entry(&crate::encode::to_xdr(&data.val)).unwrap();
    assert_eq!(Some(stored), devnet.stream_entry(StreamId(1)));
    let many = json!({ "keys": vec![key(1); 201] });
    assert_eq!(
        call(&devnet, "getLedgerEntries", &many, &InjectedFaults::default())["error"]["message"],
        json!("key count (201) exceeds maximum supported (200)")
    );
}
