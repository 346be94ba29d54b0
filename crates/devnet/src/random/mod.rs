//! Transactions at random for simulations: legal calls one after the other, and between them whatever else a chain
//! holds. They are tried on a copy of the contract, so that each is legal after those before it.

use std::borrow::Cow;

use rand::{
    Rng,
    rngs::StdRng,
    seq::{IndexedRandom, IteratorRandom},
};

mod creations;
mod newer;

use super::{
    Devnet, accounts,
    call::Call,
    contract::Contract,
    effect::Effect,
    encode::{self, RawEvent},
    event::{EventKind, FieldValue, NamedEvent, Subject},
    input::{Emit, Input, Upgrade},
    stream::Stream,
};
use flowfi_domain::{Address, Amount, ContractId, StreamId, UnixTime};

/// Which of the contract's functions random inputs call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Repertoire {
    /// Those of the older state; the contract keeps its code.
    #[default]
    Older,
    /// Those of the code that the contract runs. Now and then, an upgrade replaces the older code with the newer one.
    Both,
}

const ACCOUNTS: u32 = 12;
/// So often another call is tried; then a stream is created, which is always legal.
const ATTEMPTS: u32 = 20;

impl Devnet {
    /// Returns so many inputs that are all legal if they are submitted in this order, alone, for the next ledger, and
    /// it closes before the clock moves on. A later close may find a stream drained and refuse some.
    ///
    /// Most are calls: all of the contract's, also top-ups of paused and of drained streams, cancellations while
    /// paused, and several calls in one transaction. The rest are events of unknown names, broken events of known
    /// names, events of our names by another contract or by the host, failed transactions and, rarely, an upgrade.
    #[must_use]
    pub fn random_inputs(&self, rng: &mut StdRng, count: usize) -> Vec<Input> {
        self.random_inputs_of(Repertoire::Older, rng, count)
    }

    /// The same, with calls of this repertoire.
    #[must_use]
    pub fn random_inputs_of(&self, repertoire: Repertoire, rng: &mut StdRng, count: usize) -> Vec<Input> {
        let (contract, now) = {
            let state = self.state();
            (state.network.first().contract.clone(), state.next_close(self.now()))
        };
        let mut parties: Vec<_> = (0..ACCOUNTS).map(|number| accounts::account(&format!("random {number}"))).collect();
        parties.push(ContractId::from_bytes([0xC0; 32]).into());
        let mut simulated = SimulatedContract { contract, now, parties, repertoire, rng };
        (0..count).map(|_| simulated.next_input()).collect()
    }
}

/// The contract as it would be after the inputs so far.
struct SimulatedContract<'a> {
    contract: Contract,
    now: UnixTime,
    parties: Vec<Address>,
    repertoire: Repertoire,
    rng: &'a mut StdRng,
}

