//! The network's whole state: the contract and the chain. The same inputs at the same times give the same state, the
//! same ids and the same hashes, which is what the journal rests on.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use stellar_xdr::ScVal;

use super::{
    account_entry::AccountEntries,
    accounts,
    call::{Effect, Emit, EventKind, Input, Upgrade},
    chain::{Applied, Chain, Event, Ledger},
    contract::{Contract, FeeConfig},
    encode::{self, encode_event},
    history,
    refused::Refused,
    wasm::WasmHash,
};
use crate::domain::{ContractId, LedgerSequence, StreamId, UnixTime};

/// How a network starts; all that is needed to start it again in the same way.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Start {
    /// When it starts: the generated past lies before, the first ledger by the clock at or after it.
    pub(super) closed_at: UnixTime,
    /// The protocol's fee in parts of 10 000.
    pub(super) fee_bps: u32,
    /// How many events the generated past holds.
    pub(super) history_events: u64,
    /// What the generated past is generated from.
    pub(super) seed: u64,
}

/// A network since its last start.
#[derive(Debug)]
pub(super) struct Network {
    pub(super) start: Start,
    pub(super) contract: Contract,
    pub(super) chain: Chain,
    /// The accounts that the ledger has; the sample accounts hold tokens without being among them.
    pub(super) accounts: AccountEntries,
    archived: BTreeSet<StreamId>,
    stream_contract: ContractId,
    wasm: WasmHash,
    last_modified: HashMap<StreamId, LedgerSequence>,
}

/// A transaction that was carried out and waits for its ledger.
#[derive(Debug)]
pub(super) struct Executed {
    pub(super) stream_id: Option<StreamId>,
    applied: Applied,
}

impl Network {
    /// Returns a network whose past is generated, if it is to have one, and whose first ledgers are closed.
    pub(super) fn start(start: &Start, retention_ledgers: u32) -> Self {
        let token = accounts::token_contract().into();
        let stream_contract = accounts::stream_contract();
        let mut contract = Contract::new(stream_contract.clone().into(), [token]);
        for (_, account) in accounts::samples() {
            contract.fund_new(&accounts::token_contract().into(), &account);
        }
        let fee = FeeConfig { treasury: accounts::account("treasury"), rate_bps: start.fee_bps };
        let initialized = contract.initialize(&accounts::account("admin"), fee);
        let initialized = encode_event(&initialized).expect("the contract's names and accounts have XDR");
        let mut network = Self {
            start: start.clone(),
            contract,
            chain: Chain::new(accounts::PASSPHRASE, start.closed_at, retention_ledgers),
            accounts: AccountEntries::default(),
            archived: BTreeSet::new(),
            stream_contract: stream_contract.clone(),
            wasm: WasmHash::first(),
            last_modified: HashMap::new(),
        };
        let first = Executed::emitting(None, vec![Event::new(EventKind::Contract, stream_contract, &initialized)]);
        network.close(history::first_close(start), vec![first]);
        history::generate(&mut network, start);
        network
    }

    /// Carries out one input at the time of the ledger that is about to close, wholly or not at all.
    pub(super) fn execute(&mut self, input: &Input, now: UnixTime) -> Result<Executed, Refused> {
        match input {
            Input::Call(call) => {
                let effect = call.execute(&mut self.contract, now)?;
                Ok(self.executed(vec![effect]))
            }
            Input::Calls(calls) => {
                let before = self.contract.clone();
                let effects = calls.iter().map(|call| call.execute(&mut self.contract, now));
                let effects: Result<Vec<_>, _> = effects.collect();
                let effects = effects.inspect_err(|_| self.contract = before)?;
                Ok(self.executed(effects))
            }
            Input::Upgrade(Upgrade { wasm }) => {
                let new = wasm.unwrap_or(self.wasm.next());
                let raw = encode::executable_update(std::mem::replace(&mut self.wasm, new), new);
                Ok(Executed::emitting(None, vec![Event::new(EventKind::System, self.stream_contract.clone(), &raw)]))
            }
            Input::Failed => Ok(Executed::failed()),
            Input::Emit(emit) if !is_base64_text(emit) => Err(Refused::NotBase64),
            Input::Emit(emit) => Ok(Executed::emitting(None, emitted(emit))),
        }
    }

    fn executed(&mut self, effects: Vec<Effect>) -> Executed {
        let (mut last, mut events) = (None, Vec::new());
        for effect in effects {
            last = Some(effect.stream_id);
            self.archived.remove(&effect.stream_id);
            self.last_modified.insert(effect.stream_id, self.chain.next_sequence());
            let event = |raw| Event::new(EventKind::Contract, self.stream_contract.clone(), raw);
            events.extend(effect.events.iter().map(event));
        }
        Executed::emitting(last, events)
    }

    /// Closes the ledger that holds what was executed since the last one.
    pub(super) fn close(&mut self, closed_at: UnixTime, executed: Vec<Executed>) -> Arc<Ledger> {
        self.chain.push(closed_at, executed.into_iter().map(|transaction| transaction.applied).collect())
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

    /// Returns the newest ledger.
    pub(super) fn latest(&self) -> &Arc<Ledger> {
        self.chain.latest().expect("start closes the first ledger, and a chain keeps its newest")
    }

    /// Returns the oldest ledger still held.
    pub(super) fn oldest(&self) -> &Arc<Ledger> {
        self.chain.oldest().expect("start closes the first ledger, and a chain keeps its newest")
    }
}

impl Executed {
    fn failed() -> Self {
        Self { stream_id: None, applied: Applied { successful: false, events: Vec::new() } }
    }

    fn emitting(stream_id: Option<StreamId>, events: Vec<Event>) -> Self {
        Self { stream_id, applied: Applied { successful: true, events } }
    }

    /// Returns how many events the transaction emitted.
    pub(super) fn event_count(&self) -> usize {
        self.applied.events.len()
    }
}

fn emitted(emit: &Emit) -> Vec<Event> {
    let once: Vec<Event> = emit.events.iter().map(|raw| Event::new(emit.kind, emit.contract_id.clone(), raw)).collect();
    (0..emit.count).flat_map(|_| once.iter().cloned()).collect()
}

/// The text goes into replies as it is. That it is base64 of something is not asked: to send what does not decode is
/// what raw events are for.
fn is_base64_text(emit: &Emit) -> bool {
    let is_text = |part: &String| part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte));
    emit.events.iter().all(|event| event.topics.iter().all(is_text) && is_text(&event.value))
}
