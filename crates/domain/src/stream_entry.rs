//! The contract's own record of a stream, as it lies in its storage.

use super::{Address, Amount, ChainStatus, DisputeStatus, Schedule, Step, StreamRecord, UnixTime};

/// The fields of the contract's record of a stream; what our own record must equal.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of domain::StreamRecord")]
pub struct StreamEntry {
    pub sender: Address,
    pub recipient: Address,
    pub token: Address,
    pub rate_per_second: Amount,
    pub deposited: Amount,
    pub withdrawn: Amount,
    pub start_time: UnixTime,
    pub last_update_time: UnixTime,
    pub is_active: bool,
    pub paused: bool,
    pub paused_at: Option<UnixTime>,
    pub status: ChainStatus,
    pub schedule: Schedule,
    pub cliff_time: Option<UnixTime>,
    pub arbiter: Option<Address>,
    pub dispute_status: DisputeStatus,
    pub is_allowance_based: bool,
}

impl From<&StreamRecord> for StreamEntry {
    fn from(record: &StreamRecord) -> Self {
        Self {
            sender: record.sender.clone(),
            recipient: record.recipient.clone(),
            token: record.token.clone(),
            rate_per_second: record.rate_per_second,
            deposited: record.deposited,
            withdrawn: record.withdrawn,
            start_time: record.start_time,
            last_update_time: record.last_update_time,
            is_active: record.is_active,
            paused: record.paused,
            paused_at: record.paused_at,
            status: record.status,
            schedule: record.schedule.clone(),
            cliff_time: record.cliff_time,
            arbiter: record.arbiter.clone(),
            dispute_status: record.dispute_status,
            is_allowance_based: record.is_allowance_based,
        }
    }
}

/// A field in which a record differs from the chain's entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldDifference {
    /// The contract's name of the field; `record` for the whole of it.
    pub field: &'static str,
    /// What we have.
    pub ours: String,
    /// What the chain has.
    pub chains: String,
}

/// No call of the contract sets these, so they may change without an event.
const WITHOUT_EVENTS: [&str; 1] = ["arbiter"];

/// A closed stream has no entry any more.
const CLOSED: &str = "closed";

/// What events leave open in a record that awaits its entry.
const AWAITED: [&str; 2] = ["schedule", "cliff_time"];
/// What follows events in a record that is taken from entries alone.
const FOLLOWED: [&str; 4] = ["sender", "recipient", "token_address", "withdrawn_amount"];

impl StreamEntry {
    /// The contract's names of the fields, in both of its versions and in the order of [`Self::fields`].
    pub const FIELD_NAMES: [&str; 17] = [
        "sender",
        "recipient",
        "token_address",
        "rate_per_second",
        "deposited_amount",
        "withdrawn_amount",
        "start_time",
        "last_update_time",
        "is_active",
        "paused",
        "paused_at",
        "status",
        "schedule",
        "cliff_time",
        "arbiter",
        "dispute_status",
        "is_allowance_based",
    ];

    /// Returns the fields in which a record differs. What the record waits to be told is no difference.
    #[must_use]
    pub fn differences_from(&self, record: &StreamRecord) -> Vec<FieldDifference> {
        let pairs = Self::from(record).fields().into_iter().zip(self.fields());
        let awaits = |field: &str| {
            (record.awaits_entry && AWAITED.contains(&field)) || (record.is_outdated() && !FOLLOWED.contains(&field))
        };
        let differ = pairs.filter(|((field, ours), (_, chains))| ours != chains && !awaits(field));
        let closed = record.closed.then(|| ((CLOSED, true.to_string()), (CLOSED, false.to_string())));
        differ.chain(closed).map(|((field, ours), (_, chains))| FieldDifference { field, ours, chains }).collect()
    }

    /// Returns whether the event of a creation may leave this field open.
    #[must_use]
    pub fn is_left_open(field: &str) -> bool {
        AWAITED.contains(&field)
    }

    /// Returns whether the contract changes this field only in calls that publish an event of the stream.
    #[must_use]
    pub fn changes_with_an_event(field: &str) -> bool {
        !WITHOUT_EVENTS.contains(&field)
    }

    /// Returns every field by the contract's name, as text.
    #[must_use]
    pub fn fields(&self) -> [(&'static str, String); 17] {
        [
            ("sender", self.sender.to_string()),
            ("recipient", self.recipient.to_string()),
            ("token_address", self.token.to_string()),
            ("rate_per_second", self.rate_per_second.to_string()),
            ("deposited_amount", self.deposited.to_string()),
            ("withdrawn_amount", self.withdrawn.to_string()),
            ("start_time", self.start_time.to_string()),
            ("last_update_time", self.last_update_time.to_string()),
            ("is_active", self.is_active.to_string()),
            ("paused", self.paused.to_string()),
            ("paused_at", text_or_none(self.paused_at)),
            ("status", self.status.as_str().to_owned()),
            ("schedule", schedule_text(&self.schedule)),
            ("cliff_time", text_or_none(self.cliff_time)),
            ("arbiter", text_or_none(self.arbiter.as_ref())),
            ("dispute_status", self.dispute_status.as_str().to_owned()),
            ("is_allowance_based", self.is_allowance_based.to_string()),
        ]
    }

    /// Returns `record` with every field of the contract's own as the contract has it. What only we keep stays.
    #[must_use]
    pub fn correct(self, record: StreamRecord) -> StreamRecord {
        StreamRecord {
            sender: self.sender,
            recipient: self.recipient,
            token: self.token,
            rate_per_second: self.rate_per_second,
            deposited: self.deposited,
            withdrawn: self.withdrawn,
            start_time: self.start_time,
            last_update_time: self.last_update_time,
            is_active: self.is_active,
            paused: self.paused,
            paused_at: self.paused_at,
            status: self.status,
            schedule: self.schedule,
            cliff_time: self.cliff_time,
            arbiter: self.arbiter,
            dispute_status: self.dispute_status,
            is_allowance_based: self.is_allowance_based,
            closed: false,
            awaits_entry: false,
            unverified: false,
            impossible_order: false,
            ..record
        }
    }
}

fn text_or_none(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "none".to_owned(), |value| value.to_string())
}

fn schedule_text(schedule: &Schedule) -> String {
    match schedule {
        Schedule::Linear => "linear".to_owned(),
        Schedule::Steps { steps } => {
            let step = |Step { unlock_amount, unlock_time }: &Step| format!("{unlock_amount} at {unlock_time}");
            format!("steps: {}", steps.iter().map(step).collect::<Vec<_>>().join(", "))
        }
        Schedule::CliffLump { cliff_time, cliff_amount } => format!("{cliff_amount} at {cliff_time}, then linear"),
        Schedule::Interval { amount, every_seconds } => format!("{amount} every {every_seconds} s"),
        Schedule::Unknown { reason } => format!("unknown: {reason:?}"),
    }
}
