//! Single `ScVal`s to domain values.

use base64::{Engine, prelude::BASE64_STANDARD};
use stellar_strkey::Strkey;
use stellar_xdr::{Limits, MuxedContract, MuxedEd25519Account, PublicKey, ReadXdr, ScAddress, ScMap, ScVal};

use super::Refusal;
use crate::domain::{Address, Amount, StreamId, UnixTime};

/// Deep enough for every real value, far from the end of a thread's stack.
const MAX_DEPTH: u32 = 500;
/// More than any input of this length can hold.
const LENGTH_FACTOR: usize = 4;

/// Reads one `ScVal` from base64; `part` names it in a refusal.
pub(super) fn scval_from_base64(text: &str, part: &dyn Fn() -> String) -> Result<ScVal, Refusal> {
    let bytes = BASE64_STANDARD.decode(text).map_err(|_| Refusal::NotBase64 { part: part() })?;
    scval_from_bytes(&bytes, part)
}

/// Reads one `ScVal` from XDR that must end with it.
pub(super) fn scval_from_bytes(bytes: &[u8], part: &dyn Fn() -> String) -> Result<ScVal, Refusal> {
    ScVal::from_xdr(bytes, limits_for(bytes)).map_err(|error| Refusal::Xdr { part: part(), reason: error.to_string() })
}

/// Returns what reading these bytes may take.
pub(super) const fn limits_for(bytes: &[u8]) -> Limits {
    Limits { depth: MAX_DEPTH, len: bytes.len().saturating_mul(LENGTH_FACTOR) }
}

/// Returns the text of a symbol or a string, if it is one, is UTF-8, and holds no NUL (which a database's text
/// cannot hold).
pub(super) fn name(value: &ScVal) -> Option<&str> {
    let bytes = match value {
        ScVal::Symbol(symbol) => symbol.as_slice(),
        ScVal::String(string) => string.as_slice(),
        _ => return None,
    };
    std::str::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))
}

/// Returns the value under `key` in a map keyed by symbols.
pub(super) fn lookup<'a>(map: &'a ScMap, key: &str) -> Option<&'a ScVal> {
    map.iter().find(|entry| name(&entry.key) == Some(key)).map(|entry| &entry.val)
}

pub(super) fn stream_id(value: &ScVal) -> Option<StreamId> {
    match value {
        ScVal::U64(number) => Some(StreamId(*number)),
        _ => None,
    }
}

pub(super) fn time(value: &ScVal) -> Option<UnixTime> {
    match value {
        ScVal::U64(seconds) => Some(UnixTime(*seconds)),
        _ => None,
    }
}

pub(super) fn number(value: &ScVal) -> Option<u32> {
    match value {
        ScVal::U32(number) => Some(*number),
        _ => None,
    }
}

pub(super) fn flag(value: &ScVal) -> Option<bool> {
    match value {
        ScVal::Bool(flag) => Some(*flag),
        _ => None,
    }
}

pub(super) fn amount(value: &ScVal) -> Option<Amount> {
    match value {
        ScVal::I128(parts) => Some(Amount((i128::from(parts.hi) << 64) | i128::from(parts.lo))),
        _ => None,
    }
}

/// Returns an `Option` of the contract: void is none.
#[expect(clippy::option_option, reason = "the outer option is the type check, the inner one the contract's Option")]
pub(super) fn optional<T>(value: &ScVal, read: impl Fn(&ScVal) -> Option<T>) -> Option<Option<T>> {
    match value {
        ScVal::Void => Some(None),
        other => read(other).map(Some),
    }
}

/// Returns a SHA-256 in hex.
pub(super) fn hash(value: &ScVal) -> Option<String> {
    let ScVal::Bytes(hash) = value else { return None };
    let hash: &[u8; 32] = hash.as_slice().try_into().ok()?;
    Some(stellar_xdr::Hash(*hash).to_string())
}

/// Returns the hash, in hex, of an executable of the form `["Wasm", hash]`.
pub(super) fn wasm_hash(executable: &ScVal) -> Option<String> {
    let ScVal::Vec(Some(parts)) = executable else { return None };
    let [ScVal::Symbol(form), code] = parts.as_slice() else { return None };
    if form.as_slice() == b"Wasm" { hash(code) } else { None }
}

pub(super) fn address(value: &ScVal) -> Option<Address> {
    let ScVal::Address(address) = value else { return None };
    let strkey = match address {
        ScAddress::Account(account) => {
            let PublicKey::PublicKeyTypeEd25519(key) = &account.0;
            Strkey::PublicKeyEd25519(stellar_strkey::ed25519::PublicKey(key.0))
        }
        ScAddress::Contract(contract) => Strkey::Contract(stellar_strkey::Contract(contract.0.0)),
        ScAddress::MuxedAccount(MuxedEd25519Account { id, ed25519 }) => {
            Strkey::MuxedAccountEd25519(stellar_strkey::ed25519::MuxedAccount { ed25519: ed25519.0, id: *id })
        }
        ScAddress::MuxedContract(MuxedContract { id, contract_id }) => {
            Strkey::MuxedContract(stellar_strkey::MuxedContract { contract_id: contract_id.0.0, id: *id })
        }
        ScAddress::ClaimableBalance(balance) => {
            let stellar_xdr::ClaimableBalanceId::ClaimableBalanceIdTypeV0(hash) = balance;
            Strkey::ClaimableBalance(stellar_strkey::ClaimableBalance::V0(hash.0))
        }
        ScAddress::LiquidityPool(pool) => Strkey::LiquidityPool(stellar_strkey::LiquidityPool(pool.0.0)),
    };
    Address::from_strkey(&strkey).ok()
}
