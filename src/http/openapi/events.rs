//! The schemas of events, one for each type, built from a table of the fields that only this type has; and the schema
//! of a subscription's frames. `xdr/table.rs` defines the fields of the contract's events, `http/event_view.rs` how
//! they are written.

use utoipa::{
    PartialSchema, ToSchema,
    openapi::{AllOfBuilder, Components, ObjectBuilder, OneOfBuilder, Ref, RefOr, Schema, Type, schema::SchemaType},
};

use super::words::{self, named, one_of};
use crate::domain::EventType;

/// The type of a field, by the name of its schema.
#[derive(Clone, Copy)]
enum FieldSchema {
    Word(&'static str),
    /// The same, if the event carries it.
    WordIfSent(&'static str),
    /// A time; null beyond the year 9999.
    Time,
    TimeIfSent,
    BasisPoints,
    Flag,
    FlagIfSent,
    /// A u32.
    Number,
    NumberIfSent,
    NullableAddress,
}

/// What one type of event adds to the fields that all events have.
struct EventSchema {
    event_type: EventType,
    name: &'static str,
    says: &'static str,
    fields: &'static [(&'static str, FieldSchema)],
}

const AMOUNT: FieldSchema = FieldSchema::Word("Amount");
const ADDRESS: FieldSchema = FieldSchema::Word("Address");

