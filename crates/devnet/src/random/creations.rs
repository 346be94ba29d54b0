//! Creators of the contract's newer state at random, with terms that suit the fee.

use rand::{Rng, seq::IndexedRandom};

use super::SimulatedContract;
use crate::{
    accounts,
    call::Call,
    contract::BatchStream,
    milestone::{AttestationId, Condition, Milestone},
    schedule::Tranche,
};
use flowfi_domain::{Address, Amount};

const BASIS: i128 = 10_000;
/// Steps and milestones a stream has at most here; the contract takes twelve.
const MOST_PARTS: u32 = 5;

impl SimulatedContract<'_> {
    /// Returns a creation; the protocol may be paused.
    pub(super) fn creation(&mut self) -> Call {
        match self.rng.random_range(0..26) {
            0..6 => self.create(),
            6..11 => self.with_cliff(),
            11..14 => self.batch(),
            14..18 => self.steps(),
            18..21 => self.hybrid(),
            21..25 => self.conditional(),
            _ => self.allowance(),
        }
    }

    fn with_cliff(&mut self) -> Call {
        let (duration_seconds, amount) = self.length_and_amount();
        let cliff_seconds = self.rng.random_range(1..=duration_seconds);
        let (sender, recipient, token) = self.creation_parties();
        Call::CreateWithCliff { sender, recipient, token, amount, duration_seconds, cliff_seconds }
    }

    fn batch(&mut self) -> Call {
        let count = self.rng.random_range(1..=4);
        let streams = (0..count).map(|_| self.batch_stream()).collect();
        Call::CreateBatch { sender: self.party(), streams }
    }

    /// One in five has so little that the fee takes its rate.
    fn batch_stream(&mut self) -> BatchStream {
        let (duration_seconds, amount) = self.length_and_amount();
        let amount = if self.rng.random_ratio(1, 5) { Amount(i128::from(duration_seconds)) } else { amount };
        let cliff_seconds = self.rng.random_ratio(1, 3).then(|| self.rng.random_range(1..=duration_seconds));
        let token = accounts::token_contract().into();
        BatchStream { recipient: self.party(), token, amount, duration_seconds, cliff_seconds }
    }

    fn steps(&mut self) -> Call {
        let (_, amount) = self.length_and_amount();
        let mut unlock_time = self.now.0;
        let parts = self.parts_after_fee(amount);
        let step = |unlock_amount| {
            unlock_time = unlock_time.saturating_add(self.rng.random_range(1..20_000));
            Tranche { unlock_amount, unlock_time }
        };
        let steps = parts.into_iter().map(step).collect();
        let (sender, recipient, token) = self.creation_parties();
        Call::CreateSteps { sender, recipient, token, amount, steps }
    }

    fn hybrid(&mut self) -> Call {
        let (linear_seconds, amount) = self.length_and_amount();
        let cliff_time = self.now.0.saturating_add(self.rng.random_range(1..20_000));
        let cliff_amount = Amount(self.rng.random_range(1..=amount.0 / 3));
        let (sender, recipient, token) = self.creation_parties();
        Call::CreateHybrid { sender, recipient, token, amount, cliff_time, cliff_amount, linear_seconds }
    }

    fn conditional(&mut self) -> Call {
        let (_, amount) = self.length_and_amount();
        let parts = self.parts_after_fee(amount);
        let milestones = (1..).zip(parts).map(|(number, amount)| self.milestone(number * 10, amount)).collect();
        let (sender, recipient, token) = self.creation_parties();
        Call::CreateConditional { sender, recipient, token, amount, milestones }
    }

    fn milestone(&mut self, milestone_id: u32, amount: Amount) -> Milestone {
        let oracle = self.party();
        let condition = match self.rng.random_range(0..4) {
            0 | 1 => Condition::TimeOnly(self.now.0.saturating_add(self.rng.random_range(0..20_000))),
            2 => {
                let price = Amount(self.rng.random_range(50..150));
                Condition::PriceTarget { oracle, price, is_above: self.rng.random() }
            }
            // Some of one stream may be the same.
            _ => {
                let attestation_id = AttestationId([self.rng.random_range(0..4); 32]);
                Condition::OracleAttestation { oracle, attestation_id }
            }
        };
        let is_unlocked = self.rng.random_ratio(1, 20);
        Milestone { milestone_id, amount, condition, is_unlocked }
    }

    fn allowance(&mut self) -> Call {
        let (duration_seconds, _) = self.length_and_amount();
        let (sender, recipient, token) = self.creation_parties();
        Call::CreateAllowance { sender, recipient, token, duration_seconds }
    }

    /// Returns a duration, and an amount that leaves two a second or more after every fee.
    fn length_and_amount(&mut self) -> (u64, Amount) {
        let seconds: u64 = self.rng.random_range(1..=50_000);
        let rate = self.rng.random_range(1..=1_000_000_i128) * 3;
        (seconds, Amount(rate * i128::from(seconds)))
    }

    fn creation_parties(&mut self) -> (Address, Address, Address) {
        (self.party(), self.party(), accounts::token_contract().into())
    }

    /// Splits what an amount leaves after the fee. Equal parts are frequent: milestones are told apart by their amounts.
    fn parts_after_fee(&mut self, amount: Amount) -> Vec<Amount> {
        let fee_bps = self.contract.config().map_or(0, |config| config.fee_rate_bps);
        let net = amount.0 - amount.0.saturating_mul(i128::from(fee_bps)) / BASIS;
        let most = i128::from(MOST_PARTS).min(net);
        let count = *(1..=most).collect::<Vec<_>>().choose(self.rng).expect("a deposit leaves one at least");
        let part = net / count;
        let mut parts = vec![Amount(part); usize::try_from(count).expect("a handful of parts")];
        if let Some(last) = parts.last_mut() {
            last.0 += net - part * count;
        }
        if self.rng.random()
            && let [first, second, ..] = parts.as_mut_slice()
            && second.0 > 1
        {
            let moved = self.rng.random_range(0..second.0);
            (first.0, second.0) = (first.0 + moved, second.0 - moved);
        }
        parts
    }
}
