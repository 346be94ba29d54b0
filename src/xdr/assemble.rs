//! Fields that the table located → a [`StreamEvent`], each field with its type, each absence allowed or refused.

use stellar_xdr::ScVal;

use super::{
    Refusal,
    table::{EventName, Field},
    value,
};
use crate::domain::{Address, Amount, Creator, StreamCreation, StreamEvent, StreamId, UnixTime};

/// A field of the table and the value that was found for it.
pub(super) struct Located<'a> {
    pub(super) field: Field,
    pub(super) name: &'static str,
    pub(super) found: Option<&'a ScVal>,
}

/// Builds the event. `located` holds every field that the table gives it.
pub(super) fn assemble(name: EventName, located: &[Located<'_>]) -> Result<StreamEvent, Refusal> {
    let fields = Fields(located);
    match name {
        EventName::StreamCreated
        | EventName::StepVestingStreamCreated
        | EventName::HybridCliffStreamCreated
        | EventName::AllowanceStreamCreated => Ok(StreamEvent::Created(creation(name, &fields)?)),
        EventName::Initialized
        | EventName::FeeConfigUpdated
        | EventName::AdminTransferred
        | EventName::ProtocolPauseStatus
        | EventName::ProtocolPaused
        | EventName::EmergencyGuardianUpdated
        | EventName::ContractUpgraded
        | EventName::StateMigrated => of_protocol(name, &fields),
        _ => of_stream(name, &fields),
    }
}

/// Which fields may be absent depends on the event that tells the creation; earlier versions left out the deposit.
fn creation(name: EventName, fields: &Fields<'_>) -> Result<StreamCreation, Refusal> {
    let (creator, schedule) = match name {
        EventName::StepVestingStreamCreated => (Creator::StepVesting, Some("steps")),
        EventName::HybridCliffStreamCreated => (Creator::HybridCliff, Some("cliffLump")),
        EventName::AllowanceStreamCreated => (Creator::Allowance, Some("linear")),
        _ => (Creator::Stream, None),
    };
    let (is_plain, is_hybrid, is_stepped) =
        (creator == Creator::Stream, creator == Creator::HybridCliff, creator == Creator::StepVesting);
    Ok(StreamCreation {
        stream_id: fields.stream_id()?,
        creator,
        schedule,
        sender: fields.address(Field::Sender)?,
        recipient: fields.address(Field::Recipient)?,
        token_address: fields.address(Field::Token)?,
        rate_per_second: (!is_stepped).then(|| fields.amount(Field::RatePerSecond)).transpose()?,
        deposited_amount: match creator {
            Creator::Stream => fields.amount_if_sent(Field::Deposited)?,
            Creator::Allowance => None,
            Creator::StepVesting | Creator::HybridCliff => Some(fields.amount(Field::Deposited)?),
        },
        start_time: (is_plain || creator == Creator::Allowance).then(|| fields.time(Field::StartTime)).transpose()?,
        step_count: is_stepped.then(|| fields.number(Field::StepCount)).transpose()?,
        last_unlock_time: is_stepped.then(|| fields.time(Field::LastUnlockTime)).transpose()?,
        cliff_time: is_hybrid.then(|| fields.time(Field::CliffTime)).transpose()?,
        cliff_unlock_amount: is_hybrid.then(|| fields.amount(Field::CliffUnlockAmount)).transpose()?,
    })
}

fn of_stream(name: EventName, fields: &Fields<'_>) -> Result<StreamEvent, Refusal> {
    let stream_id = fields.stream_id()?;
    Ok(match name {
        EventName::StreamToppedUp => StreamEvent::ToppedUp {
            stream_id,
            sender: fields.address(Field::Sender)?,
            amount: fields.amount(Field::Amount)?,
            new_deposited_amount: fields.amount(Field::NewDeposited)?,
            new_end_time: fields.time_if_sent(Field::NewEndTime)?,
        },
        EventName::TokensWithdrawn => StreamEvent::Withdrawn {
            stream_id,
            recipient: fields.address(Field::Recipient)?,
            amount: fields.amount(Field::Amount)?,
            timestamp: fields.time(Field::Timestamp)?,
        },
        EventName::StreamCancelled => StreamEvent::Cancelled {
            stream_id,
            sender: fields.address(Field::Sender)?,
            recipient: fields.address(Field::Recipient)?,
            amount_withdrawn: fields.amount(Field::Amount)?,
            refunded_amount: fields.amount_if_sent(Field::Refunded)?,
        },
        EventName::StreamCompleted => StreamEvent::Completed {
            stream_id,
            recipient: fields.address(Field::Recipient)?,
            total_withdrawn: fields.amount(Field::Amount)?,
        },
        EventName::StreamPaused => StreamEvent::Paused {
            stream_id,
            sender: fields.address(Field::Sender)?,
            paused_at: fields.time(Field::PausedAt)?,
        },
        EventName::StreamResumed => StreamEvent::Resumed {
            stream_id,
            sender: fields.address(Field::Sender)?,
            new_end_time: fields.time(Field::NewEndTime)?,
        },
        EventName::FeeCollected => StreamEvent::FeeCollected {
            stream_id,
            treasury: fields.address(Field::Treasury)?,
            fee_amount: fields.amount(Field::Amount)?,
            token: fields.address(Field::Token)?,
        },
        _ => return of_later_stream(name, stream_id, fields),
    })
}

/// The events that the second version of the contract added.
fn of_later_stream(name: EventName, stream_id: StreamId, fields: &Fields<'_>) -> Result<StreamEvent, Refusal> {
    let timestamp = fields.time(Field::Timestamp)?;
    Ok(match name {
        EventName::RecipientTransferred => StreamEvent::RecipientTransferred {
            stream_id,
            old_recipient: fields.address(Field::OldRecipient)?,
            new_recipient: fields.address(Field::NewRecipient)?,
            settled_amount: fields.amount(Field::Amount)?,
            timestamp,
        },
        EventName::StreamRateModified => StreamEvent::RateModified {
            stream_id,
            sender: fields.address(Field::Sender)?,
            old_rate_per_second: fields.amount(Field::OldRate)?,
            new_rate_per_second: fields.amount(Field::NewRate)?,
            new_end_time: fields.time(Field::NewEndTime)?,
            timestamp,
        },
        EventName::MilestoneConditionUnlocked => StreamEvent::MilestoneUnlocked {
            stream_id,
            milestone_id: fields.number(Field::MilestoneId)?,
            amount: fields.amount(Field::Amount)?,
            caller: fields.address(Field::Caller)?,
            timestamp,
        },
        EventName::DisputeRequested => StreamEvent::DisputeRequested {
            stream_id,
            sender: fields.address(Field::Sender)?,
            arbiter: fields.address(Field::Arbiter)?,
            timestamp,
        },
        EventName::DisputeResolved => StreamEvent::DisputeResolved {
            stream_id,
            arbiter: fields.address(Field::Arbiter)?,
            approved: fields.flag(Field::Approved)?,
            timestamp,
        },
        _ => StreamEvent::Closed { stream_id, closer: fields.address(Field::Closer)?, timestamp },
    })
}

fn of_protocol(name: EventName, fields: &Fields<'_>) -> Result<StreamEvent, Refusal> {
    Ok(match name {
        EventName::Initialized => StreamEvent::Initialized {
            admin: fields.address(Field::Admin)?,
            treasury: fields.address(Field::Treasury)?,
            fee_rate_bps: fields.number(Field::FeeRateBps)?,
        },
        EventName::FeeConfigUpdated => StreamEvent::FeeConfigUpdated {
            admin: fields.address(Field::Admin)?,
            old_treasury: fields.address(Field::OldTreasury)?,
            new_treasury: fields.address(Field::NewTreasury)?,
            old_fee_rate_bps: fields.number(Field::OldFeeRateBps)?,
            new_fee_rate_bps: fields.number(Field::NewFeeRateBps)?,
        },
        EventName::AdminTransferred => StreamEvent::AdminTransferred {
            previous_admin: fields.address(Field::PreviousAdmin)?,
            new_admin: fields.address(Field::NewAdmin)?,
        },
        EventName::ProtocolPauseStatus => StreamEvent::ProtocolPauseStatus {
            caller: fields.address(Field::Caller)?,
            paused: fields.flag(Field::IsPaused)?,
            timestamp: fields.time(Field::Timestamp)?,
        },
        EventName::ProtocolPaused => StreamEvent::ProtocolPaused {
            admin: fields.address(Field::Admin)?,
            is_paused: fields.flag(Field::IsPaused)?,
        },
        EventName::EmergencyGuardianUpdated => StreamEvent::GuardianUpdated {
            admin: fields.address(Field::Admin)?,
            guardian: fields.address_or_void(Field::Guardian)?,
        },
        EventName::ContractUpgraded => StreamEvent::Upgraded {
            admin: fields.address(Field::Admin)?,
            old_wasm_hash: fields.hash(Field::OldWasmHash)?,
            new_wasm_hash: fields.hash(Field::NewWasmHash)?,
            timestamp: fields.time(Field::Timestamp)?,
        },
        _ => StreamEvent::Migrated {
            admin: fields.address(Field::Admin)?,
            old_version: fields.number(Field::OldVersion)?,
            new_version: fields.number(Field::NewVersion)?,
        },
    })
}

struct Fields<'a>(&'a [Located<'a>]);

impl Fields<'_> {
    fn stream_id(&self) -> Result<StreamId, Refusal> {
        self.required(Field::StreamId, "a u64", value::stream_id)
    }

    fn address(&self, field: Field) -> Result<Address, Refusal> {
        self.required(field, "an address", value::address)
    }

    fn amount(&self, field: Field) -> Result<Amount, Refusal> {
        self.required(field, "an i128", value::amount)
    }

    fn amount_if_sent(&self, field: Field) -> Result<Option<Amount>, Refusal> {
        self.if_sent(field, "an i128", value::amount)
    }

    fn time(&self, field: Field) -> Result<UnixTime, Refusal> {
        self.required(field, "a u64", value::time)
    }

    fn time_if_sent(&self, field: Field) -> Result<Option<UnixTime>, Refusal> {
        self.if_sent(field, "a u64", value::time)
    }

    fn number(&self, field: Field) -> Result<u32, Refusal> {
        self.required(field, "a u32", value::number)
    }

    fn flag(&self, field: Field) -> Result<bool, Refusal> {
        self.required(field, "a bool", value::flag)
    }

    fn address_or_void(&self, field: Field) -> Result<Option<Address>, Refusal> {
        self.required(field, "an address or void", |found| value::optional(found, value::address))
    }

    fn hash(&self, field: Field) -> Result<String, Refusal> {
        self.required(field, "32 bytes", value::hash)
    }

    fn required<T>(
        &self,
        field: Field,
        wanted: &'static str,
        read: impl Fn(&ScVal) -> Option<T>,
    ) -> Result<T, Refusal> {
        self.if_sent(field, wanted, read)?.ok_or(Refusal::Missing { field: self.located(field).name })
    }

    fn if_sent<T>(
        &self,
        field: Field,
        wanted: &'static str,
        read: impl Fn(&ScVal) -> Option<T>,
    ) -> Result<Option<T>, Refusal> {
        let located = self.located(field);
        match located.found {
            Some(value) => read(value).map(Some).ok_or(Refusal::WrongType { field: located.name, wanted }),
            None => Ok(None),
        }
    }

    fn located(&self, field: Field) -> &Located<'_> {
        self.0.iter().find(|located| located.field == field).expect("the table gives each type the fields it has")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xdr::table::FLOWFI;

    /// Assembling from nothing reports a missing field, and assembling from junk a wrong type. Neither panics, as it would
    /// if an event were asked for a field that its row of the table lacks.
    #[test]
    fn the_table_gives_every_event_the_fields_it_has() {
        for spec in FLOWFI {
            for found in [None, Some(&ScVal::Void)] {
                let located: Vec<_> =
                    spec.fields.iter().map(|&(field, place)| Located { field, name: place.name(), found }).collect();
                assert!(assemble(spec.name, &located).is_err(), "{:?}", spec.name);
            }
            assert_eq!(FLOWFI.iter().filter(|other| other.name == spec.name).count(), 1, "{:?}", spec.name);
            assert_eq!(FLOWFI.iter().filter(|other| other.topics == spec.topics).count(), 1, "{:?}", spec.topics);
        }
        assert_eq!(FLOWFI.len(), 25);
    }
}
