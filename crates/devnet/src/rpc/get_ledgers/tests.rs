//! The devnet's whole ledgers as the extractor reads them, compared with its own `getEvents`.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use crate::{
    Devnet, DevnetArgs, Emit, EventKind, RawEvent, close_meta,
    faults::InjectedFaults,
    rpc::tests::{call, symbol},
    tests::{by_hand, create, open, withdraw},
};
use flowfi_domain::{ContractId, RawContractEvent};
use flowfi_indexer::xdr::{LedgerEvent, LedgerHeader, LedgerInputError, read_ledgers};

fn ask(devnet: &Devnet, params: &Value) -> Value {
    call(devnet, "getLedgers", params, &InjectedFaults::default())
}

/// A generated history, then empty ledgers, several events in a transaction, and events of another contract and of the
/// host.
fn busy() -> Devnet {
    let (devnet, clock) = open(&DevnetArgs { history_events: 2_500, ..DevnetArgs::by_hand() });
    devnet.close_ledgers(3).unwrap();
    let raw = RawEvent { topics: vec![symbol("stream_created")], value: symbol("broken") };
    let emit = |contract_id: ContractId, kind| Emit { contract_id, kind, events: vec![raw.clone()], count: 3 };
    let stream_id = u64::try_from(devnet.stream_count()).unwrap() + 1;
    drop(devnet.submit(create(10_000, 100)));
    drop(devnet.submit(emit(devnet.contract_id(), EventKind::Contract)));
    drop(devnet.submit(emit(devnet.contract_id(), EventKind::System)));
    drop(devnet.submit(emit(devnet.token(), EventKind::Contract)));
    devnet.close_ledger().unwrap();
    clock.advance(1_000);
    drop(devnet.submit(withdraw(stream_id)));
    devnet.close_ledger().unwrap();
    devnet
}

/// Follows the cursor through all ledgers.
fn all_ledgers(devnet: &Devnet, limit: u32) -> Vec<Value> {
    let mut params = json!({ "startLedger": 2, "pagination": { "limit": limit } });
    let mut ledgers: Vec<Value> = Vec::new();
    loop {
        let reply = ask(devnet, &params);
        let result = &reply["result"];
        ledgers.extend(result["ledgers"].as_array().unwrap_or_else(|| panic!("{reply}")).iter().cloned());
        assert_eq!(result["cursor"], ledgers.last().unwrap()["sequence"].to_string());
        if ledgers.last().unwrap()["sequence"] == result["latestLedger"] {
            return ledgers;
        }
        params = json!({ "pagination": { "cursor": result["cursor"], "limit": limit } });
    }
}

fn all_events(devnet: &Devnet, filter: &Value) -> Vec<Value> {
    let params = json!({ "startLedger": 2, "filters": [filter], "pagination": { "limit": 10_000 } });
    let reply = call(devnet, "getEvents", &params, &InjectedFaults::default());
    reply["result"]["events"].as_array().unwrap().clone()
}

/// Returns what the extractor finds in one ledger of a reply.
fn extracted(ledger: &Value, contract_id: &ContractId) -> (LedgerHeader, Vec<LedgerEvent>, Vec<RawContractEvent>) {
    let meta = BASE64_STANDARD.decode(ledger["metadataXdr"].as_str().unwrap()).unwrap();
    let mut found = Vec::new();
    read_ledgers(meta.as_slice(), |ledger| {
        found.push((
            ledger.header().clone(),
            ledger.events(),
            ledger.contract_events(std::slice::from_ref(contract_id)),
        ));
        Ok::<_, LedgerInputError>(())
    })
    .unwrap();
    found.pop().unwrap()
}

fn as_listed(event: &RawContractEvent) -> Value {
    json!({
        "id": event.id,
        "contractId": event.contract_id,
        "ledgerClosedAt": event.ledger_closed_at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
        "txHash": event.tx_hash,
        "topic": event.topics,
        "value": event.value,
    })
}

fn without(mut event: Value, members: &[&str]) -> Value {
    for member in members {
        event.as_object_mut().unwrap().remove(*member);
    }
    event
}

#[test]
fn whole_ledgers_contain_the_events_of_get_events() {
    let devnet = busy();
    let contract_id = devnet.contract_id();
    let ledgers: Vec<_> = all_ledgers(&devnet, 7).iter().map(|ledger| extracted(ledger, &contract_id)).collect();
    let of_contract: Vec<_> = ledgers.iter().flat_map(|(_, _, events)| events).map(as_listed).collect();
    let listed = all_events(&devnet, &json!({ "type": "contract,system", "contractIds": [contract_id] }));
    let facts_of_the_place = ["type", "ledger", "operationIndex", "transactionIndex"];
    let listed: Vec<_> = listed.into_iter().map(|event| without(event, &facts_of_the_place)).collect();
    assert!(listed.len() > 2_500);
    assert_eq!(of_contract, listed);
}

#[test]
fn besides_the_events_of_get_events_there_are_only_fees() {
    let devnet = busy();
    let contract_id = devnet.contract_id();
    let ledgers: Vec<_> = all_ledgers(&devnet, 200).iter().map(|ledger| extracted(ledger, &contract_id)).collect();
    let events: Vec<_> = ledgers.into_iter().flat_map(|(_, events, _)| events).collect();
    let fee = symbol("fee");
    let (fees, others): (Vec<_>, Vec<_>) = events.iter().partition(|event| event.topic[0] == fee);
    let listed = all_events(&devnet, &json!({}));
    let found: Vec<_> = others.iter().map(|event| (json!(event.id), json!(event.kind))).collect();
    let listed: Vec<_> = listed.iter().map(|event| (event["id"].clone(), event["type"].clone())).collect();
    assert_eq!(found, listed);
    assert!(fees.iter().all(|fee| fee.contract_id == fees[0].contract_id && fee.topic.len() == 2));
    assert!(fees[0].contract_id.as_ref().is_some_and(|native| *native != devnet.token()));
}

