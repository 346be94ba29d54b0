//! The keys of contracts' entries.

use sha2::{Digest, Sha256};
use stellar_xdr::{
    ContractDataDurability, ContractDataEntry, ContractId, Hash, LedgerKey, LedgerKeyContractData, ScAddress, ScVal,
    WriteXdr,
};

use super::LIMITS;
use crate::domain::EntryDurability;

/// The key of a contract's entry, borrowed from what was read.
#[derive(Clone, Copy)]
pub(super) struct DataKey<'a> {
    /// The contract, by its bytes.
    pub(super) contract: &'a [u8; 32],
    pub(super) key: &'a ScVal,
    durability: ContractDataDurability,
}

impl<'a> DataKey<'a> {
    /// Returns `None` for keys of entries that are no contract's.
    pub(super) fn of_ledger_key(key: &'a LedgerKey) -> Option<Self> {
        let LedgerKey::ContractData(data) = key else { return None };
        Some(Self { contract: contract_of(&data.contract)?, key: &data.key, durability: data.durability })
    }

    pub(super) fn of_entry(entry: &'a ContractDataEntry) -> Option<Self> {
        Some(Self { contract: contract_of(&entry.contract)?, key: &entry.key, durability: entry.durability })
    }

    pub(super) const fn durability(&self) -> EntryDurability {
        match self.durability {
            ContractDataDurability::Temporary => EntryDurability::Temporary,
            ContractDataDurability::Persistent => EntryDurability::Persistent,
        }
    }

    /// Returns the hash that the entry's TTL names it by: the SHA-256 of its `LedgerKey`.
    pub(super) fn hash(&self) -> [u8; 32] {
        let contract = ScAddress::Contract(ContractId(Hash(*self.contract)));
        let key = LedgerKeyContractData { contract, key: self.key.clone(), durability: self.durability };
        let xdr = LedgerKey::ContractData(key).to_xdr(LIMITS);
        Sha256::digest(xdr.expect("what was read within the limits is within them")).into()
    }
}

/// Only contracts have such entries, though the XDR has room for other addresses.
const fn contract_of(address: &ScAddress) -> Option<&[u8; 32]> {
    match address {
        ScAddress::Contract(contract) => Some(&contract.0.0),
        _ => None,
    }
}
