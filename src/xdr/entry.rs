//! The contract's storage: its own record of a stream under `DataKey::Stream(u64)`, and how many there are.

use base64::{Engine, prelude::BASE64_STANDARD};
use stellar_xdr::{
    ContractDataDurability, Hash, LedgerEntryData, LedgerKey, LedgerKeyContractData, Limits, ReadXdr, ScAddress, ScMap,
    ScVal, ScVec, WriteXdr,
};

use super::{Refusal, value};
use crate::domain::{
    ChainStatus, ContractId, ContractVersion, DisputeStatus, HarmlessFields, Schedule, Step, StreamEntry, StreamId,
    UnixTime, UnknownSchedule,
};

/// Returns the key that a stream's record lies under in the ledger: a `LedgerKey`, XDR in base64.
#[must_use]
pub fn stream_entry_key(contract_id: &ContractId, stream_id: StreamId) -> String {
    ledger_key(contract_id, stream_key(stream_id))
}

/// Returns the key that a stream's record lies under in the contract's storage: an `ScVal`, XDR in base64.
#[must_use]
pub fn encode_stream_key(stream_id: StreamId) -> String {
    let xdr = stream_key(stream_id).to_xdr(Limits::none());
    BASE64_STANDARD.encode(xdr.expect("writing to memory without limits does not fail"))
}

fn stream_key(stream_id: StreamId) -> ScVal {
    let word = ScVal::Symbol("Stream".try_into().expect("six bytes fit a symbol"));
    let parts = vec![word, ScVal::U64(stream_id.0)].try_into().expect("two values fit a vector");
    ScVal::Vec(Some(ScVec(parts)))
}

/// Returns the stream whose record lies under a key of the contract's storage (an `ScVal`, XDR in base64); `None` if
/// something else lies there.
#[must_use]
pub fn decode_stream_key(text: &str) -> Option<StreamId> {
    let key = value::scval_from_base64(text, &|| "the key".to_owned()).ok()?;
    let ScVal::Vec(Some(parts)) = key else { return None };
    match parts.as_slice() {
        [word, ScVal::U64(number)] if value::name(word) == Some("Stream") => Some(StreamId(*number)),
        _ => None,
    }
}

/// Returns the key that what the contract keeps for itself lies under, the count of its streams among it: a
/// `LedgerKey`, XDR in base64.
#[must_use]
pub fn contract_instance_key(contract_id: &ContractId) -> String {
    ledger_key(contract_id, ScVal::LedgerKeyContractInstance)
}

fn ledger_key(contract_id: &ContractId, key: ScVal) -> String {
    let contract = ScAddress::Contract(stellar_xdr::ContractId(Hash(contract_id.to_bytes())));
    let key = LedgerKeyContractData { contract, key, durability: ContractDataDurability::Persistent };
    let xdr = LedgerKey::ContractData(key).to_xdr(Limits::none());
    BASE64_STANDARD.encode(xdr.expect("writing to memory without limits does not fail"))
}

/// Decodes a stream's entry of the ledger: a `LedgerEntryData`, XDR in base64.
///
/// # Errors
/// A [`Refusal`] that names the field that is missing or of another type.
pub fn decode_stream_ledger_entry(text: &str, harmless: &HarmlessFields) -> Result<StreamEntry, Refusal> {
    stream_entry(&contract_data(text)?, harmless)
}

/// Decodes how many streams the contract has created, from its instance's entry of the ledger (a `LedgerEntryData`,
/// XDR in base64). A contract that has created none does not say so.
///
/// # Errors
/// A [`Refusal`], if it is no such entry.
pub fn decode_stream_count(text: &str) -> Result<u64, Refusal> {
    match stored_in_instance(text, "StreamCounter")? {
        None => Ok(0),
        Some(ScVal::U64(count)) => Ok(count),
        Some(_) => Err(Refusal::WrongType { field: "StreamCounter", wanted: "a u64" }),
    }
}

