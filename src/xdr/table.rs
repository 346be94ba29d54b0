//! The contract's events as a table: the literal topics that name each event, and where its fields lie.
//!
//! Source: the public FlowFi stream contract in both of its versions, with the spellings that its earliest ones used.

/// An event of the contract, by the contract's own name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EventName {
    StreamCreated,
    StepVestingStreamCreated,
    HybridCliffStreamCreated,
    AllowanceStreamCreated,
    StreamToppedUp,
    TokensWithdrawn,
    StreamCancelled,
    StreamCompleted,
    StreamPaused,
    StreamResumed,
    RecipientTransferred,
    StreamRateModified,
    MilestoneConditionUnlocked,
    DisputeRequested,
    DisputeResolved,
    StreamClosed,
    FeeCollected,
    Initialized,
    FeeConfigUpdated,
    AdminTransferred,
    ProtocolPauseStatus,
    ProtocolPaused,
    EmergencyGuardianUpdated,
    ContractUpgraded,
    StateMigrated,
}

/// A field of an event. Its type is said in [`super::assemble`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Admin,
    Amount,
    Approved,
    Arbiter,
    Caller,
    CliffTime,
    CliffUnlockAmount,
    Closer,
    Deposited,
    FeeRateBps,
    Guardian,
    IsPaused,
    LastUnlockTime,
    MilestoneId,
    NewAdmin,
    NewDeposited,
    NewEndTime,
    NewFeeRateBps,
    NewRate,
    NewRecipient,
    NewTreasury,
    NewVersion,
    NewWasmHash,
    OldFeeRateBps,
    OldRate,
    OldRecipient,
    OldTreasury,
    OldVersion,
    OldWasmHash,
    PausedAt,
    PreviousAdmin,
    RatePerSecond,
    Recipient,
    Refunded,
    Sender,
    StartTime,
    StepCount,
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
    /// The symbols that its topics begin with.
    pub(super) topics: &'static [&'static str],
    /// Which event that is.
    pub(super) name: EventName,
    /// Its fields. Whether one may be absent is [`super::assemble`]'s to say.
    pub(super) fields: &'static [(Field, Place)],
}

const STREAM_ID: (Field, Place) = (Field::StreamId, Place::Topic(1));
const SENDER: (Field, Place) = (Field::Sender, Place::Key(&["sender"]));
const RECIPIENT: (Field, Place) = (Field::Recipient, Place::Key(&["recipient"]));
const NEW_END_TIME: (Field, Place) = (Field::NewEndTime, Place::Key(&["new_end_time"]));