#[test]
fn ledgers_form_one_chain_of_hashes() {
    let devnet = busy();
    let ledgers = all_ledgers(&devnet, 200);
    let headers: Vec<_> = ledgers.iter().map(|ledger| extracted(ledger, &devnet.contract_id()).0).collect();
    for (earlier, later) in headers.iter().zip(&headers[1..]) {
        later.check_follows(earlier).unwrap();
    }
    for (ledger, header) in ledgers.iter().zip(&headers) {
        assert_eq!(ledger["hash"], header.hash);
        assert_eq!(ledger["ledgerCloseTime"], header.closed_at.timestamp().to_string());
    }
    let latest = call(&devnet, "getLatestLedger", &json!({}), &InjectedFaults::default());
    assert_eq!(latest["result"]["id"], ledgers.last().unwrap()["hash"]);
}

#[test]
fn the_header_in_the_reply_is_that_of_its_ledger() {
    let devnet = busy();
    let reply = ask(&devnet, &json!({ "startLedger": 2, "pagination": { "limit": 1 } }));
    let expected = {
        let state = devnet.state();
        close_meta::header_entry(state.network.oldest().header())
    };
    let told = &reply["result"]["ledgers"][0];
    assert_eq!(told["headerXdr"], super::encode::to_base64(&expected));
    assert_eq!(told["hash"], super::hash::hex(&expected.hash.0));
}

#[test]
fn a_text_that_is_not_a_value_is_carried_as_bytes() {
    let (devnet, _) = by_hand();
    let raw = RawEvent { topics: vec!["AAAA".to_owned(), "A".to_owned()], value: symbol("value") };
    let emit = Emit { contract_id: devnet.contract_id(), kind: EventKind::Contract, events: vec![raw], count: 1 };
    drop(devnet.submit(emit));
    devnet.close_ledger().unwrap();
    let reply = ask(&devnet, &json!({ "startLedger": devnet.latest_ledger() }));
    let (_, _, events) = extracted(&reply["result"]["ledgers"][0], &devnet.contract_id());
    // Each is an `ScVal` of bytes: its discriminant, a length, the bytes, and padding to a multiple of four.
    let bytes = |hex: [u8; 12]| BASE64_STANDARD.encode(hex);
    let expected = [bytes([0, 0, 0, 13, 0, 0, 0, 3, 0, 0, 0, 0]), bytes([0, 0, 0, 13, 0, 0, 0, 1, b'A', 0, 0, 0])];
    assert_eq!((events[0].topics.as_slice(), &events[0].value), (expected.as_slice(), &symbol("value")));
}

#[test]
fn times_of_the_reply_are_numbers_and_those_of_ledgers_are_strings() {
    let (devnet, _) = by_hand();
    let result = ask(&devnet, &json!({ "startLedger": 2 }))["result"].clone();
    let closed_at = devnet.latest_closed_at().0;
    assert_eq!(
        (&result["latestLedgerCloseTime"], &result["oldestLedgerCloseTime"]),
        (&json!(closed_at), &json!(closed_at))
    );
    assert_eq!(result["ledgers"][0]["ledgerCloseTime"], closed_at.to_string());
    assert_eq!((&result["cursor"], &result["latestLedger"]), (&json!("2"), &json!(2)));
}

#[test]
fn a_page_has_fifty_ledgers_by_default() {
    let (devnet, _) = by_hand();
    devnet.close_ledgers(300).unwrap();
    let count = |params: Value| ask(&devnet, &params)["result"]["ledgers"].as_array().unwrap().len();
    assert_eq!(count(json!({ "startLedger": 2 })), 50);
    assert_eq!(count(json!({ "startLedger": 2, "pagination": { "limit": 200 } })), 200);
    assert_eq!(count(json!({ "pagination": { "cursor": "300" } })), 2);
}

#[test]
fn ledgers_out_of_range_are_refused_in_the_servers_words() {
    let (devnet, _) = by_hand();
    devnet.close_ledgers(8).unwrap();
    let error = |params: Value| ask(&devnet, &params)["error"].clone();
    let range = "must be between the oldest ledger: 2 and the latest ledger: 10 for this rpc instance";
    for start in [0, 1, 11] {
        let message = format!("start ledger ({start}) {range}");
        assert_eq!(error(json!({ "startLedger": start })), json!({ "code": -32_600, "message": message }));
    }
    let message = format!("cursor ('10') {range}");
    assert_eq!(error(json!({ "pagination": { "cursor": "10" } })), json!({ "code": -32_602, "message": message }));
    let both = json!({ "startLedger": 2, "pagination": { "cursor": "3" } });
    assert_eq!(error(both), json!({ "code": -32_600, "message": "startLedger and cursor cannot both be set" }));
    let many = json!({ "startLedger": 2, "pagination": { "limit": 201 } });
    assert_eq!(error(many), json!({ "code": -32_600, "message": "limit must not exceed 200" }));
}
