//! The calls as they were recorded, of either version.

use std::io::Read;

use chrono::DateTime;
use flate2::read::GzDecoder;
use flowfi_indexer::domain::{Amount, ContractId, StreamId, StreamKey};
use serde::Deserialize;
use stellar_xdr::ScVal;

use crate::{
    contract_histories::bytes,
    made_chain::{MadeEvent, scval},
};

/// The histories of the first version.
pub const OLDER: &[u8] = include_bytes!("../../fixtures/contract-histories.jsonl.gz");
/// The histories of the second version.
pub const NEWER: &[u8] = include_bytes!("../../fixtures/contract-histories-b.jsonl.gz");

/// A call of a recorded history, of either version.
#[derive(Deserialize)]
pub struct Call {
    pub history: u8,
    pub step: u32,
    pub now: u64,
    /// The version that executed it. The older histories do not say so.
    #[serde(default)]
    pub code: String,
    #[serde(default)]
    pub op: String,
    #[serde(default)]
    pub events: Vec<HexEvent>,
    #[serde(default)]
    system_events: Vec<HexEvent>,
    #[serde(default)]
    states: Vec<State>,
    #[serde(default)]
    claimable: Answers,
    /// The older histories name one stream a call.
    #[serde(default)]
    stream: u64,
    state: Option<String>,
}

#[derive(Deserialize)]
pub struct HexEvent {
    pub topics: Vec<String>,
    pub value: String,
}

#[derive(Deserialize)]
struct State {
    stream: u64,
    state: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Answers {
    OfOne(OfOne),
    OfAny(Vec<Claimable>),
    None(()),
}

impl Default for Answers {
    fn default() -> Self {
        Self::None(())
    }
}

#[derive(Clone, Copy, Deserialize)]
struct OfOne {
    at: u64,
    amount: Amount,
}

#[derive(Clone, Copy, Deserialize)]
pub struct Claimable {
    pub stream: u64,
    pub at: u64,
    pub amount: Option<Amount>,
}

impl Call {
    /// Returns the contract of its history.
    pub fn contract_id(&self) -> ContractId {
        ContractId::from_bytes([self.history + 1; 32])
    }

    pub fn place(&self) -> String {
        format!("history {} step {} {}", self.history, self.step, self.op)
    }

    /// Returns the hex of what lies under each stream's key after the call, as far as it is recorded.
    pub fn states(&self) -> impl Iterator<Item = (StreamId, Option<&str>)> {
        let of_one = self.state.as_deref().map(|state| (StreamId(self.stream), Some(state)));
        let of_any = self.states.iter().map(|State { stream, state }| (StreamId(*stream), state.as_deref()));
        of_one.into_iter().chain(of_any)
    }

    /// Returns the same, decoded.
    pub fn stored(&self) -> Vec<(StreamKey, Option<ScVal>)> {
        let stored = |(stream_id, state): (StreamId, Option<&str>)| {
            ((self.contract_id(), stream_id), state.map(|hex| scval(&bytes(hex))))
        };
        self.states().map(stored).collect()
    }

    /// Returns whether a ledger can close at its time: a contract can be told of any time, and no ledger closes after the
    /// last date that there is.
    pub fn has_date(&self) -> bool {
        i64::try_from(self.now).is_ok_and(|now| DateTime::from_timestamp(now, 0).is_some())
    }

    pub fn claimables(&self) -> Vec<Claimable> {
        match &self.claimable {
            Answers::OfOne(OfOne { at, amount }) => {
                vec![Claimable { stream: self.stream, at: *at, amount: Some(*amount) }]
            }
            Answers::OfAny(of_any) => of_any.clone(),
            Answers::None(()) => Vec::new(),
        }
    }

    pub fn events(&self) -> Vec<MadeEvent> {
        let made = |is_system: bool, event: &HexEvent| MadeEvent {
            is_system,
            topics: event.topics.iter().map(|topic| bytes(topic)).collect(),
            value: bytes(&event.value),
        };
        let own = self.events.iter().map(|event| made(false, event));
        own.chain(self.system_events.iter().map(|event| made(true, event))).collect()
    }
}

/// Returns the calls in the order of their recording.
pub fn recorded(histories: &[u8]) -> Vec<Call> {
    let mut text = String::new();
    GzDecoder::new(histories).read_to_string(&mut text).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Returns those that a ledger can close at, in the order of their times.
pub fn by_time(histories: &[u8]) -> Vec<Call> {
    let mut calls: Vec<Call> = recorded(histories).into_iter().filter(Call::has_date).collect();
    calls.sort_by_key(|call| (call.now, call.history, call.step));
    calls
}
