//! Real events and real histories of the stream contract.

use std::io::Read;

use data_encoding::HEXLOWER;
use serde::Deserialize;
use serde_json::Value;

use super::recorded_call::number;
use crate::{
    Call,
    code::ContractCode,
    contract::Contract,
    effect::Effect,
    encode::{RawEvent, encode_event, executable_update, to_xdr},
    event::{FieldValue, NamedEvent, Subject},
    stored::encode_stream,
};
use flowfi_domain::{Address, Amount, StreamId, UnixTime};

const EVENTS: &str = include_str!("../../../../tests/fixtures/contract-events.json");
const HISTORIES: &[u8] = include_bytes!("../../../../tests/fixtures/contract-histories.jsonl.gz");

/// An example of every event of the newer state, in its variants, and of the host's own.
const NEWER_EVENTS: &str = include_str!("../../../../tests/fixtures/contract-events-b.json");

#[derive(Deserialize)]
struct RecordedEvent {
    name: String,
    topics: Vec<String>,
    value: String,
    decoded: Value,
}

#[test]
fn every_recorded_event_encodes_to_the_same_bytes() {
    for (events, count) in [(EVENTS, 11), (NEWER_EVENTS, 42)] {
        let recorded: Vec<RecordedEvent> = serde_json::from_str(events).unwrap();
        assert_eq!(recorded.len(), count);
        for event in recorded {
            let encoded = encode(&event);
            assert_eq!((encoded.topics, encoded.value), (event.topics, event.value), "{}", event.name);
        }
    }
}

fn encode(event: &RecordedEvent) -> RawEvent {
    let topics = &event.decoded["topics"];
    let Some(fields) = event.decoded["data"]["map"].as_array() else {
        let module = |topic: &Value| topic["vec"][1]["bytes"].as_str().unwrap().parse().unwrap();
        return executable_update(module(&topics[1]), module(&topics[2]));
    };
    let subject = topics.get(1).map(|topic| match topic["symbol"].as_str() {
        Some(word) => Subject::Word(word.to_owned().into()),
        None => Subject::Stream(StreamId(number(&topic["u64"]))),
    });
    let name = topics[0]["symbol"].as_str().unwrap().to_owned().into();
    encode_event(&NamedEvent { name, subject, fields: fields.iter().rev().map(recorded_field).collect() }).unwrap()
}

fn recorded_field(entry: &Value) -> (std::borrow::Cow<'static, str>, FieldValue) {
    let value = &entry["val"];
    let value = if let Some(parts) = value.get("i128") {
        FieldValue::I128(wide_number(parts))
    } else if let Some(text) = value.get("u64") {
        FieldValue::U64(number(text))
    } else if let Some(text) = value.get("u32") {
        FieldValue::U32(number(text))
    } else if let Some(flag) = value.get("bool") {
        FieldValue::Bool(flag.as_bool().unwrap())
    } else if let Some(text) = value.get("bytes") {
        FieldValue::Bytes(HEXLOWER.decode(text.as_str().unwrap().as_bytes()).unwrap())
    } else if value == "void" {
        FieldValue::Void
    } else {
        FieldValue::Address(value["address"].as_str().unwrap().parse().unwrap())
    };
    (entry["key"]["symbol"].as_str().unwrap().to_owned().into(), value)
}

/// The older file has a number in two halves, the newer one in decimal.
fn wide_number(value: &Value) -> i128 {
    let Some(hi) = value.get("hi") else { return number(value) };
    (number::<i128>(hi) << 64) | number::<i128>(&value["lo"])
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
    let mut contract = Contract::new(ContractCode::A, contract_address(0xEE), []);
    for step in &steps {
        if steps.iter().find(|other| other.history == step.history).unwrap().number == step.number {
            let token = token_of(&steps, step.history);
            contract = Contract::new(ContractCode::A, contract_address(0xEE), [token]);
        }
        if step.ok {
            let events = repeat(&mut contract, step).events;
            let encoded: Vec<HexEvent> = events.iter().map(|(_, raw)| hex_event(raw)).collect();
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

fn repeat(contract: &mut Contract, step: &Step) -> Effect {
    let (stream_id, caller) = (StreamId(step.stream), None);
    let call = match step.op.as_str() {
        "initialize" => {
            let party = |field| recorded_address(&step.events[0], field);
            let fee_bps = recorded_u32(&step.events[0], "fee_rate_bps");
            return Effect::of_initialization(contract, &party("admin"), &party("treasury"), fee_bps).unwrap();
        }
        "create" => create(step),
        "top_up" => Call::TopUp { stream_id, caller, amount: Amount(gross(step, "amount")) },
        "withdraw" => Call::Withdraw { stream_id, caller },
        "pause" => Call::Pause { stream_id, caller },
        "resume" => Call::Resume { stream_id, caller },
        "cancel" => Call::Cancel { stream_id, caller },
        other => panic!("{other}"),
    };
    call.execute(contract, UnixTime(step.now)).unwrap()
}

/// The longest duration that gives the recorded rate stands in for the one that was asked for.
fn create(step: &Step) -> Call {
    let created = step.events.last().unwrap();
    let net = recorded_i128(created, "deposited_amount");
    let duration = net / recorded_i128(created, "rate_per_second");
    Call::Create {
        sender: recorded_address(created, "sender"),
        recipient: recorded_address(created, "recipient"),
        token: recorded_address(created, "token_address"),
        amount: Amount(gross(step, "deposited_amount")),
        duration_seconds: u64::try_from(duration).unwrap_or(u64::MAX),
    }
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

fn hex_event(raw: &RawEvent) -> HexEvent {
    use base64::{Engine, prelude::BASE64_STANDARD};
    let to_hex = |text: &String| HEXLOWER.encode(&BASE64_STANDARD.decode(text).unwrap());
    HexEvent { topics: raw.topics.iter().map(to_hex).collect(), value: to_hex(&raw.value) }
}

fn contract_address(byte: u8) -> Address {
    flowfi_domain::ContractId::from_bytes([byte; 32]).into()
}
