//! What can be put into a ledger: calls of the stream contracts, raw events, an upgrade, a failure. All are written to
//! the journal as they stand here.

use serde::{Deserialize, Serialize};

use super::{call::Call, code::ContractCode, encode::RawEvent, event::EventKind, wasm::WasmHash};
use flowfi_domain::ContractId;

/// A call of one of several stream contracts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NumberedCall {
    /// Which; the first is number 0.
    pub contract: u8,
    /// The call.
    pub call: Call,
}

/// Events that change no state of ours, in one transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Emit {
    /// The contract that seems to emit them.
    pub contract_id: ContractId,
    /// By a contract's code or by the host.
    pub kind: EventKind,
    /// The events.
    pub events: Vec<RawEvent>,
    /// How many times over.
    pub count: u32,
}

/// Another module for the stream contract, put in place by the network itself: the contract emits nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Upgrade {
    /// The hash of the new module. If none is given, it follows from the old one or from `code`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wasm: Option<WasmHash>,
    /// The code that the module holds; the same as before if none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<ContractCode>,
}

/// One transaction to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Input {
    /// A call of the first stream contract.
    Call(Call),
    /// Raw events.
    Emit(Emit),
    /// Several calls of the first stream contract by another contract: all of them are carried out, or none.
    Calls(Vec<Call>),
    /// The same, of stream contracts by their number.
    Across(Vec<NumberedCall>),
    /// The first stream contract gets another module.
    Upgrade(Upgrade),
    /// A transaction that fails: it pays its fee and does nothing.
    Failed,
}

impl From<Call> for Input {
    fn from(call: Call) -> Self {
        Self::Call(call)
    }
}

impl From<NumberedCall> for Input {
    fn from(call: NumberedCall) -> Self {
        Self::Across(vec![call])
    }
}

impl From<Upgrade> for Input {
    fn from(upgrade: Upgrade) -> Self {
        Self::Upgrade(upgrade)
    }
}

impl From<Emit> for Input {
    fn from(emit: Emit) -> Self {
        Self::Emit(emit)
    }
}
