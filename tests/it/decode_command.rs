//! `flowfi-indexer decode`, run as a program.

use std::{
    collections::BTreeSet,
    fs,
    io::Write,
    process::{Command, Output, Stdio},
};

use serde_json::{Value, json};

use crate::ledgers::{CORE, PUBNET, expected, expected_entries, expected_lines, file, fixture, framed, ledgers, metas};

/// A file in which entries are evicted and restored.
const WITH_EVICTIONS: &str = "core-0540c58d02f9c06b.xdr";
/// A file in which several contracts emit events and write entries.
const SEVERAL_CONTRACTS: &str = "core-21c43b92b819267f.xdr";

fn decode(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_flowfi-indexer"))
        .arg("decode")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(input));
        child.wait_with_output().unwrap()
    })
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn lines(output: &Output) -> Vec<Value> {
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn decode_ledger_prints_the_events_of_files_and_of_standard_input() {
    let path = fixture("lcm").join(CORE);
    let output = decode(&["ledger", path.to_str().unwrap(), "-"], &file(PUBNET));
    assert!(output.status.success());
    assert_eq!(text(&output.stdout), expected_lines(CORE) + &expected_lines(PUBNET));
}

#[test]
fn decode_ledger_prints_the_changes_of_entries_as_an_independent_decoder_lists_them() {
    let names = [WITH_EVICTIONS, PUBNET];
    let path = fixture("lcm").join(names[0]);
    let output = decode(&["ledger", "--entries", path.to_str().unwrap(), "-"], &file(names[1]));
    let found = lines(&output);
    assert_eq!(found, names.map(expected_entries).concat());
    let kinds: BTreeSet<_> = found.iter().map(|change| change["change"].as_str().unwrap()).collect();
    assert!(kinds.contains("evicted") && kinds.contains("restored"), "{kinds:?}");
}

#[test]
fn decode_ledger_prints_only_what_concerns_the_contracts_that_are_named() {
    let path = fixture("lcm").join(SEVERAL_CONTRACTS);
    let path = path.to_str().unwrap();
    let (events, changes) = (expected(SEVERAL_CONTRACTS), expected_entries(SEVERAL_CONTRACTS));
    for (flags, all) in [(&[][..], events), (&["--entries"][..], changes)] {
        let contract_id = all[0]["contractId"].as_str().unwrap();
        let output = decode(&[&["ledger", path, "--contracts", contract_id], flags].concat(), b"");
        let of_it: Vec<_> = all.iter().filter(|line| line["contractId"] == contract_id).cloned().collect();
        assert!(of_it.len() < all.len(), "{contract_id} is not the only one");
        assert_eq!(lines(&output), of_it);
    }
}

#[test]
fn decode_ledger_names_the_bad_file_in_one_line_and_does_not_print_its_ledger() {
    let metas = metas(CORE);
    let (whole, cut) = (framed(&metas[..5]), framed(&metas));
    let folder = std::env::temp_dir().join(format!("flowfi-decode-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join("cut.xdr");
    fs::write(&path, &cut[..whole.len() + 100]).unwrap();
    let path = path.to_str().unwrap();
    let output = decode(&["ledger", path], b"");
    fs::remove_dir_all(folder).unwrap();
    assert_eq!(output.status.code(), Some(1));
    let complaint = text(&output.stderr);
    assert_eq!(complaint.lines().count(), 1, "{complaint}");
    assert!(complaint.contains(path) && complaint.contains("ledger no. 6 in it"), "{complaint}");
    let printed: Vec<_> = text(&output.stdout).lines().collect();
    let events = ledgers(&whole).unwrap().into_iter().map(|(_, events)| events.len()).sum::<usize>();
    assert_eq!(printed, expected_lines(CORE).lines().take(events).collect::<Vec<_>>());
    let missing = decode(&["ledger", "/nowhere/at-all"], b"");
    assert_eq!(missing.status.code(), Some(1));
    assert!(text(&missing.stderr).contains("/nowhere/at-all"));
}

#[test]
fn decode_ledger_ends_quietly_if_the_output_is_closed() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_flowfi-indexer"))
        .args(["decode", "ledger"])
        .args(std::iter::repeat_n(fixture("lcm").join(PUBNET), 4))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert_eq!(text(&output.stderr), "");
}

/// Returns the contract's real event with this name: its topics, its value, and its decoded form.
fn contract_event(name: &str) -> (Vec<String>, String) {
    let events: Value = serde_json::from_str(include_str!("../fixtures/contract-events.json")).unwrap();
    let event = events.as_array().unwrap().iter().find(|event| event["name"] == name).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (event["topics"].as_array().unwrap().iter().map(text).collect(), text(&event["value"]))
}

#[test]
fn decode_event_prints_the_meaning_of_an_event() {
    let (topics, value) = contract_event("tokens_withdrawn");
    let arguments = ["event", "--topics", &topics.join(","), "--value", &value];
    let [event] = lines(&decode(&arguments, b"")).try_into().unwrap();
    assert_eq!(event["type"], "stream.withdrawn");
    assert_eq!(event["streamId"], "1");
    assert!(event["amount"].is_string() && event.get("id").is_none());
    let [refused] = lines(&decode(&["event", "--topics", &topics[0], "--value", &value], b"")).try_into().unwrap();
    assert_eq!(refused, json!({"refused": "the field topic 1 is missing"}));
    let [unknown] = lines(&decode(&["event", "--value", &value], b"")).try_into().unwrap();
    assert_eq!(unknown, json!({"unknown": null}));
}

#[test]
fn decode_event_reads_rows_of_get_events_and_answers_each_with_its_id() {
    let (topic, value) = contract_event("tokens_withdrawn");
    let rows = [
        json!({"id": "1", "topic": topic, "value": value, "inSuccessfulContractCall": true, "ledger": 7}),
        json!({"id": "2", "topic": topic, "value": value, "inSuccessfulContractCall": false}),
    ];
    let rows = rows.map(|row| format!("{row}\n")).concat() + &expected_lines(CORE);
    let answers = lines(&decode(&["event"], rows.as_bytes()));
    assert_eq!((&answers[0]["id"], &answers[0]["type"]), (&json!("1"), &json!("stream.withdrawn")));
    assert_eq!(answers[1], json!({"id": "2", "refused": "the contract call did not succeed"}));
    assert_eq!(answers[2], json!({"id": expected(CORE)[0]["id"], "unknown": "fee"}));
    assert_eq!(answers.len(), 2 + expected(CORE).len());
}

#[test]
fn decode_event_names_an_invalid_row() {
    let output = decode(&["event"], b"{\"value\":\"AAAAAQ==\"}\n{\"id\":\"2\"}\n");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output.stdout), "{\"unknown\":null}\n");
    let complaint = text(&output.stderr);
    assert!(complaint.contains("`value`") && complaint.contains("line 2"), "{complaint}");
}
