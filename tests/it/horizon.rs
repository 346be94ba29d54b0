//! Horizon as a cross-check, on a host that serves a recorded transaction in Horizon's format.

use axum::{
    Json, Router,
    extract::{Path, RawQuery, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::get,
};
use flowfi_indexer::{
    domain::{ContractId, LedgerSequence, RawContractEvent},
    source::{EventDifference, Horizon, SourceError},
};
use rand::{SeedableRng, rngs::StdRng};
use serde_json::{Value, json};

use crate::whole_ledgers::{as_a_task, serve};

const RECORDED: &str = include_str!("../fixtures/rpc/transaction_response_p23.json");
pub const LEDGER: u32 = 20;
/// The contract that the recorded transaction calls.
pub const CONTRACT: [u8; 32] = [
    0x3e, 0x8f, 0x56, 0x33, 0xbb, 0xcb, 0x48, 0xb3, 0x8a, 0x83, 0xc3, 0x65, 0x69, 0xd8, 0xc0, 0xe5, 0x54, 0xdf, 0x81,
    0x6f, 0x64, 0xd0, 0x77, 0x1a, 0xe8, 0x7d, 0xfd, 0x70, 0x86, 0x71, 0x58, 0xb6,
];

pub fn record() -> Value {
    let reply: Value = serde_json::from_str(RECORDED).unwrap();
    let transaction = &reply["result"];
    json!({"paging_token": ((u64::from(LEDGER) << 32) | (1 << 12)).to_string(), "hash": transaction["txHash"],
        "successful": true, "ledger": LEDGER, "created_at": "2025-07-04T22:08:44Z",
        "result_meta_xdr": transaction["resultMetaXdr"]})
}

/// Serves one record, with a link to an empty page.
async fn transactions(
    State(record): State<Value>,
    Path(ledger): Path<u32>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    if ledger > LEDGER {
        return StatusCode::NOT_FOUND.into_response();
    }
    let query = query.unwrap_or_default();
    assert!(query.contains("include_failed=true"), "{query}");
    let is_first = !query.contains("cursor=") && ledger == LEDGER;
    let host = headers["host"].to_str().unwrap();
    let next = format!("http://{host}/ledgers/{ledger}/transactions?cursor=1&include_failed=true&limit=200");
    let records = if is_first { vec![record] } else { Vec::new() };
    Json(json!({"_links": {"next": {"href": next}}, "_embedded": {"records": records}})).into_response()
}

pub async fn horizon(record: Value) -> Horizon {
    let router = Router::new().route("/ledgers/{ledger}/transactions", get(transactions)).with_state(record);
    Horizon::new(&serve(router).await, StdRng::seed_from_u64(1)).unwrap()
}

async fn differences(horizon: &Horizon, last: u32, given: &[RawContractEvent]) -> Vec<EventDifference> {
    let range = LedgerSequence(LEDGER - 1)..=LedgerSequence(last);
    as_a_task(horizon.differences(&ContractId::from_bytes(CONTRACT), range, given)).await.unwrap()
}

#[tokio::test]
async fn horizon_reveals_every_way_in_which_a_list_of_events_is_wrong() {
    let horizon = horizon(record()).await;
    let events = horizon.events(&ContractId::from_bytes(CONTRACT), LedgerSequence(LEDGER)).await.unwrap();
    let [event] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!(json!(event.id), "0000000085899350016-0000000000");
    assert_eq!(event.topics[0], "AAAADwAAAAdDT1VOVEVSAA==");

    assert_eq!(differences(&horizon, LEDGER, &events).await, []);
    assert_eq!(differences(&horizon, LEDGER, &[]).await, [EventDifference::OnlyInHorizon(event.clone())]);
    let other = RawContractEvent { value: "AAAAAQ==".into(), ..event.clone() };
    let differs = EventDifference::Differs { given: other.clone(), horizon: event.clone() };
    assert_eq!(differences(&horizon, LEDGER, &[other]).await, [differs]);
    let unheard_of = EventDifference::NotInHorizon(event.clone());
    assert_eq!(differences(&horizon, LEDGER - 1, &events).await, [unheard_of]);
}

#[tokio::test]
async fn a_ledger_that_horizon_lacks_is_named() {
    let horizon = horizon(record()).await;
    let missing = LedgerSequence(LEDGER + 1);
    let failure = horizon.events(&ContractId::from_bytes(CONTRACT), missing).await.unwrap_err();
    assert!(matches!(failure, SourceError::LedgerMissing { ledger } if ledger == missing));
}
