//! What the contract's newer state adds to the scenario: there is always a live stream of each kind, and milestones are
//! unlocked.

use rand::{
    Rng,
    seq::{IndexedRandom, IteratorRandom},
};

use super::{MOST_STREAMS, Scenario};
use crate::{
    accounts,
    call::Call,
    code::ContractCode,
    contract::Contract,
    milestone::{AttestationId, Condition, Milestone, OracleReading},
    schedule::{Schedule, Tranche},
    stream::Stream,
};
use flowfi_domain::{Address, Amount, StreamId, UnixTime};

const BASIS: i128 = 10_000;
const CLIFF_SECONDS: std::ops::RangeInclusive<u64> = 60..=300;
const STEP_SECONDS: std::ops::RangeInclusive<u64> = 60..=180;
const STEPS: usize = 5;
/// The contract never forgets a milestone, so conditional streams last for hours.
const LAST_MILESTONE_SECONDS: std::ops::RangeInclusive<u64> = 7_200..=14_400;
/// What the oracle's price is about.
const PRICE: i128 = 100;
/// So many settled streams are left to be looked at before one is closed.
const SETTLED_STREAMS: usize = 6;

/// A kind of stream that only the newer state has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Cliff,
    Steps,
    Hybrid,
    Conditional,
}

/// Returns the kinds of which there is no live stream; none on the older state, which does not have them.
pub(super) fn missing_kinds(contract: &Contract, live: &[(StreamId, &Stream)], now: UnixTime) -> Vec<Kind> {
    if contract.instance().code == ContractCode::A {
        return Vec::new();
    }
    let found: Vec<_> = live.iter().filter_map(|(id, stream)| kind_of(contract, *id, stream, now)).collect();
    let kinds = [Kind::Cliff, Kind::Steps, Kind::Hybrid, Kind::Conditional];
    kinds.into_iter().filter(|kind| !found.contains(kind)).collect()
}

/// Returns the kind of a stream; none for one that is linear, or whose cliff has passed.
fn kind_of(contract: &Contract, id: StreamId, stream: &Stream, now: UnixTime) -> Option<Kind> {
    match stream.schedule {
        Schedule::Linear => stream.cliff_time.filter(|cliff_time| now.0 < *cliff_time).map(|_| Kind::Cliff),
        Schedule::StepTranches(_) if contract.instance().conditional.contains_key(&id) => Some(Kind::Conditional),
        Schedule::StepTranches(_) => Some(Kind::Steps),
        Schedule::HybridCliffLinear { .. } => Some(Kind::Hybrid),
    }
}

impl Scenario {
    pub(super) fn create_of(&mut self, kind: Kind, contract: &Contract, now: UnixTime) -> Call {
        let (sender, recipient) = self.parties();
        let token: Address = accounts::token_contract().into();
        let rate = i128::from(self.rng.random_range(1..=500_u32)) * 10_000;
        let seconds: u64 = self.rng.random_range(600..=3_600);
        let amount = Amount(rate * i128::from(seconds));
        let cliff_seconds = self.rng.random_range(CLIFF_SECONDS);
        match kind {
            Kind::Cliff => {
                let duration_seconds = seconds;
                Call::CreateWithCliff { sender, recipient, token, amount, duration_seconds, cliff_seconds }
            }
            Kind::Hybrid => {
                let (cliff_time, cliff_amount) = (now.plus_seconds(cliff_seconds).0, Amount(amount.0 / 4));
                let linear_seconds = seconds;
                Call::CreateHybrid { sender, recipient, token, amount, cliff_time, cliff_amount, linear_seconds }
            }
            Kind::Steps => {
                let steps = self.steps(contract, amount, now);
                Call::CreateSteps { sender, recipient, token, amount, steps }
            }
            Kind::Conditional => {
                let milestones = self.milestones(contract, amount, now);
                Call::CreateConditional { sender, recipient, token, amount, milestones }
            }
        }
    }

    fn steps(&mut self, contract: &Contract, amount: Amount, now: UnixTime) -> Vec<Tranche> {
        let mut unlock_time = now.0;
        let step = |unlock_amount| {
            unlock_time = unlock_time.saturating_add(self.rng.random_range(STEP_SECONDS));
            Tranche { unlock_amount, unlock_time }
        };
        parts_after_fee::<STEPS>(contract, amount).into_iter().map(step).collect()
    }

