//! The contract's events as a table: event name → our type, and where each field lies.
//!
//! Another streaming contract is another table. Source of this one: the public FlowFi stream contract, with the
//! older spellings its earlier versions used.

use crate::domain::EventType;

/// A field of ours. Which type it has is [`super::assemble`]'s to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Admin,
    Amount,
    Deposited,
    FeeRateBps,
    NewAdmin,
    NewDeposited,
    NewEndTime,
    NewFeeRateBps,
    NewTreasury,
    OldFeeRateBps,
    OldTreasury,
    PausedAt,
    PreviousAdmin,
    RatePerSecond,
    Recipient,
    Refunded,
    Sender,
    StartTime,
    StreamId,
    Timestamp,
    Token,
    Treasury,
}

/// Where a field lies in an event.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    /// The topic of this number, counted from 0.
    Topic(usize),
    /// A key of the value's map, under the first of these names that is there.
    Key(&'static [&'static str]),
}

impl Place {
    /// Returns the name to use when speaking of the field.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Topic(1) => "topic 1",
            Self::Topic(_) => "a topic",
            Self::Key(names) => names.first().copied().unwrap_or("a key"),
        }
    }
}

/// One event of the contract.
#[derive(Debug)]
pub(super) struct EventSpec {
    /// The symbol in topic 0.
    pub(super) name: &'static str,
    /// What we call it.
    pub(super) event_type: EventType,
    /// Its fields. Whether one may be absent is [`super::assemble`]'s to say.
    pub(super) fields: &'static [(Field, Place)],
}

const STREAM_ID: (Field, Place) = (Field::StreamId, Place::Topic(1));
const SENDER: (Field, Place) = (Field::Sender, Place::Key(&["sender"]));
const RECIPIENT: (Field, Place) = (Field::Recipient, Place::Key(&["recipient"]));
const NEW_END_TIME: (Field, Place) = (Field::NewEndTime, Place::Key(&["new_end_time"]));

/// The FlowFi stream contract. Amounts are in the token's smallest unit, net of fees; rates are units a second; times
/// are Unix seconds of the ledger.
pub(super) const FLOWFI: &[EventSpec] = &[
    EventSpec {
        name: "stream_created",
        event_type: EventType::StreamCreated,
        fields: &[
            STREAM_ID,
            SENDER,
            RECIPIENT,
            (Field::RatePerSecond, Place::Key(&["rate_per_second", "rate"])),
            (Field::Token, Place::Key(&["token_address"])),
            (Field::Deposited, Place::Key(&["deposited_amount"])),
            (Field::StartTime, Place::Key(&["start_time"])),
        ],
    },
    EventSpec {
        name: "stream_topped_up",
        event_type: EventType::StreamToppedUp,
        fields: &[
            STREAM_ID,
            SENDER,
            (Field::Amount, Place::Key(&["amount"])),
            (Field::NewDeposited, Place::Key(&["new_deposited_amount"])),
            NEW_END_TIME,
        ],
    },
    EventSpec {
        name: "tokens_withdrawn",
        event_type: EventType::StreamWithdrawn,
        fields: &[
            STREAM_ID,
            RECIPIENT,
            (Field::Amount, Place::Key(&["amount"])),
            (Field::Timestamp, Place::Key(&["timestamp"])),
        ],
    },
    EventSpec {
        name: "stream_cancelled",
        event_type: EventType::StreamCancelled,
        fields: &[
            STREAM_ID,
            SENDER,
            RECIPIENT,
            (Field::Amount, Place::Key(&["amount_withdrawn"])),
            (Field::Refunded, Place::Key(&["refunded_amount"])),
        ],
    },
    EventSpec {
        name: "stream_completed",
        event_type: EventType::StreamCompleted,
        fields: &[STREAM_ID, RECIPIENT, (Field::Amount, Place::Key(&["total_withdrawn"]))],
    },
    EventSpec {
        name: "stream_paused",
        event_type: EventType::StreamPaused,
        fields: &[STREAM_ID, SENDER, (Field::PausedAt, Place::Key(&["paused_at"]))],
    },
    EventSpec {
        name: "stream_resumed",
        event_type: EventType::StreamResumed,
        fields: &[STREAM_ID, SENDER, NEW_END_TIME],
    },
    EventSpec {
        name: "fee_collected",
        event_type: EventType::StreamFeeCollected,
        fields: &[
            STREAM_ID,
            (Field::Treasury, Place::Key(&["treasury"])),
            (Field::Amount, Place::Key(&["fee_amount"])),
            (Field::Token, Place::Key(&["token"])),
        ],
    },
    EventSpec {
        name: "initialized",
        event_type: EventType::ProtocolInitialized,
        fields: &[
            (Field::Admin, Place::Key(&["admin"])),
            (Field::Treasury, Place::Key(&["treasury"])),
            (Field::FeeRateBps, Place::Key(&["fee_rate_bps"])),
        ],
    },
    EventSpec {
        name: "fee_config_updated",
        event_type: EventType::ProtocolFeeConfigUpdated,
        fields: &[
            (Field::Admin, Place::Key(&["admin"])),
            (Field::OldTreasury, Place::Key(&["old_treasury"])),
            (Field::NewTreasury, Place::Key(&["new_treasury"])),
            (Field::OldFeeRateBps, Place::Key(&["old_fee_rate_bps"])),
            (Field::NewFeeRateBps, Place::Key(&["new_fee_rate_bps"])),
        ],
    },
    EventSpec {
        name: "admin_transferred",
        event_type: EventType::ProtocolAdminTransferred,
        fields: &[
            (Field::PreviousAdmin, Place::Key(&["previous_admin"])),
            (Field::NewAdmin, Place::Key(&["new_admin"])),
        ],
    },
];
