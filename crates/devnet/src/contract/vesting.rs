//! The creators of streams that unlock at fixed times: in steps, or a lump sum before a linear rest.

use super::{Contract, above_zero};
use crate::{
    contract_error::ContractError,
    event::{
        FieldValue::{Address as Party, I128, U32, U64},
        NamedEvent,
    },
    refused::Refused,
    schedule::{Schedule, Tranche},
    stream::{Parties, Stream},
};
use flowfi_domain::{Amount, StreamId};

/// The most steps, and the most milestones, that a stream has.
pub(super) const MOST_STEPS: usize = 12;

/// The terms of a stream with a lump sum at its cliff.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HybridTerms {
    pub(crate) amount: i128,
    pub(crate) cliff_time: u64,
    pub(crate) cliff_amount: i128,
    pub(crate) linear_seconds: u64,
}

impl Contract {
    /// Creates a stream that unlocks in steps, each at its own time.
    pub(crate) fn create_steps(
        &mut self,
        parties: Parties<'_>,
        amount: i128,
        steps: &[Tranche],
        now: u64,
    ) -> Result<(StreamId, Vec<NamedEvent>), Refused> {
        self.only_in_b()?;
        self.open_to_deposits()?;
        above_zero(amount)?;
        self.known_token(parties.token)?;
        if steps.is_empty() {
            return Err(ContractError::EmptyVestingSchedule.into());
        }
        if steps.len() > MOST_STEPS {
            return Err(ContractError::TooManyVestingSteps.into());
        }
        let deposit = self.collect(parties.sender, parties.token, amount)?;
        let last_unlock_time = check_steps(steps, now)?;
        check_sum(steps.iter().map(|step| step.unlock_amount), deposit.net)?;
        let schedule = Schedule::StepTranches(steps.to_vec());
        let stream = Stream { schedule, ..Stream::starting(parties, deposit.net, 0, now) };
        let step_count = u32::try_from(steps.len()).map_err(|_| Refused::Overflow)?;
        Ok(self.begin(stream, deposit.fee, |stream, id| {
            NamedEvent::of_stream(
                "step_vesting_stream_created",
                id,
                [
                    ("sender", Party(stream.sender.clone())),
                    ("recipient", Party(stream.recipient.clone())),
                    ("token_address", Party(stream.token.clone())),
                    ("deposited_amount", I128(stream.deposited)),
                    ("step_count", U32(step_count)),
                    ("last_unlock_time", U64(last_unlock_time)),
                ],
            )
        }))
    }

    /// Creates a stream that unlocks a lump sum at its cliff, and the rest at a rate from then on.
    pub(crate) fn create_hybrid(
        &mut self,
        parties: Parties<'_>,
        terms: HybridTerms,
        now: u64,
    ) -> Result<(StreamId, Vec<NamedEvent>), Refused> {
        let HybridTerms { amount, cliff_time, cliff_amount, linear_seconds } = terms;
        self.only_in_b()?;
        self.open_to_deposits()?;
        above_zero(amount)?;
        if linear_seconds == 0 {
            return Err(ContractError::InvalidCliffParameters.into());
        }
        self.known_token(parties.token)?;
        let deposit = self.collect(parties.sender, parties.token, amount)?;
        if cliff_time <= now || cliff_amount <= 0 || cliff_amount >= deposit.net {
            return Err(ContractError::InvalidCliffParameters.into());
        }
        let rate_per_second = (deposit.net - cliff_amount) / i128::from(linear_seconds);
        if rate_per_second == 0 {
            return Err(ContractError::InvalidCliffParameters.into());
        }
        let schedule = Schedule::HybridCliffLinear { cliff_time, cliff_amount: Amount(cliff_amount) };
        let stream = Stream { schedule, ..Stream::starting(parties, deposit.net, rate_per_second, now) };
        Ok(self.begin(stream, deposit.fee, |stream, id| {
            NamedEvent::of_stream(
                "hybrid_cliff_stream_created",
                id,
                [
                    ("sender", Party(stream.sender.clone())),
                    ("recipient", Party(stream.recipient.clone())),
                    ("token_address", Party(stream.token.clone())),
                    ("deposited_amount", I128(stream.deposited)),
                    ("cliff_time", U64(cliff_time)),
                    ("cliff_unlock_amount", I128(cliff_amount)),
                    ("rate_per_second", I128(stream.rate_per_second)),
                ],
            )
        }))
    }
}

/// Checks each step in the contract's order, and returns the time of the last one.
fn check_steps(steps: &[Tranche], now: u64) -> Result<u64, Refused> {
    let mut last_unlock_time = None;
    for step in steps {
        if step.unlock_amount.0 <= 0 {
            return Err(ContractError::InvalidVestingStepAmount.into());
        }
        if step.unlock_time <= now {
            return Err(ContractError::VestingStepBeforeStart.into());
        }
        if last_unlock_time.is_some_and(|last| step.unlock_time <= last) {
            return Err(ContractError::NonMonotonicVestingSteps.into());
        }
        last_unlock_time = Some(step.unlock_time);
    }
    Ok(last_unlock_time.ok_or(ContractError::EmptyVestingSchedule)?)
}

/// Checks that the parts of a schedule are all of the deposit.
pub(super) fn check_sum(mut parts: impl Iterator<Item = Amount>, net: i128) -> Result<(), Refused> {
    let sum = parts.try_fold(0_i128, |sum, part| sum.checked_add(part.0));
    if sum.ok_or(ContractError::ArithmeticOverflow)? == net {
        Ok(())
    } else {
        Err(ContractError::VestingStepTotalMismatch.into())
    }
}
