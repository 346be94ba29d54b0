//! Real events and real histories of the stream contract.

use std::io::Read;

use data_encoding::HEXLOWER;
use serde::Deserialize;
use serde_json::Value;

use crate::{
    contract::{Contract, FeeConfig},
    encode::{encode_event, encode_stream, to_xdr},
    event::{FieldValue, NamedEvent},
    stream::{NewStream, Stream},
};
use flowfi_domain::{Address, StreamId};

const EVENTS: &str = include_str!("../../../../tests/fixtures/contract-events.json");
const HISTORIES: &[u8] = include_bytes!("../../../../tests/fixtures/contract-histories.jsonl.gz");

#[derive(Deserialize)]
struct RecordedEvent {
    name: String,
    topics: Vec<String>,
    value: String,
    decoded: Value,
}

#[test]
fn every_recorded_event_encodes_to_the_same_bytes() {
    let recorded: Vec<RecordedEvent> = serde_json::from_str(EVENTS).unwrap();
    assert_eq!(recorded.len(), 11);
    for event in recorded {
        let stream_id = event.decoded["topics"].get(1).map(|topic| StreamId(number(&topic["u64"])));
        let fields = event.decoded["data"]["map"].as_array().unwrap().iter().rev().map(recorded_field).collect();
        let named = NamedEvent { name: event.name.clone().into(), stream_id, fields };
        let encoded = encode_event(&named).unwrap();
        assert_eq!((encoded.topics, encoded.value), (event.topics, event.value), "{}", event.name);
    }
}

fn recorded_field(entry: &Value) -> (std::borrow::Cow<'static, str>, FieldValue) {
    let value = &entry["val"];
    let value = if let Some(parts) = value.get("i128") {
        FieldValue::I128((number::<i128>(&parts["hi"]) << 64) | number::<i128>(&parts["lo"]))
    } else if let Some(text) = value.get("u64") {
        FieldValue::U64(number(text))
    } else if let Some(text) = value.get("u32") {
        FieldValue::U32(number(text))
    } else {
        FieldValue::Address(value["address"].as_str().unwrap().parse().unwrap())
    };
    (entry["key"]["symbol"].as_str().unwrap().to_owned().into(), value)
}

fn number<T: std::str::FromStr<Err: std::fmt::Debug>>(value: &Value) -> T {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned).parse().unwrap()
}

#[derive(Deserialize)]
struct Step {
    history: u32,
    #[serde(rename = "step")]
    number: u32,
    now: u64,
    op: String,
    ok: bool,
    stream: u64,
    events: Vec<HexEvent>,
    state: Option<String>,
    claimable: Option<Claimable>,
}

#[derive(Deserialize, Debug, PartialEq)]
struct HexEvent {
    topics: Vec<String>,
    value: String,
}

#[derive(Deserialize)]
struct Claimable {
    at: u64,
    amount: String,
}

/// Replays the 20 recorded histories: every call that succeeded is made again, with arguments recovered from what it
/// left behind, and must leave the same behind.
#[test]
fn replaying_recorded_histories_gives_the_same_events_and_storage() {
    let mut text = String::new();
    flate2::read::GzDecoder::new(HISTORIES).read_to_string(&mut text).unwrap();
    let steps: Vec<Step> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut compared = 0;
    let mut contract = Contract::new(contract_address(0xEE), []);
    for step in &steps {
        if steps.iter().find(|other| other.history == step.history).unwrap().number == step.number {
            contract = Contract::new(contract_address(0xEE), [token_of(&steps, step.history)]);
        }
        if step.ok {
            let events = repeat(&mut contract, step);
            let encoded: Vec<HexEvent> = events.iter().map(hex_event).collect();
            assert_eq!(encoded, step.events, "history {} step {} {}", step.history, step.number, step.op);
            compared += encoded.len();
        }
        compare_storage(&contract, step);
        contract.check_balances().unwrap();
    }
    assert!(compared > 250, "{compared} events");
}

fn compare_storage(contract: &Contract, step: &Step) {
    let stream = contract.stream(StreamId(step.stream));
    let stored = stream.map(|stream| HEXLOWER.encode(&to_xdr(&encode_stream(stream).unwrap())));
    assert_eq!(stored, step.state, "history {} step {} {}", step.history, step.number, step.op);
    if let Some(claimable) = &step.claimable {
        assert_eq!(stream.unwrap().claimable(claimable.at).to_string(), claimable.amount);
    }
}

