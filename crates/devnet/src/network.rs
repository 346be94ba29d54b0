//! The network's whole state: the contracts and the chain. The same inputs at the same times give the same state, the
//! same ids and the same hashes, which is what the journal rests on.

use std::sync::Arc;

use super::{
    account_entry::AccountEntries,
    accounts,
    call::Call,
    chain::{Chain, Ledger},
    deployed::Deployed,
    effect::Effect,
    event::EventKind,
    input::{Emit, Input, Upgrade},
    live_entry::{EntryChange, LiveEntry},
    refused::Refused,
    start::Start,
    storage::EntryKey,
    transaction::{Applied, Event},
};
use flowfi_domain::{ContractId, LedgerSequence, StreamId, UnixTime};

/// A network since its last start.
#[derive(Debug)]
pub(super) struct Network {
    pub(super) start: Start,
    /// The stream contracts by their number, which share nothing but the chain.
    contracts: Vec<Deployed>,
    pub(super) chain: Chain,
    /// The accounts that the ledger has; the sample accounts hold tokens without being among them.
    pub(super) accounts: AccountEntries,
}

/// A transaction that was carried out and waits for its ledger.
#[derive(Debug)]
pub(super) struct Executed {
    pub(super) stream_id: Option<StreamId>,
    applied: Applied,
}

impl Network {
    /// Returns a network that has closed its first ledger, at `first_close`.
    pub(super) fn start(start: &Start, first_close: UnixTime, retention_ledgers: u32) -> Self {
        let mut network = Self {
            start: start.clone(),
            contracts: (0..start.contracts).map(|number| Deployed::new(number, start.code)).collect(),
            chain: Chain::new(accounts::PASSPHRASE, start.closed_at, retention_ledgers),
            accounts: AccountEntries::default(),
        };
        let first = (0..network.contracts.len()).map(|place| network.initialize(place)).collect();
        network.close(first_close, first);
        network
    }

    fn initialize(&mut self, place: usize) -> Executed {
        let fee_bps = self.start.fee_bps;
        let effect = self.contracts[place].initialize(fee_bps).expect("a contract that was never called takes its fee");
        self.done(vec![(place, effect)])
    }

    /// Returns every stream contract.
    pub(super) fn contracts(&self) -> impl Iterator<Item = &Deployed> {
        self.contracts.iter()
    }

    /// Returns the first stream contract.
    pub(super) fn first(&self) -> &Deployed {
        self.contracts.first().expect("a network starts with one at least")
    }

    /// The same, to be changed.
    pub(super) fn first_mut(&mut self) -> &mut Deployed {
        self.contracts.first_mut().expect("a network starts with one at least")
    }

    /// Returns the stream contract of this id.
    pub(super) fn deployed(&self, id: &ContractId) -> Option<&Deployed> {
        self.contracts.iter().find(|deployed| deployed.id == *id)
    }

    /// Carries out one input at the time of the ledger that is about to close, wholly or not at all.
    pub(super) fn execute(&mut self, input: &Input, now: UnixTime) -> Result<Executed, Refused> {
        match input {
            Input::Call(call) => self.call(&[(0, call)], now),
            Input::Calls(calls) => self.call(&calls.iter().map(|call| (0, call)).collect::<Vec<_>>(), now),
            Input::Across(calls) => {
                self.call(&calls.iter().map(|call| (call.contract, &call.call)).collect::<Vec<_>>(), now)
            }
            Input::Upgrade(upgrade) => self.upgrade(*upgrade),
            Input::Failed => Ok(Executed::failed()),
            Input::Emit(emit) if !is_base64_text(emit) => Err(Refused::NotBase64),
            Input::Emit(emit) => Ok(Executed::emitting(None, emitted(emit), Vec::new())),
        }
    }

    fn call(&mut self, calls: &[(u8, &Call)], now: UnixTime) -> Result<Executed, Refused> {
        let effects: Result<Vec<_>, Refused> =
            calls.iter().map(|(number, call)| self.carry_out(*number, call, now)).collect();
        // A call that is refused has changed nothing; those before it have.
        let effects = effects.inspect_err(|_| self.contracts.iter_mut().for_each(Deployed::roll_back))?;
        Ok(self.done(effects))
    }

    fn carry_out(&mut self, number: u8, call: &Call, now: UnixTime) -> Result<(usize, Effect), Refused> {
        let place = usize::from(number);
        let deployed = self.contracts.get_mut(place).ok_or(Refused::NoSuchContract)?;
        Ok((place, deployed.execute(call, now)?))
    }

    fn upgrade(&mut self, Upgrade { wasm, code }: Upgrade) -> Result<Executed, Refused> {
        let raw = self.first_mut().upgrade(wasm, code)?;
        let events = vec![(EventKind::System, raw)];
        Ok(self.done(vec![(0, Effect { stream_id: None, events })]))
    }

    /// Ends a transaction that had these effects, each of the contract at its place.
    fn done(&mut self, effects: Vec<(usize, Effect)>) -> Executed {
        let (mut last, mut events) = (None, Vec::new());
        for (place, Effect { stream_id, events: of_call }) in effects {
            last = stream_id.or(last);
            let deployed = &self.contracts[place];
            events.extend(of_call.iter().map(|(kind, raw)| deployed.event(*kind, raw)));
        }
        let ledger = self.chain.next_sequence();
        let changes = self.contracts.iter_mut().flat_map(|deployed| deployed.commit(ledger)).collect();
        Executed::emitting(last, events, changes)
    }

    /// Closes the ledger that holds what was executed since the last one.
    pub(super) fn close(&mut self, closed_at: UnixTime, executed: Vec<Executed>) -> Arc<Ledger> {
        let ledger = self.chain.next_sequence();
        let evictions = self.contracts.iter_mut().flat_map(|deployed| deployed.evict(ledger)).collect();
        self.chain.push(closed_at, executed.into_iter().map(|transaction| transaction.applied).collect(), evictions)
    }

    /// Returns an entry of a stream contract as it was in the live state at the end of a ledger that is still held.
    pub(super) fn entry_at(&self, id: &ContractId, key: EntryKey, ledger: LedgerSequence) -> Option<LiveEntry> {
        let deployed = self.deployed(id)?;
        let later = self.chain.range(ledger.next(), self.latest().sequence);
        let mut changes = later.flat_map(|later| later.transactions.iter()).flat_map(|done| done.changes.iter());
        match changes.find(|change| change.key == key && change.contract_id == *id) {
            Some(change) => change.before.clone(),
            None => deployed.entry(key),
        }
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
        let applied = Applied { successful: false, events: Vec::new(), changes: Vec::new() };
        Self { stream_id: None, applied }
    }

    fn emitting(stream_id: Option<StreamId>, events: Vec<Event>, changes: Vec<EntryChange>) -> Self {
        Self { stream_id, applied: Applied { successful: true, events, changes } }
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
