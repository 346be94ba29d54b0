//! What the payment-stream contract says happened: the events of both of its versions.

use serde::Serialize;

use super::{
    Address, Amount, ContractVersion, EventType, StreamId, UnixTime,
    stream_creation::{Creator, StreamCreation},
};

/// An event of the payment-stream contract with its decoded fields. Serializes as its fields alone, in
/// camelCase; fields that the event did not carry are omitted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged, rename_all_fields = "camelCase")]
#[expect(missing_docs, reason = "the fields are the contract's own, listed with their units in xdr/table.rs")]
pub enum StreamEvent {
    /// A stream was created; see [`StreamCreation`].
    Created(StreamCreation),
    /// The sender added to a stream; `amount` is net of the fee.
    ToppedUp {
        stream_id: StreamId,
        sender: Address,
        amount: Amount,
        new_deposited_amount: Amount,
        #[serde(skip_serializing_if = "Option::is_none")]
        new_end_time: Option<UnixTime>,
    },
    /// The recipient took what had accrued.
    Withdrawn { stream_id: StreamId, recipient: Address, amount: Amount, timestamp: UnixTime },
    /// The sender ended a stream; `amount_withdrawn` is cumulative and includes what this settlement paid.
    Cancelled {
        stream_id: StreamId,
        sender: Address,
        recipient: Address,
        amount_withdrawn: Amount,
        #[serde(skip_serializing_if = "Option::is_none")]
        refunded_amount: Option<Amount>,
    },
    /// A withdrawal drained a stream.
    Completed { stream_id: StreamId, recipient: Address, total_withdrawn: Amount },
    /// The sender stopped the accrual for a while.
    Paused { stream_id: StreamId, sender: Address, paused_at: UnixTime },
    /// The accrual goes on. `new_end_time` is the contract's own, rounded and truncated: never our `end_time`.
    Resumed { stream_id: StreamId, sender: Address, new_end_time: UnixTime },
    /// The protocol took its fee of a deposit; comes before the event of the deposit itself.
    FeeCollected { stream_id: StreamId, treasury: Address, fee_amount: Amount, token: Address },
    /// The recipient handed the stream on; what had accrued was paid to the old one.
    RecipientTransferred {
        stream_id: StreamId,
        old_recipient: Address,
        new_recipient: Address,
        settled_amount: Amount,
        timestamp: UnixTime,
    },
    /// The sender changed the rate; what had accrued and was not withdrawn is lost to the recipient.
    RateModified {
        stream_id: StreamId,
        sender: Address,
        old_rate_per_second: Amount,
        new_rate_per_second: Amount,
        new_end_time: UnixTime,
        timestamp: UnixTime,
    },
    /// A milestone's condition was met, and a step of its amount is open from now on.
    MilestoneUnlocked { stream_id: StreamId, milestone_id: u32, amount: Amount, caller: Address, timestamp: UnixTime },
    /// The sender asked the arbiter to end the stream.
    DisputeRequested { stream_id: StreamId, sender: Address, arbiter: Address, timestamp: UnixTime },
    /// The arbiter decided; if it approved, the stream's cancellation follows.
    DisputeResolved { stream_id: StreamId, arbiter: Address, approved: bool, timestamp: UnixTime },
    /// The contract deleted the record of a finished stream.
    Closed { stream_id: StreamId, closer: Address, timestamp: UnixTime },
    /// The contract was set up.
    Initialized { admin: Address, treasury: Address, fee_rate_bps: u32 },
    /// The protocol's fee changed.
    FeeConfigUpdated {
        admin: Address,
        old_treasury: Address,
        new_treasury: Address,
        old_fee_rate_bps: u32,
        new_fee_rate_bps: u32,
    },
    /// The contract has another administrator.
    AdminTransferred { previous_admin: Address, new_admin: Address },
    /// Deposits were stopped or allowed again (`protocol_pause_status`).
    ProtocolPauseStatus { caller: Address, paused: bool, timestamp: UnixTime },
    /// The contract's second word for the same (`FlowFi`, `ProtocolPaused`).
    ProtocolPaused { admin: Address, is_paused: bool },
    /// Another account may stop deposits in an emergency, or none may.
    GuardianUpdated { admin: Address, guardian: Option<Address> },
    /// The contract replaced its own code; hashes are SHA-256, 64 hex digits. The first old hash is all zeros.
    Upgraded { admin: Address, old_wasm_hash: String, new_wasm_hash: String, timestamp: UnixTime },
    /// The contract raised the version of what it stores.
    Migrated { admin: Address, old_version: u32, new_version: u32 },
}

