//! What the stream contract keeps in its instance: its code, its settings, and the milestones of conditional streams.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    code::ContractCode,
    milestone::{AttestationId, Milestone},
    wasm::WasmHash,
};
use flowfi_domain::{Address, StreamId};

/// The contract's instance, one entry of the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Instance {
    pub(super) code: ContractCode,
    /// The module that the host runs for the contract.
    pub(super) executable: WasmHash,
    pub(super) config: Option<ProtocolConfig>,
    /// The version of the stored state; state A knows none.
    pub(super) version: Option<u32>,
    /// The module of the last upgrade that the contract itself made.
    pub(super) upgraded_to: Option<WasmHash>,
    /// How many streams were ever created.
    pub(super) stream_count: u64,
    /// What no closing of a stream removes.
    pub(super) conditional: BTreeMap<StreamId, Arc<Conditional>>,
}

/// Who governs the protocol, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ProtocolConfig {
    pub(super) admin: Address,
    pub(super) treasury: Address,
    /// Parts of 10 000 of a deposit.
    pub(super) fee_rate_bps: u32,
    pub(super) is_paused: bool,
    pub(super) guardian: Option<Address>,
    /// The code that wrote it last: A writes the first three fields, B all five.
    pub(super) written_by: ContractCode,
}

/// What belongs to one conditional stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Conditional {
    pub(super) milestones: Vec<Milestone>,
    /// The attestations that unlocked some of them.
    pub(super) attested: Vec<AttestationId>,
}

impl Instance {
    /// Returns the instance of a contract that was deployed and never called.
    pub(super) fn deployed(code: ContractCode) -> Self {
        Self {
            code,
            executable: WasmHash::of(code),
            config: None,
            version: None,
            upgraded_to: None,
            stream_count: 0,
            conditional: BTreeMap::new(),
        }
    }
}
