//! The contracts that are looked for.

use crate::domain::ContractId;

/// Contracts and the bytes they are known by in XDR.
pub(super) struct Wanted<'a>(Vec<([u8; 32], &'a ContractId)>);

impl<'a> Wanted<'a> {
    pub(super) fn new(contract_ids: &'a [ContractId]) -> Self {
        Self(contract_ids.iter().map(|contract_id| (contract_id.to_bytes(), contract_id)).collect())
    }

    /// Returns the bytes of each contract.
    pub(super) fn bytes(&self) -> impl Iterator<Item = &[u8; 32]> {
        self.0.iter().map(|(bytes, _)| bytes)
    }

    /// Returns the contract known by these bytes, if it is wanted.
    pub(super) fn contract_of(&self, found: &[u8; 32]) -> Option<&'a ContractId> {
        self.0.iter().find(|(bytes, _)| bytes == found).map(|(_, contract_id)| *contract_id)
    }
}
