//! Fields that the table located → a [`StreamEvent`], each field with its type, each absence allowed or refused.

use stellar_xdr::ScVal;

use super::{Refusal, table::Field, value};
use crate::domain::{Address, Amount, EventType, StreamEvent, StreamId, UnixTime};

/// A field of the table and the value that was found for it.
pub(super) struct Located<'a> {
    pub(super) field: Field,
    pub(super) name: &'static str,
    pub(super) found: Option<&'a ScVal>,
}

/// Builds the event. `located` holds every field that the table gives this type of event.
pub(super) fn assemble(event_type: EventType, located: &[Located<'_>]) -> Result<StreamEvent, Refusal> {
    let fields = Fields(located);
    Ok(match event_type {
        EventType::StreamCreated => StreamEvent::Created {
            stream_id: fields.stream_id()?,
            sender: fields.address(Field::Sender)?,
            recipient: fields.address(Field::Recipient)?,
            rate_per_second: fields.amount(Field::RatePerSecond)?,
            token_address: fields.address(Field::Token)?,
            deposited_amount: fields.amount_if_sent(Field::Deposited)?,
            start_time: fields.time(Field::StartTime)?,
        },
        EventType::StreamToppedUp => StreamEvent::ToppedUp {
            stream_id: fields.stream_id()?,
            sender: fields.address(Field::Sender)?,
            amount: fields.amount(Field::Amount)?,
            new_deposited_amount: fields.amount(Field::NewDeposited)?,
            new_end_time: fields.time_if_sent(Field::NewEndTime)?,
        },
        EventType::StreamWithdrawn => StreamEvent::Withdrawn {
            stream_id: fields.stream_id()?,
            recipient: fields.address(Field::Recipient)?,
            amount: fields.amount(Field::Amount)?,
            timestamp: fields.time(Field::Timestamp)?,
        },
        EventType::StreamCancelled => StreamEvent::Cancelled {
            stream_id: fields.stream_id()?,
            sender: fields.address(Field::Sender)?,
            recipient: fields.address(Field::Recipient)?,
            amount_withdrawn: fields.amount(Field::Amount)?,
            refunded_amount: fields.amount_if_sent(Field::Refunded)?,
        },
        EventType::StreamCompleted => StreamEvent::Completed {
            stream_id: fields.stream_id()?,
            recipient: fields.address(Field::Recipient)?,
            total_withdrawn: fields.amount(Field::Amount)?,
        },
        EventType::StreamPaused => StreamEvent::Paused {
            stream_id: fields.stream_id()?,
            sender: fields.address(Field::Sender)?,
            paused_at: fields.time(Field::PausedAt)?,
        },
        EventType::StreamResumed => StreamEvent::Resumed {
            stream_id: fields.stream_id()?,
            sender: fields.address(Field::Sender)?,
            new_end_time: fields.time(Field::NewEndTime)?,
        },
        EventType::StreamFeeCollected => StreamEvent::FeeCollected {
            stream_id: fields.stream_id()?,
            treasury: fields.address(Field::Treasury)?,
            fee_amount: fields.amount(Field::Amount)?,
            token: fields.address(Field::Token)?,
        },
        EventType::ProtocolInitialized => StreamEvent::Initialized {
            admin: fields.address(Field::Admin)?,
            treasury: fields.address(Field::Treasury)?,
            fee_rate_bps: fields.basis_points(Field::FeeRateBps)?,
        },
        EventType::ProtocolFeeConfigUpdated => StreamEvent::FeeConfigUpdated {
            admin: fields.address(Field::Admin)?,
            old_treasury: fields.address(Field::OldTreasury)?,
            new_treasury: fields.address(Field::NewTreasury)?,
            old_fee_rate_bps: fields.basis_points(Field::OldFeeRateBps)?,
            new_fee_rate_bps: fields.basis_points(Field::NewFeeRateBps)?,
        },
        EventType::ProtocolAdminTransferred => StreamEvent::AdminTransferred {
            previous_admin: fields.address(Field::PreviousAdmin)?,
            new_admin: fields.address(Field::NewAdmin)?,
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

    fn basis_points(&self, field: Field) -> Result<u32, Refusal> {
        self.required(field, "a u32", value::basis_points)
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

    /// Every event of the table is asked for no field that its row lacks: assembling from nothing reports a missing
    /// field and does not panic, and assembling from junk reports a wrong type for each field in turn.
    #[test]
    fn the_table_gives_every_event_the_fields_it_has() {
        for spec in FLOWFI {
            for found in [None, Some(&ScVal::Void)] {
                let located: Vec<_> =
                    spec.fields.iter().map(|&(field, place)| Located { field, name: place.name(), found }).collect();
                assert!(assemble(spec.event_type, &located).is_err(), "{}", spec.name);
            }
            assert_eq!(FLOWFI.iter().filter(|other| other.event_type == spec.event_type).count(), 1);
        }
        assert_eq!(FLOWFI.len(), EventType::ALL.len());
    }
}
