//! Values and events to XDR, byte for byte as the Soroban host writes them.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize};
use stellar_strkey::Strkey;
use stellar_xdr::{
    AccountId, ContractId, Hash, Int128Parts, Limits, PublicKey, ReadXdr, ScAddress, ScMap, ScMapEntry, ScString,
    ScSymbol, ScVal, ScVec, Uint256, WriteXdr,
};
use thiserror::Error;

use super::{
    event::{FieldValue, NamedEvent, Subject},
    wasm::WasmHash,
};
use flowfi_domain::Address;

/// Deeper values than a contract can make are not read.
const MAX_DEPTH: u32 = 500;
const LENGTH_FACTOR: usize = 4;

/// An event as it goes over the wire: each part an `ScVal`, XDR in base64.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RawEvent {
    /// The topics.
    pub topics: Vec<String>,
    /// The value.
    pub value: String,
}

/// A name or text that no `ScVal` can hold, or an address that is none to a contract.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0:?} has no XDR: a symbol has at most 32 bytes, an address is G… or C…")]
pub(super) struct Unencodable(String);

/// Encodes an event.
pub(super) fn encode_event(event: &NamedEvent) -> Result<RawEvent, Unencodable> {
    let mut topics = vec![to_base64(&symbol(&event.name)?)];
    match &event.subject {
        Some(Subject::Stream(id)) => topics.push(to_base64(&ScVal::U64(id.0))),
        Some(Subject::Word(word)) => topics.push(to_base64(&symbol(word)?)),
        None => {}
    }
    let mut fields = Vec::with_capacity(event.fields.len());
    for (key, value) in &event.fields {
        fields.push((key.as_ref(), field_value(value)?));
    }
    Ok(RawEvent { topics, value: to_base64(&map(fields)?) })
}

/// Encodes the event by which the host says that a contract runs another module.
pub(super) fn executable_update(old: WasmHash, new: WasmHash) -> RawEvent {
    let word = |text| symbol(text).expect("the host's words fit a symbol");
    let code = |hash: WasmHash| to_base64(&vector(vec![word("Wasm"), bytes(hash.0.to_vec())]));
    let topics = vec![to_base64(&word("executable_update")), code(old), code(new)];
    RawEvent { topics, value: to_base64(&vector(Vec::new())) }
}

/// Returns the XDR of a value.
pub(super) fn to_xdr(value: &impl WriteXdr) -> Vec<u8> {
    value.to_xdr(Limits::none()).expect("writing to memory without limits does not fail")
}

/// Returns the XDR of a value in base64.
pub(super) fn to_base64(value: &impl WriteXdr) -> String {
    BASE64_STANDARD.encode(to_xdr(value))
}

/// Returns what was sent as XDR in base64; `None` for what is no such XDR, or too deeply nested.
pub(super) fn from_base64<T: ReadXdr>(text: &str) -> Option<T> {
    let bytes = BASE64_STANDARD.decode(text).ok()?;
    let limits = Limits { depth: MAX_DEPTH, len: bytes.len().saturating_mul(LENGTH_FACTOR) };
    T::from_xdr(bytes, limits).ok()
}

/// Returns an address as contracts see it.
pub(super) fn sc_address(address: &Address) -> Option<ScAddress> {
    match Strkey::from_string(address.as_str()).ok()? {
        Strkey::PublicKeyEd25519(key) => {
            Some(ScAddress::Account(AccountId(PublicKey::PublicKeyTypeEd25519(Uint256(key.0)))))
        }
        Strkey::Contract(contract) => Some(ScAddress::Contract(ContractId(Hash(contract.0)))),
        _ => None,
    }
}

fn field_value(value: &FieldValue) -> Result<ScVal, Unencodable> {
    Ok(match value {
        FieldValue::I128(number) => int128(*number),
        FieldValue::U64(number) => ScVal::U64(*number),
        FieldValue::U32(number) => ScVal::U32(*number),
        FieldValue::Bool(flag) => ScVal::Bool(*flag),
        FieldValue::Address(text) => address(text)?,
        FieldValue::Symbol(text) => symbol(text)?,
        FieldValue::Text(text) => {
            ScVal::String(ScString(text.as_str().try_into().map_err(|_| Unencodable(text.clone()))?))
        }
        FieldValue::Bytes(content) => bytes(content.clone()),
        FieldValue::Void => ScVal::Void,
    })
}

/// Returns a map keyed by symbols, in the order of their bytes.
pub(super) fn map(mut fields: Vec<(&str, ScVal)>) -> Result<ScVal, Unencodable> {
    fields.sort_by_key(|(key, _)| *key);
    let mut entries = Vec::with_capacity(fields.len());
    for (key, val) in fields {
        entries.push(ScMapEntry { key: symbol(key)?, val });
    }
    Ok(ScVal::Map(Some(ScMap(entries.try_into().expect("a map holds up to 2^32 entries")))))
}

/// Returns a vector.
pub(super) fn vector(values: Vec<ScVal>) -> ScVal {
    ScVal::Vec(Some(ScVec(values.try_into().expect("a vector holds up to 2^32 values"))))
}

/// Returns a symbol, if the text fits one.
pub(super) fn symbol(text: &str) -> Result<ScVal, Unencodable> {
    Ok(ScVal::Symbol(ScSymbol(text.try_into().map_err(|_| Unencodable(text.to_owned()))?)))
}

/// Returns bytes.
pub(super) fn bytes(content: Vec<u8>) -> ScVal {
    ScVal::Bytes(content.try_into().expect("bytes have room for 2^32"))
}

/// Returns an address.
pub(super) fn address(address: &Address) -> Result<ScVal, Unencodable> {
    sc_address(address).map(ScVal::Address).ok_or_else(|| Unencodable(address.to_string()))
}

/// Returns a signed number of 128 bits.
pub(super) fn int128(number: i128) -> ScVal {
    let hi = i64::try_from(number >> 64).expect("the upper half of 128 bits is 64 bits");
    let lo = u64::try_from(number & i128::from(u64::MAX)).expect("the lower half of 128 bits is 64 bits");
    ScVal::I128(Int128Parts { hi, lo })
}
