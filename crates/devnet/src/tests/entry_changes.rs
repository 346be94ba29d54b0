//! The changes of entries in the metadata of ledgers, against what the nodes answer for the same entries.

use std::collections::BTreeMap;

use serde_json::json;
use stellar_xdr::{
    LedgerCloseMeta, LedgerEntry, LedgerEntryChange, LedgerEntryChanges, LedgerEntryData, LedgerKey, ScMap, ScVal,
    ScVec, TransactionMeta, TransactionMetaV4,
};

use super::{by_hand, cancel, create, open, pause, random::go_on, top_up};
use crate::{
    Call, ContractCode, Devnet, DevnetArgs, Fault, Input, Repertoire, Upgrade,
    close_meta::{close_meta, header_entry},
    encode::{self, to_base64},
    faults::{Faults, InjectedFaults},
    hash::sha256,
    rpc::Request,
    storage::EntryKey,
    stored,
};
use flowfi_domain::{LedgerSequence, StreamId};

/// The live state of the ledger, built from nothing but metadata.
#[derive(Default)]
struct LiveState {
    entries: BTreeMap<LedgerKey, LedgerEntry>,
}

impl LiveState {
    fn apply(&mut self, change: LedgerEntryChange, ledger: LedgerSequence) {
        if let LedgerEntryChange::Created(entry) | LedgerEntryChange::Updated(entry) = &change {
            assert_eq!(entry.last_modified_ledger_seq, ledger.0);
        }
        match change {
            LedgerEntryChange::Created(entry) => {
                assert!(self.entries.insert(key_of(&entry), entry).is_none(), "created twice");
            }
            LedgerEntryChange::State(entry) => assert_eq!(self.entries.get(&key_of(&entry)), Some(&entry)),
            LedgerEntryChange::Updated(entry) => {
                assert!(self.entries.insert(key_of(&entry), entry).is_some(), "updated before it was created");
            }
            LedgerEntryChange::Removed(key) => assert!(self.entries.remove(&key).is_some(), "removed twice"),
            LedgerEntryChange::Restored(entry) => {
                assert!(self.entries.insert(key_of(&entry), entry).is_none(), "restored although it was live");
            }
        }
    }

    /// Takes in what a ledger changed.
    fn follow(&mut self, devnet: &Devnet, sequence: LedgerSequence) {
        let meta = {
            let state = devnet.state();
            let ledger = state.network.chain.ledger(sequence).unwrap();
            close_meta(ledger, header_entry(ledger.header()))
        };
        let LedgerCloseMeta::V2(meta) = meta else { panic!("another version") };
        for transaction in meta.tx_processing.into_vec() {
            let TransactionMeta::V4(TransactionMetaV4 { operations, .. }) = transaction.tx_apply_processing else {
                panic!("another version")
            };
            for operation in operations.into_vec() {
                let LedgerEntryChanges(changes) = operation.changes;
                changes.into_vec().into_iter().for_each(|change| self.apply(change, sequence));
            }
        }
        for key in meta.evicted_keys.into_vec() {
            assert!(self.entries.remove(&key).is_some(), "evicted twice");
        }
    }

    /// Returns what a node would answer for a key: the entry, the ledger that last modified it, and until when it lives.
    fn answer(&self, key: &LedgerKey) -> Option<(String, u32, u32)> {
        let entry = self.entries.get(key)?;
        let ttl = self.entries.get(&ttl_key(key)).unwrap_or_else(|| panic!("{key:?} lives for no time"));
        let LedgerEntryData::Ttl(ttl) = &ttl.data else { panic!("{ttl:?}") };
        Some((to_base64(&entry.data), entry.last_modified_ledger_seq, ttl.live_until_ledger_seq))
    }
}

fn key_of(entry: &LedgerEntry) -> LedgerKey {
    match &entry.data {
        LedgerEntryData::ContractData(data) => LedgerKey::ContractData(stellar_xdr::LedgerKeyContractData {
            contract: data.contract.clone(),
            key: data.key.clone(),
            durability: data.durability,
        }),
        LedgerEntryData::Ttl(ttl) => LedgerKey::Ttl(stellar_xdr::LedgerKeyTtl { key_hash: ttl.key_hash.clone() }),
        other => panic!("{other:?}"),
    }
}