impl StreamEvent {
    /// Returns what kind of event this is.
    #[must_use]
    pub const fn event_type(&self) -> EventType {
        match self {
            Self::Created(_) => EventType::StreamCreated,
            Self::ToppedUp { .. } => EventType::StreamToppedUp,
            Self::Withdrawn { .. } => EventType::StreamWithdrawn,
            Self::Cancelled { .. } => EventType::StreamCancelled,
            Self::Completed { .. } => EventType::StreamCompleted,
            Self::Paused { .. } => EventType::StreamPaused,
            Self::Resumed { .. } => EventType::StreamResumed,
            Self::FeeCollected { .. } => EventType::StreamFeeCollected,
            Self::RecipientTransferred { .. } => EventType::StreamRecipientTransferred,
            Self::RateModified { .. } => EventType::StreamRateModified,
            Self::MilestoneUnlocked { .. } => EventType::StreamMilestoneUnlocked,
            Self::DisputeRequested { .. } => EventType::StreamDisputeRequested,
            Self::DisputeResolved { .. } => EventType::StreamDisputeResolved,
            Self::Closed { .. } => EventType::StreamClosed,
            Self::Initialized { .. } => EventType::ProtocolInitialized,
            Self::FeeConfigUpdated { .. } => EventType::ProtocolFeeConfigUpdated,
            Self::AdminTransferred { .. } => EventType::ProtocolAdminTransferred,
            Self::ProtocolPauseStatus { .. } | Self::ProtocolPaused { .. } => EventType::ProtocolPaused,
            Self::GuardianUpdated { .. } => EventType::ProtocolGuardianUpdated,
            Self::Upgraded { .. } => EventType::ProtocolUpgraded,
            Self::Migrated { .. } => EventType::ProtocolMigrated,
        }
    }

    /// Returns the version that the contract has at least, if it emits this event. The first version has eleven events.
    #[must_use]
    pub const fn needs_version(&self) -> ContractVersion {
        match self {
            Self::Created(StreamCreation { creator: Creator::Stream, .. })
            | Self::ToppedUp { .. }
            | Self::Withdrawn { .. }
            | Self::Cancelled { .. }
            | Self::Completed { .. }
            | Self::Paused { .. }
            | Self::Resumed { .. }
            | Self::FeeCollected { .. }
            | Self::Initialized { .. }
            | Self::FeeConfigUpdated { .. }
            | Self::AdminTransferred { .. } => ContractVersion::First,
            _ => ContractVersion::Second,
        }
    }

    /// Returns the stream this is about, none for events of the protocol itself.
    #[must_use]
    pub const fn stream_id(&self) -> Option<StreamId> {
        match self {
            Self::Created(StreamCreation { stream_id, .. })
            | Self::ToppedUp { stream_id, .. }
            | Self::Withdrawn { stream_id, .. }
            | Self::Cancelled { stream_id, .. }
            | Self::Completed { stream_id, .. }
            | Self::Paused { stream_id, .. }
            | Self::Resumed { stream_id, .. }
            | Self::FeeCollected { stream_id, .. }
            | Self::RecipientTransferred { stream_id, .. }
            | Self::RateModified { stream_id, .. }
            | Self::MilestoneUnlocked { stream_id, .. }
            | Self::DisputeRequested { stream_id, .. }
            | Self::DisputeResolved { stream_id, .. }
            | Self::Closed { stream_id, .. } => Some(*stream_id),
            Self::Initialized { .. }
            | Self::FeeConfigUpdated { .. }
            | Self::AdminTransferred { .. }
            | Self::ProtocolPauseStatus { .. }
            | Self::ProtocolPaused { .. }
            | Self::GuardianUpdated { .. }
            | Self::Upgraded { .. }
            | Self::Migrated { .. } => None,
        }
    }

    /// Returns the stream's sender, where the event itself names it.
    #[must_use]
    pub const fn sender(&self) -> Option<&Address> {
        match self {
            Self::Created(StreamCreation { sender, .. })
            | Self::ToppedUp { sender, .. }
            | Self::Cancelled { sender, .. }
            | Self::Paused { sender, .. }
            | Self::Resumed { sender, .. }
            | Self::RateModified { sender, .. }
            | Self::DisputeRequested { sender, .. } => Some(sender),
            _ => None,
        }
    }

    /// Returns the stream's recipient, where the event itself names it: the new one, if it changed.
    #[must_use]
    pub const fn recipient(&self) -> Option<&Address> {
        match self {
            Self::Created(StreamCreation { recipient, .. })
            | Self::RecipientTransferred { new_recipient: recipient, .. }
            | Self::Withdrawn { recipient, .. }
            | Self::Cancelled { recipient, .. }
            | Self::Completed { recipient, .. } => Some(recipient),
            _ => None,
        }
    }

    /// Returns who was the stream's recipient until this event changed it.
    #[must_use]
    pub const fn former_recipient(&self) -> Option<&Address> {
        match self {
            Self::RecipientTransferred { old_recipient, .. } => Some(old_recipient),
            _ => None,
        }
    }

    /// Returns the stream's token, where the event itself names it.
    #[must_use]
    pub const fn token(&self) -> Option<&Address> {
        match self {
            Self::Created(StreamCreation { token_address: token, .. }) | Self::FeeCollected { token, .. } => {
                Some(token)
            }
            _ => None,
        }
    }

    /// Returns the amount this event is about: what a creation deposited, a top-up added, a withdrawal or a change of the
    /// recipient paid, a cancellation paid *now*, a milestone opened, or the fee. A cancellation names only the sum paid so
    /// far, so its amount is known only if the sum withdrawn before it is given.
    #[must_use]
    pub fn amount(&self, withdrawn_before: Option<Amount>) -> Option<Amount> {
        match self {
            Self::Created(creation) => creation.deposited_amount,
            Self::ToppedUp { amount, .. }
            | Self::Withdrawn { amount, .. }
            | Self::RecipientTransferred { settled_amount: amount, .. }
            | Self::MilestoneUnlocked { amount, .. } => Some(*amount),
            Self::Cancelled { amount_withdrawn, .. } => {
                withdrawn_before.map(|before| amount_withdrawn.saturating_sub(before))
            }
            Self::FeeCollected { fee_amount, .. } => Some(*fee_amount),
            _ => None,
        }
    }
}