/// The FlowFi stream contract. Amounts are in the token's smallest unit, net of fees; rates are units a second; times
/// are Unix seconds of the ledger; fees are basis points. The second version of the contract added those from
/// `step_vesting_stream_created` on.
pub(super) const FLOWFI: &[EventSpec] = &[
    EventSpec {
        topics: &["stream_created"],
        name: EventName::StreamCreated,
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
        topics: &["stream_topped_up"],
        name: EventName::StreamToppedUp,
        fields: &[
            STREAM_ID,
            SENDER,
            (Field::Amount, Place::Key(&["amount"])),
            (Field::NewDeposited, Place::Key(&["new_deposited_amount"])),
            NEW_END_TIME,
        ],
    },
    EventSpec {
        topics: &["tokens_withdrawn"],
        name: EventName::TokensWithdrawn,
        fields: &[
            STREAM_ID,
            RECIPIENT,
            (Field::Amount, Place::Key(&["amount"])),
            (Field::Timestamp, Place::Key(&["timestamp"])),
        ],
    },
    EventSpec {
        topics: &["stream_cancelled"],
        name: EventName::StreamCancelled,
        fields: &[
            STREAM_ID,
            SENDER,
            RECIPIENT,
            (Field::Amount, Place::Key(&["amount_withdrawn"])),
            (Field::Refunded, Place::Key(&["refunded_amount"])),
        ],
    },
    EventSpec {
        topics: &["stream_completed"],
        name: EventName::StreamCompleted,
        fields: &[STREAM_ID, RECIPIENT, (Field::Amount, Place::Key(&["total_withdrawn"]))],
    },
    EventSpec {
        topics: &["stream_paused"],
        name: EventName::StreamPaused,
        fields: &[STREAM_ID, SENDER, (Field::PausedAt, Place::Key(&["paused_at"]))],
    },
    EventSpec {
        topics: &["stream_resumed"],
        name: EventName::StreamResumed,
        fields: &[STREAM_ID, SENDER, NEW_END_TIME],
    },
    EventSpec {
        topics: &["fee_collected"],
        name: EventName::FeeCollected,
        fields: &[
            STREAM_ID,
            (Field::Treasury, Place::Key(&["treasury"])),
            (Field::Amount, Place::Key(&["fee_amount"])),
            (Field::Token, Place::Key(&["token"])),
        ],
    },
    EventSpec {
        topics: &["initialized"],
        name: EventName::Initialized,
        fields: &[
            (Field::Admin, Place::Key(&["admin"])),
            (Field::Treasury, Place::Key(&["treasury"])),
            (Field::FeeRateBps, Place::Key(&["fee_rate_bps"])),
        ],
    },
    EventSpec {
        topics: &["fee_config_updated"],
        name: EventName::FeeConfigUpdated,
        fields: &[
            (Field::Admin, Place::Key(&["admin"])),
            (Field::OldTreasury, Place::Key(&["old_treasury"])),
            (Field::NewTreasury, Place::Key(&["new_treasury"])),
            (Field::OldFeeRateBps, Place::Key(&["old_fee_rate_bps"])),
            (Field::NewFeeRateBps, Place::Key(&["new_fee_rate_bps"])),
        ],
    },
    EventSpec {
        topics: &["admin_transferred"],
        name: EventName::AdminTransferred,
        fields: &[
            (Field::PreviousAdmin, Place::Key(&["previous_admin"])),
            (Field::NewAdmin, Place::Key(&["new_admin"])),
        ],
    },
    EventSpec {
        topics: &["step_vesting_stream_created"],
        name: EventName::StepVestingStreamCreated,
        fields: &[
            STREAM_ID,
            SENDER,
            RECIPIENT,
            (Field::Token, Place::Key(&["token_address"])),
            (Field::Deposited, Place::Key(&["deposited_amount"])),
            (Field::StepCount, Place::Key(&["step_count"])),
            (Field::LastUnlockTime, Place::Key(&["last_unlock_time"])),
        ],
    },
    EventSpec {
        topics: &["hybrid_cliff_stream_created"],
        name: EventName::HybridCliffStreamCreated,
        fields: &[
            STREAM_ID,
            SENDER,
            RECIPIENT,
            (Field::Token, Place::Key(&["token_address"])),
            (Field::RatePerSecond, Place::Key(&["rate_per_second"])),
            (Field::Deposited, Place::Key(&["deposited_amount"])),
            (Field::CliffTime, Place::Key(&["cliff_time"])),
            (Field::CliffUnlockAmount, Place::Key(&["cliff_unlock_amount"])),
        ],
    },
    EventSpec {
        topics: &["allowance_stream_created"],
        name: EventName::AllowanceStreamCreated,
        fields: &[
            STREAM_ID,
            SENDER,
            RECIPIENT,
            (Field::Token, Place::Key(&["token_address"])),
            (Field::RatePerSecond, Place::Key(&["rate_per_second"])),
            (Field::StartTime, Place::Key(&["start_time"])),
        ],
    },
    EventSpec {
        topics: &["recipient_transferred"],
        name: EventName::RecipientTransferred,
        fields: &[
            STREAM_ID,
            (Field::OldRecipient, Place::Key(&["old_recipient"])),
            (Field::NewRecipient, Place::Key(&["new_recipient"])),
            (Field::Amount, Place::Key(&["settled_amount"])),
            (Field::Timestamp, Place::Key(&["timestamp"])),
        ],
    },
    EventSpec {
        topics: &["stream_rate_modified"],
        name: EventName::StreamRateModified,
        fields: &[
            STREAM_ID,
            SENDER,
            (Field::OldRate, Place::Key(&["old_rate_per_second"])),
            (Field::NewRate, Place::Key(&["new_rate_per_second"])),
            NEW_END_TIME,
            (Field::Timestamp, Place::Key(&["timestamp"])),
        ],
    },
    EventSpec {
        topics: &["milestone_condition_unlocked"],
        name: EventName::MilestoneConditionUnlocked,
        fields: &[
            STREAM_ID,
            (Field::MilestoneId, Place::Key(&["milestone_id"])),
            (Field::Amount, Place::Key(&["amount"])),
            (Field::Caller, Place::Key(&["caller"])),
            (Field::Timestamp, Place::Key(&["timestamp"])),
        ],
    },
    EventSpec {
        topics: &["dispute_requested"],
        name: EventName::DisputeRequested,
        fields: &[
            STREAM_ID,
            SENDER,
            (Field::Arbiter, Place::Key(&["arbiter"])),
            (Field::Timestamp, Place::Key(&["timestamp"])),
        ],
    },
    EventSpec {
        topics: &["dispute_resolved"],
        name: EventName::DisputeResolved,
        fields: &[
            STREAM_ID,
            (Field::Arbiter, Place::Key(&["arbiter"])),
            (Field::Approved, Place::Key(&["approved"])),
            (Field::Timestamp, Place::Key(&["timestamp"])),
        ],
    },
    EventSpec {
        topics: &["stream_closed"],
        name: EventName::StreamClosed,
        fields: &[STREAM_ID, (Field::Closer, Place::Key(&["closer"])), (Field::Timestamp, Place::Key(&["timestamp"]))],
    },
    EventSpec {
        topics: &["protocol_pause_status"],
        name: EventName::ProtocolPauseStatus,
        fields: &[
            (Field::Caller, Place::Key(&["caller"])),
            (Field::IsPaused, Place::Key(&["paused"])),
            (Field::Timestamp, Place::Key(&["timestamp"])),
        ],
    },
    EventSpec {
        topics: &["FlowFi", "ProtocolPaused"],
        name: EventName::ProtocolPaused,
        fields: &[(Field::Admin, Place::Key(&["admin"])), (Field::IsPaused, Place::Key(&["is_paused"]))],
    },
    EventSpec {
        topics: &["emergency_guardian_updated"],
        name: EventName::EmergencyGuardianUpdated,
        fields: &[(Field::Admin, Place::Key(&["admin"])), (Field::Guardian, Place::Key(&["guardian"]))],
    },
    EventSpec {
        topics: &["contract_upgraded"],
        name: EventName::ContractUpgraded,
        fields: &[
            (Field::Admin, Place::Key(&["admin"])),
            (Field::OldWasmHash, Place::Key(&["old_wasm_hash"])),
            (Field::NewWasmHash, Place::Key(&["new_wasm_hash"])),
            (Field::Timestamp, Place::Key(&["timestamp"])),
        ],
    },
    EventSpec {
        topics: &["state_migrated"],
        name: EventName::StateMigrated,
        fields: &[
            (Field::Admin, Place::Key(&["admin"])),
            (Field::OldVersion, Place::Key(&["old_version"])),
            (Field::NewVersion, Place::Key(&["new_version"])),
        ],
    },
];
