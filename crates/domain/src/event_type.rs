//! The kinds of events, under the names that subscribers and queries use.

use std::{fmt, str::FromStr};

use serde::{Serialize, Serializer};
use thiserror::Error;

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
    StreamRecipientTransferred "stream.recipient_transferred" "RECIPIENT_TRANSFERRED",
    StreamRateModified "stream.rate_modified" "RATE_MODIFIED",
    StreamMilestoneUnlocked "stream.milestone_unlocked" "MILESTONE_UNLOCKED",
    StreamDisputeRequested "stream.dispute_requested" "DISPUTE_REQUESTED",
    StreamDisputeResolved "stream.dispute_resolved" "DISPUTE_RESOLVED",
    StreamClosed "stream.closed" "CLOSED",
    ProtocolInitialized "protocol.initialized" "INITIALIZED",
    ProtocolFeeConfigUpdated "protocol.fee_config_updated" "FEE_CONFIG_UPDATED",
    ProtocolAdminTransferred "protocol.admin_transferred" "ADMIN_TRANSFERRED",
    ProtocolPaused "protocol.paused" "PROTOCOL_PAUSED",
    ProtocolGuardianUpdated "protocol.guardian_updated" "GUARDIAN_UPDATED",
    ProtocolUpgraded "protocol.upgraded" "UPGRADED",
    ProtocolMigrated "protocol.migrated" "MIGRATED",
}

/// A text that names no kind of event.
#[derive(Debug, PartialEq, Eq, Error)]
pub struct UnknownEventType;

impl fmt::Display for UnknownEventType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("not an event type; the types are ")?;
        for (number, event_type) in EventType::ALL.iter().enumerate() {
            let separator = match number {
                0 => "",
                _ if number + 1 == EventType::ALL.len() => " and ",
                _ => ", ",
            };
            write!(formatter, "{separator}{event_type}")?;
        }
        Ok(())
    }
}

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
