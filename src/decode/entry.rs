//! The contract's own record of a stream, as it lies in its storage under `DataKey::Stream(u64)`.

use stellar_xdr::{ScMap, ScVal};

use super::{Refusal, value};
use crate::domain::{Address, Amount, ChainStatus, StreamRecord, UnixTime};

/// The fields of the contract's record of a stream; what our own record must equal.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of domain::StreamRecord")]
pub struct StreamEntry {
    pub sender: Address,
    pub recipient: Address,
    pub token: Address,
    pub rate_per_second: Amount,
    pub deposited: Amount,
    pub withdrawn: Amount,
    pub start_time: UnixTime,
    pub last_update_time: UnixTime,
    pub is_active: bool,
    pub paused: bool,
    pub paused_at: Option<UnixTime>,
    pub status: ChainStatus,
}

impl From<&StreamRecord> for StreamEntry {
    fn from(record: &StreamRecord) -> Self {
        Self {
            sender: record.sender.clone(),
            recipient: record.recipient.clone(),
            token: record.token.clone(),
            rate_per_second: record.rate_per_second,
            deposited: record.deposited,
            withdrawn: record.withdrawn,
            start_time: record.start_time,
            last_update_time: record.last_update_time,
            is_active: record.is_active,
            paused: record.paused,
            paused_at: record.paused_at,
            status: record.status,
        }
    }
}

/// Decodes the XDR of a storage value (an `ScVal` map) into the contract's record.
///
/// # Errors
/// A [`Refusal`] that names the field that is missing or of another type.
pub fn decode_stream_entry(xdr: &[u8]) -> Result<StreamEntry, Refusal> {
    let value = value::scval_from_bytes(xdr, &|| "the storage value".to_owned())?;
    let ScVal::Map(Some(map)) = &value else { return Err(Refusal::NotAMap) };
    Ok(StreamEntry {
        sender: read(map, "sender", "an address", value::address)?,
        recipient: read(map, "recipient", "an address", value::address)?,
        token: read(map, "token_address", "an address", value::address)?,
        rate_per_second: read(map, "rate_per_second", "an i128", value::amount)?,
        deposited: read(map, "deposited_amount", "an i128", value::amount)?,
        withdrawn: read(map, "withdrawn_amount", "an i128", value::amount)?,
        start_time: read(map, "start_time", "a u64", value::time)?,
        last_update_time: read(map, "last_update_time", "a u64", value::time)?,
        is_active: read(map, "is_active", "a bool", value::flag)?,
        paused: read(map, "paused", "a bool", value::flag)?,
        paused_at: read(map, "paused_at", "a u64 or void", optional_time)?,
        status: read(map, "status", "a vector of one status symbol", status)?,
    })
}

fn read<T>(
    map: &ScMap,
    field: &'static str,
    wanted: &'static str,
    convert: impl Fn(&ScVal) -> Option<T>,
) -> Result<T, Refusal> {
    let found = value::lookup(map, field).ok_or(Refusal::Missing { field })?;
    convert(found).ok_or(Refusal::WrongType { field, wanted })
}

#[expect(clippy::option_option, reason = "the outer option is the type check, the inner one the contract's Option")]
fn optional_time(value: &ScVal) -> Option<Option<UnixTime>> {
    match value {
        ScVal::Void => Some(None),
        other => value::time(other).map(Some),
    }
}

fn status(value: &ScVal) -> Option<ChainStatus> {
    let ScVal::Vec(Some(words)) = value else { return None };
    let [word] = words.as_slice() else { return None };
    match value::name(word)? {
        "Active" => Some(ChainStatus::Active),
        "Paused" => Some(ChainStatus::Paused),
        "Cancelled" => Some(ChainStatus::Cancelled),
        "Completed" => Some(ChainStatus::Completed),
        _ => None,
    }
}