const EVENTS: &[EventSchema] = &[
    EventSchema {
        event_type: EventType::StreamCreated,
        name: "StreamCreatedEvent",
        says: "A stream was created. `amount` is what was deposited. `creator` names the contract's event; what it does \
               not tell is in the stream's record.",
        fields: &[
            ("creator", FieldSchema::WordIfSent("Creator")),
            ("schedule", FieldSchema::WordIfSent("ScheduleKind")),
            ("ratePerSecond", FieldSchema::WordIfSent("Amount")),
            ("depositedAmount", FieldSchema::WordIfSent("Amount")),
            ("startTime", FieldSchema::TimeIfSent),
            ("stepCount", FieldSchema::NumberIfSent),
            ("lastUnlockTime", FieldSchema::TimeIfSent),
            ("cliffTime", FieldSchema::TimeIfSent),
            ("cliffUnlockAmount", FieldSchema::WordIfSent("Amount")),
        ],
    },
    EventSchema {
        event_type: EventType::StreamToppedUp,
        name: "StreamToppedUpEvent",
        says: "The sender added to a stream. `amount` is net of the fee.",
        fields: &[("newDepositedAmount", AMOUNT), ("newEndTime", FieldSchema::TimeIfSent)],
    },
    EventSchema {
        event_type: EventType::StreamWithdrawn,
        name: "StreamWithdrawnEvent",
        says: "The recipient withdrew `amount` of what had accrued.",
        fields: &[],
    },
    EventSchema {
        event_type: EventType::StreamCancelled,
        name: "StreamCancelledEvent",
        says: "The sender ended a stream. `amount` is what this paid to the recipient, `amountWithdrawn` what the \
               recipient was paid in total.",
        fields: &[("amountWithdrawn", AMOUNT), ("refundedAmount", FieldSchema::WordIfSent("Amount"))],
    },
    EventSchema {
        event_type: EventType::StreamCompleted,
        name: "StreamCompletedEvent",
        says: "A withdrawal emptied a stream.",
        fields: &[("totalWithdrawn", AMOUNT)],
    },
    EventSchema {
        event_type: EventType::StreamPaused,
        name: "StreamPausedEvent",
        says: "The sender paused the accrual.",
        fields: &[("pausedAt", FieldSchema::Time)],
    },
    EventSchema {
        event_type: EventType::StreamResumed,
        name: "StreamResumedEvent",
        says: "The accrual resumed. `newEndTime` is the contract's own, rounded; the stream's `endTime` is exact.",
        fields: &[("newEndTime", FieldSchema::Time)],
    },
    EventSchema {
        event_type: EventType::StreamFeeCollected,
        name: "StreamFeeCollectedEvent",
        says: "The protocol took its fee from a deposit, in `amount`. Precedes the event of the deposit itself.",
        fields: &[("treasury", ADDRESS), ("feeAmount", AMOUNT), ("token", ADDRESS)],
    },
    EventSchema {
        event_type: EventType::StreamRecipientTransferred,
        name: "StreamRecipientTransferredEvent",
        says: "The stream has another recipient. `amount` is what this paid to the old one. Subscriptions to either of \
               them get it.",
        fields: &[("oldRecipient", ADDRESS), ("newRecipient", ADDRESS), ("settledAmount", AMOUNT)],
    },
    EventSchema {
        event_type: EventType::StreamRateModified,
        name: "StreamRateModifiedEvent",
        says: "The sender changed the rate. What had accrued and was not withdrawn is lost to the recipient. \
               `newEndTime` is the contract's own, rounded; the stream's `endTime` is exact.",
        fields: &[("oldRatePerSecond", AMOUNT), ("newRatePerSecond", AMOUNT), ("newEndTime", FieldSchema::Time)],
    },
    EventSchema {
        event_type: EventType::StreamMilestoneUnlocked,
        name: "StreamMilestoneUnlockedEvent",
        says: "A milestone's condition was met, which unlocks a step of `amount`.",
        fields: &[("milestoneId", FieldSchema::Number), ("caller", ADDRESS)],
    },
    EventSchema {
        event_type: EventType::StreamDisputeRequested,
        name: "StreamDisputeRequestedEvent",
        says: "The sender asked the arbiter to end the stream.",
        fields: &[("arbiter", ADDRESS)],
    },
    EventSchema {
        event_type: EventType::StreamDisputeResolved,
        name: "StreamDisputeResolvedEvent",
        says: "The arbiter decided. If it approved, the stream's cancellation follows.",
        fields: &[("arbiter", ADDRESS), ("approved", FieldSchema::Flag)],
    },
    EventSchema {
        event_type: EventType::StreamClosed,
        name: "StreamClosedEvent",
        says: "The contract deleted the record of a finished stream.",
        fields: &[("closer", ADDRESS)],
    },
    EventSchema {
        event_type: EventType::ProtocolInitialized,
        name: "ProtocolInitializedEvent",
        says: "The contract was initialized.",
        fields: &[("admin", ADDRESS), ("treasury", ADDRESS), ("feeRateBps", FieldSchema::BasisPoints)],
    },
    EventSchema {
        event_type: EventType::ProtocolFeeConfigUpdated,
        name: "ProtocolFeeConfigUpdatedEvent",
        says: "The protocol's fee changed.",
        fields: &[
            ("admin", ADDRESS),
            ("oldTreasury", ADDRESS),
            ("newTreasury", ADDRESS),
            ("oldFeeRateBps", FieldSchema::BasisPoints),
            ("newFeeRateBps", FieldSchema::BasisPoints),
        ],
    },
    EventSchema {
        event_type: EventType::ProtocolAdminTransferred,
        name: "ProtocolAdminTransferredEvent",
        says: "The contract has a new administrator.",
        fields: &[("previousAdmin", ADDRESS), ("newAdmin", ADDRESS)],
    },
    EventSchema {
        event_type: EventType::ProtocolPaused,
        name: "ProtocolPausedEvent",
        says: "Deposits were stopped or allowed again. The contract says so twice: once with `caller` and `paused`, and \
               once with `admin` and `isPaused`.",
        fields: &[
            ("caller", FieldSchema::WordIfSent("Address")),
            ("paused", FieldSchema::FlagIfSent),
            ("admin", FieldSchema::WordIfSent("Address")),
            ("isPaused", FieldSchema::FlagIfSent),
        ],
    },
    EventSchema {
        event_type: EventType::ProtocolGuardianUpdated,
        name: "ProtocolGuardianUpdatedEvent",
        says: "Another account may stop deposits in an emergency, or none may.",
        fields: &[("admin", ADDRESS), ("guardian", FieldSchema::NullableAddress)],
    },
    EventSchema {
        event_type: EventType::ProtocolUpgraded,
        name: "ProtocolUpgradedEvent",
        says: "The contract replaced its own code. The first old hash is all zeros.",
        fields: &[
            ("admin", ADDRESS),
            ("oldWasmHash", FieldSchema::Word("CodeHash")),
            ("newWasmHash", FieldSchema::Word("CodeHash")),
        ],
    },
    EventSchema {
        event_type: EventType::ProtocolMigrated,
        name: "ProtocolMigratedEvent",
        says: "The contract raised the version of what it stores.",
        fields: &[("admin", ADDRESS), ("oldVersion", FieldSchema::Number), ("newVersion", FieldSchema::Number)],
    },
];

