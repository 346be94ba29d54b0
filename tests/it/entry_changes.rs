//! Changes of contracts' storage in whole ledgers against what an independent decoder found.

use std::{collections::BTreeSet, num::NonZeroUsize};

use base64::{Engine, prelude::BASE64_STANDARD};
use flowfi_indexer::{
    domain::{
        ContractId,
        EntryChangeKind::{Created, Evicted, Extended, Restored, Updated},
        EventId, RawEntryChange,
    },
    xdr::{EntryChange, LedgerContents, LedgerEvent, LedgerInputError, LedgerScan, LedgerScanners, read_ledgers},
};
use serde_json::{Value, json};
use stellar_xdr::{LedgerEntryData, Limits, ReadXdr, WriteXdr};

use crate::ledgers::{batch, expected_entries, files, metas};

/// A contract whose entries stellar-core's test streams create, extend, archive and restore.
const WITH_LIFETIMES: &str = "CAA3QKIP2SNVXUJTB4HKOGF55JTSSMQGED3FZYNHMNSXYV3DRRMAWA3Y";

/// A ledger as it is when it is read whole.
struct Whole {
    scan: LedgerScan,
    events: Vec<LedgerEvent>,
    changes: Vec<EntryChange>,
}

fn read_whole(meta: &[u8], contract_ids: &[ContractId]) -> Whole {
    let mut found = None;
    read_ledgers(meta, |ledger| {
        let scan = LedgerScan {
            header: ledger.header().clone(),
            events: ledger.contract_events(contract_ids),
            entries: ledger.contract_entry_changes(contract_ids),
        };
        found = Some(Whole { scan, events: ledger.events(), changes: ledger.entry_changes() });
        Ok::<_, LedgerInputError>(())
    })
    .unwrap();
    found.unwrap()
}

fn contracts(name: &str) -> BTreeSet<ContractId> {
    expected_entries(name).iter().map(|change| change["contractId"].as_str().unwrap().parse().unwrap()).collect()
}

#[test]
fn every_ledger_gives_the_changes_that_an_independent_decoder_found() {
    let mut changes = 0;
    for name in files() {
        let found = metas(&name).into_iter().flat_map(|(_, meta)| read_whole(&meta, &[]).changes);
        let found: Vec<_> = found.map(|change| json!(change)).collect();
        let expected = expected_entries(&name);
        assert_eq!(found, expected, "{name}");
        changes += found.len();
    }
    assert_eq!(changes, 44);
}

/// A contract's change as the independent decoder would list it, without what it does not tell.
fn as_listed(change: &RawEntryChange) -> Value {
    let mut listed = json!({
        "ledger": change.ledger(),
        "change": change.kind,
        "contractId": change.contract_id,
        "durability": change.durability,
        "key": change.key,
    });
    if let Some(tx_hash) = &change.tx_hash {
        let value = change.entry.as_ref().map(|entry| {
            let data = LedgerEntryData::from_xdr(BASE64_STANDARD.decode(&entry.xdr).unwrap(), Limits::none()).unwrap();
            let LedgerEntryData::ContractData(data) = data else { panic!("{data:?}") };
            BASE64_STANDARD.encode(data.val.to_xdr(Limits::none()).unwrap())
        });
        listed["value"] = json!(value);
        listed["txHash"] = json!(tx_hash);
        listed["tx"] = json!(change.position.toid() >> 12 & 0xf_ffff);
        listed["op"] = json!(0);
    }
    listed
}

#[test]
fn a_contracts_changes_are_those_of_its_entries_with_the_entries_themselves() {
    for name in files() {
        for contract_id in contracts(&name) {
            let contract_ids = [contract_id];
            let entries = metas(&name).into_iter().flat_map(|(_, meta)| read_whole(&meta, &contract_ids).scan.entries);
            let entries: Vec<_> = entries.filter(|change| change.kind != Extended).collect();
            let of_contract = |change: &Value| change["contractId"] == contract_ids[0].as_str();
            let expected: Vec<_> = expected_entries(&name).into_iter().filter(of_contract).collect();
            assert_eq!(entries.iter().map(as_listed).collect::<Vec<_>>(), expected, "{name}, {contract_ids:?}");
            for change in entries {
                let modified = change.entry.as_ref().map(|entry| entry.last_modified_ledger);
                assert!(modified.is_none_or(|modified| modified == change.ledger()), "{name}: {change:?}");
            }
        }
    }
}