fn ttl_key(key: &LedgerKey) -> LedgerKey {
    LedgerKey::Ttl(stellar_xdr::LedgerKeyTtl { key_hash: stellar_xdr::Hash(sha256(&encode::to_xdr(key))) })
}

/// The keys of every entry that the contract may ever have had.
fn keys(devnet: &Devnet) -> Vec<LedgerKey> {
    let streams = (1..=u64::try_from(devnet.stream_count()).unwrap()).map(|id| EntryKey::Stream(StreamId(id)));
    streams.chain([EntryKey::Instance]).map(|key| stored::ledger_key(&devnet.contract_id(), key)).collect()
}

/// What a node answers for a key.
fn served(devnet: &Devnet, key: &LedgerKey, injected: &InjectedFaults) -> Option<(String, u32, u32)> {
    let params = json!({ "keys": [to_base64(key)] });
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "getLedgerEntries", "params": params }).to_string();
    let reply = Request::parse(body.as_bytes()).unwrap().answer(devnet, injected);
    let reply: serde_json::Value = serde_json::from_str(&reply).unwrap();
    let entry = reply["result"]["entries"].as_array().unwrap_or_else(|| panic!("{reply}")).first()?;
    let number = |name: &str| u32::try_from(entry[name].as_u64().unwrap()).unwrap();
    Some((entry["xdr"].as_str().unwrap().to_owned(), number("lastModifiedLedgerSeq"), number("liveUntilLedgerSeq")))
}

fn behind(ledgers: u32) -> InjectedFaults {
    let mut faults = Faults::default();
    faults.add(Fault::NodeBehind { ledgers }, None, Some(1));
    faults.take("main", "getLedgerEntries")
}

#[tokio::test]
async fn applying_the_metadata_of_every_ledger_gives_the_entries_that_nodes_serve_also_behind_the_tip() {
    for (seed, contract_code) in [(1, ContractCode::A), (2, ContractCode::A), (3, ContractCode::B)] {
        let (devnet, clock) = open(&DevnetArgs { contract_code, ..DevnetArgs::by_hand() });
        go_on((&devnet, &clock), Repertoire::Both, seed, 120, |_| {}).await;
        let (tip, keys) = (devnet.latest_ledger(), keys(&devnet));
        let mut built = LiveState::default();
        for sequence in 2..=tip.0 {
            built.follow(&devnet, LedgerSequence(sequence));
            for key in &keys {
                let injected = behind(tip.0 - sequence);
                assert_eq!(
                    built.answer(key),
                    served(&devnet, key, &injected),
                    "seed {seed}, ledger {sequence}, {key:?}"
                );
            }
        }
        assert!(keys.iter().filter(|key| built.answer(key).is_none()).count() > 3, "some streams are closed");
    }
}

/// The names of the changes of a ledger, without those of how long entries live.
fn names(devnet: &Devnet, sequence: LedgerSequence) -> Vec<&'static str> {
    let state = devnet.state();
    let ledger = state.network.chain.ledger(sequence).unwrap();
    let changes = ledger.transactions.iter().flat_map(|done| crate::meta_changes::changes(&done.changes).0.into_vec());
    let of_data = changes.filter(|change| match change {
        LedgerEntryChange::Removed(key) => matches!(key, LedgerKey::ContractData(_)),
        LedgerEntryChange::Created(entry)
        | LedgerEntryChange::State(entry)
        | LedgerEntryChange::Updated(entry)
        | LedgerEntryChange::Restored(entry) => matches!(entry.data, LedgerEntryData::ContractData(_)),
    });
    of_data.map(|change| change.name()).collect()
}

fn stored_value(devnet: &Devnet, key: EntryKey) -> Option<ScVal> {
    let (xdr, ..) = served(devnet, &stored::ledger_key(&devnet.contract_id(), key), &InjectedFaults::default())?;
    let Some(LedgerEntryData::ContractData(data)) = encode::from_base64(&xdr) else { panic!("{xdr}") };
    Some(data.val)
}

fn field_count(devnet: &Devnet, id: u64) -> usize {
    let Some(ScVal::Map(Some(ScMap(fields)))) = stored_value(devnet, EntryKey::Stream(StreamId(id))) else {
        panic!("stream {id} is not stored")
    };
    fields.len()
}

