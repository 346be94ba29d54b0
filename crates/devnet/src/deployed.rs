//! A stream contract where it is deployed: its id, its code, and what the ledger says of its entries.

use std::collections::{BTreeSet, HashMap};

use stellar_xdr::ScVal;

use super::{
    accounts,
    call::{Effect, EventKind},
    contract::{Contract, FeeConfig},
    encode::{self, encode_event},
    transaction::Event,
    wasm::WasmHash,
};
use flowfi_domain::{ContractId, LedgerSequence, StreamId};

/// A deployed stream contract.
#[derive(Debug)]
pub(super) struct Deployed {
    pub(super) id: ContractId,
    pub(super) contract: Contract,
    archived: BTreeSet<StreamId>,
    wasm: WasmHash,
    last_modified: HashMap<StreamId, LedgerSequence>,
}

impl Deployed {
    /// Deploys the contract of this number, with money in the hands of the sample accounts. Returns what it says of it.
    pub(super) fn new(number: u8, fee_bps: u32) -> (Self, Event) {
        let token = accounts::token_contract().into();
        let id = accounts::stream_contract_of(number);
        let mut contract = Contract::new(id.clone().into(), [token]);
        for (_, account) in accounts::samples() {
            contract.fund_new(&accounts::token_contract().into(), &account);
        }
        let fee = FeeConfig { treasury: accounts::account("treasury"), rate_bps: fee_bps };
        let initialized = contract.initialize(&accounts::account("admin"), fee);
        let initialized = encode_event(&initialized).expect("the contract's names and accounts have XDR");
        let event = Event::new(EventKind::Contract, id.clone(), &initialized);
        let (archived, last_modified) = (BTreeSet::new(), HashMap::new());
        (Self { id, contract, archived, wasm: WasmHash::first(), last_modified }, event)
    }

    /// Notes in which ledger an effect changes its stream, and returns its events.
    pub(super) fn changed(&mut self, effect: &Effect, ledger: LedgerSequence) -> Vec<Event> {
        self.archived.remove(&effect.stream_id);
        self.last_modified.insert(effect.stream_id, ledger);
        effect.events.iter().map(|raw| Event::new(EventKind::Contract, self.id.clone(), raw)).collect()
    }

    /// Gives it another code, one that follows from the old if none is given, and returns what the host says of it.
    pub(super) fn upgrade(&mut self, wasm: Option<WasmHash>) -> Event {
        let new = wasm.unwrap_or(self.wasm.next());
        let raw = encode::executable_update(std::mem::replace(&mut self.wasm, new), new);
        Event::new(EventKind::System, self.id.clone(), &raw)
    }

    /// Returns the ledger that last changed a stream.
    pub(super) fn last_modified(&self, stream_id: StreamId) -> Option<LedgerSequence> {
        self.last_modified.get(&stream_id).copied()
    }

    /// Returns what the contract keeps for itself: its code, and how many streams it has created.
    pub(super) fn instance(&self) -> ScVal {
        let count = u64::try_from(self.contract.stream_count()).expect("a count in memory has 64 bits at most");
        encode::instance(self.wasm, count)
    }

    /// Lets a stream's entry leave the live state, until a call about the stream restores it.
    pub(super) fn archive(&mut self, stream_id: StreamId) {
        self.archived.insert(stream_id);
    }

    /// Returns whether a stream's entry has left the live state.
    pub(super) fn is_archived(&self, stream_id: StreamId) -> bool {
        self.archived.contains(&stream_id)
    }
}