/// Decodes which version of the contract wrote its instance's entry of the ledger (a `LedgerEntryData`, XDR in base64). The
/// first version writes none.
///
/// # Errors
/// A [`Refusal`], if it is no such entry.
pub fn decode_contract_version(text: &str) -> Result<ContractVersion, Refusal> {
    match stored_in_instance(text, "ContractVersion")? {
        None => Ok(ContractVersion::First),
        Some(ScVal::U32(number)) => Ok(ContractVersion::of_number(number)),
        Some(_) => Err(Refusal::WrongType { field: "ContractVersion", wanted: "a u32" }),
    }
}

/// Returns what the contract stores in its instance under a key of this one word.
fn stored_in_instance(text: &str, wanted: &str) -> Result<Option<ScVal>, Refusal> {
    let ScVal::ContractInstance(instance) = contract_data(text)? else { return Err(Refusal::NotAnInstance) };
    let Some(storage) = instance.storage else { return Ok(None) };
    let is_wanted = |key: &ScVal| match key {
        ScVal::Vec(Some(parts)) => matches!(parts.as_slice(), [word] if value::name(word) == Some(wanted)),
        _ => false,
    };
    Ok(storage.iter().find(|entry| is_wanted(&entry.key)).map(|entry| entry.val.clone()))
}

fn contract_data(text: &str) -> Result<ScVal, Refusal> {
    const PART: &str = "the entry of the ledger";
    let bytes = BASE64_STANDARD.decode(text).map_err(|_| Refusal::NotBase64 { part: PART.to_owned() })?;
    match LedgerEntryData::from_xdr(&bytes, value::limits_for(&bytes)) {
        Ok(LedgerEntryData::ContractData(entry)) => Ok(entry.val),
        Ok(_) => Err(Refusal::NotContractData),
        Err(error) => Err(Refusal::Xdr { part: PART.to_owned(), reason: error.to_string() }),
    }
}

/// Decodes the XDR of a storage value (an `ScVal` map) into the contract's record.
///
/// # Errors
/// A [`Refusal`] that names the field that is missing or of another type.
pub fn decode_stream_entry(xdr: &[u8]) -> Result<StreamEntry, Refusal> {
    stream_entry(&value::scval_from_bytes(xdr, &|| "the storage value".to_owned())?, &HarmlessFields::default())
}

/// The first version of the contract stores twelve fields and later ones add to them, so a field that is missing has its
/// default. A field that we do not know may change what all the others mean, unless it is known to be harmless.
fn stream_entry(value: &ScVal, harmless: &HarmlessFields) -> Result<StreamEntry, Refusal> {
    let ScVal::Map(Some(map)) = value else { return Err(Refusal::NotAMap) };
    let schedule = read_or_default(map, "schedule", "a schedule", schedule, Schedule::Linear)?;
    let unknown = map.iter().find_map(|entry| match value::name(&entry.key) {
        Some(name) if StreamEntry::FIELD_NAMES.contains(&name) || harmless.contains(name) => None,
        name => Some(UnknownSchedule::Field(name.unwrap_or("?").to_owned())),
    });
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
        schedule: unknown.map_or(schedule, |reason| Schedule::Unknown { reason }),
        cliff_time: read_or_default(map, "cliff_time", "a u64 or void", optional_time, None)?,
        arbiter: read_or_default(map, "arbiter", "an address or void", |it| value::optional(it, value::address), None)?,
        dispute_status: read_or_default(
            map,
            "dispute_status",
            "a dispute status",
            dispute_status,
            DisputeStatus::None,
        )?,
        is_allowance_based: read_or_default(map, "is_allowance_based", "a bool", value::flag, false)?,
    })
}

fn read_or_default<T>(
    map: &ScMap,
    field: &'static str,
    wanted: &'static str,
    convert: impl Fn(&ScVal) -> Option<T>,
    default: T,
) -> Result<T, Refusal> {
    match value::lookup(map, field) {
        None => Ok(default),
        Some(found) => convert(found).ok_or(Refusal::WrongType { field, wanted }),
    }
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
    value::optional(value, value::time)
}

