//! What the payment-stream contract says happened: its eleven events.

use std::{fmt, str::FromStr};

use serde::{Serialize, Serializer};
use thiserror::Error;

use super::{Address, Amount, StreamId, UnixTime};

/// An event of the payment-stream contract with its decoded fields. Serializes as its fields alone, in
/// camelCase; fields that older contract versions left out are omitted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged, rename_all_fields = "camelCase")]
#[expect(missing_docs, reason = "the fields are the contract's own, listed with their units in xdr/table.rs")]
pub enum StreamEvent {
    /// A stream was funded and starts to accrue.
    Created {
        stream_id: StreamId,
        sender: Address,
        recipient: Address,
        rate_per_second: Amount,
        token_address: Address,
        #[serde(skip_serializing_if = "Option::is_none")]
        deposited_amount: Option<Amount>,
        start_time: UnixTime,
    },
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
}

impl StreamEvent {
    /// Returns what kind of event this is.
    #[must_use]
    pub const fn event_type(&self) -> EventType {
        match self {
            Self::Created { .. } => EventType::StreamCreated,
            Self::ToppedUp { .. } => EventType::StreamToppedUp,
            Self::Withdrawn { .. } => EventType::StreamWithdrawn,
            Self::Cancelled { .. } => EventType::StreamCancelled,
            Self::Completed { .. } => EventType::StreamCompleted,
            Self::Paused { .. } => EventType::StreamPaused,
            Self::Resumed { .. } => EventType::StreamResumed,
            Self::FeeCollected { .. } => EventType::StreamFeeCollected,
            Self::Initialized { .. } => EventType::ProtocolInitialized,
            Self::FeeConfigUpdated { .. } => EventType::ProtocolFeeConfigUpdated,
            Self::AdminTransferred { .. } => EventType::ProtocolAdminTransferred,
        }
    }

    /// Returns the stream this is about, none for events of the protocol itself.
    #[must_use]
    pub const fn stream_id(&self) -> Option<StreamId> {
        match self {
            Self::Created { stream_id, .. }
            | Self::ToppedUp { stream_id, .. }
            | Self::Withdrawn { stream_id, .. }
            | Self::Cancelled { stream_id, .. }
            | Self::Completed { stream_id, .. }
            | Self::Paused { stream_id, .. }
            | Self::Resumed { stream_id, .. }
            | Self::FeeCollected { stream_id, .. } => Some(*stream_id),
            Self::Initialized { .. } | Self::FeeConfigUpdated { .. } | Self::AdminTransferred { .. } => None,
        }
    }

    /// Returns the stream's sender, where the event itself names it.
    #[must_use]
    pub const fn sender(&self) -> Option<&Address> {
        match self {
            Self::Created { sender, .. }
            | Self::ToppedUp { sender, .. }
            | Self::Cancelled { sender, .. }
            | Self::Paused { sender, .. }
            | Self::Resumed { sender, .. } => Some(sender),
            _ => None,
        }
    }

    /// Returns the stream's recipient, where the event itself names it.
    #[must_use]
    pub const fn recipient(&self) -> Option<&Address> {
        match self {
            Self::Created { recipient, .. }
            | Self::Withdrawn { recipient, .. }
            | Self::Cancelled { recipient, .. }
            | Self::Completed { recipient, .. } => Some(recipient),
            _ => None,
        }
    }

    /// Returns the stream's token, where the event itself names it.
    #[must_use]
    pub const fn token(&self) -> Option<&Address> {
        match self {
            Self::Created { token_address: token, .. } | Self::FeeCollected { token, .. } => Some(token),
            _ => None,
        }
    }

    /// Returns the amount this event is about: what a creation deposited, a top-up added, a withdrawal paid, a
    /// cancellation paid *now*, or the fee. A cancellation names only the sum paid so far, so its amount is known only if
    /// the sum withdrawn before it is given.
    #[must_use]
    pub fn amount(&self, withdrawn_before: Option<Amount>) -> Option<Amount> {
        match self {
            Self::Created { deposited_amount, .. } => *deposited_amount,
            Self::ToppedUp { amount, .. } | Self::Withdrawn { amount, .. } => Some(*amount),
            Self::Cancelled { amount_withdrawn, .. } => {
                withdrawn_before.map(|before| amount_withdrawn.saturating_sub(before))
            }
            Self::FeeCollected { fee_amount, .. } => Some(*fee_amount),
            _ => None,
        }
    }
}

macro_rules! event_types {
    ($($variant:ident $text:literal $flowfi_name:literal,)*) => {
        /// The kind of an event, under the name that subscribers and queries use.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[expect(missing_docs, reason = "each variant's text says it")]
        pub enum EventType { $($variant,)* }

        impl EventType {
            /// Every kind, in the order of the contract's table.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// Returns the name on the wire and in the database, `stream.created` and so on.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// Returns the short name a FlowFi dashboard reads as `eventType`, `CREATED` and so on.
            #[must_use]
            pub const fn flowfi_name(self) -> &'static str {
                match self { $(Self::$variant => $flowfi_name,)* }
            }
        }

        impl FromStr for EventType {
            type Err = UnknownEventType;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($text => Ok(Self::$variant),)*
                    _ => Err(UnknownEventType),
                }
            }
        }
    };
}

event_types! {
    StreamCreated "stream.created" "CREATED",
    StreamToppedUp "stream.topped_up" "TOPPED_UP",
    StreamWithdrawn "stream.withdrawn" "WITHDRAWN",
    StreamCancelled "stream.cancelled" "CANCELLED",
    StreamCompleted "stream.completed" "COMPLETED",
    StreamPaused "stream.paused" "PAUSED",
    StreamResumed "stream.resumed" "RESUMED",
    StreamFeeCollected "stream.fee_collected" "FEE_COLLECTED",
    ProtocolInitialized "protocol.initialized" "INITIALIZED",
    ProtocolFeeConfigUpdated "protocol.fee_config_updated" "FEE_CONFIG_UPDATED",
    ProtocolAdminTransferred "protocol.admin_transferred" "ADMIN_TRANSFERRED",
}

/// A text that names no kind of event.
#[derive(Debug, Error, PartialEq, Eq)]
#[error(
    "not an event type; the types are stream.created, stream.topped_up, stream.withdrawn, stream.cancelled, \
         stream.completed, stream.paused, stream.resumed, stream.fee_collected, protocol.initialized, \
         protocol.fee_config_updated and protocol.admin_transferred"
)]
pub struct UnknownEventType;

impl fmt::Display for EventType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl Serialize for EventType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
