//! Transactions other than calls, to see how an indexer handles them: arbitrary events, an upgrade of the contract, a
//! failure.

use std::borrow::Cow;

use axum::{Json, extract::State};
use serde_json::Value;

use super::{
    fields::{Body, Fields, whole_number},
    problem::Problem,
    streams,
};
use crate::{
    ContractCode, Devnet, Emit, EventKind, Input, RawEvent, UnknownCode, Upgrade, WasmHash,
    encode::encode_event,
    event::{FieldValue, NamedEvent, Subject},
};

const MAX_COUNT: u32 = 100_000;

pub(super) async fn emit(State(devnet): State<Devnet>, body: Body) -> Result<Json<Value>, Problem> {
    let fields = Fields::read(body)?;
    let count = fields.optional_number("count")?.unwrap_or(1);
    if !(1..=MAX_COUNT).contains(&count) {
        return Err(Problem::parameter("count", format!("must be from 1 to {MAX_COUNT}")));
    }
    let contract_id = match fields.optional_address("contractId")? {
        Some(address) => {
            address.as_str().parse().map_err(|error| Problem::parameter("contractId", format!("{error}")))?
        }
        None => devnet.contract_id(),
    };
    let emit = Emit { contract_id, kind: kind(&fields)?, events: events(&fields)?, count };
    Ok(Json(streams::view(&devnet.submit(emit).await?)))
}

/// Replaces the stream contract's code.
pub(super) async fn upgrade(State(devnet): State<Devnet>, body: Body) -> Result<Json<Value>, Problem> {
    let fields = Fields::read(body)?;
    let hash = |value: &Value| serde_json::from_value::<WasmHash>(value.clone());
    let wasm = fields.get("wasm").map(hash).transpose();
    let wasm = wasm.map_err(|error| Problem::parameter("wasm", error.to_string()))?;
    let code = fields.get("code").map(code).transpose()?;
    Ok(Json(streams::view(&devnet.submit(Upgrade { wasm, code }).await?)))
}

fn code(value: &Value) -> Result<ContractCode, Problem> {
    let named = value.as_str().unwrap_or_default().parse();
    named.map_err(|error: UnknownCode| Problem::parameter("code", error.to_string()))
}

/// Puts a failing transaction into the next ledger.
pub(super) async fn fail(State(devnet): State<Devnet>) -> Result<Json<Value>, Problem> {
    Ok(Json(streams::view(&devnet.submit(Input::Failed).await?)))
}

fn kind(fields: &Fields) -> Result<EventKind, Problem> {
    match fields.get("type").map(Value::as_str) {
        None | Some(Some("contract")) => Ok(EventKind::Contract),
        Some(Some("system")) => Ok(EventKind::System),
        Some(_) => Err(Problem::parameter("type", "must be contract or system")),
    }
}

fn events(fields: &Fields) -> Result<Vec<RawEvent>, Problem> {
    match fields.get("events") {
        None => Ok(vec![event(fields)?]),
        Some(Value::Array(events)) => events.iter().map(|one| event(&Fields::of(one, "events")?)).collect(),
        Some(_) => Err(Problem::parameter("events", "must be an array")),
    }
}

fn event(fields: &Fields) -> Result<RawEvent, Problem> {
    if let Some(topics) = fields.get("topics") {
        let topics = serde_json::from_value(topics.clone())
            .map_err(|_| Problem::parameter("topics", "must be an array of strings, each XDR in base64"))?;
        let value = fields.get("value").and_then(Value::as_str);
        let value = value.ok_or_else(|| Problem::parameter("value", "must be a string, XDR in base64"))?;
        return Ok(RawEvent { topics, value: value.to_owned() });
    }
    let name = fields.get("name").and_then(Value::as_str);
    let name =
        name.ok_or_else(|| Problem::parameter("name", "must name the event, unless topics and value are given"))?;
    let stream_id = fields.optional_number("streamId")?.map(flowfi_domain::StreamId);
    let subject = stream_id.map(Subject::Stream);
    let event = NamedEvent { name: Cow::Owned(name.to_owned()), subject, fields: named_fields(fields)? };
    encode_event(&event).map_err(|error| Problem::parameter("fields", error.to_string()))
}

fn named_fields(fields: &Fields) -> Result<Vec<(Cow<'static, str>, FieldValue)>, Problem> {
    let Some(values) = fields.get("fields") else { return Ok(Vec::new()) };
    let values = Fields::of(values, "fields")?.into_inner();
    values.into_iter().map(|(name, value)| Ok((Cow::Owned(name.clone()), field_value(&name, &value)?))).collect()
}

/// Reads a value such as `{"i128": "5"}`.
fn field_value(name: &str, sent: &Value) -> Result<FieldValue, Problem> {
    let wrong = || Problem::parameter(name, "must be one of {i128, u64, u32, bool, address, symbol, string: value}");
    let mut members = sent.as_object().ok_or_else(wrong)?.iter();
    let (Some((kind, value)), None) = (members.next(), members.next()) else { return Err(wrong()) };
    let text = || value.as_str().ok_or_else(wrong);
    Ok(match kind.as_str() {
        "i128" => FieldValue::I128(whole_number(name, value)?),
        "u64" => FieldValue::U64(whole_number(name, value)?),
        "u32" => FieldValue::U32(whole_number(name, value)?),
        "bool" => FieldValue::Bool(value.as_bool().ok_or_else(wrong)?),
        "address" => {
            FieldValue::Address(text()?.parse().map_err(|error| Problem::parameter(name, format!("{error}")))?)
        }
        "symbol" => FieldValue::Symbol(text()?.to_owned()),
        "string" => FieldValue::Text(text()?.to_owned()),
        _ => return Err(wrong()),
    })
}
