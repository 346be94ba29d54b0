//! The lake that a network keeps, and lakes written on request.

use std::{fs, path::Path};

use serde_json::{Value, json};

use super::{START, StoppedClock, TemporaryFile, TemporaryFolder, create};
use crate::{Devnet, DevnetArgs, DevnetError, LakeError};
use flowfi_domain::{ContractId, EventId, LedgerSequence};
use flowfi_indexer::xdr::{LedgerHeader, LedgerInputError, read_ledgers};

fn open(folder: &Path, journal: Option<&Path>) -> Devnet {
    let lake_dir = Some(folder.to_owned());
    let args = DevnetArgs { history_events: 500, retention_ledgers: 3, lake_dir, ..DevnetArgs::by_hand() };
    Devnet::open(&args, journal, StoppedClock::at(START)).unwrap()
}

/// Returns all files in the folder by their relative paths.
fn files(folder: &Path) -> Vec<String> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(inside) = folders.pop() {
        for entry in fs::read_dir(inside).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push(path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    files.sort();
    files
}

/// Returns the ledgers of all objects, oldest first, with the ids of the contract's events.
fn read(folder: &Path, contract_id: &ContractId) -> Vec<(LedgerHeader, Vec<EventId>)> {
    let mut ledgers = Vec::new();
    for name in files(folder).iter().rev().filter(|name| name.contains("--")) {
        let object = fs::read(folder.join(name)).unwrap();
        let mut of_object = Vec::new();
        read_ledgers(object.as_slice(), |ledger| {
            let events =
                ledger.contract_events(std::slice::from_ref(contract_id)).iter().map(|event| event.id).collect();
            of_object.push((ledger.header().clone(), events));
            Ok::<_, LedgerInputError>(())
        })
        .unwrap();
        ledgers.extend(of_object);
    }
    ledgers
}

fn assert_is_one_chain(ledgers: &[(LedgerHeader, Vec<EventId>)]) {
    assert!(ledgers.windows(2).all(|pair| pair[1].0.check_follows(&pair[0].0).is_ok()));
}

#[test]
fn the_lake_holds_the_generated_history_and_every_ledger_since() {
    let folder = TemporaryFolder::named("lake");
    let devnet = open(&folder.0, None);
    drop(devnet.submit(create(10_000, 100)));
    devnet.close_ledgers(4).unwrap();
    let ledgers = read(&folder.0, &devnet.contract_id());
    assert_is_one_chain(&ledgers);
    assert_eq!(
        (ledgers[0].0.sequence, ledgers.last().unwrap().0.sequence),
        (LedgerSequence(2), devnet.latest_ledger())
    );
    assert!(ledgers.iter().map(|(_, events)| events.len()).sum::<usize>() > 500);
    assert_eq!(devnet.events_emitted().len(), 0, "the nodes keep three ledgers");
    let config: Value = serde_json::from_slice(&fs::read(folder.0.join(".config.json")).unwrap()).unwrap();
    let expected = json!({
        "networkPassphrase": devnet.passphrase(), "version": "1.0", "compression": "zstd",
        "ledgersPerBatch": 1, "batchesPerPartition": 64_000,
    });
    assert_eq!(config, expected);
    assert!(files(&folder.0).contains(&"FFFFFFFF--0-63999/FFFFFFFD--2.xdr.zst".to_owned()));
}

#[test]
fn a_reopened_network_writes_the_missing_objects_of_its_lake() {
    let (folder, journal) = (TemporaryFolder::named("lake-again"), TemporaryFile::named("lake-again"));
    let devnet = open(&folder.0, Some(&journal.0));
    devnet.close_ledgers(4).unwrap();
    let before = read(&folder.0, &devnet.contract_id());
    drop(devnet);
    for lost in ["FFFFFFFC--3.xdr.zst", "FFFFFFF6--9.xdr.zst"] {
        fs::remove_file(folder.0.join("FFFFFFFF--0-63999").join(lost)).unwrap();
    }
    let devnet = open(&folder.0, Some(&journal.0));
    assert_eq!(read(&folder.0, &devnet.contract_id()), before);
}

#[test]
fn a_reset_or_another_network_empties_the_lake_except_for_other_files() {
    let folder = TemporaryFolder::named("lake-reset");
    let devnet = open(&folder.0, None);
    fs::write(folder.0.join("notes.txt"), "mine").unwrap();
    devnet.reset().unwrap();
    devnet.close_ledger().unwrap();
    let ledgers = read(&folder.0, &devnet.contract_id());
    assert_eq!(ledgers.iter().map(|(header, _)| header.sequence.0).collect::<Vec<_>>(), [2, 3]);
    assert_is_one_chain(&ledgers);
    let hash = ledgers[0].0.hash.clone();
    let other = open(&folder.0, None);
    let ledgers = read(&folder.0, &other.contract_id());
    assert_is_one_chain(&ledgers);
    assert_ne!(ledgers[0].0.hash, hash);
    assert!(folder.0.join("notes.txt").exists());
}

#[test]
fn lakes_with_another_layout_are_written_in_whole_batches() {
    let folder = TemporaryFolder::named("lake-batches");
    let devnet = Devnet::open(&DevnetArgs::by_hand(), None, StoppedClock::at(START)).unwrap();
    devnet.close_ledgers(30).unwrap();
    devnet.write_lake(&folder.0, 4, 3, LedgerSequence(2)..=LedgerSequence(18)).unwrap();
    let objects = [
        ".config.json",
        "FFFFFFF3--12-23/FFFFFFF3--12-15.xdr.zst",
        "FFFFFFFF--0-11/FFFFFFF7--8-11.xdr.zst",
        "FFFFFFFF--0-11/FFFFFFFB--4-7.xdr.zst",
        "FFFFFFFF--0-11/FFFFFFFF--0-3.xdr.zst",
    ];
    assert_eq!(files(&folder.0), objects);
    let ledgers = read(&folder.0, &devnet.contract_id());
    assert_eq!(ledgers.iter().map(|(header, _)| header.sequence.0).collect::<Vec<_>>(), (2..=15).collect::<Vec<_>>());
}

#[test]
fn a_lake_of_another_network_is_not_touched() {
    let folder = TemporaryFolder::named("lake-foreign");
    let object = folder.0.join("FFFFFFFF--0-63999");
    fs::create_dir_all(&object).unwrap();
    let args = DevnetArgs { lake_dir: Some(folder.0.clone()), ..DevnetArgs::by_hand() };
    let open = || Devnet::open(&args, None, StoppedClock::at(START)).map(drop);
    assert!(matches!(open(), Err(DevnetError::Lake(LakeError::NotOurs { .. }))));
    fs::write(folder.0.join(".config.json"), r#"{"networkPassphrase":"Another"}"#).unwrap();
    assert!(matches!(open(), Err(DevnetError::Lake(LakeError::NotOurs { .. }))));
    assert!(object.exists());
}