#[test]
fn a_change_lies_after_the_events_of_its_transaction_and_before_those_of_the_next() {
    let mut compared = 0;
    for name in files() {
        let contract_ids: Vec<_> = contracts(&name).into_iter().collect();
        for (_, meta) in metas(&name) {
            let Whole { scan, events, .. } = read_whole(&meta, &contract_ids);
            for change in scan.entries.iter().filter(|change| change.tx_hash.is_some()) {
                let tx_hash = change.tx_hash.as_ref().unwrap();
                let of_change = |event: &LedgerEvent| event.tx_hash == *tx_hash;
                // Fees are taken before all transactions and given back after them.
                let applied = |event: &&LedgerEvent| (1..1_048_575).contains(&(event.id.toid() >> 12 & 0xf_ffff));
                let (before, after): (Vec<_>, Vec<_>) =
                    events.iter().filter(applied).partition(|event| event.id <= change.position);
                assert!(after.iter().all(|event| !of_change(event)), "{name}: {change:?}");
                assert!(
                    before.iter().all(|event| of_change(event) || event.id < first_of(change)),
                    "{name}: {change:?}"
                );
                compared += before.iter().filter(|event| of_change(event)).count();
            }
        }
    }
    assert!(compared > 10, "{compared}");
}

/// The first position of a change's transaction.
fn first_of(change: &RawEntryChange) -> EventId {
    EventId::from_parts(change.position.toid() & !0xfff, 0).unwrap()
}

#[test]
fn lifetimes_are_those_that_stellar_core_gave_the_entries() {
    let lives = |name: &str, contract: &str, key: &str| -> Vec<_> {
        let contract_ids = [contract.parse().unwrap()];
        let entries = metas(name).into_iter().flat_map(|(_, meta)| read_whole(&meta, &contract_ids).scan.entries);
        let of_key = entries.filter(|change| change.key == key);
        of_key.map(|change| (change.ledger().0, change.kind, change.live_until_ledger.map(|until| until.0))).collect()
    };
    let key = "AAAADwAAAANrZXkA";
    let wanted = [(14, Created, Some(29)), (33, Evicted, None), (34, Restored, Some(49)), (34, Updated, None)];
    assert_eq!(
        lives("core-0540c58d02f9c06b.xdr", WITH_LIFETIMES, key),
        wanted,
        "it was created, archived and restored"
    );
    let key = "AAAADwAAAARrZXky";
    let extended = |until| (34, Extended, Some(until));
    let wanted = [(31, Created, Some(46)), extended(434), extended(434), extended(1_034)];
    assert_eq!(lives("core-6fe7ad5169387958.xdr", WITH_LIFETIMES, key), wanted, "three transactions extended its life");
}

#[tokio::test]
async fn looking_for_contracts_finds_the_changes_that_reading_the_whole_ledger_finds() {
    let scanners = LedgerScanners::start(NonZeroUsize::MIN).unwrap();
    let mut found = 0;
    for name in files() {
        let metas = metas(&name);
        let each = contracts(&name).into_iter().map(|contract_id| vec![contract_id]);
        for contract_ids in each.chain([contracts(&name).into_iter().collect(), vec![ContractId::from_bytes([7; 32])]])
        {
            let whole: Vec<_> = metas.iter().map(|(_, meta)| read_whole(meta, &contract_ids).scan).collect();
            let scan = async |input: Vec<u8>| {
                scanners.scan(input.into(), &contract_ids, LedgerContents::EventsAndEntries).await.unwrap()
            };
            for ((number, meta), wanted) in metas.iter().zip(&whole) {
                let scanned = scan(meta.clone()).await;
                assert_eq!(scanned, std::slice::from_ref(wanted), "{name}, ledger {number}, {contract_ids:?}");
                found += wanted.entries.len();
            }
            assert_eq!(scan(batch(&metas)).await, whole, "{name}, {contract_ids:?}");
        }
    }
    assert!(found > 100, "{found}");
}

#[tokio::test]
async fn a_scan_for_events_alone_returns_no_changes() {
    let scanners = LedgerScanners::start(NonZeroUsize::MIN).unwrap();
    let name = "core-0540c58d02f9c06b.xdr";
    let contract_ids: Vec<_> = contracts(name).into_iter().collect();
    let all = batch(&metas(name));
    let scans = scanners.scan(all.into(), &contract_ids, LedgerContents::Events).await.unwrap();
    assert_eq!(scans.len(), metas(name).len());
    assert!(scans.iter().all(|scan| scan.entries.is_empty()));
}
