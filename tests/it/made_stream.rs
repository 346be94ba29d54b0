//! A stream on a chain that a test makes by hand: what the contract publishes and stores of it.

use flowfi_indexer::domain::{ContractId, StreamId};
use stellar_xdr::{Int128Parts, Limits, ScAddress, ScMap, ScMapEntry, ScSymbol, ScVal, ScVec, WriteXdr};

use crate::made_chain::MadeEvent;

pub const STREAM: StreamId = StreamId(1);

pub fn contract() -> ContractId {
    ContractId::from_bytes([9; 32])
}

pub fn symbol(text: &str) -> ScVal {
    ScVal::Symbol(ScSymbol(text.try_into().unwrap()))
}

pub fn map(fields: &[(&str, ScVal)]) -> ScVal {
    let entry = |(key, val): &(&str, ScVal)| ScMapEntry { key: symbol(key), val: val.clone() };
    let mut entries: Vec<_> = fields.iter().map(entry).collect();
    entries.sort_by_key(|entry| format!("{:?}", entry.key));
    ScVal::Map(Some(ScMap(entries.try_into().unwrap())))
}

pub fn address(byte: u8) -> ScVal {
    let contract_id = stellar_xdr::ContractId(stellar_xdr::Hash([byte; 32]));
    ScVal::Address(ScAddress::Contract(contract_id))
}

pub fn amount(units: u64) -> ScVal {
    ScVal::I128(Int128Parts { hi: 0, lo: units })
}

/// The contract's record of the stream, with this much withdrawn.
pub fn stored(withdrawn: u64) -> Vec<(&'static str, ScVal)> {
    vec![
        ("sender", address(1)),
        ("recipient", address(2)),
        ("token_address", address(3)),
        ("rate_per_second", amount(10)),
        ("deposited_amount", amount(1_000)),
        ("withdrawn_amount", amount(withdrawn)),
        ("start_time", ScVal::U64(100)),
        ("last_update_time", ScVal::U64(100)),
        ("is_active", ScVal::Bool(true)),
        ("paused", ScVal::Bool(false)),
        ("paused_at", ScVal::Void),
        ("status", ScVal::Vec(Some(ScVec(vec![symbol("Active")].try_into().unwrap())))),
    ]
}

pub fn entry(withdrawn: u64) -> ScVal {
    map(&stored(withdrawn))
}

/// The same entry with this field besides.
pub fn entry_with(withdrawn: u64, field: (&'static str, ScVal)) -> ScVal {
    let mut fields = stored(withdrawn);
    fields.retain(|(name, _)| *name != field.0);
    fields.push(field);
    map(&fields)
}

/// A party of streams.
pub fn party(byte: u8) -> ScVal {
    address(byte)
}

/// An entry of which the sender cannot be read.
pub fn unreadable() -> ScVal {
    entry_with(0, ("sender", ScVal::U32(7)))
}

/// The event of the stream's creation.
pub fn creation() -> MadeEvent {
    creation_of(STREAM)
}

/// The event of the creation of another stream like it.
pub fn creation_of(stream_id: StreamId) -> MadeEvent {
    let fields = [
        ("sender", address(1)),
        ("recipient", address(2)),
        ("token_address", address(3)),
        ("rate_per_second", amount(10)),
        ("deposited_amount", amount(1_000)),
        ("start_time", ScVal::U64(100)),
    ];
    event(stream_id, "stream_created", &fields)
}

/// The event of a withdrawal right at the stream's start, when there is nothing to move its clock.
pub fn withdrawal(units: u64) -> MadeEvent {
    withdrawal_of(STREAM, units)
}

/// The event of the same withdrawal from another stream.
pub fn withdrawal_of(stream_id: StreamId, units: u64) -> MadeEvent {
    let fields = [("recipient", address(2)), ("amount", amount(units)), ("timestamp", ScVal::U64(100))];
    event(stream_id, "tokens_withdrawn", &fields)
}

/// The event of the stream's deletion.
pub fn closure() -> MadeEvent {
    event(STREAM, "stream_closed", &[("closer", address(1)), ("timestamp", ScVal::U64(100))])
}

fn event(stream_id: StreamId, name: &str, fields: &[(&str, ScVal)]) -> MadeEvent {
    let id = [("stream_id", ScVal::U64(stream_id.0))];
    let fields: Vec<_> = id.iter().chain(fields).cloned().collect();
    let xdr = |value: &ScVal| value.to_xdr(Limits::none()).unwrap();
    MadeEvent {
        is_system: false,
        topics: vec![xdr(&symbol(name)), xdr(&ScVal::U64(stream_id.0))],
        value: xdr(&map(&fields)),
    }
}
