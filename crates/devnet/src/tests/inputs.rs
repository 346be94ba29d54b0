//! Transactions other than a single call.

use serde_json::{Value, json};

use super::{
    TemporaryFile, by_hand, create, pause, top_up,
    web::{Served, served},
    withdraw,
};
use crate::{Call, ContractError, Devnet, Input, NotDone, Upgrade};
use flowfi_domain::{ChainStatus, StreamId};
use flowfi_indexer::xdr::{LedgerEvent, LedgerInputError, read_ledgers};

async fn rpc(served: &Served, method: &str, params: Value) -> Value {
    served.rpc_at("/devnet/rpc", method, params).await.json()["result"].clone()
}

/// The events of the newest ledger as it is published.
async fn published(served: &Served) -> Vec<LedgerEvent> {
    let page = rpc(served, "getLedgers", json!({ "startLedger": served.devnet.latest_ledger() })).await;
    let meta = page["ledgers"][0]["metadataXdr"].as_str().unwrap().to_owned();
    let meta = base64::Engine::decode(&base64::prelude::BASE64_STANDARD, meta).unwrap();
    let mut events = Vec::new();
    read_ledgers(meta.as_slice(), |ledger| {
        events = ledger.events();
        Ok::<_, LedgerInputError>(())
    })
    .unwrap();
    events
}

#[tokio::test]
async fn an_upgrade_is_an_event_of_the_host_about_the_contract() {
    let served = served().await;
    let contract_id = served.devnet.contract_id();
    let wasm = "ab".repeat(32);
    let upgraded = served.post_and_close("/devnet/upgrade", &json!({ "wasm": wasm })).await;
    assert_eq!((upgraded.status, upgraded.json()["events"].as_array().unwrap().len()), (200, 1));
    let ask = async |kind: &str| {
        let filter = json!({ "type": kind, "contractIds": [contract_id] });
        rpc(&served, "getEvents", json!({ "startLedger": 3, "filters": [filter] })).await["events"].clone()
    };
    assert_eq!(ask("contract").await, json!([]));
    let first = ask("system").await[0].clone();
    assert_eq!(first["topic"][0], "AAAADwAAABFleGVjdXRhYmxlX3VwZGF0ZQAAAA==");
    // A vector of the symbol `Wasm` and 32 bytes; the value is a vector of nothing.
    let mut code = vec![0, 0, 0, 16, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 15, 0, 0, 0, 4];
    code.extend(b"Wasm");
    code.extend([0, 0, 0, 13, 0, 0, 0, 32]);
    code.extend([0xAB; 32]);
    assert_eq!(first["topic"][2], base64::Engine::encode(&base64::prelude::BASE64_STANDARD, code));
    assert_eq!(first["value"], "AAAAEAAAAAEAAAAA");
    served.post_and_close("/devnet/upgrade", &json!({})).await;
    assert_eq!(ask("system").await[1]["topic"][1], first["topic"][2]);
    assert_ne!(ask("system").await[1]["topic"][2], first["topic"][2]);
    assert_eq!(served.post("/devnet/upgrade", &json!({ "wasm": "ab" })).await.json()["parameter"], "wasm");
}

#[tokio::test]
async fn a_failed_transaction_pays_its_fee_and_emits_nothing() {
    let served = served().await;
    let failed = served.post_and_close("/devnet/failed", &json!({})).await;
    assert_eq!((failed.status, &failed.json()["events"]), (200, &json!([])));
    let page = rpc(&served, "getEvents", json!({ "startLedger": served.devnet.latest_ledger() })).await;
    assert_eq!(page["events"], json!([]));
    let fees = published(&served).await;
    assert_eq!(fees.len(), 2);
    assert!(fees.iter().all(|fee| !fee.successful && json!(fee.tx_hash) == failed.json()["transactionHash"]));
}

async fn carry_out(devnet: &Devnet, calls: Vec<Call>) -> Result<usize, NotDone> {
    let answer = devnet.submit(Input::Calls(calls));
    devnet.close_ledger().unwrap();
    answer.await.map(|receipt| receipt.events.len())
}

#[tokio::test]
async fn several_calls_are_one_transaction_wholly_or_not_at_all() {
    let (devnet, clock) = by_hand();
    let both = vec![create(10_000, 100), create(20_000, 100)];
    assert_eq!(carry_out(&devnet, both).await, Ok(4));
    clock.advance(1_000);
    let refused = NotDone::Refused(ContractError::StreamPaused.into());
    assert_eq!(carry_out(&devnet, vec![top_up(1, 1), pause(1), withdraw(1)]).await, Err(refused));
    let entry = devnet.stream_entry(StreamId(1)).unwrap();
    assert_eq!((entry.deposited.0, entry.status), (9_975, ChainStatus::Active));
    assert_eq!(carry_out(&devnet, vec![top_up(1, 1), withdraw(1)]).await, Ok(3));
    assert_eq!(devnet.stream_entry(StreamId(1)).unwrap().status, ChainStatus::Completed);
    devnet.check_balances().unwrap();
}

#[tokio::test]
async fn every_kind_of_input_is_replayed_from_the_journal() {
    let file = TemporaryFile::named("inputs");
    let open = || {
        let clock = super::StoppedClock::at(super::START);
        Devnet::open(&super::DevnetArgs::by_hand(), Some(&file.0), clock).unwrap()
    };
    let devnet = open();
    let inputs = [
        Input::Calls(vec![create(10_000, 100), create(20_000, 100)]),
        Input::Upgrade(Upgrade::default()),
        Input::Upgrade(Upgrade { wasm: Some("0f".repeat(32).parse().unwrap()), code: None }),
        Input::Failed,
    ];
    for input in inputs {
        drop(devnet.submit(input));
    }
    devnet.close_ledger().unwrap();
    let hash = devnet.state().network.latest().hash;
    drop(devnet);
    assert_eq!(open().state().network.latest().hash, hash);
}
