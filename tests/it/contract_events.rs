//! Real events of the contract, compared with their generic decoded form.

use std::collections::BTreeSet;

use chrono::DateTime;
use flowfi_indexer::{
    domain::{
        ContractUpgrade, EventId, EventKind, EventType, HarmlessFields, LedgerSequence, RawContractEvent, StreamEvent,
        StreamId,
    },
    ingest::Incoming,
    xdr::{Decoded, Refusal, decode_event},
};
use serde_json::{Value, json};

const FIXTURE: &str = include_str!("../fixtures/contract-events.json");
const SECOND: &str = include_str!("../fixtures/contract-events-b.json");
pub const CONTRACT: &str = "CDLZFC3SYJYDZT7K67VZ75HPJVIEUVNIXF47ZG2FB2RMQQVU2HHGCYSC";

/// A string (`ScVal::String`).
const A_STRING: &str = "AAAADgAAAAZuYXRpdmUAAA==";
/// An `ScVal` with discriminant 99, which no protocol defines.
const AN_UNKNOWN_ARM: &str = "AAAAYw==";

pub fn raw(topics: Vec<String>, value: String) -> RawContractEvent {
    RawContractEvent {
        id: EventId::of(LedgerSequence(7), 1, 0, 0).unwrap(),
        kind: EventKind::Contract,
        contract_id: CONTRACT.parse().unwrap(),
        ledger_closed_at: DateTime::from_timestamp(1_700_000_000, 0).unwrap(),
        tx_hash: "ab".repeat(32),
        in_successful_call: true,
        topics,
        value,
    }
}

pub fn fixtures() -> Vec<(String, RawContractEvent, Value)> {
    events_of(FIXTURE)
}

/// The contract's own events of both of its versions.
pub fn fixtures_of_both_versions() -> Vec<(String, RawContractEvent, Value)> {
    let second = events_of(SECOND).into_iter().filter(|(name, ..)| name != "executable_update");
    fixtures().into_iter().chain(second).collect()
}

fn events_of(fixture: &str) -> Vec<(String, RawContractEvent, Value)> {
    let Value::Array(events) = serde_json::from_str(fixture).unwrap() else { panic!("the fixture is a list") };
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    events
        .into_iter()
        .map(|event| {
            let topics = event["topics"].as_array().unwrap().iter().map(text).collect();
            (text(&event["name"]), raw(topics, text(&event["value"])), event["decoded"].clone())
        })
        .collect()
}

pub fn fixture(name: &str) -> RawContractEvent {
    fixtures().into_iter().find(|(found, ..)| found == name).unwrap().1
}

fn camel_case(key: &str) -> String {
    let mut words = key.split('_');
    let first = words.next().unwrap().to_owned();
    words.fold(first, |text, word| text + &word[..1].to_uppercase() + &word[1..])
}

/// The generic form of one value as our JSON shows it: ids, amounts and hashes as text, times and other numbers as numbers.
fn expected(key: &str, generic: &Value) -> Value {
    let number = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    if let Some(id) = generic.get("u64").filter(|_| key == "stream_id") {
        json!(number(id))
    } else if let Some(time) = generic.get("u64") {
        json!(number(time).parse::<u64>().unwrap())
    } else if let Some(basis_points) = generic.get("u32") {
        json!(number(basis_points).parse::<u32>().unwrap())
    } else if let Some(parts) = generic.get("i128") {
        let hi: i128 = number(&parts["hi"]).parse().unwrap();
        let lo: u64 = number(&parts["lo"]).parse().unwrap();
        json!(((hi << 64) | i128::from(lo)).to_string())
    } else if *generic == json!("void") {
        Value::Null
    } else {
        ["address", "bool", "bytes"].iter().find_map(|kind| generic.get(kind)).unwrap().clone()
    }
}

/// Which words tell a creation apart, beside what the contract's event holds.
fn created_by(name: &str) -> [Option<&'static str>; 2] {
    match name {
        "step_vesting_stream_created" => [Some("stepVesting"), Some("steps")],
        "hybrid_cliff_stream_created" => [Some("hybridCliff"), Some("cliffLump")],
        "allowance_stream_created" => [Some("allowance"), Some("linear")],
        _ => [Some("stream"), None],
    }
}

#[test]
fn decodes_every_real_event_field_by_field() {
    let (mut names, mut types) = (BTreeSet::new(), BTreeSet::new());
    for (name, raw, decoded) in fixtures_of_both_versions() {
        let Decoded::Event(event) = decode_event(&raw) else { panic!("{name} did not decode") };
        let wanted: serde_json::Map<_, _> = decoded["data"]["map"]
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| {
                let key = entry["key"]["symbol"].as_str().unwrap();
                (camel_case(key), expected(key, &entry["val"]))
            })
            .collect();
        let mut body = serde_json::to_value(&event).unwrap();
        if let StreamEvent::Created(_) = event {
            let added = ["creator", "schedule"].map(|key| body.as_object_mut().unwrap().remove(key));
            assert_eq!(added, created_by(&name).map(|word| word.map(Value::from)), "{name}");
        }
        assert_eq!(body, Value::Object(wanted), "{name}");
        if let Some(topic) = decoded["topics"].get(1).and_then(|topic| topic.get("u64")) {
            assert_eq!(event.stream_id().unwrap().to_string(), topic.as_str().unwrap(), "{name}");
        }
        types.insert(event.event_type());
        names.insert(name);
    }
    assert_eq!(names.len(), 25, "all events are in the fixtures: {names:?}");
    assert_eq!(types.into_iter().collect::<Vec<_>>(), EventType::ALL, "and all types");
}

