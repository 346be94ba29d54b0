//! Continuing after a restart.

use std::{fs, io::Write, path::Path};

use serde_json::json;

use super::{START, StoppedClock, TemporaryFile, create, withdraw};
use crate::{Devnet, DevnetArgs, DevnetError, Emit, EventKind, JournalError, RawEvent};
use flowfi_domain::{LedgerSequence, StreamId};

fn open(path: &Path, unix_seconds: i64) -> Result<Devnet, DevnetError> {
    let args = DevnetArgs { history_events: 300, ..DevnetArgs::by_hand() };
    Devnet::open(&args, Some(path), StoppedClock::at(unix_seconds))
}

/// Returns everything that a client can see: events and ledgers with their ids and hashes.
fn everything(devnet: &Devnet) -> String {
    let state = devnet.state();
    format!("{:?}", state.network.chain)
}

fn write_some(devnet: &Devnet) {
    let raw = RawEvent { topics: vec!["AAAA".to_owned()], value: "BBBB".to_owned() };
    let emit = Emit { contract_id: devnet.contract_id(), kind: EventKind::System, events: vec![raw], count: 3 };
    drop(devnet.submit(create(10_000, 100)));
    drop(devnet.submit(emit));
    devnet.close_ledger().unwrap();
    devnet.close_ledgers(5).unwrap();
    drop(devnet.submit(withdraw(1_000_000)));
    devnet.close_ledger().unwrap();
}

#[test]
fn a_reopened_network_has_the_same_ledgers_events_and_streams() {
    let file = TemporaryFile::named("same");
    let first = open(&file.0, START).unwrap();
    write_some(&first);
    let (seen, id) = (everything(&first), StreamId(u64::try_from(first.stream_count()).unwrap()));
    let (entry, latest) = (first.stream_entry(id), first.latest_ledger());
    drop(first);
    let second = open(&file.0, START + 1_000).unwrap();
    assert_eq!(everything(&second), seen);
    assert_eq!(second.stream_entry(id), entry);
    second.check_balances().unwrap();
    assert_eq!(second.close_ledger().unwrap(), latest.next());
    assert_eq!(second.latest_closed_at().0, u64::try_from(START).unwrap() + 1_000);
}

#[test]
fn a_journal_of_single_calls_and_raw_events_is_replayed() {
    let file = TemporaryFile::named("older");
    let (alice, bob, token) = (super::alice(), super::bob(), crate::accounts::token_contract());
    let create =
        json!({ "sender": alice, "recipient": bob, "token": token, "amount": "10000", "durationSeconds": 100 });
    let emit = json!({
        "contractId": token, "kind": "system", "events": [{ "topics": ["AAAA"], "value": "BBBB" }], "count": 2,
    });
    let lines = [
        json!({ "start": { "closedAt": START, "feeBps": 25, "historyEvents": 0, "seed": 1 } }),
        json!({ "ledger": { "sequence": 3, "closedAt": START + 1, "inputs": [{ "call": { "create": create } }] } }),
        json!({ "ledger": { "sequence": 4, "closedAt": START + 2, "inputs": [{ "emit": emit }] } }),
    ];
    fs::write(&file.0, lines.map(|line| format!("{line}\n")).concat()).unwrap();
    let devnet = open(&file.0, START + 3).unwrap();
    assert_eq!((devnet.latest_ledger(), devnet.stream_count()), (LedgerSequence(4), 1));
}

#[test]
fn a_network_that_was_reset_is_reopened_in_its_state_after_the_reset() {
    let file = TemporaryFile::named("reset");
    let first = open(&file.0, START).unwrap();
    write_some(&first);
    first.reset().unwrap();
    assert_eq!(first.latest_ledger(), LedgerSequence(2));
    write_some(&first);
    let seen = everything(&first);
    drop(first);
    assert_eq!(everything(&open(&file.0, START).unwrap()), seen);
}

#[test]
fn a_torn_last_line_is_dropped() {
    let file = TemporaryFile::named("torn");
    let first = open(&file.0, START).unwrap();
    write_some(&first);
    let seen = everything(&first);
    drop(first);
    fs::OpenOptions::new().append(true).open(&file.0).unwrap().write_all(b"{\"ledger\":{\"sequ").unwrap();
    let second = open(&file.0, START).unwrap();
    assert_eq!(everything(&second), seen);
    second.close_ledger().unwrap();
    let seen = everything(&second);
    drop(second);
    assert_eq!(everything(&open(&file.0, START).unwrap()), seen);
}

#[test]
fn a_damaged_line_before_the_end_is_named_with_its_file() {
    let file = TemporaryFile::named("damaged");
    let first = open(&file.0, START).unwrap();
    write_some(&first);
    drop(first);
    let text = fs::read_to_string(&file.0).unwrap();
    fs::write(&file.0, text.replacen("\"sequence\":9", "\"sequence\":99", 1)).unwrap();
    let Err(DevnetError::Journal(error @ JournalError::Corrupt { line: 5, .. })) = open(&file.0, START) else {
        panic!("line 5 holds ledger 9")
    };
    let (path, text) = (file.0.to_str().unwrap(), error.to_string());
    assert!(text.contains(path) && text.contains("ledger 99 does not follow ledger 8"), "{text}");
}

#[test]
fn one_journal_serves_one_network_at_a_time() {
    let file = TemporaryFile::named("in-use");
    let first = open(&file.0, START).unwrap();
    assert!(matches!(open(&file.0, START), Err(DevnetError::Journal(JournalError::InUse { .. }))));
    drop(first);
    open(&file.0, START).unwrap();
}
