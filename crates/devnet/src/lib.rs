//! A local Stellar network in this process: it closes ledgers, runs its own copy of the payment-stream contract with
//! its own balances, answers Stellar RPC, goes wrong on request, and goes on after a restart from a journal.
//!
//! It judges the indexer, so it shares nothing with it but the words of `flowfi-domain`. It is for developing and testing:
//! there are no signatures and no keys.

mod account_entry;
mod accounts;
mod args;
mod balances;
mod call;
mod chain;
mod close_meta;
mod code;
mod contract;
mod contract_error;
mod deployed;
mod effect;
mod encode;
mod event;
mod faults;
mod hash;
mod header;
mod history;
mod horizon;
mod http;
mod input;
mod instance;
mod journal;
mod lake;
mod ledger_interval;
mod lifetimes;
mod live_entry;
mod meta_changes;
mod milestone;
mod network;
mod operator;
mod random;
mod refused;
mod rpc;
mod rpc_error;
mod scenario;
mod schedule;
mod start;
mod state;
mod storage;
mod stored;
mod stream;
#[cfg(test)]
mod tests;
mod transaction;
mod wasm;

use std::{
    path::Path,
    sync::{Arc, Mutex, MutexGuard},
};

use thiserror::Error;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

pub use account_entry::{AccountThresholds, NoSuchAccount};
pub use args::DevnetArgs;
pub use balances::BalanceMismatch;
pub use call::Call;
pub use code::{ContractCode, UnknownCode};
pub use contract::BatchStream;
pub use contract_error::ContractError;
pub use encode::RawEvent;
pub use event::EventKind;
pub use faults::Fault;
pub use input::{Emit, Input, NumberedCall, Upgrade};
pub use journal::{BadLine, JournalError};
pub use lake::LakeError;
pub use ledger_interval::{InvalidLedgerInterval, LedgerInterval};
pub use milestone::{AttestationId, Condition, Milestone, NotAnAttestationId, OracleReading};
pub use operator::{HORIZON_ENDPOINT, MAIN_ENDPOINT};
pub use random::Repertoire;
pub use refused::Refused;
pub use schedule::{Schedule, Tranche};
pub use state::{NotDone, Receipt};
pub use stream::{Dispute, Stream};
pub use wasm::{NotAHash, WasmHash};

use faults::Faults;
use state::State;

use flowfi_domain::{Address, Clock, ContractId, EventId, LedgerSequence, StreamEntry, StreamId, UnixTime};

/// A handle to the local network; clones share it.
#[derive(Clone)]
pub struct Devnet {
    inner: Arc<Inner>,
}

struct Inner {
    ledger_interval: LedgerInterval,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    faults: Mutex<Faults>,
}