/// Reads an enum of the contract: a symbol and what it carries.
fn variant(value: &ScVal) -> Option<(&str, &[ScVal])> {
    let ScVal::Vec(Some(parts)) = value else { return None };
    let [word, carried @ ..] = parts.as_slice() else { return None };
    Some((value::name(word)?, carried))
}

/// A schedule of another name, or one that carries something else, is one that we do not know.
fn schedule(value: &ScVal) -> Option<Schedule> {
    let (name, carried) = variant(value)?;
    let known = match (name, carried) {
        ("Linear", []) => Some(Schedule::Linear),
        ("StepTranches", [ScVal::Vec(Some(steps))]) => {
            steps.iter().map(step).collect::<Option<_>>().map(|steps| Schedule::Steps { steps })
        }
        ("HybridCliffLinear", [cliff_time, cliff_amount]) => value::time(cliff_time)
            .zip(value::amount(cliff_amount))
            .map(|(cliff_time, cliff_amount)| Schedule::CliffLump { cliff_time, cliff_amount }),
        _ => None,
    };
    Some(known.unwrap_or_else(|| Schedule::Unknown { reason: UnknownSchedule::Name(name.to_owned()) }))
}

fn step(value: &ScVal) -> Option<Step> {
    let ScVal::Map(Some(map)) = value else { return None };
    let field = |name| value::lookup(map, name);
    let is_known = map.iter().count() == 2;
    let (unlock_amount, unlock_time) = (value::amount(field("unlock_amount")?)?, value::time(field("unlock_time")?)?);
    is_known.then_some(Step { unlock_amount, unlock_time })
}

