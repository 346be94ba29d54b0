//! The payment-stream contract, written a second time: its own storage, token balances and order of checks, so that
//! it can judge what the indexer keeps. Nothing of `domain`'s fold or accrual is used here.
//!
//! Each function of the contract is one here, and may leave changes behind where it fails: whoever calls it undoes them.

mod accrual;
mod close;
mod conditional;
mod create;
mod dispute;
mod payments;
mod protocol;
mod settle;
mod top_up;
mod upgrade;
mod vesting;

use std::{collections::BTreeSet, sync::Arc};

use super::{
    balances::{BalanceMismatch, Balances},
    code::ContractCode,
    contract_error::ContractError,
    instance::{Instance, ProtocolConfig},
    refused::Refused,
    storage::{Storage, StorageChange},
    stream::Stream,
    wasm::WasmHash,
};
use flowfi_domain::{Address, StreamId};

pub use create::BatchStream;
pub(super) use create::LinearTerms;
pub(super) use upgrade::Replacement;
pub(super) use vesting::HybridTerms;

/// The contract with its storage, and the tokens it moves.
#[derive(Clone, Debug)]
pub(super) struct Contract {
    address: Address,
    storage: Storage,
    balances: Balances,
    /// The modules that an upgrade may name; `None` stands for any.
    modules: Option<BTreeSet<WasmHash>>,
}

/// A point that the contract can be taken back to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Savepoint {
    writes: usize,
    payments: usize,
}

impl Contract {
    /// Returns a contract that runs this code, without streams and without a fee, on a network that has these tokens.
    pub(super) fn new(code: ContractCode, address: Address, tokens: impl IntoIterator<Item = Address>) -> Self {
        let mut balances = Balances::default();
        tokens.into_iter().for_each(|token| balances.add_token(token));
        let storage = Storage::new(Instance::deployed(code));
        Self { address, storage, balances, modules: None }
    }

    /// Returns the contract's own address.
    pub(super) const fn address(&self) -> &Address {
        &self.address
    }

    /// Returns what the contract keeps in its instance.
    pub(super) fn instance(&self) -> &Instance {
        self.storage.instance()
    }

    /// Returns who governs the protocol, once that is settled.
    pub(super) fn config(&self) -> Option<&ProtocolConfig> {
        self.instance().config.as_ref()
    }

    /// Returns the contract's entries.
    pub(super) const fn storage(&self) -> &Storage {
        &self.storage
    }

    /// Returns the stream of this number.
    pub(super) fn stream(&self, id: StreamId) -> Option<&Stream> {
        self.storage.stream(id).map(Arc::as_ref)
    }

    /// Returns the streams that are active, by number.
    pub(super) fn active_streams(&self) -> impl Iterator<Item = (StreamId, &Stream)> {
        self.storage.active_streams()
    }

    /// Returns how many streams were ever created.
    pub(super) fn stream_count(&self) -> u64 {
        self.instance().stream_count
    }

    /// Returns what `account` holds of `token`.
    pub(super) fn balance(&self, token: &Address, account: &Address) -> i128 {
        self.balances.of(token, account)
    }

    /// The tokens that the contract moves, to be changed from outside.
    pub(super) const fn balances_mut(&mut self) -> &mut Balances {
        &mut self.balances
    }

    /// Lets upgrades name these modules alone.
    #[cfg(test)]
    pub(super) fn know_modules(&mut self, modules: BTreeSet<WasmHash>) {
        self.modules = Some(modules);
    }

    /// Returns the point that the contract is at.
    pub(super) const fn savepoint(&self) -> Savepoint {
        Savepoint { writes: self.storage.writes(), payments: self.balances.payments() }
    }

    /// Undoes what was done since a point.
    pub(super) fn roll_back_to(&mut self, point: Savepoint) {
        self.storage.roll_back_to(point.writes);
        self.balances.roll_back_to(point.payments);
    }

    /// Makes everything since the last commit final, and returns what it did to the contract's entries.
    pub(super) fn commit(&mut self) -> Vec<StorageChange> {
        self.balances.commit();
        self.storage.commit()
    }

    /// Checks that the contract holds exactly what its active streams have left, and that no token came from or
    /// went to nowhere.
    pub(super) fn check_balances(&self) -> Result<(), BalanceMismatch> {
        for token in self.balances.tokens() {
            let held = self.balance(token, &self.address);
            let streams = self.active_streams().filter(|(_, stream)| stream.token == *token);
            let left = streams.fold(0_i128, |sum, (_, stream)| sum.saturating_add(stream.left()));
            let owed = left.saturating_sub(self.balances.paid_twice(token));
            if held != owed {
                return Err(BalanceMismatch::Contract { token: token.clone(), held, owed });
            }
            let (given, sum) = self.balances.given_and_sum(token);
            if given != sum {
                return Err(BalanceMismatch::Supply { token: token.clone(), sum, given });
            }
        }
        Ok(())
    }

    /// Returns a stream to be changed and put back.
    fn found(&self, id: StreamId) -> Result<Stream, Refused> {
        Ok(self.stream(id).ok_or(ContractError::StreamNotFound)?.clone())
    }

    fn runs(&self, code: ContractCode) -> bool {
        self.instance().code == code
    }

    /// Refuses a function that only state B has.
    fn only_in_b(&self) -> Result<(), Refused> {
        if self.runs(ContractCode::B) { Ok(()) } else { Err(Refused::NoSuchFunction) }
    }
}

fn above_zero(amount: i128) -> Result<(), Refused> {
    if amount > 0 { Ok(()) } else { Err(ContractError::InvalidAmount.into()) }
}

fn authorized(caller: &Address, party: &Address) -> Result<(), Refused> {
    if caller == party { Ok(()) } else { Err(ContractError::Unauthorized.into()) }
}

fn active(stream: &Stream) -> Result<(), Refused> {
    if stream.is_active { Ok(()) } else { Err(ContractError::StreamInactive.into()) }
}
