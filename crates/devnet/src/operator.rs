//! What is done to the network beside closing ledgers: faults put in and taken out, what is kept and where, and state
//! of the ledger that no call here changes. None of it is in the journal.

use std::{ops::RangeInclusive, path::Path, sync::MutexGuard};

use super::{
    Devnet, DevnetError, LakeError,
    account_entry::{AccountThresholds, NoSuchAccount},
    faults::{Fault, Faults, InjectedFaults},
    lake::Lake,
};
use flowfi_domain::{Address, LedgerSequence, StreamId};

/// The name of the endpoint `/devnet/rpc`; any other is at `/devnet/rpc/{name}`.
pub const MAIN_ENDPOINT: &str = "main";
/// The name of the endpoint `/devnet/horizon`.
pub const HORIZON_ENDPOINT: &str = "horizon";

impl Devnet {
    /// Makes the next `times` RPC requests, to whatever endpoint, meet a fault, or all until the faults are cleared. A
    /// reset happens at once, and once.
    ///
    /// # Errors
    /// A reset could not write the journal or the lake.
    pub fn inject(&self, fault: Fault, times: Option<u32>) -> Result<(), DevnetError> {
        self.put_in(fault, None, times)
    }

    /// Makes the next `times` RPC requests to one endpoint meet a fault, or all until the faults are cleared. A reset
    /// happens at once, and at every endpoint.
    ///
    /// # Errors
    /// A reset could not write the journal or the lake.
    pub fn inject_at(&self, endpoint: &str, fault: Fault, times: Option<u32>) -> Result<(), DevnetError> {
        self.put_in(fault, Some(endpoint.to_owned()), times)
    }

    /// Ends every fault, of all endpoints.
    pub fn clear_faults(&self) {
        self.faults().clear();
    }

    /// Ends the faults that were put in for this endpoint alone.
    pub fn clear_faults_at(&self, endpoint: &str) {
        self.faults().clear_at(endpoint);
    }

    /// Keeps this many ledgers, at least one, until told otherwise or opened again. What is older is dropped for good.
    pub fn set_retention(&self, ledgers: u32) {
        self.state().set_retention(ledgers);
    }

    /// Gives the ledger an account, as its nodes answer for it, or changes one. It lasts until a reset or until the
    /// network is opened again.
    ///
    /// # Errors
    /// The address is no account's, or a signer is none.
    pub fn set_account(
        &self,
        address: &Address,
        signers: &[(&str, u32)],
        thresholds: AccountThresholds,
    ) -> Result<(), NoSuchAccount> {
        let mut state = self.state();
        let latest = state.network.latest().sequence;
        state.network.accounts.set(address, signers, thresholds, latest)
    }

    /// Lets the entry of a stream of the first contract leave the live state, so that its nodes do not answer for it. The next call about the
    /// stream restores it.
    pub fn archive_stream(&self, stream_id: StreamId) {
        self.state().network.first_mut().archive(stream_id);
    }

    /// Writes the ledgers of a range that its nodes still have as a data lake (SEP-54) of any layout; only whole
    /// batches are written.
    ///
    /// # Errors
    /// The folder cannot be written, or holds another lake.
    pub fn write_lake(
        &self,
        folder: &Path,
        ledgers_per_batch: u32,
        batches_per_partition: u32,
        range: RangeInclusive<LedgerSequence>,
    ) -> Result<(), LakeError> {
        let lake = Lake::open(folder, ledgers_per_batch, batches_per_partition)?;
        let state = self.state();
        let (oldest, latest) = (state.network.oldest().sequence, state.network.latest().sequence);
        for batch in lake.batches(&(oldest.max(*range.start())..=latest.min(*range.end()))) {
            let ledgers: Vec<_> = state.network.chain.range(*batch.start(), *batch.end()).cloned().collect();
            lake.write(&ledgers)?;
        }
        Ok(())
    }

    pub(super) fn take_faults(&self, endpoint: &str, method: &str) -> InjectedFaults {
        self.faults().take(endpoint, method)
    }

    fn put_in(&self, fault: Fault, endpoint: Option<String>, times: Option<u32>) -> Result<(), DevnetError> {
        if fault == Fault::Reset {
            return self.reset();
        }
        self.faults().add(fault, endpoint, times);
        Ok(())
    }

    fn faults(&self) -> MutexGuard<'_, Faults> {
        self.inner.faults.lock().expect("nothing done under this lock panics")
    }
}
