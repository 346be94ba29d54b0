//! The two sides of the judgement against each other: what the indexer decodes and folds from served pages, and what
//! the devnet's contract has stored.

use std::collections::BTreeMap;

use chrono::DateTime;
use serde_json::{Value, json};

use super::open;
use crate::{Devnet, DevnetArgs, faults::InjectedFaults, rpc::Request};
use flowfi_domain::{ContractVersion, EventId, EventKind, RawContractEvent, StreamEntry, StreamId, StreamRecord};
use flowfi_indexer::xdr::{Decoded, decode_event};

fn page(devnet: &Devnet, params: &Value) -> Value {
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "getEvents", "params": params }).to_string();
    serde_json::from_str(&Request::parse(body.as_bytes()).unwrap().answer(devnet, &InjectedFaults::default())).unwrap()
}

fn raw(event: &Value) -> RawContractEvent {
    let text = |name: &str| event[name].as_str().unwrap().to_owned();
    RawContractEvent {
        id: text("id").parse().unwrap(),
        kind: EventKind::Contract,
        contract_id: text("contractId").parse().unwrap(),
        ledger_closed_at: DateTime::parse_from_rfc3339(&text("ledgerClosedAt")).unwrap().to_utc(),
        tx_hash: text("txHash"),
        in_successful_call: true,
        topics: serde_json::from_value(event["topic"].clone()).unwrap(),
        value: text("value"),
    }
}

#[test]
fn folding_the_served_pages_gives_the_stored_streams() {
    let args = DevnetArgs { history_events: 8_000, seed: 11, ..DevnetArgs::by_hand() };
    let (devnet, _) = open(&args);
    let decoded = fold_and_compare(&devnet);
    assert_eq!(decoded, devnet.events_emitted());
}

#[tokio::test]
async fn folding_what_random_transactions_left_gives_the_stored_streams() {
    for seed in 0..8 {
        let (devnet, counts) = super::random::play(seed, 120).await;
        let decoded = fold_and_compare(&devnet);
        assert!(counts["broken"] > 0 && decoded.len() < devnet.events_emitted().len());
    }
}

/// Folds the contract's events page by page, compares every stream, and returns the events that decoded.
fn fold_and_compare(devnet: &Devnet) -> Vec<EventId> {
    let filters = json!([{ "type": "contract", "contractIds": [devnet.contract_id()] }]);
    let (mut records, mut ids) = (BTreeMap::<StreamId, StreamRecord>::new(), Vec::<EventId>::new());
    let mut reply = page(devnet, &json!({ "startLedger": 2, "filters": filters, "pagination": { "limit": 999 } }));
    while let Some(events) = reply["result"]["events"].as_array().filter(|events| !events.is_empty()) {
        for raw in events.iter().map(raw) {
            let Decoded::Event(event) = decode_event(&raw) else { continue };
            ids.push(raw.id);
            let Some(id) = event.stream_id() else { continue };
            if let Some(record) = StreamRecord::fold(records.remove(&id), &event, &raw, ContractVersion::First) {
                assert!(!record.impossible_order, "{raw:?}");
                records.insert(id, record);
            }
        }
        let cursor = reply["result"]["cursor"].clone();
        reply = page(devnet, &json!({ "filters": filters, "pagination": { "cursor": cursor, "limit": 999 } }));
    }
    assert_eq!(records.len(), devnet.stream_count());
    let at = devnet.latest_closed_at();
    for (id, record) in &records {
        assert_eq!(Some(StreamEntry::from(record)), devnet.stream_entry(*id));
        assert_eq!(record.claimable(at).ok(), devnet.claimable(*id, at));
    }
    ids
}