#[test]
fn keeps_an_event_with_an_unknown_name_with_its_stream() {
    let mut event = fixture("stream_paused");
    event.topics[0] = A_STRING.to_owned();
    assert_eq!(
        decode_event(&event),
        Decoded::Unknown { name: Some("native".to_owned()), stream_id: Some(StreamId(1)) }
    );
    event.topics.clear();
    assert_eq!(decode_event(&event), Decoded::Unknown { name: None, stream_id: None });
}

#[test]
fn an_unknown_event_is_kept_even_if_its_value_is_from_a_later_protocol() {
    let mut event = fixture("stream_paused");
    event.topics[0] = A_STRING.to_owned();
    event.value = AN_UNKNOWN_ARM.to_owned();
    assert!(matches!(decode_event(&event), Decoded::Unknown { .. }));
}

#[test]
fn refuses_a_known_event_that_does_not_decode_and_says_why() {
    let refusal = |change: fn(&mut RawContractEvent)| {
        let mut event = fixture("tokens_withdrawn");
        change(&mut event);
        match decode_event(&event) {
            Decoded::Refused { refusal, .. } => refusal,
            other => panic!("not refused: {other:?}"),
        }
    };
    assert_eq!(refusal(|event| event.value = "?".into()), Refusal::NotBase64 { part: "the value".into() });
    assert_eq!(refusal(|event| event.topics[1] = "?".into()), Refusal::NotBase64 { part: "topic 1".into() });
    assert!(matches!(refusal(|event| event.value = AN_UNKNOWN_ARM.into()), Refusal::Xdr { .. }));
    assert!(matches!(refusal(|event| event.topics[0] = AN_UNKNOWN_ARM.into()), Refusal::Xdr { .. }));
    assert_eq!(refusal(|event| event.value = A_STRING.into()), Refusal::NotAMap);
    assert_eq!(refusal(|event| event.topics.truncate(1)), Refusal::Missing { field: "topic 1" });
    assert_eq!(
        refusal(|event| event.topics[1] = A_STRING.into()),
        Refusal::WrongType { field: "topic 1", wanted: "a u64" }
    );
    assert_eq!(refusal(|event| event.in_successful_call = false), Refusal::UnsuccessfulCall);
    assert_eq!(refusal(|event| event.value = fixture("stream_paused").value), Refusal::Missing { field: "recipient" });
}

fn executable_update() -> (RawContractEvent, ContractUpgrade) {
    let update: Value = serde_json::from_str(include_str!("../fixtures/executable-update.json")).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let topics = update["topics"].as_array().unwrap().iter().map(text).collect();
    let event = RawContractEvent { kind: EventKind::System, ..raw(topics, text(&update["value"])) };
    let decoded = &update["decoded"];
    (event, ContractUpgrade { old: text(&decoded["old"]), new: text(&decoded["new"]) })
}

#[test]
fn the_networks_own_event_about_new_code_is_an_upgrade() {
    let (event, upgrade) = executable_update();
    assert_eq!(decode_event(&event), Decoded::Upgrade(upgrade.clone()));
    let Incoming::Upgrade(incoming) = Incoming::decode(event.clone(), &HarmlessFields::default()) else {
        panic!("not an upgrade")
    };
    assert_eq!((incoming.raw, incoming.upgrade), (event, upgrade));
}

#[test]
fn a_contracts_own_event_about_new_code_is_not_an_upgrade() {
    let (event, _) = executable_update();
    let event = RawContractEvent { kind: EventKind::Contract, ..event };
    let name = Some("executable_update".to_owned());
    assert_eq!(decode_event(&event), Decoded::Unknown { name, stream_id: None });
}

#[test]
fn new_code_in_a_later_form_is_kept_as_unknown() {
    let (mut event, _) = executable_update();
    event.topics[2] = A_STRING.to_owned();
    assert!(matches!(decode_event(&event), Decoded::Unknown { .. }));
}

#[test]
fn an_event_of_the_network_is_never_an_event_of_the_contract() {
    let event = RawContractEvent { kind: EventKind::System, ..fixture("stream_paused") };
    let name = Some("stream_paused".to_owned());
    assert_eq!(decode_event(&event), Decoded::Unknown { name, stream_id: Some(StreamId(1)) });
}

#[test]
fn bytes_after_the_value_are_refused() {
    use base64::{Engine, prelude::BASE64_STANDARD};
    let mut event = fixture("tokens_withdrawn");
    let mut bytes = BASE64_STANDARD.decode(&event.value).unwrap();
    bytes.extend([0; 4]);
    event.value = BASE64_STANDARD.encode(bytes);
    assert!(matches!(decode_event(&event), Decoded::Refused { refusal: Refusal::Xdr { .. }, .. }));
}
