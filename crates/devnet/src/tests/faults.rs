//! Endpoints that differ, and the faults that they can have.

use serde_json::{Value, json};

use super::{
    by_hand, create, top_up,
    web::{Served, served},
};
use crate::Fault;
use flowfi_domain::LedgerSequence;

/// Returns an endpoint's reply over the network.
async fn ask(served: &Served, path: &str, method: &str, params: Value) -> Value {
    served.rpc_at(path, method, params).await.json()
}

/// Serves a network with a stream and twenty top-ups, one per ledger.
async fn with_events() -> Served {
    let served = served().await;
    drop(served.devnet.submit(create(10_000, 100)));
    served.devnet.close_ledger().unwrap();
    for _ in 0..20 {
        drop(served.devnet.submit(top_up(1, 100)));
        served.devnet.close_ledger().unwrap();
    }
    served
}

async fn events(served: &Served, params: Value) -> Value {
    ask(served, "/devnet/rpc", "getEvents", params).await
}

fn ids(reply: &Value) -> Vec<String> {
    let events = reply["result"]["events"].as_array().unwrap_or_else(|| panic!("{reply}"));
    events.iter().map(|event| event["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn endpoints_serve_one_chain_and_fail_independently() {
    let served = with_events().await;
    let behind = json!({ "kind": "nodeBehind", "ledgers": 7, "endpoint": "b" });
    assert_eq!(served.post("/devnet/faults", &behind).await.status, 204);
    let latest = async |path| ask(&served, path, "getLatestLedger", json!({})).await["result"].clone();
    let tip = served.devnet.latest_ledger();
    assert_eq!(latest("/devnet/rpc").await["sequence"], json!(tip));
    assert_eq!(latest("/devnet/rpc/main").await, latest("/devnet/rpc/c").await);
    assert_eq!(latest("/devnet/rpc/b").await["sequence"], json!(tip.0 - 7));
    assert_eq!(served.send("DELETE", "/devnet/faults/b", "").await.status, 204);
    assert_eq!(latest("/devnet/rpc/b").await["sequence"], json!(tip));
    let nameless = json!({ "kind": "cutBody", "endpoint": 5 });
    assert_eq!(served.post("/devnet/faults", &nameless).await.json()["parameter"], "endpoint");
}

#[tokio::test]
async fn a_window_beyond_the_processing_limit_takes_too_long() {
    let served = with_events().await;
    served.devnet.inject(Fault::ProcessingLimit { ledgers: 5, events: None }, None).unwrap();
    let too_long = json!({ "code": -32_001, "message": "[-32001] request exceeded processing limit threshold" });
    assert_eq!(events(&served, json!({ "startLedger": 3, "endLedger": 9 })).await["error"], too_long);
    assert_eq!(events(&served, json!({ "startLedger": 3 })).await["error"], too_long);
    let within = events(&served, json!({ "startLedger": 3, "endLedger": 8 })).await;
    assert_eq!(ids(&within).len(), 2 + 4);
    let cursor = json!({ "pagination": { "cursor": within["result"]["cursor"], "limit": 3 } });
    assert_eq!(events(&served, cursor.clone()).await["error"], too_long);
    served.devnet.clear_faults();
    served.devnet.inject(Fault::ProcessingLimit { ledgers: 5, events: Some(3) }, None).unwrap();
    assert_eq!(ids(&events(&served, cursor).await).len(), 3);
    let more = json!({ "pagination": { "cursor": within["result"]["cursor"], "limit": 4 } });
    assert_eq!(events(&served, more).await["error"], too_long);
}

#[tokio::test]
async fn a_lower_limit_is_refused_in_the_servers_words() {
    let served = with_events().await;
    served.devnet.inject(Fault::LimitRefused { limit: 4 }, None).unwrap();
    let page = |limit: u32| json!({ "startLedger": 2, "pagination": { "limit": limit } });
    let message = "limit must not exceed 4";
    assert_eq!(events(&served, page(5)).await["error"], json!({ "code": -32_602, "message": message }));
    assert_eq!(ids(&events(&served, page(4)).await).len(), 4);
    let ledgers = ask(&served, "/devnet/rpc", "getLedgers", page(5)).await;
    assert_eq!(ledgers["error"], json!({ "code": -32_600, "message": message }));
    let ledgers = ask(&served, "/devnet/rpc", "getLedgers", json!({ "startLedger": 2 })).await;
    assert_eq!(ledgers["result"]["ledgers"].as_array().unwrap().len(), 4);
}

#[tokio::test]
async fn pages_that_repeat_events_still_reach_the_end() {
    let served = with_events().await;
    let all = ids(&events(&served, json!({ "startLedger": 2 })).await);
    served.devnet.inject(Fault::DuplicatePages, None).unwrap();
    let first = events(&served, json!({ "startLedger": 2, "pagination": { "limit": 6 } })).await;
    assert_eq!(ids(&first), all[..6]);
    let (mut cursor, mut repeated, mut seen) = (first["result"]["cursor"].clone(), 0, ids(&first));
    for _ in 0..40 {
        let page = events(&served, json!({ "pagination": { "cursor": cursor, "limit": 6 } })).await;
        let ids = ids(&page);
        assert!(ids.len() <= 6 && ids.is_sorted());
        repeated += ids.iter().filter(|id| seen.contains(id)).count();
        seen.extend(ids);
        assert!(page["result"]["cursor"].as_str() >= cursor.as_str());
        cursor = page["result"]["cursor"].clone();
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen, all);
    assert!(repeated > 10, "{repeated}");
}

#[tokio::test]
async fn a_node_of_another_network_reports_another_passphrase() {
    let served = served().await;
    served.devnet.inject_at("b", Fault::OtherPassphrase, None).unwrap();
    let passphrase = async |path| ask(&served, path, "getNetwork", json!({})).await["result"]["passphrase"].clone();
    assert_eq!(passphrase("/devnet/rpc").await, served.devnet.passphrase());
    assert_ne!(passphrase("/devnet/rpc/b").await, served.devnet.passphrase());
}

#[tokio::test]
async fn another_chain_has_other_hashes_that_follow_from_each_other() {
    let served = with_events().await;
    served.devnet.inject_at("b", Fault::OtherChain, None).unwrap();
    let ledgers = async |path| ask(&served, path, "getLedgers", json!({ "startLedger": 5 })).await["result"].clone();
    let (ours, other) = (ledgers("/devnet/rpc").await, ledgers("/devnet/rpc/b").await);
    let hashes = |page: &Value| -> Vec<Value> {
        page["ledgers"].as_array().unwrap().iter().map(|ledger| ledger["hash"].clone()).collect()
    };
    assert_eq!(hashes(&ours).len(), hashes(&other).len());
    assert!(hashes(&ours).iter().zip(hashes(&other)).all(|(ours, other)| *ours != other));
    let tip = ask(&served, "/devnet/rpc/b", "getLatestLedger", json!({})).await;
    assert_eq!(&tip["result"]["id"], hashes(&other).last().unwrap());
}

#[tokio::test]
async fn a_node_that_missed_the_reset_still_serves_the_earlier_chain() {
    let served = with_events().await;
    let tip = async |path| ask(&served, path, "getLatestLedger", json!({})).await["result"].clone();
    let old = (tip("/devnet/rpc").await, events(&served, json!({ "startLedger": 2 })).await);
    served.devnet.inject_at("b", Fault::BeforeReset, None).unwrap();
    assert_eq!(tip("/devnet/rpc/b").await, old.0, "there has been no reset yet");
    served.devnet.reset().unwrap();
    served.devnet.close_ledger().unwrap();
    assert_eq!(tip("/devnet/rpc/b").await, old.0);
    let events = ask(&served, "/devnet/rpc/b", "getEvents", json!({ "startLedger": 2 })).await;
    assert_eq!(events["result"], old.1["result"]);
    let new = tip("/devnet/rpc").await;
    assert_eq!((&new["sequence"], &new["id"]), (&json!(3), &json!(served.devnet.ledger_hash(LedgerSequence(3)))));
    served.devnet.clear_faults_at("b");
    assert_eq!(tip("/devnet/rpc/b").await, new);
}

#[tokio::test]
async fn an_old_node_does_not_know_get_ledgers() {
    let served = served().await;
    served.devnet.inject(Fault::NoLedgers, None).unwrap();
    let reply = ask(&served, "/devnet/rpc", "getLedgers", json!({ "startLedger": 2 })).await;
    assert_eq!(reply["error"], json!({ "code": -32_601, "message": "method not found" }));
    assert_eq!(ask(&served, "/devnet/rpc", "getHealth", json!({})).await["result"]["status"], "healthy");
}

#[tokio::test]
async fn a_retention_lasts_and_drops_ledgers_for_good() {
    let served = with_events().await;
    let tip = served.devnet.latest_ledger().0;
    assert_eq!(served.post("/devnet/retention", &json!({ "ledgers": 4 })).await.status, 204);
    let oldest = async || ask(&served, "/devnet/rpc", "getHealth", json!({})).await["result"]["oldestLedger"].clone();
    assert_eq!(oldest().await, json!(tip - 3));
    served.devnet.close_ledger().unwrap();
    assert_eq!(oldest().await, json!(tip - 2));
    served.devnet.set_retention(1_000);
    assert_eq!(oldest().await, json!(tip - 2));
    assert_eq!(served.post("/devnet/retention", &json!({ "ledgers": 0 })).await.json()["parameter"], "ledgers");
}

#[test]
fn a_retention_survives_a_reset() {
    let (devnet, _) = by_hand();
    devnet.set_retention(2);
    devnet.reset().unwrap();
    devnet.close_ledgers(3).unwrap();
    assert_eq!(devnet.state().network.oldest().sequence, LedgerSequence(4));
}