    /// One milestone waits for minutes, one for a price, one for an attestation, and the last one for hours.
    fn milestones(&mut self, contract: &Contract, amount: Amount, now: UnixTime) -> Vec<Milestone> {
        let oracle = accounts::account("oracle");
        let soon = now.plus_seconds(self.rng.random_range(STEP_SECONDS)).0;
        let late = now.plus_seconds(self.rng.random_range(LAST_MILESTONE_SECONDS)).0;
        let conditions = [
            Condition::TimeOnly(soon),
            Condition::PriceTarget { oracle: oracle.clone(), price: Amount(PRICE), is_above: self.rng.random() },
            Condition::OracleAttestation { oracle, attestation_id: AttestationId([7; 32]) },
            Condition::TimeOnly(late),
        ];
        let parts = parts_after_fee::<4>(contract, amount);
        let numbered = (1..).zip(parts).zip(conditions);
        let milestone =
            |((milestone_id, amount), condition)| Milestone { milestone_id, amount, condition, is_unlocked: false };
        numbered.map(milestone).collect()
    }

    pub(super) fn newer_change(&mut self, contract: &Contract, live: &[(StreamId, &Stream)], now: UnixTime) -> Call {
        if let Some(call) = self.unlocking(contract, live, now).filter(|_| self.rng.random_ratio(1, 4)) {
            return call;
        }
        let (stream_id, stream) = live.choose(&mut self.rng).copied().expect("there are live streams");
        let caller = None;
        let is_linear = stream.schedule == Schedule::Linear;
        let is_in_steps = matches!(stream.schedule, Schedule::StepTranches(_));
        let rate = stream.rate_per_second;
        match self.rng.random_range(0..90) {
            1 if live.len() < MOST_STREAMS => self.create(),
            0 | 1 if !is_in_steps => Call::Cancel { stream_id, caller },
            2..10 if !is_in_steps => Call::TopUp { stream_id, caller, amount: Amount(rate.saturating_mul(60)) },
            10..13 if is_linear => {
                let rate_per_second = Amount((rate / 10 * self.rng.random_range(8..=12)).max(1));
                Call::ModifyRate { stream_id, caller, rate_per_second }
            }
            13..16 => Call::TransferRecipient { stream_id, caller, new_recipient: self.parties().1 },
            16..20 => self.closing(contract).unwrap_or(Call::Withdraw { stream_id, caller }),
            _ if stream.paused => Call::Resume { stream_id, caller },
            20..32 => Call::Pause { stream_id, caller },
            _ => Call::Withdraw { stream_id, caller },
        }
    }

    /// Returns the unlocking of a milestone that does not wait for another time.
    fn unlocking(&mut self, contract: &Contract, live: &[(StreamId, &Stream)], now: UnixTime) -> Option<Call> {
        let conditional = |(id, _): &(StreamId, &Stream)| Some((*id, contract.instance().conditional.get(id)?));
        let waiting = live.iter().filter_map(conditional).flat_map(|(id, conditional)| {
            conditional
                .milestones
                .iter()
                .filter(|milestone| !milestone.is_unlocked)
                .map(move |milestone| (id, milestone))
        });
        let is_due = |(_, milestone): &(StreamId, &Milestone)| match milestone.condition {
            Condition::TimeOnly(time) => time <= now.0,
            _ => true,
        };
        let (stream_id, milestone) = waiting.filter(is_due).choose(&mut self.rng)?;
        let price = Amount(PRICE + self.rng.random_range(-10..=10));
        let reading = Some(OracleReading { price, timestamp: now.0 });
        Some(Call::UnlockMilestone { stream_id, caller: None, milestone_id: milestone.milestone_id, reading })
    }

    /// Returns the closing of the oldest settled stream of ours, where there are many.
    fn closing(&self, contract: &Contract) -> Option<Call> {
        let streams = contract.storage().streams();
        let mut settled = streams.filter(|(_, stream)| !stream.is_active && self.senders().contains(&stream.sender));
        let (oldest, _) = settled.next()?;
        (settled.count() >= SETTLED_STREAMS).then_some(Call::Close { stream_id: oldest, caller: None })
    }
}

/// Splits what an amount leaves after the fee into equal parts; the last one takes what is left over.
fn parts_after_fee<const N: usize>(contract: &Contract, amount: Amount) -> [Amount; N] {
    let fee_bps = contract.config().map_or(0, |config| config.fee_rate_bps);
    let net = amount.0 - amount.0.saturating_mul(i128::from(fee_bps)) / BASIS;
    let count = i128::try_from(N).unwrap_or(i128::MAX);
    let mut parts = [Amount(net / count); N];
    if let Some(last) = parts.last_mut() {
        last.0 += net % count;
    }
    parts
}
