//! The contract against what the real one did in the Soroban host, and the network as its users meet it.

mod contract;
mod crosscheck;
mod entries;
mod entry_changes;
mod faults;
mod fixtures;
mod histories;
mod horizon;
mod inputs;
mod journal;
mod lake;
mod network;
mod random;
mod recorded_call;
mod web;
mod web_of_newer;

use std::sync::{Arc, Mutex};

use chrono::{DateTime, TimeDelta, Utc};

use super::{Call, Devnet, DevnetArgs};
use flowfi_domain::{Address, Amount, Clock, StreamId};

/// A clock that stands still until it is told to move.
#[derive(Debug)]
pub(super) struct StoppedClock(Mutex<DateTime<Utc>>);

impl StoppedClock {
    pub(super) fn at(unix_seconds: i64) -> Arc<Self> {
        Arc::new(Self(Mutex::new(DateTime::from_timestamp(unix_seconds, 0).unwrap())))
    }

    pub(super) fn advance(&self, seconds: i64) {
        *self.0.lock().unwrap() += TimeDelta::seconds(seconds);
    }
}

impl Clock for StoppedClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap()
    }
}

pub(super) const START: i64 = 1_800_000_000;

/// Returns a network whose ledgers close by hand, and its clock.
pub(super) fn by_hand() -> (Devnet, Arc<StoppedClock>) {
    open(&DevnetArgs::by_hand())
}

pub(super) fn open(args: &DevnetArgs) -> (Devnet, Arc<StoppedClock>) {
    let clock = StoppedClock::at(START);
    (Devnet::open(args, None, clock.clone()).unwrap(), clock)
}

pub(super) fn alice() -> Address {
    super::accounts::account("alice")
}

pub(super) fn bob() -> Address {
    super::accounts::account("bob")
}

/// Alice pays Bob `amount` over `duration_seconds`.
pub(super) fn create(amount: i128, duration_seconds: u64) -> Call {
    let token = super::accounts::token_contract().into();
    Call::Create { sender: alice(), recipient: bob(), token, amount: Amount(amount), duration_seconds }
}

pub(super) fn withdraw(stream_id: u64) -> Call {
    Call::Withdraw { stream_id: StreamId(stream_id), caller: None }
}

pub(super) fn top_up(stream_id: u64, amount: i128) -> Call {
    Call::TopUp { stream_id: StreamId(stream_id), caller: None, amount: Amount(amount) }
}

pub(super) fn pause(stream_id: u64) -> Call {
    Call::Pause { stream_id: StreamId(stream_id), caller: None }
}

pub(super) fn resume(stream_id: u64) -> Call {
    Call::Resume { stream_id: StreamId(stream_id), caller: None }
}

pub(super) fn cancel(stream_id: u64) -> Call {
    Call::Cancel { stream_id: StreamId(stream_id), caller: None }
}

/// Names a file of its own in the system's directory for temporary ones, and removes it in the end.
pub(super) struct TemporaryFile(pub(super) std::path::PathBuf);

impl TemporaryFile {
    pub(super) fn named(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("flowfi-devnet-{}-{name}.jsonl", std::process::id()));
        let _ = std::fs::remove_file(&path);
        Self(path)
    }
}

/// Names a folder of its own in the system's directory for temporary ones, and removes it in the end.
pub(super) struct TemporaryFolder(pub(super) std::path::PathBuf);

impl TemporaryFolder {
    pub(super) fn named(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("flowfi-devnet-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        Self(path)
    }
}

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