fn dispute_status(value: &ScVal) -> Option<DisputeStatus> {
    match variant(value)? {
        ("None", []) => Some(DisputeStatus::None),
        ("Requested", []) => Some(DisputeStatus::Requested),
        ("Resolved", [approved]) => value::flag(approved).map(|approved| DisputeStatus::Resolved { approved }),
        _ => None,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn contract_id() -> ContractId {
        ContractId::from_bytes([0xAB; 32])
    }

    /// XDR written by hand: numbers are 4 bytes, the discriminants are those of Stellar's `.x` files.
    fn xdr(parts: &[&[u8]]) -> String {
        BASE64_STANDARD.encode(parts.concat())
    }

    const CONTRACT: [u8; 8] = [0, 0, 0, 6, 0, 0, 0, 1];
    const PERSISTENT: [u8; 4] = [0, 0, 0, 1];
    const VECTOR: [u8; 8] = [0, 0, 0, 16, 0, 0, 0, 1];
    const SYMBOL: [u8; 4] = [0, 0, 0, 15];
    const U64: [u8; 4] = [0, 0, 0, 5];
    const INSTANCE_KEY: [u8; 4] = [0, 0, 0, 20];

    #[test]
    fn keys_are_what_the_protocol_says_byte_for_byte() {
        let word: &[u8] = b"\0\0\0\x06Stream\0\0";
        let number = 300_u64.to_be_bytes();
        let parts = [&CONTRACT, &[0xAB; 32][..], &VECTOR, &[0, 0, 0, 2], &SYMBOL, word, &U64, &number, &PERSISTENT];
        assert_eq!(stream_entry_key(&contract_id(), StreamId(300)), xdr(&parts));
        let parts = [&CONTRACT, &[0xAB; 32][..], &INSTANCE_KEY, &PERSISTENT];
        assert_eq!(contract_instance_key(&contract_id()), xdr(&parts));
    }

    #[test]
    fn the_key_of_a_stream_is_told_from_every_other_key() {
        let key = |word: &str, number: &[u8]| {
            let length = u32::try_from(word.len()).unwrap().to_be_bytes();
            let padding = vec![0; word.len().next_multiple_of(4) - word.len()];
            xdr(&[&VECTOR, &[0, 0, 0, 2], &SYMBOL, &length, word.as_bytes(), &padding, number])
        };
        let number = [&U64[..], &300_u64.to_be_bytes()].concat();
        assert_eq!(decode_stream_key(&key("Stream", &number)), Some(StreamId(300)));
        assert_eq!(encode_stream_key(StreamId(300)), key("Stream", &number));
        assert_eq!(decode_stream_key(&key("Steam", &number)), None);
        assert_eq!(decode_stream_key(&key("Stream", &[0, 0, 0, 3, 0, 0, 1, 44])), None, "a u32");
        assert_eq!(decode_stream_key(&xdr(&[&INSTANCE_KEY])), None);
        assert_eq!(decode_stream_key("?"), None);
    }

    fn entry_with(field: &str) -> ScVal {
        let symbol = |text: &str| ScVal::Symbol(text.try_into().unwrap());
        let address = || ScVal::Address(ScAddress::Contract(stellar_xdr::ContractId(Hash([1; 32]))));
        let amount = || ScVal::I128(stellar_xdr::Int128Parts { hi: 0, lo: 5 });
        let status = ScVal::Vec(Some(ScVec(vec![symbol("Active")].try_into().unwrap())));
        let fields = [
            ("sender", address()),
            ("recipient", address()),
            ("token_address", address()),
            ("rate_per_second", amount()),
            ("deposited_amount", amount()),
            ("withdrawn_amount", amount()),
            ("start_time", ScVal::U64(1)),
            ("last_update_time", ScVal::U64(1)),
            ("is_active", ScVal::Bool(true)),
            ("paused", ScVal::Bool(false)),
            ("paused_at", ScVal::Void),
            ("status", status),
            (field, ScVal::Void),
        ];
        let entry = |(key, val): (&str, ScVal)| stellar_xdr::ScMapEntry { key: symbol(key), val };
        ScVal::Map(Some(ScMap(fields.into_iter().map(entry).collect::<Vec<_>>().try_into().unwrap())))
    }

    #[test]
    fn a_field_is_known_or_harmless_or_makes_the_schedule_unknown() {
        let harmless: HarmlessFields = ["memo"].iter().map(|name| name.parse().unwrap()).collect();
        let schedule = |field| stream_entry(&entry_with(field), &harmless).unwrap().schedule;
        assert_eq!((schedule("arbiter"), schedule("memo")), (Schedule::Linear, Schedule::Linear));
        let reason = UnknownSchedule::Field("memos".to_owned());
        assert_eq!(schedule("memos"), Schedule::Unknown { reason });
        let entry = stream_entry(&entry_with("arbiter"), &harmless).unwrap();
        assert_eq!(entry.fields().map(|(name, _)| name), StreamEntry::FIELD_NAMES);
    }

    #[test]
    fn the_count_of_streams_is_read_from_the_instance_and_from_nothing_else() {
        let instance = |storage: &[u8]| {
            let head = [0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0, 1];
            let wasm = [&[0, 0, 0, 19, 0, 0, 0, 0][..], &[7; 32]].concat();
            xdr(&[&head, &[0xAB; 32], &INSTANCE_KEY, &PERSISTENT, &wasm, storage])
        };
        let word: &[u8] = b"\0\0\0\x0dStreamCounter\0\0\0";
        let map = [0, 0, 0, 1, 0, 0, 0, 1];
        let counter = [&map[..], &VECTOR, &[0, 0, 0, 1], &SYMBOL, word, &U64, &7_u64.to_be_bytes()].concat();
        assert_eq!(decode_stream_count(&instance(&counter)), Ok(7));
        assert_eq!(decode_stream_count(&instance(&[0, 0, 0, 0])), Ok(0), "no stream yet");
        assert_eq!(decode_stream_ledger_entry(&instance(&counter), &HarmlessFields::default()), Err(Refusal::NotAMap));
        assert!(matches!(decode_stream_count("AAAA"), Err(Refusal::Xdr { .. })));
        assert!(matches!(decode_stream_count("?"), Err(Refusal::NotBase64 { .. })));
    }
}