fn close_with<I: Into<Input>>(devnet: &Devnet, inputs: impl IntoIterator<Item = I>) -> LedgerSequence {
    let answers: Vec<_> = inputs.into_iter().map(|input| devnet.submit(input)).collect();
    let ledger = devnet.close_ledger().unwrap();
    drop(answers);
    ledger
}

#[test]
fn records_of_the_older_code_keep_their_twelve_fields_until_the_newer_one_writes_them() {
    let (devnet, _) = by_hand();
    close_with(&devnet, [create(10_000, 100), create(10_000, 100)]);
    assert_eq!((field_count(&devnet, 1), field_count(&devnet, 2)), (12, 12));
    close_with(&devnet, [Upgrade { wasm: None, code: Some(ContractCode::B) }]);
    close_with(&devnet, [pause(1)]);
    assert_eq!((field_count(&devnet, 1), field_count(&devnet, 2)), (17, 12));
    let version = || {
        let Some(ScVal::ContractInstance(instance)) = stored_value(&devnet, EntryKey::Instance) else { panic!() };
        let word = ScVal::Vec(Some(ScVec([ScVal::Symbol("ContractVersion".try_into().unwrap())].try_into().unwrap())));
        instance.storage.unwrap().iter().find(|entry| entry.key == word).map(|entry| entry.val.clone())
    };
    assert_eq!(version(), None);
    close_with(&devnet, [Call::Migrate { target_version: 2 }]);
    assert_eq!((version(), field_count(&devnet, 2)), (Some(ScVal::U32(2)), 12));
}

#[test]
fn changes_are_told_in_their_order_with_the_state_before_each() {
    let (devnet, _) = open(&DevnetArgs { contract_code: ContractCode::B, ..DevnetArgs::by_hand() });
    let created = close_with(&devnet, [create(10_000, 100)]);
    assert_eq!(names(&devnet, created), ["State", "Updated", "Created"], "the instance counts the stream");
    let topped_up = close_with(&devnet, [top_up(1, 5), top_up(1, 5)]);
    assert_eq!(names(&devnet, topped_up), ["State", "Updated", "State", "Updated"]);
    close_with(&devnet, [cancel(1)]);
    let closed = close_with(&devnet, [Call::Close { stream_id: StreamId(1), caller: None }]);
    assert_eq!(names(&devnet, closed), ["State", "Removed"]);
    assert_eq!(stored_value(&devnet, EntryKey::Stream(StreamId(1))), None);
    let extended = close_with(&devnet, [create(10_000, 100)]).next();
    assert_eq!(close_with(&devnet, [Call::ExtendTtl { stream_id: StreamId(2) }]), extended);
    assert_eq!(names(&devnet, extended), Vec::<&str>::new(), "only its time to live changes");
}

#[test]
fn an_archived_entry_is_evicted_and_told_again_as_restored_before_it_is_updated() {
    let (devnet, _) = by_hand();
    close_with(&devnet, [create(10_000, 100)]);
    devnet.archive_stream(StreamId(1));
    let evicted = devnet.close_ledger().unwrap();
    let restored = close_with(&devnet, [top_up(1, 5)]);
    assert_eq!(names(&devnet, restored), ["Restored", "Updated"]);
    let mut built = LiveState::default();
    let key = stored::ledger_key(&devnet.contract_id(), EntryKey::Stream(StreamId(1)));
    for sequence in 2..=restored.0 {
        built.follow(&devnet, LedgerSequence(sequence));
        assert_eq!(built.answer(&key).is_none(), sequence == 2 || sequence == evicted.0);
    }
    assert_eq!(built.answer(&key), served(&devnet, &key, &InjectedFaults::default()));
}

#[test]
fn a_call_that_is_undone_changes_no_entry() {
    let (devnet, _) = by_hand();
    close_with(&devnet, [create(10_000, 100)]);
    let undone = close_with(&devnet, [Input::Calls(vec![top_up(1, 5), cancel(1), pause(1)])]);
    let next = close_with(&devnet, [top_up(1, 5)]);
    assert_eq!((names(&devnet, undone), names(&devnet, next)), (Vec::new(), vec!["State", "Updated"]));
}
