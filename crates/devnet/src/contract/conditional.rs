//! Conditional streams: tranches that wait for milestones.

use std::sync::Arc;

use super::{
    Contract, above_zero, active,
    vesting::{MOST_STEPS, check_sum},
};
use crate::{
    contract_error::ContractError,
    event::{
        FieldValue::{Address as Party, I128, U32, U64},
        NamedEvent,
    },
    instance::Conditional,
    milestone::{Milestone, OracleReading},
    refused::Refused,
    schedule::{LOCKED, Schedule, Tranche},
    stream::{Parties, Stream},
};
use flowfi_domain::{Address, Amount, StreamId};

impl Contract {
    /// Creates a stream with a locked tranche for each milestone, in the caller's order.
    pub(crate) fn create_conditional(
        &mut self,
        parties: Parties<'_>,
        amount: i128,
        milestones: &[Milestone],
        now: u64,
    ) -> Result<(StreamId, Vec<NamedEvent>), Refused> {
        self.only_in_b()?;
        self.open_to_deposits()?;
        above_zero(amount)?;
        self.known_token(parties.token)?;
        let deposit = self.collect(parties.sender, parties.token, amount)?;
        if milestones.is_empty() {
            return Err(ContractError::EmptyVestingSchedule.into());
        }
        if milestones.len() > MOST_STEPS {
            return Err(ContractError::TooManyMilestones.into());
        }
        check_milestones(milestones)?;
        check_sum(milestones.iter().map(|milestone| milestone.amount), deposit.net)?;
        let tranche = |milestone: &Milestone| Tranche { unlock_amount: milestone.amount, unlock_time: LOCKED };
        let schedule = Schedule::StepTranches(milestones.iter().map(tranche).collect());
        let stream = Stream { schedule, ..Stream::starting(parties, deposit.net, 0, now) };
        let (id, events) = self.begin(stream, deposit.fee, Stream::created_event);
        let conditional = Conditional { milestones: milestones.to_vec(), attested: Vec::new() };
        self.storage.instance_mut().conditional.insert(id, Arc::new(conditional));
        Ok((id, events))
    }

    /// Unlocks a milestone whose condition holds, and with it the first locked tranche of the same amount.
    pub(crate) fn unlock_milestone(
        &mut self,
        id: StreamId,
        caller: &Address,
        milestone_id: u32,
        reading: Option<OracleReading>,
        now: u64,
    ) -> Result<Vec<NamedEvent>, Refused> {
        self.only_in_b()?;
        let mut stream = self.found(id)?;
        if *caller != stream.sender && *caller != stream.recipient {
            return Err(ContractError::MilestoneCallerUnauthorized.into());
        }
        active(&stream)?;
        let mut conditional = self.instance().conditional.get(&id).ok_or(ContractError::StreamNotFound)?.clone();
        let Conditional { milestones, attested } = Arc::make_mut(&mut conditional);
        let milestone = milestones.iter_mut().find(|milestone| milestone.milestone_id == milestone_id);
        let milestone = milestone.ok_or(ContractError::InvalidMilestone)?;
        if milestone.is_unlocked {
            return Err(ContractError::MilestoneAlreadyUnlocked.into());
        }
        milestone.condition.check(reading, attested, now)?;
        milestone.is_unlocked = true;
        attested.extend(milestone.condition.attestation_id());
        let amount = milestone.amount;
        self.storage.instance_mut().conditional.insert(id, conditional);
        open_tranche(&mut stream.schedule, amount, now);
        stream.last_update_time = now;
        self.storage.put(id, stream);
        let fields = [
            ("milestone_id", U32(milestone_id)),
            ("amount", I128(amount.0)),
            ("caller", Party(caller.clone())),
            ("timestamp", U64(now)),
        ];
        Ok(vec![NamedEvent::of_stream("milestone_condition_unlocked", id, fields)])
    }
}

fn check_milestones(milestones: &[Milestone]) -> Result<(), Refused> {
    for (place, milestone) in milestones.iter().enumerate() {
        if milestone.amount.0 <= 0 {
            return Err(ContractError::InvalidVestingStepAmount.into());
        }
        let is_used_later = |later: &Milestone| later.milestone_id == milestone.milestone_id;
        if milestones.iter().skip(place + 1).any(is_used_later) {
            return Err(ContractError::InvalidMilestone.into());
        }
    }
    Ok(())
}

/// Opens the first locked tranche of this amount: the contract looks at the amount, not at the milestone's place.
fn open_tranche(schedule: &mut Schedule, amount: Amount, now: u64) {
    let Schedule::StepTranches(tranches) = schedule else { return };
    let is_meant = |tranche: &&mut Tranche| tranche.unlock_time == LOCKED && tranche.unlock_amount == amount;
    if let Some(tranche) = tranches.iter_mut().find(is_meant) {
        tranche.unlock_time = now;
    }
}