/// Adds the schemas of the events and the frames.
pub(in crate::http) fn add_to(components: &mut Components, notices: &[(&'static str, &str)]) {
    let schemas = &mut components.schemas;
    schemas.insert("StreamEventFields".to_owned(), fields_of_all(true));
    schemas.insert("ProtocolEventFields".to_owned(), fields_of_all(false));
    for event in EVENTS {
        schemas.insert(event.name.to_owned(), event.schema());
        schemas.insert(event.row_name(), event.row_schema());
    }
    schemas.insert("EventRowFields".to_owned(), fields_of_rows());
    let all = OneOfBuilder::new().description(Some("An event of the contract; `type` tells which."));
    let all = EVENTS.iter().fold(all, |all, event| all.item(Ref::from_schema_name(event.name)));
    schemas.insert("Event".to_owned(), all.into());
    schemas.insert("SubscriptionFrame".to_owned(), frames(notices));
}

/// Returns the common fields of stream events, or of protocol events, which concern no stream. In the latter, stream
/// and parties are null, but have no schema that allows only null: the types of `openapi-fetch` leave such fields out.
fn fields_of_all(of_streams: bool) -> RefOr<Schema> {
    let stream_id = if of_streams { named("StreamId") } else { nullable("StreamId") };
    let says = if of_streams {
        "What every event of a stream has. Parties and token are null where the stream's creation is not indexed."
    } else {
        "What every event of the protocol itself has. Stream, parties, token and amount are null."
    };
    let fields = [
        ("id", named("EventId")),
        ("streamId", stream_id),
        ("contractId", named("ContractId")),
        ("sender", nullable("Address")),
        ("recipient", nullable("Address")),
        ("tokenAddress", nullable("Address")),
        ("amount", nullable("Amount")),
        ("ledger", named("LedgerSequence")),
        ("ledgerClosedAt", named("Moment")),
        ("timestamp", named("UnixTime")),
        ("transactionHash", named("TransactionHash")),
    ];
    object(fields).description(Some(says)).into()
}

/// Returns the fields that events in a list have in addition to those that subscribers get.
fn fields_of_rows() -> RefOr<Schema> {
    let kinds = vec![Type::String, Type::Integer, Type::Boolean, Type::Null];
    let scalar = ObjectBuilder::new().schema_type(SchemaType::Array(kinds));
    let metadata = ObjectBuilder::new()
        .schema_type(Type::Object)
        .description(Some("The event's own fields, as the contract has them, in camelCase."))
        .additional_properties(Some(Schema::from(scalar)));
    let fields = [
        ("eventType", named("EventTypeWord")),
        ("ledgerSequence", named("LedgerSequence")),
        ("createdAt", named("Moment")),
        ("metadata", metadata.into()),
    ];
    object(fields).description(Some("What every event in a list has beside.")).into()
}

/// Returns the schema of an object in which these fields are always present.
pub(super) fn object<'a>(fields: impl IntoIterator<Item = (&'a str, RefOr<Schema>)>) -> ObjectBuilder {
    let object = ObjectBuilder::new().schema_type(Type::Object);
    fields.into_iter().fold(object, |object, (name, schema)| object.property(name, schema).required(name))
}

