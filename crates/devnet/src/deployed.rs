//! A stream contract where it is deployed: its id, and its entries in the ledger.

use super::{
    accounts,
    call::Call,
    code::ContractCode,
    contract::Contract,
    effect::Effect,
    encode::{self, RawEvent},
    event::EventKind,
    lifetimes::Lifetimes,
    live_entry::{EntryChange, Eviction, LiveEntry},
    refused::Refused,
    storage::{EntryKey, StorageChange},
    transaction::Event,
    wasm::WasmHash,
};
use flowfi_domain::{Address, ContractId, LedgerSequence, StreamId, UnixTime};

/// A deployed stream contract.
#[derive(Debug)]
pub(super) struct Deployed {
    pub(super) id: ContractId,
    pub(super) contract: Contract,
    lifetimes: Lifetimes,
}

impl Deployed {
    /// Deploys the contract of this number, with money in the hands of the sample accounts.
    pub(super) fn new(number: u8, code: ContractCode) -> Self {
        let token: Address = accounts::token_contract().into();
        let id = accounts::stream_contract_of(number);
        let mut contract = Contract::new(code, id.clone().into(), [token.clone()]);
        for (_, account) in accounts::samples() {
            contract.balances_mut().fund_new(&token, &account);
        }
        Self { id, contract, lifetimes: Lifetimes::default() }
    }

    /// Sets the contract's admin and its fee, and returns what the contract says of it.
    pub(super) fn initialize(&mut self, fee_bps: u32) -> Result<Effect, Refused> {
        let (admin, treasury) = (accounts::account("admin"), accounts::account("treasury"));
        Effect::of_initialization(&mut self.contract, &admin, &treasury, fee_bps)
    }

    /// Carries out a call, wholly or not at all.
    pub(super) fn execute(&mut self, call: &Call, now: UnixTime) -> Result<Effect, Refused> {
        call.execute(&mut self.contract, now)
    }

    /// Gives the contract another module, and returns what the host says of it. If none is named, it is the first one
    /// of another code, or one that follows from the module before.
    pub(super) fn upgrade(&mut self, wasm: Option<WasmHash>, code: Option<ContractCode>) -> Result<RawEvent, Refused> {
        let (before, runs) = (self.contract.instance().executable, self.contract.instance().code);
        let code = code.unwrap_or(runs);
        let next = if code == runs { before.next() } else { WasmHash::of(code) };
        let replacement = self.contract.replace_code(code, wasm.unwrap_or(next))?;
        Ok(encode::executable_update(replacement.old, replacement.new))
    }

    /// Returns an event in the contract's name.
    pub(super) fn event(&self, kind: EventKind, raw: &RawEvent) -> Event {
        Event::new(kind, self.id.clone(), raw)
    }

    /// Undoes what was done since the last transaction.
    pub(super) fn roll_back(&mut self) {
        self.contract.roll_back_to(crate::contract::Savepoint::default());
    }

    /// Ends a transaction of this ledger, and returns what it did to the contract's entries.
    pub(super) fn commit(&mut self, ledger: LedgerSequence) -> Vec<EntryChange> {
        let changes = self.contract.commit();
        if changes.is_empty() {
            return Vec::new();
        }
        let is_instance_changed = changes.iter().any(|change| change.key == EntryKey::Instance);
        let mut noted: Vec<_> = changes.into_iter().map(|change| self.note(change, ledger)).collect();
        if !is_instance_changed {
            noted.extend(self.keep_instance(ledger));
        }
        noted
    }

    fn note(&mut self, change: StorageChange, ledger: LedgerSequence) -> EntryChange {
        let StorageChange { key, before, after, is_written, is_extended } = change;
        let (lifetime, is_restored) = if after.is_some() {
            self.lifetimes.touch(key, ledger, is_written, is_extended)
        } else {
            self.lifetimes.end(key)
        };
        let live = |entry, lifetime| Some(LiveEntry { entry, lifetime });
        let before = before.zip(lifetime).and_then(|(entry, lifetime)| live(entry, lifetime));
        let after = after.zip(self.lifetimes.of(key)).and_then(|(entry, lifetime)| live(entry, lifetime));
        EntryChange { contract_id: self.id.clone(), key, before, after, is_written, is_restored }
    }

    /// Lets the instance live on, which every call reads. Returns the change, where there is one.
    fn keep_instance(&mut self, ledger: LedgerSequence) -> Option<EntryChange> {
        let key = EntryKey::Instance;
        let entry = self.contract.storage().entry(key);
        let change = StorageChange { key, before: entry.clone(), after: entry, is_written: false, is_extended: false };
        let noted = self.note(change, ledger);
        let lives_until = |live: &Option<LiveEntry>| live.as_ref().map(|live| live.lifetime.live_until);
        (lives_until(&noted.before) != lives_until(&noted.after)).then_some(noted)
    }

    /// Returns an entry, if it is in the live state.
    pub(super) fn entry(&self, key: EntryKey) -> Option<LiveEntry> {
        let lifetime = self.lifetimes.of(key)?;
        Some(LiveEntry { entry: self.contract.storage().entry(key)?, lifetime })
    }

    /// Lets a stream's entry leave the live state before its time.
    pub(super) fn archive(&mut self, stream_id: StreamId) {
        self.lifetimes.archive(EntryKey::Stream(stream_id));
    }

    /// Returns the entries that leave the live state at the end of a ledger.
    pub(super) fn evict(&mut self, ledger: LedgerSequence) -> impl Iterator<Item = Eviction> {
        let contract_id = self.id.clone();
        let evicted = self.lifetimes.evict(ledger).into_iter();
        evicted.map(move |key| Eviction { contract_id: contract_id.clone(), key })
    }
}
