//! Which key an entry of the ledger lies under: the entry says so itself.

use base64::{Engine, prelude::BASE64_STANDARD};
use stellar_xdr::{LedgerEntryData, Limits, ReadXdr, WriteXdr};

use super::{Refusal, value};

/// Returns the key that an entry of the ledger (a `LedgerEntryData`, XDR in base64) belongs to: a `LedgerKey`, XDR in
/// base64.
///
/// # Errors
/// A [`Refusal`], if it is no entry that this version reads.
pub fn key_of_ledger_entry(text: &str) -> Result<String, Refusal> {
    const PART: &str = "the entry of the ledger";
    let bytes = BASE64_STANDARD.decode(text).map_err(|_| Refusal::NotBase64 { part: PART.to_owned() })?;
    let entry = LedgerEntryData::from_xdr(&bytes, value::limits_for(&bytes));
    let entry = entry.map_err(|error| Refusal::Xdr { part: PART.to_owned(), reason: error.to_string() })?;
    let key = entry.to_key().to_xdr(Limits::none()).expect("writing to memory without limits does not fail");
    Ok(BASE64_STANDARD.encode(key))
}

#[cfg(test)]
mod tests {
    use stellar_xdr::{ContractDataDurability, ContractDataEntry, ExtensionPoint, Hash, ScAddress, ScVal, ScVec};

    use super::*;
    use crate::{
        domain::{ContractId, StreamId},
        xdr::stream_entry_key,
    };

    fn entry(contract: u8, stream_id: u64, durability: ContractDataDurability) -> String {
        let key = vec![ScVal::Symbol("Stream".try_into().unwrap()), ScVal::U64(stream_id)];
        let data = ContractDataEntry {
            ext: ExtensionPoint::V0,
            contract: ScAddress::Contract(stellar_xdr::ContractId(Hash([contract; 32]))),
            key: ScVal::Vec(Some(ScVec(key.try_into().unwrap()))),
            durability,
            val: ScVal::Void,
        };
        BASE64_STANDARD.encode(LedgerEntryData::ContractData(data).to_xdr(Limits::none()).unwrap())
    }

    #[test]
    fn the_key_of_an_entry_is_its_contract_its_key_and_its_durability() {
        let wanted = Ok(stream_entry_key(&ContractId::from_bytes([7; 32]), StreamId(300)));
        assert_eq!(key_of_ledger_entry(&entry(7, 300, ContractDataDurability::Persistent)), wanted);
        for other in [
            entry(8, 300, ContractDataDurability::Persistent),
            entry(7, 301, ContractDataDurability::Persistent),
            entry(7, 300, ContractDataDurability::Temporary),
        ] {
            assert!(key_of_ledger_entry(&other).is_ok_and(|key| Ok(key) != wanted), "{other}");
        }
        assert!(matches!(key_of_ledger_entry("AAAAAAAA"), Err(Refusal::Xdr { .. })));
    }
}
