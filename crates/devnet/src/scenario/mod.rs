//! What moves by itself on the devnet: sample streams between sample accounts, so that whoever looks sees life.
//! Everything it decides on is the contract's state, so it goes on after a restart. The streams that alice and bob send
//! are left to whoever tries things out.

mod newer;

use rand::{Rng, SeedableRng, rngs::StdRng, seq::IteratorRandom};

use super::{accounts, call::Call, code::ContractCode, contract::Contract, stream::Stream};
use flowfi_domain::{Address, Amount, LedgerSequence, StreamId, UnixTime};

/// So many sample streams there are at least …
const FEWEST_STREAMS: usize = 8;
/// … and at most.
const MOST_STREAMS: usize = 15;
/// A stream that ends within this time counts as short; there is always one.
const SHORT_SECONDS: u64 = 240;
/// Once in how many ledgers something happens, on average.
const LEDGERS_PER_CALL: u32 = 2;
/// The first so many sample accounts send nothing by themselves.
const LEFT_ALONE: usize = 2;

/// The one who calls.
#[derive(Debug)]
pub(super) struct Scenario {
    rng: StdRng,
    accounts: Vec<Address>,
}

impl Scenario {
    /// Returns a scenario; `latest` makes one that goes on differ from one that starts.
    pub(super) fn new(seed: u64, latest: LedgerSequence) -> Self {
        let rng = StdRng::seed_from_u64(seed.wrapping_add(u64::from(latest.0)));
        Self { rng, accounts: accounts::samples().map(|(_, account)| account).collect() }
    }

    /// Returns the calls for the ledger that closes at `now`: usually none or one.
    pub(super) fn next_calls(&mut self, contract: &Contract, now: UnixTime) -> Vec<Call> {
        let live: Vec<_> =
            contract.active_streams().filter(|(_, stream)| self.senders().contains(&stream.sender)).collect();
        let missing = newer::missing_kinds(contract, &live, now);
        if live.len() < FEWEST_STREAMS {
            let mut calls: Vec<_> = missing.into_iter().map(|kind| self.create_of(kind, contract, now)).collect();
            calls.extend((live.len() + calls.len()..FEWEST_STREAMS).map(|_| self.create()));
            return calls;
        }
        if let Some(kind) = missing.first() {
            return vec![self.create_of(*kind, contract, now)];
        }
        if !self.rng.random_ratio(1, LEDGERS_PER_CALL) {
            return Vec::new();
        }
        let drained = live
            .iter()
            .find(|(_, stream)| !stream.paused && stream.left() > 0 && stream.claimable(now.0) == stream.left());
        if let Some((stream_id, _)) = drained {
            return vec![Call::Withdraw { stream_id: *stream_id, caller: None }];
        }
        if !live.iter().any(|(_, stream)| ends_soon(stream, now)) {
            return vec![self.create_lasting(60..=SHORT_SECONDS - 40)];
        }
        match contract.instance().code {
            ContractCode::A => vec![self.change(&live)],
            ContractCode::B => vec![self.newer_change(contract, &live, now)],
        }
    }

    fn senders(&self) -> &[Address] {
        &self.accounts[LEFT_ALONE..]
    }

    fn change(&mut self, live: &[(StreamId, &Stream)]) -> Call {
        let (stream_id, stream) = live.iter().choose(&mut self.rng).copied().expect("there are live streams");
        let caller = None;
        let is_crowded = live.len() >= MOST_STREAMS;
        match self.rng.random_range(0..80) {
            1 if !is_crowded => self.create(),
            0 | 1 => Call::Cancel { stream_id, caller },
            2..12 => Call::TopUp { stream_id, caller, amount: Amount(stream.rate_per_second.saturating_mul(60)) },
            _ if stream.paused => Call::Resume { stream_id, caller },
            12..26 => Call::Pause { stream_id, caller },
            _ => Call::Withdraw { stream_id, caller },
        }
    }

    fn create(&mut self) -> Call {
        match self.rng.random_range(0..4) {
            0 => self.create_lasting(60..=SHORT_SECONDS),
            1 | 2 => self.create_lasting(600..=7_200),
            _ => self.create_lasting(86_400..=432_000),
        }
    }

    fn create_lasting(&mut self, seconds: std::ops::RangeInclusive<u64>) -> Call {
        let (sender, recipient) = self.parties();
        let duration_seconds = self.rng.random_range(seconds);
        let rate = i128::from(self.rng.random_range(1..=500_u32)) * 10_000;
        Call::Create {
            sender,
            recipient,
            token: accounts::token_contract().into(),
            amount: Amount(rate * i128::from(duration_seconds)),
            duration_seconds,
        }
    }

    /// Returns a sender who is not left alone, and somebody else.
    fn parties(&mut self) -> (Address, Address) {
        let senders = &self.accounts[LEFT_ALONE..];
        let sender = senders.iter().choose(&mut self.rng).expect("there are more sample accounts").clone();
        let others = self.accounts.iter().filter(|account| **account != sender);
        let recipient = others.choose(&mut self.rng).expect("there is more than one sample account").clone();
        (sender, recipient)
    }
}

fn ends_soon(stream: &Stream, now: UnixTime) -> bool {
    let left = stream.left().saturating_sub(stream.claimable(now.0));
    !stream.paused && left / stream.rate_per_second.max(1) <= i128::from(SHORT_SECONDS)
}