fn repeat(contract: &mut Contract, step: &Step) -> Vec<NamedEvent> {
    let id = StreamId(step.stream);
    let stream = contract.stream(id).cloned();
    let caller = |pick: fn(&Stream) -> &Address| pick(stream.as_ref().unwrap()).clone();
    match step.op.as_str() {
        "initialize" => {
            let fee = FeeConfig {
                treasury: recorded_address(&step.events[0], "treasury"),
                rate_bps: recorded_u32(&step.events[0], "fee_rate_bps"),
            };
            vec![contract.initialize(&recorded_address(&step.events[0], "admin"), fee)]
        }
        "create" => create(contract, step),
        "top_up" => {
            let gross = gross(step, "amount");
            contract.top_up(id, &caller(|stream| &stream.sender), gross, step.now).unwrap()
        }
        "withdraw" => contract.withdraw(id, &caller(|stream| &stream.recipient), step.now).unwrap(),
        "pause" => contract.pause(id, &caller(|stream| &stream.sender), step.now).unwrap(),
        "resume" => contract.resume(id, &caller(|stream| &stream.sender), step.now).unwrap(),
        "cancel" => contract.cancel(id, &caller(|stream| &stream.sender), step.now).unwrap(),
        other => panic!("{other}"),
    }
}

/// The longest duration that gives the recorded rate stands in for the one that was asked for.
fn create(contract: &mut Contract, step: &Step) -> Vec<NamedEvent> {
    let created = step.events.last().unwrap();
    let net = recorded_i128(created, "deposited_amount");
    let duration = net / recorded_i128(created, "rate_per_second");
    let new = NewStream {
        sender: &recorded_address(created, "sender"),
        recipient: &recorded_address(created, "recipient"),
        token: &recorded_address(created, "token_address"),
        amount: gross(step, "deposited_amount"),
        duration_seconds: u64::try_from(duration).unwrap_or(u64::MAX),
    };
    contract.create(&new, step.now).unwrap().1
}

/// Net and fee are both recorded; together they are what was asked for.
fn gross(step: &Step, net_field: &str) -> i128 {
    let fee = if step.events.len() > 1 { recorded_i128(&step.events[0], "fee_amount") } else { 0 };
    recorded_i128(step.events.last().unwrap(), net_field) + fee
}

fn token_of(steps: &[Step], history: u32) -> Address {
    let mut created = steps.iter().filter(|step| step.history == history && step.ok && step.op == "create");
    recorded_address(created.next().unwrap().events.last().unwrap(), "token_address")
}

fn recorded(event: &HexEvent, field: &str) -> Value {
    use stellar_xdr::{Limits, ReadXdr, ScVal};
    let ScVal::Map(Some(map)) =
        ScVal::from_xdr(HEXLOWER.decode(event.value.as_bytes()).unwrap(), Limits::none()).unwrap()
    else {
        panic!()
    };
    let key = ScVal::Symbol(field.try_into().unwrap());
    match map.iter().find(|entry| entry.key == key).unwrap().val.clone() {
        ScVal::I128(parts) => Value::String(((i128::from(parts.hi) << 64) | i128::from(parts.lo)).to_string()),
        ScVal::U32(number) => Value::from(number),
        ScVal::Address(address) => Value::String(strkey(&address)),
        other => panic!("{other:?}"),
    }
}

fn strkey(address: &stellar_xdr::ScAddress) -> String {
    match address {
        stellar_xdr::ScAddress::Contract(contract) => stellar_strkey::Contract(contract.0.0).to_string().to_string(),
        other => panic!("{other:?}"),
    }
}

fn recorded_address(event: &HexEvent, field: &str) -> Address {
    recorded(event, field).as_str().unwrap().parse().unwrap()
}

fn recorded_i128(event: &HexEvent, field: &str) -> i128 {
    number(&recorded(event, field))
}

fn recorded_u32(event: &HexEvent, field: &str) -> u32 {
    number(&recorded(event, field))
}

fn hex_event(event: &NamedEvent) -> HexEvent {
    use base64::{Engine, prelude::BASE64_STANDARD};
    let encoded = encode_event(event).unwrap();
    let to_hex = |text: &String| HEXLOWER.encode(&BASE64_STANDARD.decode(text).unwrap());
    HexEvent { topics: encoded.topics.iter().map(to_hex).collect(), value: to_hex(&encoded.value) }
}

fn contract_address(byte: u8) -> Address {
    flowfi_domain::ContractId::from_bytes([byte; 32]).into()
}
