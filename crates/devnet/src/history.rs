//! A network with a generated past: legal calls through the contract, in ledgers that closed before now, until there are
//! as many events as asked for. Serves to measure how an indexer catches up.

use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};

use super::{accounts, call::Call, input::Input, network::Network, start::Start};
use flowfi_domain::{Address, Amount, StreamId, UnixTime};

const EVENTS_PER_LEDGER: u64 = 100;
const SECONDS_PER_LEDGER: u64 = 5;
const ACCOUNTS: u32 = 2_000;
/// How many streams are active at a time. Beyond that, a stream is cancelled before another is created.
const LIVE_STREAMS: usize = 2_000;
/// How many of 100 calls create a stream. With this many, a stream has about twenty events.
const CREATIONS_PERCENT: u32 = 6;

/// Returns a network that starts with the past that `start` asks for, if it asks for one.
pub(super) fn start_with_past(start: &Start, retention_ledgers: u32) -> Network {
    let mut network = Network::start(start, first_close(start), retention_ledgers);
    generate(&mut network, start);
    network
}

/// Returns the time of the first ledger, so that the generated ones fit between it and the start.
fn first_close(start: &Start) -> UnixTime {
    let ledgers = start.history_events.div_ceil(EVENTS_PER_LEDGER);
    UnixTime(start.closed_at.0.saturating_sub(ledgers.saturating_mul(SECONDS_PER_LEDGER)))
}

/// Closes ledgers full of calls until they hold the events that `start` asks for, or a few more.
fn generate(network: &mut Network, start: &Start) {
    let mut past = Past::new(start.seed);
    let mut left = start.history_events;
    while left > 0 {
        let closed_at = network.latest().closed_at.plus_seconds(SECONDS_PER_LEDGER);
        let (mut executed, mut events) = (Vec::new(), 0);
        while events < EVENTS_PER_LEDGER.min(left) {
            let call = Input::Call(past.next_call());
            if let Ok(done) = network.execute(&call, closed_at) {
                past.learn(network, done.stream_id);
                events = events.saturating_add(u64::try_from(done.event_count()).unwrap_or(u64::MAX));
                executed.push(done);
            }
        }
        network.close(closed_at, executed);
        left = left.saturating_sub(events);
    }
}

/// What the generator remembers: its accounts, and the streams that it believes active. A call that the contract refuses
/// costs nothing.
struct Past {
    rng: StdRng,
    accounts: Vec<Address>,
    live: Vec<StreamId>,
}

impl Past {
    fn new(seed: u64) -> Self {
        let accounts = (0..ACCOUNTS).map(|number| accounts::account(&format!("past {number}"))).collect();
        Self { rng: StdRng::seed_from_u64(seed), accounts, live: Vec::new() }
    }

    fn next_call(&mut self) -> Call {
        let Some(stream_id) = self.live.choose(&mut self.rng).copied() else { return self.create() };
        let caller = None;
        match self.rng.random_range(0..100) {
            0..CREATIONS_PERCENT if self.live.len() < LIVE_STREAMS => self.create(),
            0..8 => Call::Cancel { stream_id, caller },
            8..22 => Call::TopUp { stream_id, caller, amount: Amount(self.rng.random_range(1_000..10_000_000)) },
            22..36 => Call::Pause { stream_id, caller },
            36..50 => Call::Resume { stream_id, caller },
            _ => Call::Withdraw { stream_id, caller },
        }
    }

    fn create(&mut self) -> Call {
        let duration_seconds: u64 = self.rng.random_range(600..200_000);
        let rate: i128 = self.rng.random_range(10..100_000);
        Call::Create {
            sender: self.account(),
            recipient: self.account(),
            token: accounts::token_contract().into(),
            amount: Amount(rate * i128::from(duration_seconds)),
            duration_seconds,
        }
    }

    fn account(&mut self) -> Address {
        self.accounts.choose(&mut self.rng).expect("there are accounts").clone()
    }

    /// Takes up a stream that was created and lets go of one that has ended.
    fn learn(&mut self, network: &Network, stream_id: Option<StreamId>) {
        let Some(stream_id) = stream_id else { return };
        let is_active = network.first().contract.stream(stream_id).is_some_and(|stream| stream.is_active);
        let place = self.live.iter().position(|live| *live == stream_id);
        match place {
            None if is_active => self.live.push(stream_id),
            Some(place) if !is_active => {
                self.live.swap_remove(place);
            }
            _ => {}
        }
    }
}