impl SimulatedContract<'_> {
    fn next_input(&mut self) -> Input {
        if let Some(input) = self.newer_input() {
            return input;
        }
        match self.rng.random_range(0..100) {
            0..70 => Input::Call(self.next_call().0),
            70..78 => Input::Calls(self.completion().unwrap_or_else(|| self.several_calls())),
            78..83 => Input::Calls(self.several_calls()),
            83..87 => self.unknown_event(),
            87..91 => self.broken_events(),
            91..94 => self.real_events(ContractId::from_bytes([0x5F; 32]), EventKind::Contract),
            94..96 => self.real_events(accounts::stream_contract(), EventKind::System),
            96..99 => Input::Failed,
            _ => Input::Upgrade(Upgrade::default()),
        }
    }

    /// Returns a legal call, carried out.
    fn next_call(&mut self) -> (Call, Effect) {
        for _ in 0..ATTEMPTS {
            let drawn = if self.draws_newer() { self.newer_call() } else { self.any_call() };
            let Some(call) = drawn else { break };
            if let Ok(effect) = call.execute(&mut self.contract, self.now) {
                return (call, effect);
            }
        }
        let call = self.reopening().unwrap_or_else(|| self.create());
        let effect = call.execute(&mut self.contract, self.now);
        (call, effect.expect("the parties are fit, funded for many such streams, and the rate is above zero"))
    }

    fn any_call(&mut self) -> Option<Call> {
        let caller = None;
        let kind = self.rng.random_range(0..100);
        if kind < 18 {
            return Some(self.create());
        }
        let stream_id = match kind {
            // Also a stream that was cancelled while it was paused.
            54..66 => self.any_stream(),
            66..70 => self.active_stream(|stream| stream.paused),
            _ => self.active_stream(|_| true),
        }?;
        Some(match kind {
            18..40 => Call::TopUp { stream_id, caller, amount: self.amount() },
            40..54 => Call::Pause { stream_id, caller },
            54..66 => Call::Resume { stream_id, caller },
            66..74 => Call::Cancel { stream_id, caller },
            _ => Call::Withdraw { stream_id, caller },
        })
    }

    fn several_calls(&mut self) -> Vec<Call> {
        let count = self.rng.random_range(2..=4);
        (0..count).map(|_| self.next_call().0).collect()
    }

    /// Returns a top-up and the withdrawal that completes the stream all the same, carried out.
    fn completion(&mut self) -> Option<Vec<Call>> {
        let now = self.now.0;
        let stream_id = self.active_stream(|stream| {
            let topped_up = Stream { deposited: stream.deposited.saturating_add(1), ..stream.clone() };
            !stream.paused && topped_up.claimable(now) == topped_up.left()
        })?;
        let caller = None;
        let top_up = Call::TopUp { stream_id, caller: caller.clone(), amount: Amount(1) };
        let calls = vec![top_up, Call::Withdraw { stream_id, caller }];
        let before = self.contract.savepoint();
        let done = calls.iter().try_for_each(|call| call.execute(&mut self.contract, self.now).map(drop));
        done.inspect_err(|_| self.contract.roll_back_to(before)).ok()?;
        Some(calls)
    }

    fn create(&mut self) -> Call {
        let duration_seconds = if self.rng.random_ratio(1, 3) {
            self.rng.random_range(1..=30)
        } else {
            self.rng.random_range(31..=100_000)
        };
        // Twice the rate, so that a fee leaves at least one a second.
        let rate = self.rng.random_range(1..=1_000_000_i128) * 2;
        Call::Create {
            sender: self.party(),
            recipient: self.party(),
            token: accounts::token_contract().into(),
            amount: Amount(rate * i128::from(duration_seconds)),
            duration_seconds,
        }
    }

    fn amount(&mut self) -> Amount {
        let digits = self.rng.random_range(1..=18);
        Amount(self.rng.random_range(1..=10_i128.pow(digits)))
    }

    fn party(&mut self) -> Address {
        self.parties.choose(self.rng).expect("there are parties").clone()
    }

    fn any_stream(&mut self) -> Option<StreamId> {
        let count = self.contract.stream_count();
        (count > 0).then(|| StreamId(self.rng.random_range(1..=count)))
    }

    fn active_stream(&mut self, is_wanted: impl Fn(&Stream) -> bool) -> Option<StreamId> {
        let wanted = self.contract.active_streams().filter(|(_, stream)| is_wanted(stream));
        wanted.map(|(id, _)| id).choose(self.rng)
    }

    fn emit(&mut self, contract_id: ContractId, kind: EventKind, events: Vec<RawEvent>) -> Input {
        Input::Emit(Emit { contract_id, kind, events, count: self.rng.random_range(1..=2) })
    }

    /// Puts the events that a legal call would have into another mouth; the call itself is not carried out.
    fn real_events(&mut self, contract_id: ContractId, kind: EventKind) -> Input {
        let before = self.contract.savepoint();
        let events = loop {
            let (_, effect) = self.next_call();
            self.contract.roll_back_to(before);
            let by_contract = effect.events.into_iter().filter(|(kind, _)| *kind == EventKind::Contract);
            let events: Vec<_> = by_contract.map(|(_, raw)| raw).collect();
            // Some calls emit nothing.
            if !events.is_empty() {
                break events;
            }
        };
        self.emit(contract_id, kind, events)
    }

    /// Returns events of known names whose value is not what the name promises.
    fn broken_events(&mut self) -> Input {
        let Input::Emit(mut emit) = self.real_events(accounts::stream_contract(), EventKind::Contract) else {
            return Input::Failed;
        };
        for event in &mut emit.events {
            if self.rng.random() {
                event.topics.truncate(1);
            }
            event.value = encode::to_base64(&encode::symbol("broken").expect("six bytes fit a symbol"));
        }
        Input::Emit(emit)
    }

    fn unknown_event(&mut self) -> Input {
        let name = ["stream_renamed", "stream_split", "Stream_Created"].choose(self.rng).expect("there are names");
        let stream_id = self.any_stream().filter(|_| self.rng.random());
        let fields = vec![(Cow::Borrowed("amount"), FieldValue::I128(self.amount().0))];
        let subject = stream_id.map(Subject::Stream);
        let event = NamedEvent { name: Cow::Borrowed(name), subject, fields };
        let event = encode::encode_event(&event).expect("the names fit a symbol");
        self.emit(accounts::stream_contract(), EventKind::Contract, vec![event])
    }
}
