//! Accounts and archived streams, as a node answers for them.

use serde_json::{Value, json};
use stellar_xdr::{AccountId, LedgerEntryData, LedgerKey, LedgerKeyAccount, PublicKey, ScAddress, SignerKey, Uint256};

use super::{
    alice, bob, create, top_up,
    web::{Served, served},
};
use crate::{AccountThresholds, NoSuchAccount, encode, storage::EntryKey, stored};
use flowfi_domain::{Address, StreamId};

fn account_id(address: &Address) -> AccountId {
    let Some(ScAddress::Account(id)) = encode::sc_address(address) else { panic!("{address} is no account") };
    id
}

async fn entries(served: &Served, key: &LedgerKey) -> Vec<Value> {
    let keys = json!({ "keys": [encode::to_base64(key)] });
    let reply = served.rpc_at("/devnet/rpc", "getLedgerEntries", keys).await.json();
    reply["result"]["entries"].as_array().unwrap_or_else(|| panic!("{reply}")).clone()
}

#[tokio::test]
async fn an_account_is_absent_until_it_is_set_and_after_a_reset() {
    let served = served().await;
    let key = LedgerKey::Account(LedgerKeyAccount { account_id: account_id(&alice()) });
    assert!(entries(&served, &key).await.is_empty());
    let body = json!({
        "address": alice(), "signers": [{ "key": bob(), "weight": 5 }],
        "thresholds": { "masterWeight": 0, "medium": 5 },
    });
    assert_eq!(served.post("/devnet/accounts", &body).await.status, 204);
    let found = entries(&served, &key).await;
    let xdr = found[0]["xdr"].as_str().unwrap();
    let Some(LedgerEntryData::Account(account)) = encode::from_base64(xdr) else { panic!("{xdr}") };
    assert_eq!((account.account_id, account.thresholds.0), (account_id(&alice()), [0, 0, 5, 0]));
    let AccountId(PublicKey::PublicKeyTypeEd25519(Uint256(bob))) = account_id(&bob());
    assert_eq!((account.signers[0].key.clone(), account.signers[0].weight), (SignerKey::Ed25519(Uint256(bob)), 5));
    assert_eq!(found[0]["lastModifiedLedgerSeq"], json!(served.devnet.latest_ledger()));
    served.devnet.reset().unwrap();
    assert!(entries(&served, &key).await.is_empty());
}

#[tokio::test]
async fn contracts_and_wrong_signers_make_no_account() {
    let served = served().await;
    let contract: Address = served.devnet.contract_id().into();
    let refused = served.devnet.set_account(&contract, &[], AccountThresholds::default());
    assert_eq!(refused, Err(NoSuchAccount::NotAnAccount(contract.clone())));
    let wrong = json!({ "address": alice(), "signers": [{ "key": contract, "weight": 1 }] });
    assert_eq!(served.post("/devnet/accounts", &wrong).await.json()["parameter"], "signers");
    let many = vec![json!({ "key": bob(), "weight": 1 }); 21];
    let many = served.post("/devnet/accounts", &json!({ "address": alice(), "signers": many })).await;
    assert_eq!(many.json()["parameter"], "signers");
    let misspelt = json!({ "address": alice(), "thresholds": { "middle": 1 } });
    assert_eq!(served.post("/devnet/accounts", &misspelt).await.json()["parameter"], "thresholds");
}

#[tokio::test]
async fn an_archived_stream_is_absent_until_a_call_restores_it() {
    let served = served().await;
    drop(served.devnet.submit(create(10_000, 100)));
    served.devnet.close_ledger().unwrap();
    let key = stored::ledger_key(&served.devnet.contract_id(), EntryKey::Stream(StreamId(1)));
    let live_until = entries(&served, &key).await[0]["liveUntilLedgerSeq"].clone();
    assert!(live_until.as_u64().unwrap() > u64::from(served.devnet.latest_ledger().0));
    assert_eq!(served.post("/devnet/streams/1/archive", &json!({})).await.status, 200);
    assert!(entries(&served, &key).await.is_empty());
    assert!(served.devnet.stream_entry(StreamId(1)).is_some());
    drop(served.devnet.submit(top_up(1, 5)));
    served.devnet.close_ledger().unwrap();
    assert_eq!(entries(&served, &key).await.len(), 1);
}