/// Returns the named schema, or null.
pub(super) fn nullable(name: &str) -> RefOr<Schema> {
    OneOfBuilder::new().item(ObjectBuilder::new().schema_type(Type::Null)).item(named(name)).into()
}

impl FieldSchema {
    fn schema(self) -> RefOr<Schema> {
        match self {
            Self::Word(word) | Self::WordIfSent(word) => named(word),
            Self::Time | Self::TimeIfSent => nullable("UnixTime"),
            Self::BasisPoints => words::whole("Hundredths of a percent.", 0, u32::MAX).into(),
            Self::Number | Self::NumberIfSent => words::whole("The contract's own number.", 0, u32::MAX).into(),
            Self::Flag | Self::FlagIfSent => ObjectBuilder::new().schema_type(Type::Boolean).into(),
            Self::NullableAddress => nullable("Address"),
        }
    }

    fn is_always_there(self) -> bool {
        !matches!(self, Self::WordIfSent(_) | Self::TimeIfSent | Self::NumberIfSent | Self::FlagIfSent)
    }
}

impl EventSchema {
    fn schema(&self) -> RefOr<Schema> {
        let common =
            if self.event_type.as_str().starts_with("stream.") { "StreamEventFields" } else { "ProtocolEventFields" };
        let own = object([("type", one_of("The type.", [self.event_type.as_str()]).into())]);
        let own = self.fields.iter().fold(own, |own, (name, holds)| {
            let own = own.property(*name, holds.schema());
            if holds.is_always_there() { own.required(*name) } else { own }
        });
        AllOfBuilder::new().description(Some(self.says)).item(named(common)).item(own).into()
    }

    fn row_name(&self) -> String {
        format!("{}Row", self.name)
    }

    fn row_schema(&self) -> RefOr<Schema> {
        let row = AllOfBuilder::new().description(Some(self.says));
        row.item(named(self.name)).item(named("EventRowFields")).into()
    }
}

/// Returns the schema of all frames with data, by their `event`, as seen by a client that reads `data` as JSON.
fn frames(notices: &[(&'static str, &str)]) -> RefOr<Schema> {
    let says = "A frame of the event stream: its `event` line, its `data` line read as JSON, and its `id` line.";
    let frames = OneOfBuilder::new().description(Some(says));
    let frames = EVENTS.iter().fold(frames, |frames, event| {
        let name = one_of("The name.", [event.event_type.as_str()]);
        frames.item(object([("id", named("ResumeId")), ("event", name.into()), ("data", named(event.name))]))
    });
    notices
        .iter()
        .fold(frames, |frames, (name, schema)| {
            let name = one_of("The name.", [*name]);
            let frame = object([("event", name.into()), ("data", named(schema))]);
            frames.item(frame.property("id", named("ResumeId")))
        })
        .into()
}

/// An event in a list: what subscribers get, and the names that a FlowFi dashboard reads.
#[derive(Debug)]
pub(in crate::http) enum EventRow {}

/// One schema per type, because client generators do not accept a `oneOf` combined with additional fields.
impl PartialSchema for EventRow {
    fn schema() -> RefOr<Schema> {
        let says = "An event in a list: what subscribers get, and the names that a FlowFi dashboard reads.";
        let all = OneOfBuilder::new().description(Some(says));
        EVENTS.iter().fold(all, |all, event| all.item(Ref::from_schema_name(event.row_name()))).into()
    }
}

impl ToSchema for EventRow {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_type_has_a_schema() {
        let described: Vec<EventType> = EVENTS.iter().map(|event| event.event_type).collect();
        assert_eq!(described, EventType::ALL);
    }
}
