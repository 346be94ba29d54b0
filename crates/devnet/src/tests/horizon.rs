//! The network as a Horizon tells it, read back as the indexer reads it.

use serde_json::{Value, json};

use super::{
    create, top_up,
    web::{Served, served},
};
use crate::Fault;
use flowfi_domain::EventId;
use flowfi_indexer::xdr::{LedgerContents, LedgerHeader, LedgerParts, TransactionParts, scan_ledger};

/// A network with three transactions in a ledger, one of them failed, and one in the next but one.
async fn with_transactions() -> Served {
    let served = served().await;
    drop(served.devnet.submit(create(10_000, 100)));
    drop(served.devnet.submit(top_up(1, 100)));
    drop(served.devnet.submit(top_up(1, 200)));
    served.devnet.close_ledgers(2).unwrap();
    let failed = served.post_and_close("/devnet/failed", &json!({})).await;
    assert_eq!(failed.status, 200, "{}", failed.body);
    served
}

async fn ask(served: &Served, path: &str) -> Value {
    let answer = served.send("GET", &format!("/devnet/horizon{path}"), "").await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    answer.json()
}

async fn records(served: &Served, path: &str) -> Vec<Value> {
    ask(served, path).await["_embedded"]["records"].as_array().unwrap().clone()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn tokens(records: &[Value]) -> Vec<String> {
    records.iter().map(|record| text(&record["paging_token"])).collect()
}

#[tokio::test]
async fn ledgers_and_their_transactions_read_back_as_the_events_of_the_network() {
    let served = with_transactions().await;
    let mut ids: Vec<EventId> = Vec::new();
    let mut previous: Option<LedgerHeader> = None;
    let ledgers = records(&served, "/ledgers?order=asc&limit=200").await;
    assert_eq!(ledgers.last().unwrap()["sequence"], json!(served.devnet.latest_ledger()));
    for ledger in ledgers {
        let header = text(&ledger["header_xdr"]);
        let path = format!("/ledgers/{}/transactions?include_failed=true&limit=200", ledger["sequence"]);
        let transactions = records(&served, &path).await;
        let count = |kind: &str| ledger[format!("{kind}_transaction_count")].as_u64().unwrap();
        assert_eq!(u64::try_from(transactions.len()).unwrap(), count("successful") + count("failed"));
        let part = |record: &Value| TransactionParts {
            hash: text(&record["hash"]),
            result: text(&record["result_xdr"]),
            meta: text(&record["result_meta_xdr"]),
        };
        let parts = LedgerParts { header, transactions: transactions.iter().map(part).collect() };
        let scan =
            scan_ledger(&parts.close_meta().unwrap(), &served.devnet.contract_ids(), LedgerContents::Events).unwrap();
        assert_eq!(json!(scan.header.hash), ledger["hash"]);
        assert_eq!(json!(scan.header.previous_hash), ledger["prev_hash"]);
        assert!(previous.is_none_or(|previous| scan.header.check_follows(&previous).is_ok()));
        previous = Some(scan.header);
        ids.extend(scan.events.iter().map(|event| event.id));
    }
    assert_eq!(ids, served.devnet.events_emitted());
    assert!(ids.len() > 4);
}

#[tokio::test]
async fn lists_are_paged_by_tokens_in_both_orders_and_hide_failed_transactions_unless_asked() {
    let served = with_transactions().await;
    let all = tokens(&records(&served, "/transactions?include_failed=true&limit=200").await);
    let successful = tokens(&records(&served, "/transactions?limit=200").await);
    assert_eq!(successful.len() + 1, all.len());
    for (order, expected) in [("asc", all.clone()), ("desc", all.iter().rev().cloned().collect())] {
        let mut path = format!("/transactions?include_failed=true&order={order}&limit=2");
        let mut found = Vec::new();
        loop {
            let page = ask(&served, &path).await;
            let records = page["_embedded"]["records"].as_array().unwrap();
            if records.is_empty() {
                break;
            }
            found.extend(tokens(records));
            let next = text(&page["_links"]["next"]["href"]);
            path = next.strip_prefix("http://devnet/devnet/horizon").unwrap().to_owned();
        }
        assert_eq!(found, expected, "{order}");
    }
    let newest = records(&served, "/ledgers?order=desc&limit=1").await;
    assert_eq!(newest[0]["sequence"], json!(served.devnet.latest_ledger()));
}

#[tokio::test]
async fn an_old_cursor_begins_with_the_oldest_ledger_and_an_old_ledger_is_gone() {
    let served = with_transactions().await;
    served.devnet.close_ledgers(5).unwrap();
    served.devnet.set_retention(3);
    let latest = served.devnet.latest_ledger().0;
    assert_eq!(ask(&served, "/").await["history_elder_ledger"], json!(latest - 2));
    assert_eq!(records(&served, "/ledgers?cursor=1&order=asc&limit=1").await[0]["sequence"], json!(latest - 2));
    assert_eq!(served.send("GET", "/devnet/horizon/ledgers/2", "").await.status, 410);
    let beyond = format!("/devnet/horizon/ledgers/{}", latest + 1);
    assert_eq!(served.send("GET", &beyond, "").await.status, 404);
    for wrong in ["limit=0", "limit=201", "cursor=x", "cursor=-1"] {
        assert_eq!(served.send("GET", &format!("/devnet/horizon/ledgers?{wrong}"), "").await.status, 400, "{wrong}");
    }
}

#[tokio::test]
async fn horizon_meets_faults_of_its_own() {
    let served = with_transactions().await;
    let tip = served.devnet.latest_ledger().0;
    let inject = |fault| served.devnet.inject_at(crate::HORIZON_ENDPOINT, fault, Some(1)).unwrap();
    inject(Fault::NodeBehind { ledgers: 2 });
    assert_eq!(ask(&served, "").await["history_latest_ledger"], json!(tip - 2));
    inject(Fault::OtherPassphrase);
    assert_ne!(ask(&served, "").await["network_passphrase"], json!(served.devnet.passphrase()));
    inject(Fault::OtherChain);
    let hash = || async { ask(&served, &format!("/ledgers/{tip}")).await["hash"].clone() };
    let other = hash().await;
    assert_ne!(other, hash().await);
    inject(Fault::Status { status: 429, retry_after_seconds: Some(3) });
    let limited = served.send("GET", "/devnet/horizon", "").await;
    assert!(limited.status == 429 && limited.head.contains("retry-after: 3"), "{}", limited.head);
    inject(Fault::CutBody);
    let cut = served.send("GET", "/devnet/horizon", "").await;
    assert!(serde_json::from_str::<Value>(&cut.body).is_err());
    assert_eq!(ask(&served, "").await["history_latest_ledger"], json!(tip), "each was met once");
}
