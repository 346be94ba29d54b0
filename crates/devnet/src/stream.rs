//! One stream in the contract's storage, and what accrues in it.

use super::event::{
    FieldValue::{Address as Party, I128, U64},
    NamedEvent,
};
use flowfi_domain::{Address, Amount, ChainStatus, DisputeStatus, Schedule, StreamEntry, StreamId, UnixTime};

/// What a creation asks for.
#[derive(Clone, Debug)]
pub(super) struct NewStream<'a> {
    pub(super) sender: &'a Address,
    pub(super) recipient: &'a Address,
    pub(super) token: &'a Address,
    pub(super) amount: i128,
    pub(super) duration_seconds: u64,
}

/// A stream as the contract stores it. Times are Unix seconds of the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stream {
    pub(super) sender: Address,
    pub(super) recipient: Address,
    pub(super) token: Address,
    pub(super) rate_per_second: i128,
    pub(super) deposited: i128,
    pub(super) withdrawn: i128,
    pub(super) start_time: u64,
    pub(super) last_update_time: u64,
    pub(super) is_active: bool,
    pub(super) paused: bool,
    pub(super) paused_at: Option<u64>,
    pub(super) status: ChainStatus,
}

impl From<&Stream> for StreamEntry {
    fn from(stream: &Stream) -> Self {
        Self {
            sender: stream.sender.clone(),
            recipient: stream.recipient.clone(),
            token: stream.token.clone(),
            rate_per_second: Amount(stream.rate_per_second),
            deposited: Amount(stream.deposited),
            withdrawn: Amount(stream.withdrawn),
            start_time: UnixTime(stream.start_time),
            last_update_time: UnixTime(stream.last_update_time),
            is_active: stream.is_active,
            paused: stream.paused,
            paused_at: stream.paused_at.map(UnixTime),
            status: stream.status,
            schedule: Schedule::Linear,
            cliff_time: None,
            arbiter: None,
            dispute_status: DisputeStatus::None,
            is_allowance_based: false,
        }
    }
}

impl Stream {
    /// Returns the stream that a creation makes: it starts now.
    pub(super) fn starting(new: &NewStream<'_>, deposited: i128, rate_per_second: i128, now: u64) -> Self {
        Self {
            sender: new.sender.clone(),
            recipient: new.recipient.clone(),
            token: new.token.clone(),
            rate_per_second,
            deposited,
            withdrawn: 0,
            start_time: now,
            last_update_time: now,
            is_active: true,
            paused: false,
            paused_at: None,
            status: ChainStatus::Active,
        }
    }

    /// Returns what was put in and not paid out.
    pub(super) fn left(&self) -> i128 {
        self.deposited.saturating_sub(self.withdrawn).max(0)
    }

    /// Returns what the recipient can take at `now`.
    pub(super) fn claimable(&self, now: u64) -> i128 {
        if !self.is_active {
            return 0;
        }
        let accrues_until = match self.paused_at {
            Some(paused_at) if self.paused => paused_at,
            _ => now,
        };
        let seconds = accrues_until.saturating_sub(self.last_update_time);
        i128::from(seconds).checked_mul(self.rate_per_second).map_or(self.left(), |accrued| accrued.min(self.left()))
    }

    /// Returns the end that the contract announces: rounded down, and cut to 64 bits.
    pub(super) fn announced_end(&self, now: u64) -> u64 {
        let lasts = self.left().saturating_sub(self.claimable(now)) / self.rate_per_second.max(1);
        now.wrapping_add(u64::try_from(lasts & i128::from(u64::MAX)).expect("masked to 64 bits"))
    }

    /// Returns what the contract says of a stream that begins.
    pub(super) fn created_event(&self, id: StreamId) -> NamedEvent {
        NamedEvent::of_stream(
            "stream_created",
            id,
            [
                ("sender", Party(self.sender.clone())),
                ("recipient", Party(self.recipient.clone())),
                ("rate_per_second", I128(self.rate_per_second)),
                ("token_address", Party(self.token.clone())),
                ("deposited_amount", I128(self.deposited)),
                ("start_time", U64(self.start_time)),
            ],
        )
    }
}
