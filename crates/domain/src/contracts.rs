//! The contracts that one deployment follows together.

use std::{ops::Deref, sync::Arc};

use thiserror::Error;

use super::{ContractId, StreamId};

/// A stream: its contract, and its number there, which streams of other contracts have too.
pub type StreamKey = (ContractId, StreamId);

/// Contracts that are followed together, in the order of their ids: at least one. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contracts(Arc<[ContractId]>);

/// Not a list of contracts that can be followed together.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum InvalidContracts {
    /// There is none.
    #[error("name at least one contract")]
    None,
    /// There are too many.
    #[error("{0} contracts are too many: one request for events takes at most {most}", most = Contracts::MOST)]
    TooMany(usize),
}

impl Contracts {
    /// One request of `getEvents` takes five filters of five contracts each, and one request it must be: events have
    /// one order over all contracts.
    pub const MOST: usize = 25;

    /// Returns these contracts, each once.
    ///
    /// # Errors
    /// [`InvalidContracts`] where there are none, or more than [`Self::MOST`].
    pub fn new(contracts: impl IntoIterator<Item = ContractId>) -> Result<Self, InvalidContracts> {
        let mut contracts: Vec<ContractId> = contracts.into_iter().collect();
        contracts.sort_unstable();
        contracts.dedup();
        match contracts.len() {
            0 => Err(InvalidContracts::None),
            1..=Self::MOST => Ok(Self(contracts.into())),
            many => Err(InvalidContracts::TooMany(many)),
        }
    }

    /// Returns the contract if there is only one.
    #[must_use]
    pub fn only(&self) -> Option<&ContractId> {
        if let [only] = &*self.0 { Some(only) } else { None }
    }
}

impl Deref for Contracts {
    type Target = [ContractId];

    fn deref(&self) -> &[ContractId] {
        &self.0
    }
}

impl From<ContractId> for Contracts {
    fn from(contract_id: ContractId) -> Self {
        Self([contract_id].into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contract(number: u8) -> ContractId {
        ContractId::from_bytes([number; 32])
    }

    #[test]
    fn contracts_are_followed_once_each_and_no_more_than_one_request_takes() {
        let twice = Contracts::new([contract(2), contract(1), contract(2)]).unwrap();
        assert_eq!(twice.len(), 2);
        assert_eq!(twice.only(), None);
        assert_eq!(Contracts::from(contract(7)).only(), Some(&contract(7)));
        assert_eq!(Contracts::new([]), Err(InvalidContracts::None));
        assert!(Contracts::new((0..25).map(contract)).is_ok());
        assert_eq!(Contracts::new((0..26).map(contract)), Err(InvalidContracts::TooMany(26)));
    }
}