/// Why the network cannot go on.
#[derive(Debug, Error)]
pub enum DevnetError {
    /// Its journal cannot be read or written.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// Its lake cannot be written.
    #[error(transparent)]
    Lake(#[from] LakeError),
    /// A task of it panicked.
    #[error("the devnet's task broke off: {0}")]
    Task(#[from] tokio::task::JoinError),
}

impl Devnet {
    /// Starts a network, or goes on with the one that `journal` holds; without a journal nothing outlives the
    /// handle. A network that goes on keeps the fee and the past it began with.
    ///
    /// # Errors
    /// The journal cannot be read or written, is in use, or is damaged before its last line; the lake cannot be written.
    pub fn open(args: &DevnetArgs, journal: Option<&Path>, clock: Arc<dyn Clock>) -> Result<Self, DevnetError> {
        let state = State::open(args, journal, UnixTime::of_close(clock.now()))?;
        let inner =
            Inner { ledger_interval: args.ledger_interval, clock, state: Mutex::new(state), faults: Mutex::default() };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Returns the network's passphrase.
    #[must_use]
    pub const fn passphrase(&self) -> &'static str {
        accounts::PASSPHRASE
    }

    /// Returns the id of the first payment-stream contract, the same on every devnet.
    #[must_use]
    pub fn contract_id(&self) -> ContractId {
        accounts::stream_contract()
    }

    /// Returns the ids of all payment-stream contracts, by their number.
    #[must_use]
    pub fn contract_ids(&self) -> Vec<ContractId> {
        (0..self.state().network.start.contracts).map(accounts::stream_contract_of).collect()
    }

    /// Returns the id of the token contract, the same on every devnet.
    #[must_use]
    pub fn token(&self) -> ContractId {
        accounts::token_contract()
    }

    /// Returns the sample account of this name: alice, bob, carol, dave, erin or frank. Any other name has one too.
    #[must_use]
    pub fn account(&self, name: &str) -> Address {
        accounts::account(name)
    }

    /// Closes a ledger with what was submitted since the last one, and returns its number.
    ///
    /// # Errors
    /// The journal or the lake cannot be written; the network must not go on.
    pub fn close_ledger(&self) -> Result<LedgerSequence, DevnetError> {
        self.close_ledgers(1)
    }

    /// Closes `count` ledgers, the first with what was submitted, and returns the number of the last.
    ///
    /// # Errors
    /// The journal or the lake cannot be written; the network must not go on.
    pub fn close_ledgers(&self, count: u32) -> Result<LedgerSequence, DevnetError> {
        let now = self.now();
        let mut state = self.state();
        for _ in 0..count {
            state.close(now)?;
        }
        Ok(state.network.latest().sequence)
    }

    /// Closes a ledger at `closed_at`, or at the last ledger's time if that is later. From then on time goes on from
    /// there.
    ///
    /// # Errors
    /// The journal or the lake cannot be written; the network must not go on.
    pub fn close_ledger_at(&self, closed_at: UnixTime) -> Result<LedgerSequence, DevnetError> {
        let now = self.now();
        let mut state = self.state();
        state.jump(now, closed_at);
        state.close(now)?;
        Ok(state.network.latest().sequence)
    }

    /// Starts the network over: its first ledger again, with a later close time, and nothing of what was before.
    ///
    /// # Errors
    /// The journal or the lake cannot be written; the network must not go on.
    pub fn reset(&self) -> Result<(), DevnetError> {
        self.state().reset(self.now())
    }

    /// Returns the newest ledger's number.
    #[must_use]
    pub fn latest_ledger(&self) -> LedgerSequence {
        self.state().network.latest().sequence
    }

    /// Returns the hash of a ledger in hex, if the network still has that ledger.
    #[must_use]
    pub fn ledger_hash(&self, sequence: LedgerSequence) -> Option<String> {
        self.state().network.chain.ledger(sequence).map(|ledger| hash::hex(&ledger.hash))
    }

    /// Returns the newest ledger's close time.
    #[must_use]
    pub fn latest_closed_at(&self) -> UnixTime {
        self.state().network.latest().closed_at
    }

    /// Returns the ids of all events that the payment-stream contracts emitted in the ledgers that are kept, in order:
    /// what an indexer of all of them must have. What the host says about the contracts is not among them.
    #[must_use]
    pub fn events_emitted(&self) -> Vec<EventId> {
        let contract_ids = self.contract_ids();
        self.state().events_of(&contract_ids)
    }

    /// Returns those of one contract.
    #[must_use]
    pub fn events_emitted_by(&self, contract_id: &ContractId) -> Vec<EventId> {
        self.state().events_of(std::slice::from_ref(contract_id))
    }

    /// Returns a stream as the first contract stores it.
    #[must_use]
    pub fn stream_entry(&self, id: StreamId) -> Option<StreamEntry> {
        self.stream_entry_of(&self.contract_id(), id)
    }

    /// Returns a stream as its contract stores it.
    #[must_use]
    pub fn stream_entry_of(&self, contract_id: &ContractId, id: StreamId) -> Option<StreamEntry> {
        self.state().network.deployed(contract_id)?.contract.stream(id).map(StreamEntry::from)
    }

    /// Returns a stream with every field that its contract stores, if the contract has it.
    #[must_use]
    pub fn stored_stream(&self, contract_id: &ContractId, id: StreamId) -> Option<Stream> {
        self.state().network.deployed(contract_id)?.contract.stream(id).cloned()
    }

    /// Returns what the recipient of a stream of the first contract can claim at `at`, as that answers; `None` without
    /// the stream.
    #[must_use]
    pub fn claimable(&self, id: StreamId, at: UnixTime) -> Option<flowfi_domain::Amount> {
        Some(flowfi_domain::Amount(self.state().network.first().contract.stream(id)?.claimable(at.0)))
    }

    /// Returns how many streams the first contract ever created; their numbers count from 1.
    #[must_use]
    pub fn stream_count(&self) -> usize {
        usize::try_from(self.state().network.first().contract.stream_count()).unwrap_or(usize::MAX)
    }

    /// Checks that each contract holds exactly what its active streams have left, and that no token came from or
    /// went to nowhere.
    ///
    /// # Errors
    /// The sums that differ.
    pub fn check_balances(&self) -> Result<(), BalanceMismatch> {
        self.state().network.contracts().try_for_each(|deployed| deployed.contract.check_balances())
    }

    /// Puts a call or raw events into the next ledger. The future ends when that ledger is closed.
    ///
    /// # Errors
    /// The contract refuses the call, too many wait already, or the network stops before the ledger closes.
    pub fn submit<I: Into<Input>>(&self, input: I) -> impl Future<Output = Result<Receipt, NotDone>> + use<I> {
        let answer = self.state().submit(input.into());
        async { answer?.await.unwrap_or(Err(NotDone::Stopped)) }
    }

    /// Returns the routes of the network under `/devnet`: Stellar RPC, Horizon, calls, ledgers, faults.
    pub fn router(&self) -> axum::Router {
        http::router(self.clone(), http::bodies::DEADLINE)
    }

    /// Returns the routes outside `/devnet`: `POST /v1/streams` and `POST /streams`, which create a stream.
    pub fn quick_start_router(&self) -> axum::Router {
        http::quick_start_router(self.clone(), http::bodies::DEADLINE)
    }

    /// Closes ledgers at the interval until told to stop; then those who wait for a ledger are told so.
    ///
    /// # Errors
    /// The journal cannot be written.
    pub async fn run(self, stop: CancellationToken) -> Result<(), DevnetError> {
        let ended = self.close_until(&stop).await;
        self.state().stop();
        ended
    }

    async fn close_until(&self, stop: &CancellationToken) -> Result<(), DevnetError> {
        let LedgerInterval::Every(interval) = self.inner.ledger_interval else {
            stop.cancelled().await;
            return Ok(());
        };
        let mut ticks = tokio::time::interval(interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                _ = ticks.tick() => {
                    let devnet = self.clone();
                    tokio::task::spawn_blocking(move || devnet.close_ledger()).await??;
                }
            }
        }
    }

    fn now(&self) -> UnixTime {
        UnixTime::of_close(self.inner.clock.now())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().expect("a close that broke off leaves nothing to go on from")
    }
}

impl std::fmt::Debug for Devnet {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Devnet").field("latest_ledger", &self.latest_ledger()).finish_non_exhaustive()
    }
}
