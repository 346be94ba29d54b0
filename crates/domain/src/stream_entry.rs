//! The contract's own record of a stream, as it lies in its storage.

use super::{Address, Amount, ChainStatus, StreamRecord, UnixTime};

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
        }
    }
}

impl StreamEntry {
    /// Returns every field by the contract's name, as text.
    #[must_use]
    pub fn fields(&self) -> [(&'static str, String); 12] {
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
            ("paused_at", self.paused_at.map_or_else(|| "none".to_owned(), |time| time.to_string())),
            ("status", self.status.as_str().to_owned()),
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
            unverified: false,
            ..record
        }
    }
}
